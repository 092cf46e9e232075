"""Quarantine: refused files with the reason beside them. Nothing that was uploaded is ever lost here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from health_etl.core.lake import Lake
from health_etl.core.manifest import canonical_json
from health_etl.core.reasons import WAY_OUT, FileReason

METADATA_SUFFIX = ".metadata.json"
MAX_COPIED_BYTES = 100 * 1024 * 1024  # a larger object stays in raw/ alone; its metadata says so


@dataclass(frozen=True)
class RefusedFile:
    """A file that was refused whole. `content` is None when it was too large to copy."""

    source_key: str
    etag: str
    size_bytes: int
    reason: FileReason
    detail: str
    code_version: str
    content: bytes | None


def put_refused(lake: Lake, key: str, refused: RefusedFile) -> None:
    """Copy a refused file to this key, then its metadata beside it."""
    copied = refused.content is not None and len(refused.content) <= MAX_COPIED_BYTES
    if copied and refused.content is not None:
        lake.put(key, refused.content)
    metadata = {
        "source_key": refused.source_key,
        "etag": refused.etag,
        "size_bytes": refused.size_bytes,
        "reason": str(refused.reason),
        "detail": refused.detail,
        "way_out": WAY_OUT[refused.reason],
        "code_version": refused.code_version,
        "copied": copied,
    }
    lake.put(key + METADATA_SUFFIX, canonical_json(metadata))


def drop_refused(lake: Lake, keys: Iterable[str]) -> None:
    """Remove quarantined copies of files that are gone from raw/, or are no longer refused."""
    lake.delete([key + suffix for key in keys for suffix in (METADATA_SUFFIX, "")])
