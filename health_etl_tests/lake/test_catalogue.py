"""The catalogue knows the contents of the lake and reads each manifest at most once."""

from __future__ import annotations

import pytest
from obstore.store import MemoryStore

from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest_cache import ManifestCache
from health_etl.lake.object_cache import ObjectCache
from health_etl.lake.store import FetchedObject, Lake
from health_etl_tests.support.exports import blood_glucose, contents, heart_rate, put
from health_etl_tests.support.pipeline import bring_up_to_date


class CountingLake(Lake):
    """A lake that remembers nothing and counts how often objects are read one by one."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory://lake", cache=ObjectCache(max_bytes=0))
        self.reads = 0

    def fetch(self, key: str) -> FetchedObject:
        self.reads += 1
        return super().fetch(key)


@pytest.fixture
def lake() -> CountingLake:
    lake = CountingLake()
    put(lake, "blood_glucose", [blood_glucose(zone="Z")])
    put(lake, "heart_rate", [heart_rate()])
    bring_up_to_date(lake)
    lake.reads = 0
    return lake


def test_partitions_are_listed_without_reading_a_manifest(lake: CountingLake) -> None:
    catalogue = Catalogue(lake)
    assert list(catalogue.records("blood_glucose")) == ["2025-09-21"]
    assert "2025-09-21" in catalogue.insights("heart_rate")
    assert "2025-09-22" not in catalogue.insights("heart_rate")
    assert len(catalogue.offsets) == 1
    assert list(catalogue.records("steps")) == []
    assert lake.reads == 0


def test_a_manifest_is_read_only_once(lake: CountingLake) -> None:
    catalogue = Catalogue(lake)
    for _ in range(3):
        assert catalogue.records("blood_glucose")["2025-09-21"].total() == (1, 1, 0, 0)
    assert lake.reads == 1


def test_a_missing_partition_is_a_key_error(lake: CountingLake) -> None:
    with pytest.raises(KeyError):
        Catalogue(lake).records("blood_glucose")["2025-09-22"]
    assert Catalogue(lake).records("blood_glucose").get("2025-09-22") is None


def test_reading_all_leaves_nothing_to_read(lake: CountingLake) -> None:
    catalogue = Catalogue(lake)
    catalogue.read_all()
    lake.reads = 0
    assert set(catalogue.records_on("2025-09-21")) == {"blood_glucose", "heart_rate"}
    assert catalogue.insights("blood_glucose")["2025-09-21"].rows == 1
    assert catalogue.offsets["2025-09-21"].partition == "2025-09-21"
    assert lake.reads == 0


def test_a_manifest_that_vanishes_after_listing_is_not_a_partition(lake: CountingLake) -> None:
    catalogue = Catalogue(lake)
    assert len(catalogue.records("blood_glucose")) == 1
    lake.delete(["records/blood_glucose/2025-09-21/000001.manifest.json"])
    catalogue.read_all()
    assert len(catalogue.records("blood_glucose")) == 0


def test_record_types_whose_names_share_a_prefix_are_kept_apart(lake: CountingLake) -> None:
    assert len(Catalogue(lake).records("heart_rate_variability_rmssd")) == 0


def test_with_heads_only_what_changed_is_read_again(lake: CountingLake) -> None:
    cache = ManifestCache()
    Catalogue(lake, cache).read_all()
    put(lake, "heart_rate", [heart_rate("late")])
    bring_up_to_date(lake)
    lake.reads = 0
    Catalogue(lake, cache).read_all()
    # records and offsets of the date, and insights: of heart rate, of glucose, whose offset it is evidence for, and
    # of the daily journal
    assert lake.reads == 5
    Catalogue(lake, cache).read_all()
    assert lake.reads == 5


def test_heads_of_deleted_manifests_are_dropped(lake: CountingLake) -> None:
    cache = ManifestCache()
    Catalogue(lake, cache).read_all()
    before = len(cache)
    lake.delete(contents(lake, keys.records_folder("heart_rate", "2025-09-21")))
    catalogue = Catalogue(lake, cache)
    catalogue.read_all()
    assert "2025-09-21" not in catalogue.records("heart_rate")
    assert len(cache) == before - 1


def _cached(lake: Lake) -> Catalogue:
    return Catalogue(lake, ManifestCache())
