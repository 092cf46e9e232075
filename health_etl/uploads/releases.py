"""Decisions of people to run a quarantined upload again. Each is an object of its own, kept for good; the latest about
an upload holds.

A decision holds for the bytes that it was made about: once the upload is overwritten it says nothing any more.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime

from health_etl.lake.keys import RELEASE_SUFFIX, RELEASED, release_folder, release_key, release_source_key
from health_etl.lake.manifest import canonical_json
from health_etl.lake.store import Lake, ObjectInfo


@dataclass(frozen=True)
class Release:
    """One decision: run the upload again, with `override` against the rules that a person may overrule."""

    source_key: str
    content_sha256: str
    override: bool
    because: str
    decided_utc: str

    @property
    def key(self) -> str:
        """Where the decision lies."""
        return release_key(self.source_key, datetime.fromisoformat(self.decided_utc))

    def to_json(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(asdict(self))


def record(lake: Lake, release: Release) -> None:
    """Keep a decision beside those that were made before."""
    lake.put(release.key, release.to_json())


def find(lake: Lake, key: str) -> Release | None:
    """Return the decision that lies under a key, None when there is none."""
    content = lake.find(key)
    return Release(**json.loads(content)) if content is not None else None


def by_upload(lake: Lake, folder: str = RELEASED) -> dict[str, list[ObjectInfo]]:
    """List the decisions under a folder of quarantine/released/ by the upload that they are about, oldest first."""
    found: dict[str, list[ObjectInfo]] = defaultdict(list)
    for info in sorted(lake.objects(folder), key=lambda info: info.key):
        if info.key.endswith(RELEASE_SUFFIX):
            found[release_source_key(info.key)].append(info)
    return dict(found)


def latest(lake: Lake, folder: str = RELEASED) -> dict[str, ObjectInfo]:
    """List the decisions that hold, by the upload that they are about."""
    return {source_key: infos[-1] for source_key, infos in by_upload(lake, folder).items()}


def history(lake: Lake, source_key: str) -> list[Release]:
    """Return every decision about an upload, oldest first."""
    folder = release_folder(source_key)
    infos = by_upload(lake, folder).get(source_key, [])
    return [release for info in infos if (release := find(lake, info.key)) is not None]
