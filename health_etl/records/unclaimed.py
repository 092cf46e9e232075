"""Objects in raw/ that belong to no partition: copies in quarantine, with the reason, and one report of them all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from health_etl.lake.keys import unclaimed_key
from health_etl.lake.manifest import FileEntry, canonical_json
from health_etl.lake.store import Lake
from health_etl.reasons import REMEDIES
from health_etl.records import quarantine
from health_etl.uploads.listing import Unclaimed

CODE_VERSION = "2"
REPORT_KEY = "unclaimed.manifest.json"  # outside quarantine/, where a copy could have this key


@dataclass(frozen=True)
class Report:
    """The unclaimed objects in raw/; `items` have key, etag, size_bytes, reason, detail and remedy."""

    items: tuple[dict[str, Any], ...]

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
    """Return the report that was written last; an empty one if there is none."""
    content = lake.find(REPORT_KEY)
    return Report(tuple(json.loads(content)["items"])) if content is not None else Report(())


def update(lake: Lake, unclaimed: Sequence[Unclaimed]) -> Report:
    """Bring quarantine and the report up to date with a listing of raw/."""
    before, now = read_report(lake), build_report(unclaimed)
    if before == now:
        return now
    known = {item["key"]: item["etag"] for item in before.items}
    for item in unclaimed:
        if known.get(item.info.key) != item.info.etag:
            _copy(lake, item)
    current = {item.info.key for item in unclaimed}
    quarantine.drop_refused(lake, [unclaimed_key(key) for key in known if key not in current])
    lake.put(REPORT_KEY, now.to_json())
    return now


def _copy(lake: Lake, item: Unclaimed) -> None:
    is_small = item.info.size_bytes <= quarantine.MAX_COPIED_BYTES
    info = item.info
    entry = FileEntry(info.key, info.etag, info.size_bytes, 0, 0, 0, 0, reason=item.reason, detail=item.detail)
    content = lake.find(info.key) if is_small and item.is_addressable else None
    quarantine.put_refused(lake, unclaimed_key(info.key), quarantine.RefusedFile(entry, CODE_VERSION, content))
