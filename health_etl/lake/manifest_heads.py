"""Manifests for whoever compares many of them, tick after tick: kept while their ETag is the same, without what each
file became.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from health_etl.lake.manifest import DerivedManifest, RecordsManifest

Head = RecordsManifest | DerivedManifest


@dataclass(frozen=True)
class RecordsHead(RecordsManifest):
    """A records manifest without its files; digests stand for them. It has no totals."""

    kept_digest: str = ""
    kept_uploads_digest: str = ""

    @property
    def digest(self) -> str:
        """Data version of the partition."""
        return self.kept_digest

    @property
    def uploads_digest(self) -> str:
        """Digest of the uploads that the partition accounts for."""
        return self.kept_uploads_digest

    @classmethod
    def of(cls, manifest: RecordsManifest) -> RecordsHead:
        """Leave the files of a manifest out."""
        own = {field.name: getattr(manifest, field.name) for field in fields(RecordsManifest)}
        kept = {"kept_digest": manifest.digest, "kept_uploads_digest": manifest.uploads_digest}
        return cls(**{**own, "files": (), **kept})

    @classmethod
    def read(cls, content: bytes) -> RecordsHead:
        """Read a manifest and leave its files out."""
        return cls.of(RecordsManifest.from_json(content))


class ManifestHeadCache:
    """Heads by folder and partition. What is no longer listed is forgotten, so it grows with the partitions and not
    with time.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, tuple[str, Head]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._kept.values()))

    def find(self, folder: str, partition: str, etag: str) -> Head | None:
        """Return the head of an object's version, None when it is not known."""
        kept = self._kept.get(folder, {}).get(partition)
        return kept[1] if kept is not None and kept[0] == etag else None

    def keep(self, folder: str, partition: str, etag: str, head: Head) -> None:
        """Remember a head as that of its object's version."""
        self._kept.setdefault(folder, {})[partition] = (etag, head)

    def keep_only(self, folder: str, listed: Mapping[str, str]) -> None:
        """Forget what lies in a folder and was not listed."""
        kept = self._kept.get(folder, {})
        for partition in [partition for partition in list(kept) if partition not in listed]:
            kept.pop(partition, None)
