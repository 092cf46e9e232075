"""Everything in raw/ belongs to a partition or is listed with the reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from obstore.store import MemoryStore

from health_etl.lake.listed import ObjectInfo, Unaddressable
from health_etl.lake.manifest import versions_digest
from health_etl.lake.store import Lake
from health_etl.reasons import FileReason
from health_etl.record_types import record_types
from health_etl.uploads import releases
from health_etl.uploads.listing import Listing, TypeListing, UploadsSummary, list_all, sort_uploads
from health_etl_tests.support.exports import memory_lake

NAME = "anna_20250921_120000_phone_0a1b2c3d.avro"
FIRST, LAST = date(2025, 9, 1), date(2025, 9, 30)


def sorted_out(*keys: str) -> Listing:
    return sort_uploads([ObjectInfo(key, 1, "etag") for key in keys], FIRST, LAST)


def test_uploads_are_sorted_by_type_and_upload_date_and_by_key_within() -> None:
    listing = sorted_out(
        f"raw/StepsRecord/2025/09/21/b{NAME}",
        f"raw/HeartRateRecord/2025/09/22/{NAME}",
        f"raw/StepsRecord/2025/09/21/a{NAME}",
        f"raw/StepsRecord/2025/09/22/{NAME}",
    )
    assert {key: [upload.raw.user_id for upload in found] for key, found in listing.uploads.items()} == {
        ("heart_rate", date(2025, 9, 22)): ["anna"],
        ("steps", date(2025, 9, 21)): ["aanna", "banna"],
        ("steps", date(2025, 9, 22)): ["anna"],
    }
    assert listing.unclaimed == ()


def test_the_upload_date_is_that_of_the_folder_and_not_that_of_the_name() -> None:
    assert list(sorted_out(f"raw/StepsRecord/2025/09/29/{NAME}").uploads) == [("steps", date(2025, 9, 29))]


def test_folders_in_another_case_belong_to_the_same_partition() -> None:
    listing = sorted_out(f"raw/StepsRecord/2025/09/21/{NAME}", f"raw/stepsrecord/2025/09/21/{NAME}")
    assert [len(found) for found in listing.uploads.values()] == [2]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (f"raw/WeightRecord/2025/09/21/{NAME}", FileReason.UNKNOWN_TYPE),
        ("raw/StepsRecord/2025/09/21/notes.txt", FileReason.KEY_UNPARSEABLE),
        ("raw/readme.md", FileReason.KEY_UNPARSEABLE),
        (f"raw/StepsRecord/2025/08/31/{NAME}", FileReason.OUTSIDE_PARTITIONS),
        (f"raw/StepsRecord/2025/10/01/{NAME}", FileReason.OUTSIDE_PARTITIONS),
    ],
)
def test_an_object_that_belongs_to_no_partition_is_listed_with_the_reason(key: str, reason: FileReason) -> None:
    listing = sorted_out(key, f"raw/StepsRecord/2025/09/21/{NAME}")
    assert [(item.info.key, item.reason) for item in listing.unclaimed] == [(key, reason)]
    assert len(listing.uploads) == 1


@pytest.mark.parametrize("day", ["2025/09/01", "2025/09/30"])
def test_the_first_and_last_dates_are_included(day: str) -> None:
    assert len(sorted_out(f"raw/StepsRecord/{day}/{NAME}").uploads) == 1


def test_every_object_of_raw_is_either_an_upload_or_unclaimed() -> None:
    lake = memory_lake()
    for key in ("StepsRecord/2025/09/21/" + NAME, "x", "steprecord/2025/09/21/" + NAME, "StepsRecord/2025/09/21/y"):
        lake.put(f"raw/{key}", b"x")
    lake.put("records/steps/2025-09-21.parquet", b"not raw")
    listing = list_all(lake, FIRST, LAST)
    uploads = [upload.info.key for found in listing.uploads.values() for upload in found]
    assert len(uploads) == 1
    assert len(listing.unclaimed) == 3


def test_a_partition_lists_the_same_alone_as_with_all_others() -> None:
    lake = memory_lake()
    for folder in ("StepsRecord", "STEPSRECORD", "StepsRecordX", "HeartRateRecord"):
        for day in ("20", "21"):
            lake.put(f"raw/{folder}/2025/09/{day}/{NAME}", b"x")
    lake.put("raw/StepsRecord/2025/09/21/unparseable", b"x")
    alone = TypeListing(lake, record_types()["steps"]).uploads(date(2025, 9, 21))
    assert alone == list_all(lake, FIRST, LAST).uploads["steps", date(2025, 9, 21)]
    assert [upload.raw.type_folder for upload in alone] == ["STEPSRECORD", "StepsRecord"]


@pytest.mark.parametrize(("most", "requests"), [(2000, 2 + 2), (2, 2 + 2 + 8)])
def test_dates_listed_together_give_the_same_as_each_alone(
    most: int, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, steps, prefixes = memory_lake(), record_types()["steps"], list[str]()
    for folder in ("StepsRecord", "STEPSRECORD"):
        for day in ("08/31", "09/19", "09/20", "09/21"):
            lake.put(f"raw/{folder}/2025/{day}/{NAME}", b"x")
    objects = lake.objects

    def counted(prefix: str) -> Iterator[ObjectInfo]:
        prefixes.append(prefix)
        return objects(prefix)

    monkeypatch.setattr(lake, "objects", counted)
    dates = [date(2025, 8, 31), *(date(2025, 9, day) for day in (19, 20, 21, 22))]
    together = TypeListing(lake, steps, dates, max_month_objects=most)
    found = [together.uploads(day) for day in dates]
    assert len(prefixes) == requests
    assert found == [TypeListing(lake, steps).uploads(day) for day in dates]
    assert [len(uploads) for uploads in found] == [2, 2, 2, 2, 0]


class BackwardLake(Lake):
    """A lake that lists in no order that keys have, as folders do."""

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from sorted(super().objects(prefix), reverse=True)


@pytest.mark.parametrize("kind", [Lake, BackwardLake])
def test_the_summary_of_a_date_does_not_depend_on_the_order_of_the_listing(kind: type[Lake]) -> None:
    lake = kind(MemoryStore(), "memory://lake")
    for folder in ("StepsRecord", "STEPSRECORD", "HeartRateRecord"):
        for user in ("c", "a", "b_k"):
            lake.put(f"raw/{folder}/2025/09/21/{user}{NAME}", user.encode())
    for name in ("unparseable", f"sub/{NAME}", NAME.replace("0921", "0931")):
        lake.put(f"raw/StepsRecord/2025/09/21/{name}", b"x")
    decided = datetime(2025, 9, 22, tzinfo=UTC).isoformat()
    releases.record(lake, releases.Release(f"raw/StepsRecord/2025/09/21/a{NAME}", "", True, "read it", decided))
    steps, day = record_types()["steps"], date(2025, 9, 21)
    uploads = TypeListing(lake, steps).uploads(day)
    assert [upload.release is not None for upload in uploads] == [False, False, False, True, False, False]
    expected = UploadsSummary(versions_digest({upload.info.key: upload.version for upload in uploads}), 6, 10)
    assert TypeListing(lake, steps).summarize(day) == expected


def test_folders_that_are_no_month_and_no_date_are_left_out() -> None:
    lake = memory_lake()
    for folder in ("2025/09/21", "2025/9/21", "20-25/09/21", "٢٠٢٥/٠٩/٢١", "2025/09/31", "2025-09/21/x", "notes/a/b"):
        lake.put(f"raw/StepsRecord/{folder}/{NAME}", b"x")
    listing = TypeListing(lake, record_types()["steps"])
    assert listing.months() == ["2025-09"]
    assert listing.dates("2025-09") == ["2025-09-21"]
    found = list_all(lake, FIRST, LAST)
    assert [*found.uploads] == [("steps", date(2025, 9, 21))]
    assert {item.reason for item in found.unclaimed} == {FileReason.KEY_UNPARSEABLE}
    assert len(found.unclaimed) == 6


def test_what_the_store_cannot_address_is_unclaimed_and_what_it_hides_is_not_taken_for_deleted() -> None:
    strange = Unaddressable(ObjectInfo("raw/a\t", 1, "etag"), "its name holds a control character")
    hidden = Unaddressable(ObjectInfo("raw/StepsRecord/2025/09/21", 0, ""), "it is hidden", hides_objects=True)
    listing = sort_uploads([strange, hidden], FIRST, LAST)
    assert [(item.info.key, item.reason, item.is_addressable) for item in listing.unclaimed] == [
        ("raw/StepsRecord/2025/09/21", FileReason.KEY_UNPARSEABLE, False),
        ("raw/a\t", FileReason.KEY_UNPARSEABLE, False),
    ]
    steps, heart_rate = record_types()["steps"], record_types()["heart_rate"]
    assert not listing.is_known(steps, date(2025, 9, 21))
    assert listing.is_known(steps, date(2025, 9, 22))
    assert listing.is_known(heart_rate, date(2025, 9, 21))


def test_the_folder_of_a_date_before_the_year_1000_is_that_of_its_uploads() -> None:
    lake = memory_lake()
    lake.put(f"raw/StepsRecord/0999/09/21/{NAME}", b"x")
    (partition,) = list_all(lake, date(1, 1, 1), LAST).uploads
    assert partition == ("steps", date(999, 9, 21))
    assert len(TypeListing(lake, record_types()["steps"]).uploads(date(999, 9, 21))) == 1
