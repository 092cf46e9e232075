"""What the lake holds by now, as its manifests say. Each manifest is read at most once, and only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from health_etl.core import keys, utc_offsets
from health_etl.core.lake import Lake
from health_etl.core.manifest import DerivedManifest, RecordsManifest
from health_etl.record_types import record_types

MANIFEST_SUFFIX = ".manifest.json"

Manifest = TypeVar("Manifest", RecordsManifest, DerivedManifest)


class Manifests(Mapping[str, Manifest]):
    """The manifests in one folder, by partition; listed when made, read when asked for."""

    def __init__(self, lake: Lake, folder: str, parse: Callable[[bytes], Manifest]) -> None:
        self._lake = lake
        self._folder = folder
        self._parse: Callable[[bytes], Manifest] = parse
        self._read: dict[str, Manifest] = {}
        self._names = {
            info.key.removeprefix(folder).removesuffix(MANIFEST_SUFFIX)
            for info in lake.objects(folder)
            if info.key.endswith(MANIFEST_SUFFIX)
        }

    def __getitem__(self, partition: str) -> Manifest:
        if partition not in self._names:
            raise KeyError(partition)
        if partition not in self._read:
            self._read[partition] = self._parse(self._lake.get(self._key(partition)))
        return self._read[partition]

    def __contains__(self, partition: object) -> bool:
        return partition in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def read_all(self) -> None:
        """Read every manifest at once, concurrently."""
        missing = {self._key(name): name for name in sorted(self._names - self._read.keys())}
        for key, found in self._lake.get_many(missing):
            if found is None:
                self._names.discard(missing[key])
            else:
                self._read[missing[key]] = self._parse(found.content)

    def _key(self, partition: str) -> str:
        return f"{self._folder}{partition}{MANIFEST_SUFFIX}"


class Catalogue:
    """Manifests of everything that the lake holds, as of the moment each folder is first asked for."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._records: dict[str, Manifests[RecordsManifest]] = {}
        self._insights: dict[str, Manifests[DerivedManifest]] = {}

    def records(self, record_type: str) -> Manifests[RecordsManifest]:
        """Return the manifests of a type's records."""
        if record_type not in self._records:
            folder = keys.records_key(record_type, "").removesuffix(".parquet")
            self._records[record_type] = Manifests(self._lake, folder, RecordsManifest.from_json)
        return self._records[record_type]

    def insights(self, record_type: str) -> Manifests[DerivedManifest]:
        """Return the manifests of a type's insights, or of those of the day across types."""
        if record_type not in self._insights:
            folder = keys.insights_key(record_type, "").removesuffix(".parquet")
            self._insights[record_type] = Manifests(self._lake, folder, DerivedManifest.from_json)
        return self._insights[record_type]

    @cached_property
    def offsets(self) -> Manifests[DerivedManifest]:
        """The manifests of the UTC offsets."""
        folder = keys.records_key(utc_offsets.NAME, "").removesuffix(".parquet")
        return Manifests(self._lake, folder, DerivedManifest.from_json)

    def of_date(self, partition: str) -> dict[str, RecordsManifest]:
        """Return the records manifests of one upload date, by type."""
        types = [name for name in record_types() if partition in self.records(name)]
        return {name: self.records(name)[partition] for name in types}

    def read_all(self) -> None:
        """Read every manifest now, concurrently."""
        for name in record_types():
            self.records(name).read_all()
            self.insights(name).read_all()
        self.insights(keys.DAILY_JOURNAL).read_all()
        self.offsets.read_all()
