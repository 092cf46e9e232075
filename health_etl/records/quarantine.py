"""Quarantine: refused files and rejected rows with the reason beside them. Nothing that was uploaded is lost here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass

from health_etl.lake.keys import quarantine_key
from health_etl.lake.manifest import FileEntry, RecordsManifest, canonical_json
from health_etl.lake.store import Lake
from health_etl.reasons import REMEDIES, RULE, FileReason

METADATA_SUFFIX = ".metadata.json"
MAX_COPIED_BYTES = 100 * 1024 * 1024  # a larger object stays in raw/ alone; its metadata says so


@dataclass(frozen=True)
class RefusedFile:
    """A file that was refused whole. `content` is None when it was too large to copy."""

    entry: FileEntry
    code_version: str
    content: bytes | None
    quality_rules: str | None = None


def put_refused(lake: Lake, key: str, refused: RefusedFile) -> None:
    """Copy a refused file to this key, then its metadata beside it."""
    copied = refused.content is not None and len(refused.content) <= MAX_COPIED_BYTES
    if copied and refused.content is not None:
        lake.put(key, refused.content)
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
    lake.put(key + METADATA_SUFFIX, canonical_json(metadata))


def put_rejected_metadata(lake: Lake, key: str, manifest: RecordsManifest) -> None:
    """Write beside a table of rejected rows which file they came from and what speaks against them; remove what an
    earlier table left behind when there is none.
    """
    if manifest.rejected_sha256 is None:
        lake.delete([key + METADATA_SUFFIX])
        return
    files = [entry for entry in manifest.files if entry.rejected_measurements and not entry.reason]
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
    lake.put(key + METADATA_SUFFIX, canonical_json(metadata))


def drop_refused(lake: Lake, keys: Iterable[str]) -> None:
    """Remove quarantined copies of files that are gone from raw/, or are no longer refused."""
    lake.delete([key + suffix for key in keys for suffix in (METADATA_SUFFIX, "")])


def drop_all_but(lake: Lake, folders: Iterable[str], refused: Collection[str]) -> None:
    """Remove copies from these folders of quarantine/ but those of the refused uploads, also what a killed run left."""
    kept = {quarantine_key(key) for key in refused}
    for folder in folders:
        copies = {info.key.removesuffix(METADATA_SUFFIX) for info in lake.objects(folder)}
        drop_refused(lake, sorted(key for key in copies - kept if key.endswith(".avro")))
