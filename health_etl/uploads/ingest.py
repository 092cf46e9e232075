"""Ingest of phone exports into raw/: each is decoded as a check, named after its content and uploaded once."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from health_etl.avro import decode
from health_etl.errors import ObjectRefusedError, PermanentError
from health_etl.lake import keys
from health_etl.lake.listed import ObjectInfo
from health_etl.lake.store import Lake
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import by_avro_name
from health_etl.record_types.base import RecordType

# {RecordType}_{export time, epoch ms}.avro, as the phone app names its files
_EXPORT = re.compile(r"(?P<type>[A-Za-z]+)_(?P<epoch_ms>\d{13})\.avro\Z", re.ASCII)
HASH_DIGITS = (keys.HASH_DIGITS, 16, 32)  # the first that makes a new name
MIN_HASH_DIGITS = 6  # that a name may have
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
    """Return these files and, sorted, the Avro files in these folders; raises PermanentError for a missing path.

    What is in a folder and cannot be looked at is returned as well: `ingest` then says what is wrong with it.
    """
    found: list[Path] = []
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - which raises where a folder above may not be searched
            found += sorted(_exports_in(path))
        elif os.path.lexists(path):
            found.append(path)
        else:
            raise PermanentError(f"{path} does not exist; pass export files, or folders that contain them.")
    return found


def ingest(
    lake: Lake, paths: Iterable[Path], user_id: str, uploaded: date | None, device: str
) -> Iterator[IngestResult]:
    """Upload each export to raw/, under the given upload date or else the UTC date in its name.

    An export whose content is already there for this person, type and date is not uploaded again. No object is ever
    replaced: of two exports whose names would be the same, the second gets more digits of its hash.
    """
    present = _Present(lake, user_id)
    for path in paths:
        try:
            export = _read(path)
        except FileRefusedError as refused:
            yield IngestResult(path, None, refused=f"{refused.detail} ({refused.reason})")
        except _NotAnExportError as error:
            yield IngestResult(path, None, refused=str(error))
        else:
            yield _put(lake, present, export, user_id, uploaded, device)


@dataclass(frozen=True)
class _Export:
    """One export that can be decoded."""

    path: Path
    record_type: RecordType
    exported: datetime
    content: bytes

    @property
    def digest(self) -> str:
        return decode.content_digest(self.content)


class _NotAnExportError(Exception):
    """The file cannot be taken in; the message says why."""


def _exports_in(folder: Path) -> Iterator[Path]:
    unreadable: list[Path] = []
    for parent, _, names in os.walk(folder, onerror=lambda error: unreadable.append(Path(error.filename))):
        yield from (Path(parent, name) for name in names if name.endswith(".avro"))
    yield from unreadable


def _read(path: Path) -> _Export:
    """Return a file that the phone wrote; raises FileRefusedError or _NotAnExportError."""
    if os.path.isdir(path):  # noqa: PTH112 - see find_exports
        raise _NotAnExportError("it is a folder that cannot be opened; check its permissions")
    match = _EXPORT.match(path.name)
    record_type = by_avro_name().get(match["type"].lower()) if match else None
    if match is None or record_type is None:
        raise _NotAnExportError(_explain_name(match))
    try:
        exported = datetime.fromtimestamp(int(match["epoch_ms"]) / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise _NotAnExportError("the time in its name is not a valid time") from None
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _NotAnExportError("it is not an ordinary file")
        if found.st_size > decode.MAX_FILE_BYTES:
            raise decode.too_large_error(found.st_size)
        content = path.read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise _NotAnExportError(f"it cannot be read: {reason}") from None
    try:
        decode.decode(content, record_type, None)
    except (FileRefusedError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - reported as unexpected
        raise FileRefusedError(FileReason.UNEXPECTED, f"{type(error).__name__} while it was read") from None
    return _Export(path, record_type, exported, content)


def _put(
    lake: Lake, present: _Present, export: _Export, user_id: str, uploaded: date | None, device: str
) -> IngestResult:
    upload_date = uploaded or export.exported.date()
    avro_name, digest = export.record_type.avro_name, export.digest
    known = present.find(keys.day_folder(keys.RAW, avro_name, upload_date), export)
    if known is not None:
        return IngestResult(export.path, known)
    for digits in HASH_DIGITS:
        key = keys.raw_key(avro_name, upload_date, user_id, export.exported, device, digest, digits)
        if lake.create(key, export.content):
            present.add(key, len(export.content), digest)
            return IngestResult(export.path, key, is_new=True)
        if present.digest(key) == digest:  # put there in the meantime
            return IngestResult(export.path, key)
    raise PermanentError(
        f"Other exports have every name that {keys.mask_key(key)} could have; use another device name."
    )


class _Present:
    """The person's uploads, by folder and by the hash in their names; each folder is listed once."""

    def __init__(self, lake: Lake, user_id: str) -> None:
        self._lake = lake
        self._user_id = user_id
        self._folders: dict[str, dict[str, list[ObjectInfo]]] = {}
        self._digests: dict[str, str | None] = {}  # of the contents that were looked at or put

    def find(self, folder: str, export: _Export) -> str | None:
        """Return the key of an upload with this content; None if there is none."""
        if folder not in self._folders:
            self._folders[folder] = self._list(folder)
        for info in self._folders[folder].get(export.digest[:MIN_HASH_DIGITS], ()):
            if info.size_bytes == len(export.content) and self.digest(info.key) == export.digest:
                return info.key
        return None

    def add(self, key: str, size_bytes: int, digest: str) -> None:
        """Note an upload that was put there."""
        folder = key.rpartition("/")[0] + "/"
        self._folders[folder][digest[:MIN_HASH_DIGITS]].append(ObjectInfo(key, size_bytes, ""))
        self._digests[key] = digest

    def digest(self, key: str) -> str | None:
        """Return the SHA-256 of an upload; None for one that is gone, or that the store does not hand out."""
        if key not in self._digests:
            try:
                self._digests[key] = self._lake.sha256(key)
            except ObjectRefusedError:
                self._digests[key] = None
        return self._digests[key]

    def _list(self, folder: str) -> dict[str, list[ObjectInfo]]:
        found: dict[str, list[ObjectInfo]] = defaultdict(list)
        for info in self._lake.objects(folder):
            try:
                raw = keys.parse_raw_key(info.key)
            except keys.KeyRefusedError:
                continue
            if raw.user_id == self._user_id:
                found[raw.content_hash[:MIN_HASH_DIGITS]].append(info)
        return found


def _explain_name(match: re.Match[str] | None) -> str:
    known = ", ".join(sorted(record_type.avro_name for record_type in by_avro_name().values()))
    if match is None:
        return "its name is not of the form {RecordType}_{epoch ms}.avro that the phone uses"
    return f"{match['type']} is not a known record type; known types are {known}"
