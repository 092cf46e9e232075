"""Decisions of people to run a quarantined upload again. Each is an object of its own, kept for good.

A decision holds for the bytes that it was made about: once the upload is overwritten it says nothing any more.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from health_etl.core.keys import RELEASE_SUFFIX, RELEASED, release_key, released_source
from health_etl.core.lake import Lake
from health_etl.core.manifest import canonical_json


@dataclass(frozen=True)
class Release:
    """One decision: run the upload again, with `override` against the rules that a person may overrule."""

    source_key: str
    content_sha256: str
    override: bool
    because: str
    decided_utc: str

    def to_json(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(asdict(self))


def record(lake: Lake, release: Release) -> None:
    """Keep a decision; a later one about the same upload takes its place."""
    lake.put(release_key(release.source_key), release.to_json())


def find(lake: Lake, source_key: str) -> Release | None:
    """Return the decision about an upload, None when there is none."""
    content = lake.find(release_key(source_key))
    return Release(**json.loads(content)) if content is not None else None


def etags(lake: Lake, folder: str = RELEASED) -> dict[str, str]:
    """List the decisions under a folder of quarantine/released/: their ETags by the upload that they are about."""
    return {released_source(info.key): info.etag for info in lake.objects(folder) if info.key.endswith(RELEASE_SUFFIX)}
