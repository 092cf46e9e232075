"""Manifests without their file entries, cached by ETag: what sensors need to compare many partitions on every tick."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields

from health_etl.lake.manifest import DerivedManifest, RecordsManifest

Head = RecordsManifest | DerivedManifest


@dataclass(frozen=True)
class RecordsHead(RecordsManifest):
    """A records manifest whose files are replaced by their digests. It has no totals."""

    stored_digest: str = ""
    stored_uploads_digest: str = ""

    @property
    def digest(self) -> str:
        """Data version of the partition."""
        return self.stored_digest

    @property
    def uploads_digest(self) -> str:
        """Digest of the uploads that the partition accounts for."""
        return self.stored_uploads_digest

    @classmethod
    def of(cls, manifest: RecordsManifest) -> RecordsHead:
        """Return a manifest without its files."""
        own = {field.name: getattr(manifest, field.name) for field in fields(RecordsManifest)}
        kept = {"stored_digest": manifest.digest, "stored_uploads_digest": manifest.uploads_digest}
        return cls(**{**own, "files": (), **kept})

    @classmethod
    def read(cls, content: bytes) -> RecordsHead:
        """Parse a manifest and drop its files."""
        return cls.of(RecordsManifest.from_json(content))


class ManifestHeadCache:
    """Manifest heads by folder and partition. Entries that are no longer listed are dropped, so that the cache grows
    with the number of partitions and not with time.
    """

    def __init__(self) -> None:
        self._heads: dict[str, dict[str, tuple[str, Head]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._heads.values()))

    def find(self, folder: str, partition: str, etag: str) -> Head | None:
        """Return the head of this version of an object; None if it is not cached."""
        kept = self._heads.get(folder, {}).get(partition)
        return kept[1] if kept is not None and kept[0] == etag else None

    def keep(self, folder: str, partition: str, etag: str, head: Head) -> None:
        """Cache the head of this version of an object."""
        self._heads.setdefault(folder, {})[partition] = (etag, head)

    def keep_only(self, folder: str, listed: Collection[str]) -> None:
        """Drop the entries of a folder that were not listed."""
        kept = self._heads.get(folder, {})
        for partition in [partition for partition in list(kept) if partition not in listed]:
            kept.pop(partition, None)
