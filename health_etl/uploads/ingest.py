"""Ingest of phone exports into raw/: each is decoded as a check, named after its content and uploaded once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from health_etl.avro import decode
from health_etl.errors import PermanentError
from health_etl.lake import keys
from health_etl.lake.store import Lake
from health_etl.reasons import FileRefusedError
from health_etl.record_types import by_avro_name

# {RecordType}_{export time, epoch ms}.avro, as the phone app names its files
_EXPORT = re.compile(r"^(?P<type>[A-Za-z]+)_(?P<epoch_ms>\d{13})\.avro$")
_DEVICE = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")


@dataclass(frozen=True)
class IngestResult:
    """The outcome for one file: its key and whether it is new, or why it was refused."""

    path: Path
    key: str | None
    is_new: bool = False
    refused: str | None = None


def check_user_id(user_id: str) -> None:
    """Raise PermanentError unless the user id is valid in a key."""
    if not keys.USER_ID.match(user_id):
        raise PermanentError(
            f"{user_id!r} is not a valid user id; use at most 128 letters, digits and . _ @ + -, "
            "starting with a letter or digit."
        )


def check_names(user_id: str, device: str) -> None:
    """Raise PermanentError unless the user id and the device name are valid in a key."""
    check_user_id(user_id)
    if not _DEVICE.match(device):
        raise PermanentError(f"{device!r} is not a valid device name; use at most 64 letters, digits, . and -.")


def find_exports(paths: Iterable[Path]) -> list[Path]:
    """Return these files and, sorted, the Avro files in these folders; raises PermanentError for a missing path."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.rglob("*.avro"))
        elif path.is_file():
            found.append(path)
        else:
            raise PermanentError(f"{path} does not exist; pass export files, or folders that contain them.")
    return found


def ingest(
    lake: Lake, paths: Iterable[Path], user_id: str, uploaded: date | None, device: str
) -> Iterator[IngestResult]:
    """Upload each export to raw/, under the given upload date or else the UTC date in its name.

    An export whose content is already there for this person, type and date is not uploaded again.
    """
    keys_by_folder: dict[str, dict[str, str]] = {}
    for path in paths:
        match = _EXPORT.match(path.name)
        record_type = by_avro_name().get(match["type"].lower()) if match else None
        if match is None or record_type is None:
            yield IngestResult(path, None, refused=_explain_name(match))
            continue
        exported = datetime.fromtimestamp(int(match["epoch_ms"]) / 1000, tz=UTC)
        content = path.read_bytes()
        try:
            decode.decode(content, record_type, None)
        except FileRefusedError as refused:
            yield IngestResult(path, None, refused=f"{refused.detail} ({refused.reason})")
            continue
        upload_date = uploaded or exported.date()
        digest = decode.content_digest(content)
        key = keys.raw_key(record_type.avro_name, upload_date, user_id, exported, device, digest)
        folder = keys.day_folder(keys.RAW, record_type.avro_name, upload_date)
        if folder not in keys_by_folder:
            keys_by_folder[folder] = _keys_by_hash(lake, folder, user_id)
        present = keys_by_folder[folder].get(digest[:8])
        if present is None:
            lake.put(key, content)
            keys_by_folder[folder][digest[:8]] = key
        yield IngestResult(path, present or key, is_new=present is None)


def _keys_by_hash(lake: Lake, folder: str, user_id: str) -> dict[str, str]:
    """Return the keys of this person's uploads in a folder, by the hash in each name."""
    found = {}
    for info in lake.objects(folder):
        try:
            raw = keys.parse_raw_key(info.key)
        except keys.KeyRefusedError:
            continue
        if raw.user_id == user_id:
            found[raw.content_hash[:8]] = info.key
    return found


def _explain_name(match: re.Match[str] | None) -> str:
    known = ", ".join(sorted(record_type.avro_name for record_type in by_avro_name().values()))
    if match is None:
        return "its name is not of the form {RecordType}_{epoch ms}.avro that the phone uses"
    return f"{match['type']} is not a known record type; known types are {known}"
