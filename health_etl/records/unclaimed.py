"""Objects in raw/ that belong to no partition: copies in quarantine, with the reason, and one report of them all."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from health_etl.errors import PermanentError
from health_etl.lake.keys import METADATA_SUFFIX, UNCLAIMED, unclaimed_key
from health_etl.lake.manifest import FileEntry, canonical_json
from health_etl.lake.store import Lake
from health_etl.reasons import REMEDIES
from health_etl.records import quarantine
from health_etl.uploads.listing import Unclaimed

CODE_VERSION = "3"
REPORT_KEY = "unclaimed.manifest.json"  # outside quarantine/, where a copy could have this key


@dataclass(frozen=True)
class Report:
    """The unclaimed objects in raw/; `items` have key, etag, size_bytes, reason, detail and remedy."""

    items: tuple[dict[str, Any], ...]
    code_version: str = CODE_VERSION

    def to_json(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(asdict(self))


def build_report(unclaimed: Sequence[Unclaimed]) -> Report:
    """Return the report for a listing of raw/."""
    return Report(
        tuple(
            {
                "key": item.info.key,
                "etag": item.info.etag,
                "size_bytes": item.info.size_bytes,
                "reason": str(item.reason),
                "detail": item.detail,
                "remedy": REMEDIES[item.reason],
            }
            for item in unclaimed
        )
    )


def read_report(lake: Lake) -> Report:
    """Return the report that was written last; an empty one if there is none, or none that can be read."""
    content = lake.find(REPORT_KEY)
    if content is None:
        return Report(())
    try:
        raw = json.loads(content)
        known = {"key", "etag", "reason", "detail", "remedy"}
        items = tuple(item for item in raw["items"] if known <= item.keys())
        return Report(items, str(raw.get("code_version", "")))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Report((), "")


def update(lake: Lake, unclaimed: Sequence[Unclaimed]) -> Report:
    """Bring quarantine and the report up to date with a listing of raw/."""
    before, now = read_report(lake), build_report(unclaimed)
    if before == now:
        return now
    is_known = before.code_version == now.code_version
    known = {item["key"]: item["etag"] for item in before.items} if is_known else {}
    for item in unclaimed:
        if known.get(item.info.key) != item.info.etag:
            _copy(lake, item)
    _drop_all_except(lake, {unclaimed_key(item.info.key) for item in unclaimed})
    lake.put(REPORT_KEY, now.to_json())
    return now


def _copy(lake: Lake, item: Unclaimed) -> None:
    """Copy an object with its metadata, as far as the store hands it out and takes them: the report names it anyway."""
    info = item.info
    entry = FileEntry(info.key, info.etag, info.size_bytes, 0, 0, 0, 0, reason=item.reason, detail=item.detail)
    refused = quarantine.RefusedFile(entry, CODE_VERSION, _content(lake, item))
    quarantine.put_refused(lake, unclaimed_key(info.key), refused)


def _content(lake: Lake, item: Unclaimed) -> bytes | None:
    """Return an object's bytes; None for one that is too large, or cannot be read."""
    if item.info.size_bytes > quarantine.MAX_COPIED_BYTES or not item.is_addressable:
        return None
    try:
        return lake.find(item.info.key)
    except PermanentError:
        return None


def _drop_all_except(lake: Lake, copies: Set[str]) -> None:
    """Delete the copies of objects that are gone or claimed now, also those of killed runs and earlier versions."""
    found = {info.key.removesuffix(METADATA_SUFFIX) for info in lake.objects(UNCLAIMED)}
    quarantine.drop_refused(lake, sorted(found - copies))
