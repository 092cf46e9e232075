"""Quarantine: copies of refused files and rejected rows, each with its reason. Decides nothing and loses nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from health_etl.errors import PermanentError
from health_etl.lake.keys import METADATA_SUFFIX
from health_etl.lake.manifest import FileEntry, RecordsManifest, canonical_json
from health_etl.lake.store import Lake
from health_etl.reasons import REMEDIES, RULE, FileReason

MAX_COPIED_BYTES = 100 * 1024 * 1024  # a larger object is not copied, as its metadata says


@dataclass(frozen=True)
class RefusedFile:
    """A file that was refused as a whole. `content` is None if it was too large to copy, or could not be read."""

    entry: FileEntry
    code_version: str
    content: bytes | None
    quality_rules: str | None = None


def put_refused(lake: Lake, key: str, refused: RefusedFile) -> bool:
    """Copy a refused file to this key, then write its metadata next to it; return whether the store took both.

    A store that takes nothing at all also fails the partition's tables and its manifest, and with them the run.
    """
    content = refused.content if refused.content is not None and len(refused.content) <= MAX_COPIED_BYTES else None
    copied = content is not None and _is_taken(lake, key, content)
    entry = refused.entry
    reason = FileReason(str(entry.reason))
    metadata = {
        "source_key": entry.key,
        "etag": entry.etag,
        "size_bytes": entry.size_bytes,
        "reason": reason,
        "rule": RULE[reason],
        "detail": entry.detail,
        "remedy": REMEDIES[reason],
        "rows_in": entry.rows_in,
        "faults": dict(entry.faults),
        "quality": asdict(entry.quality) if entry.quality else None,
        "quality_rules": refused.quality_rules,
        "code_version": refused.code_version,
        "copied": copied,
    }
    has_metadata = _is_taken(lake, key + METADATA_SUFFIX, canonical_json(metadata))
    if not copied:
        lake.delete([key])  # that of an earlier version
    return has_metadata and copied == (content is not None)


def put_rejected_metadata(lake: Lake, manifest: RecordsManifest, entries: Iterable[FileEntry]) -> None:
    """Write the metadata of a partition's rejected rows, if it has any: which files they came from and their faults."""
    if manifest.rejected_key is None:
        return
    files = [entry for entry in entries if entry.rejected_measurements and not entry.reason]
    metadata = {
        "record_type": manifest.record_type,
        "partition": manifest.partition,
        "code_version": manifest.code_version,
        "rejected_measurements": manifest.rejected_rows,
        "files": [
            {
                "source_key": entry.key,
                "quarantined": entry.quarantined,
                "rejected_measurements": entry.rejected_measurements,
                "faults": dict(entry.faults),
                "quality": asdict(entry.quality) if entry.quality else None,
            }
            for entry in files
        ],
    }
    lake.put(manifest.rejected_key + METADATA_SUFFIX, canonical_json(metadata))


def drop_refused(lake: Lake, keys: Iterable[str]) -> None:
    """Delete the quarantined copies of files that are gone from raw/ or no longer refused."""
    lake.delete([key + suffix for key in keys for suffix in (METADATA_SUFFIX, "")])


def _is_taken(lake: Lake, key: str, content: bytes) -> bool:
    try:
        lake.put(key, content)
    except PermanentError:
        return False
    return True
