"""What the lake holds by now, as its manifests say. Each manifest is read at most once, and only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from health_etl.core import keys, utc_offsets
from health_etl.core.heads import HeadCache, RecordsHead
from health_etl.core.lake import FetchedObject, Lake
from health_etl.core.manifest import DerivedManifest, RecordsManifest, digest
from health_etl.record_types import record_types

MANIFEST_SUFFIX = ".manifest.json"

Manifest = TypeVar("Manifest", RecordsManifest, DerivedManifest)


class Manifests(Mapping[str, Manifest]):
    """The manifests in one folder, by partition; listed when made, read when asked for."""

    def __init__(
        self, lake: Lake, folder: str, parse: Callable[[bytes], Manifest], heads: HeadCache | None = None
    ) -> None:
        self._lake = lake
        self._folder = folder
        self._parse: Callable[[bytes], Manifest] = parse
        self._heads = heads
        self._read: dict[str, Manifest] = {}
        listed = {info.key: info.etag for info in lake.objects(folder) if info.key.endswith(MANIFEST_SUFFIX)}
        self._names = {key.removeprefix(folder).removesuffix(MANIFEST_SUFFIX) for key in listed}
        self.listing_digest = digest(f"{key} {etag}" for key, etag in sorted(listed.items()))
        if heads is not None:
            heads.forget_others(folder, listed.keys())
            known = {key: heads.find(key, etag) for key, etag in listed.items()}
            # The cache holds under this folder what this parse made.
            self._read = {self._name(key): head for key, head in known.items() if head is not None}  # type: ignore[misc]

    def __getitem__(self, partition: str) -> Manifest:
        if partition not in self._names:
            raise KeyError(partition)
        if partition not in self._read:
            key = self._key(partition)
            self._keep(key, self._lake.fetch(key))
        return self._read[partition]

    def __contains__(self, partition: object) -> bool:
        return partition in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def read_all(self, among: Iterable[str] | None = None) -> None:
        """Read every manifest at once, or those among the partitions named, concurrently."""
        wanted = self._names if among is None else self._names.intersection(among)
        for key, found in self._lake.get_many(map(self._key, sorted(wanted - self._read.keys()))):
            if found is None:
                self._names.discard(self._name(key))
            else:
                self._keep(key, found)

    def _keep(self, key: str, found: FetchedObject) -> None:
        manifest = self._parse(found.content)
        self._read[self._name(key)] = manifest
        if self._heads is not None:
            self._heads.keep(key, found.etag, manifest)

    def _name(self, key: str) -> str:
        return key.removeprefix(self._folder).removesuffix(MANIFEST_SUFFIX)

    def _key(self, partition: str) -> str:
        return f"{self._folder}{partition}{MANIFEST_SUFFIX}"


class Catalogue:
    """Manifests of everything that the lake holds, as of the moment each folder is first asked for.

    With `heads` records manifests come without their files, and what did not change since the last catalogue that
    was made with these heads is not read again.
    """

    def __init__(self, lake: Lake, heads: HeadCache | None = None) -> None:
        self._lake = lake
        self._heads = heads
        self._records: dict[str, Manifests[RecordsManifest]] = {}
        self._insights: dict[str, Manifests[DerivedManifest]] = {}

    def records(self, record_type: str) -> Manifests[RecordsManifest]:
        """Return the manifests of a type's records."""
        if record_type not in self._records:
            folder = keys.records_key(record_type, "").removesuffix(".parquet")
            parse = RecordsManifest.from_json if self._heads is None else RecordsHead.read
            self._records[record_type] = Manifests(self._lake, folder, parse, self._heads)
        return self._records[record_type]

    def insights(self, record_type: str) -> Manifests[DerivedManifest]:
        """Return the manifests of a type's insights, or of those of the day across types."""
        if record_type not in self._insights:
            folder = keys.insights_key(record_type, "").removesuffix(".parquet")
            self._insights[record_type] = Manifests(self._lake, folder, DerivedManifest.from_json, self._heads)
        return self._insights[record_type]

    @cached_property
    def offsets(self) -> Manifests[DerivedManifest]:
        """The manifests of the UTC offsets."""
        folder = keys.records_key(utc_offsets.NAME, "").removesuffix(".parquet")
        return Manifests(self._lake, folder, DerivedManifest.from_json, self._heads)

    def of_date(self, partition: str) -> dict[str, RecordsManifest]:
        """Return the records manifests of one upload date, by type."""
        types = [name for name in record_types() if partition in self.records(name)]
        return {name: self.records(name)[partition] for name in types}

    @property
    def listing_digest(self) -> str:
        """Digest of every manifest's name and ETag: the same as long as nothing was made anew."""
        daily = [of_type for name in record_types() for of_type in (self.records(name), self.insights(name))]
        across_types = [self.insights(keys.DAILY_JOURNAL).listing_digest, self.offsets.listing_digest]
        return digest([*(manifests.listing_digest for manifests in daily), *across_types])

    def read_all(self) -> None:
        """Read every manifest now, concurrently."""
        for name in record_types():
            self.records(name).read_all()
            self.insights(name).read_all()
        self.insights(keys.DAILY_JOURNAL).read_all()
        self.offsets.read_all()
