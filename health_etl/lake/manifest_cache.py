"""Manifests cached by ETag: what sensors need to compare many partitions on every tick."""

from __future__ import annotations

from collections.abc import Collection

from health_etl.lake.manifest import DerivedManifest, RecordsManifest

Manifest = RecordsManifest | DerivedManifest


class ManifestCache:
    """Manifests by folder and partition. Entries that are no longer listed are dropped, so that the cache grows
    with the number of partitions and not with time.
    """

    def __init__(self) -> None:
        self._manifests: dict[str, dict[str, tuple[str, Manifest]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._manifests.values()))

    def find(self, folder: str, partition: str, etag: str) -> Manifest | None:
        """Return the manifest with this ETag; None if it is not cached."""
        kept = self._manifests.get(folder, {}).get(partition)
        return kept[1] if kept is not None and kept[0] == etag else None

    def keep(self, folder: str, partition: str, etag: str, manifest: Manifest) -> None:
        """Cache a manifest."""
        self._manifests.setdefault(folder, {})[partition] = (etag, manifest)

    def keep_only(self, folder: str, listed: Collection[str]) -> None:
        """Drop the entries of a folder that were not listed."""
        kept = self._manifests.get(folder, {})
        for partition in [partition for partition in list(kept) if partition not in listed]:
            kept.pop(partition, None)
