"""People's decisions to release quarantined uploads. Each is an object of its own and is never deleted; the latest
decision about an upload applies.

A decision applies only to the bytes that it was made about, not to later content under the same key.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime

from health_etl.lake.keys import RELEASE_SUFFIX, RELEASED, release_folder, release_key, release_source_key
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
    """Return the decision stored under a key; None if there is none."""
    content = lake.find(key)
    return Release(**json.loads(content)) if content is not None else None


def by_upload(lake: Lake, folder: str = RELEASED) -> dict[str, list[ObjectInfo]]:
    """List the decisions under a folder of quarantine/released/, oldest first, by the key of the upload concerned."""
    found: dict[str, list[ObjectInfo]] = defaultdict(list)
    for info in sorted(lake.objects(folder), key=lambda info: info.key):
        if info.key.endswith(RELEASE_SUFFIX):
            found[release_source_key(info.key)].append(info)
    return dict(found)


def latest(lake: Lake, folder: str = RELEASED) -> dict[str, ObjectInfo]:
    """List the decision that applies to each upload, by the upload's key."""
    return {source_key: infos[-1] for source_key, infos in by_upload(lake, folder).items()}


def history(lake: Lake, source_key: str) -> list[Release]:
    """Return every decision about an upload, oldest first."""
    folder = release_folder(source_key)
    infos = by_upload(lake, folder).get(source_key, [])
    return [release for info in infos if (release := find(lake, info.key)) is not None]
