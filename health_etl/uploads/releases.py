"""People's decisions to release quarantined uploads. Each is an object of its own and is never deleted; the latest
decision about an upload applies.

A decision applies only to the bytes that it was made about, not to later content under the same key. What it is about
is found by the hash of the upload's key, which the decision's own key contains: listing reads no decision.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from health_etl.errors import ObjectRefusedError
from health_etl.lake.keys import (
    RELEASE_SUFFIX,
    RELEASED,
    key_hash,
    release_folder,
    release_key,
    release_time,
    released_hash,
)
from health_etl.lake.listed import ObjectInfo
from health_etl.lake.manifest import canonical_json
from health_etl.lake.store import Lake


@dataclass(frozen=True)
class Release:
    """One decision: run the upload again and, with `override`, overrule the rules that people may overrule."""

    source_key: str
    content_sha256: str
    override: bool
    because: str
    decided_utc: str

    @property
    def key(self) -> str:
        """The key that the decision is stored under."""
        return release_key(self.source_key, datetime.fromisoformat(self.decided_utc))

    def to_json(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(asdict(self))


def record(lake: Lake, release: Release) -> None:
    """Store a decision; earlier ones are kept."""
    lake.put(release.key, release.to_json())


def find(lake: Lake, key: str) -> Release | None:
    """Return the decision stored under a key; None if there is none, or something that is no decision."""
    try:
        content = lake.find(key)
    except ObjectRefusedError:
        return None
    return _parse(content) if content is not None else None


def by_upload(lake: Lake, folder: str = RELEASED) -> dict[str, list[ObjectInfo]]:
    """List the decisions under a folder of quarantine/released/, oldest first, by the hash of the upload's key."""
    found: dict[str, list[ObjectInfo]] = defaultdict(list)
    for info in sorted(lake.objects(folder), key=lambda info: (release_time(info.key), info.key)):
        if info.key.endswith(RELEASE_SUFFIX):
            found[released_hash(info.key)].append(info)
    return dict(found)


def latest(lake: Lake, folder: str = RELEASED) -> dict[str, ObjectInfo]:
    """List the decision that applies to each upload; `of_upload` finds it."""
    return {upload: infos[-1] for upload, infos in by_upload(lake, folder).items()}


def of_upload(latest: Mapping[str, ObjectInfo], source_key: str) -> ObjectInfo | None:
    """Return the decision that applies to an upload, if any."""
    # Nearly always there are no decisions, and a day may have a hundred thousand uploads.
    return latest.get(key_hash(source_key)) if latest else None


def history(lake: Lake, source_key: str) -> list[Release | None]:
    """Return every decision about an upload, oldest first; None for one that cannot be read."""
    infos = by_upload(lake, release_folder(source_key)).get(key_hash(source_key), [])
    return [find(lake, info.key) for info in infos]


def _parse(content: bytes) -> Release | None:
    try:
        release = Release(**json.loads(content))
        datetime.fromisoformat(release.decided_utc)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (release.source_key, release.content_sha256, release.because)
    return release if isinstance(release.override, bool) and all(isinstance(text, str) for text in texts) else None
