"""The contents of the lake according to its manifests. Each manifest is read at most once, on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from health_etl.errors import ObjectRefusedError
from health_etl.lake import commits, keys
from health_etl.lake.commits import Head
from health_etl.lake.manifest import DamagedManifestError, DerivedManifest, RecordsManifest, digest
from health_etl.lake.manifest_cache import ManifestCache
from health_etl.lake.store import FetchedObject, Lake
from health_etl.record_types import record_types

Manifest = TypeVar("Manifest", RecordsManifest, DerivedManifest)


class Manifests(Mapping[str, Manifest]):
    """The manifests in one folder, by partition. The folder is listed on construction, manifests are read on use.

    In place of a manifest that cannot be read, there is an `unfinished` one. Names that are no partition are skipped.
    """

    def __init__(
        self,
        lake: Lake,
        folder: str,
        kind: type[Manifest],
        unfinished: Callable[[str], Manifest],
        cache: ManifestCache | None = None,
    ) -> None:
        self._lake: Lake = lake
        self._folder: str = folder
        self._kind: type[Manifest] = kind
        self._unfinished: Callable[[str], Manifest] = unfinished
        self._cache: ManifestCache | None = cache
        self._read: dict[str, Manifest] = {}
        # Other objects there are not ours.
        self._listed = {
            partition: head for partition, head in commits.heads(lake, folder).items() if keys.is_date(partition)
        }
        if cache is not None:
            cache.keep_only(folder, self._listed)

    def head(self, partition: str) -> Head:
        """Return the head that a partition had when the folder was listed."""
        return self._listed.get(partition, commits.NO_HEAD)

    @cached_property
    def listing_digest(self) -> str:
        """Digest of the name and ETag of every manifest in the folder."""
        return digest(f"{self._key(partition)} {self._listed[partition].etag}" for partition in self._listed)

    def __getitem__(self, partition: str) -> Manifest:
        if partition not in self._listed:
            raise KeyError(partition)
        found = self._find(partition)
        if found is None:
            return self._keep(partition, self._fetch(partition))
        return found

    def __contains__(self, partition: object) -> bool:
        return partition in self._listed

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._listed))

    def __len__(self) -> int:
        return len(self._listed)

    def read_all(self, among: Iterable[str] | None = None) -> None:
        """Read every manifest, or only those of the partitions in `among`, concurrently."""
        wanted = self._listed.keys() if among is None else self._listed.keys() & set(among)
        unread = {self._key(partition): partition for partition in sorted(wanted) if self._find(partition) is None}
        for key, found in self._lake.get_versions({key: self._listed[unread[key]].etag for key in unread}):
            if found is None:
                del self._listed[unread[key]]
            else:
                self._keep(unread[key], found)

    def _find(self, partition: str) -> Manifest | None:
        """Return a manifest that was read before, here or by an earlier catalogue that shares the cache."""
        if partition not in self._read and self._cache is not None:
            kept = self._cache.find(self._folder, partition, self._listed[partition].etag)
            if isinstance(kept, self._kind):
                self._read[partition] = kept
        return self._read.get(partition)

    def _fetch(self, partition: str) -> FetchedObject | ObjectRefusedError:
        try:
            return self._lake.fetch_version(self._key(partition), self._listed[partition].etag)
        except ObjectRefusedError as refused:
            return refused

    def _keep(self, partition: str, found: FetchedObject | ObjectRefusedError) -> Manifest:
        if isinstance(found, ObjectRefusedError):
            return self._read.setdefault(partition, self._unfinished(partition))
        try:
            manifest = self._kind.from_json(found.content)
        except DamagedManifestError:
            manifest = self._unfinished(partition)
        self._read[partition] = manifest
        if self._cache is not None:
            self._cache.keep(self._folder, partition, found.etag, manifest)
        return manifest

    def _key(self, partition: str) -> str:
        return keys.manifest_key(f"{self._folder}{partition}/", self._listed[partition].number)


class Catalogue:
    """Manifests of everything in the lake, as of the first access to each folder.

    With a `cache`, manifests that have not changed since the last
    catalogue with the same cache are not read again.
    """

    def __init__(self, lake: Lake, cache: ManifestCache | None = None) -> None:
        self._lake = lake
        self._cache = cache
        self._records: dict[str, Manifests[RecordsManifest]] = {}
        self._insights: dict[str, Manifests[DerivedManifest]] = {}

    def records(self, record_type: str) -> Manifests[RecordsManifest]:
        """Return the records manifests of a record type."""
        if record_type not in self._records:
            folder = f"{keys.RECORDS}{record_type}/"
            self._records[record_type] = Manifests(
                self._lake,
                folder,
                RecordsManifest,
                lambda partition: RecordsManifest.unfinished(record_type, partition),
                self._cache,
            )
        return self._records[record_type]

    def insights(self, record_type: str) -> Manifests[DerivedManifest]:
        """Return the insights manifests of a record type, or of the daily journal."""
        if record_type not in self._insights:
            folder = f"{keys.INSIGHTS}{record_type}/"
            self._insights[record_type] = self._derived(record_type, folder)
        return self._insights[record_type]

    @cached_property
    def offsets(self) -> Manifests[DerivedManifest]:
        """The manifests of the UTC offsets."""
        return self._derived(keys.UTC_OFFSETS, f"{keys.RECORDS}{keys.UTC_OFFSETS}/")

    def records_on(self, partition: str) -> dict[str, RecordsManifest]:
        """Return the records manifests of one upload date, by record type."""
        types = [name for name in record_types() if partition in self.records(name)]
        return {name: self.records(name)[partition] for name in types}

    def _derived(self, name: str, folder: str) -> Manifests[DerivedManifest]:
        return Manifests(
            self._lake,
            folder,
            DerivedManifest,
            lambda partition: DerivedManifest.unfinished(name, partition),
            self._cache,
        )

    @property
    def listing_digest(self) -> str:
        """Digest of every manifest's name and ETag: unchanged as long as no partition was rewritten."""
        daily = [listed for name in record_types() for listed in (self.records(name), self.insights(name))]
        across_types = [self.insights(keys.DAILY_JOURNAL).listing_digest, self.offsets.listing_digest]
        return digest([*(manifests.listing_digest for manifests in daily), *across_types])

    def read_all(self) -> None:
        """Read every manifest now, concurrently within each folder."""
        for name in record_types():
            self.records(name).read_all()
            self.insights(name).read_all()
        self.insights(keys.DAILY_JOURNAL).read_all()
        self.offsets.read_all()


def latest_records(lake: Lake, record_type: str, partition: str) -> tuple[Head, RecordsManifest | None]:
    """Return the head of a records partition and its manifest: None if there is none, an `unfinished` one if it cannot
    be read.
    """
    folder = keys.records_folder(record_type, partition)
    head = commits.head_of(lake, folder)
    content = commits.read(lake, folder, head)
    try:
        return head, None if content is None else RecordsManifest.from_json(content)
    except DamagedManifestError:
        return head, RecordsManifest.unfinished(record_type, partition)


def latest_derived(lake: Lake, folder: str) -> tuple[Head, DerivedManifest | None]:
    """Return the head of a derived partition and its manifest: None if there is none, or none that can be read."""
    head = commits.head_of(lake, folder)
    return head, read_derived(lake, folder, head)


def read_derived(lake: Lake, folder: str, head: Head) -> DerivedManifest | None:
    """Return the manifest of a head of a derived partition; None if there is none, or none that can be read."""
    content = commits.read(lake, folder, head)
    try:
        return None if content is None else DerivedManifest.from_json(content)
    except DamagedManifestError:
        return None
