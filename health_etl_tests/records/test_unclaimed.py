"""Unclaimed objects are copied to quarantine with the reason; the copy is removed once they are corrected."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from health_etl.lake.keys import unclaimed_key
from health_etl.lake.store import Lake
from health_etl.records import unclaimed
from health_etl.uploads.listing import list_all
from health_etl_tests.support.exports import contents, memory_lake, put, steps
from health_etl_tests.support.pipeline import manifest_of, update_records

NAME = "anna_20250921_120000_phone_0a1b2c3d.avro"
UNKNOWN = f"raw/WeightRecord/2025/09/21/{NAME}"
UNPARSEABLE = "raw/StepsRecord/2025/09/21/export.avro"
OUTSIDE = f"raw/StepsRecord/2019/09/21/{NAME}"


def update(lake: Lake, first: date = date(2023, 1, 1)) -> unclaimed.Report:
    return unclaimed.update(lake, list_all(lake, first, date(2026, 1, 1)).unclaimed)


def metadata(lake: Lake, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lake.get(unclaimed_key(key) + ".metadata.json"))
    return found


@pytest.fixture
def lake() -> Lake:
    lake = memory_lake()
    for key in (UNKNOWN, UNPARSEABLE, OUTSIDE):
        lake.put(key, key.encode())
    return lake


@pytest.mark.parametrize(
    ("key", "reason"),
    [(UNKNOWN, "unknown_type"), (UNPARSEABLE, "key_unparseable"), (OUTSIDE, "outside_partitions")],
)
def test_an_unclaimed_upload_is_copied_with_reason_and_remedy(lake: Lake, key: str, reason: str) -> None:
    update(lake)
    assert lake.get(unclaimed_key(key)) == key.encode()
    found = metadata(lake, key)
    assert (found["source_key"], found["reason"], found["copied"]) == (key, reason, True)
    assert found["remedy"]


def test_raw_is_left_as_it_is(lake: Lake) -> None:
    before = contents(lake, "raw/")
    update(lake)
    assert contents(lake, "raw/") == before


def test_the_report_lists_what_is_unclaimed(lake: Lake) -> None:
    report = update(lake)
    assert [item["reason"] for item in report.items] == ["outside_partitions", "key_unparseable", "unknown_type"]
    assert unclaimed.read_report(lake) == report
    assert unclaimed.build_report(list_all(lake, date(2023, 1, 1), date(2026, 1, 1)).unclaimed) == report


def test_a_second_look_at_the_same_listing_changes_nothing(lake: Lake) -> None:
    update(lake)
    before = contents(lake, "quarantine/")
    update(lake)
    assert contents(lake, "quarantine/") == before


def test_the_copy_of_a_deleted_upload_is_removed(lake: Lake) -> None:
    update(lake)
    lake.delete([UNPARSEABLE])
    assert [item["key"] for item in update(lake).items] == [OUTSIDE, UNKNOWN]
    assert not [key for key in contents(lake, "quarantine/") if key.startswith(unclaimed_key(UNPARSEABLE))]


def test_the_copy_of_an_upload_that_a_setting_admits_is_removed(lake: Lake) -> None:
    update(lake)
    update(lake, first=date(2019, 1, 1))
    assert not [key for key in contents(lake, "quarantine/") if key.startswith(unclaimed_key(OUTSIDE))]


def test_an_upload_that_changed_is_copied_again(lake: Lake) -> None:
    update(lake)
    lake.put(UNKNOWN, b"something else")
    update(lake)
    assert lake.get(unclaimed_key(UNKNOWN)) == b"something else"


def test_an_upload_too_large_to_copy_gets_only_metadata_that_says_so(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("health_etl.records.quarantine.MAX_COPIED_BYTES", 10)
    update(lake)
    assert lake.find(unclaimed_key(UNKNOWN)) is None
    assert metadata(lake, UNKNOWN)["copied"] is False


def test_a_lake_without_a_report_has_an_empty_one() -> None:
    assert unclaimed.read_report(memory_lake()).items == ()


def test_an_upload_named_like_the_report_does_not_replace_it() -> None:
    lake = memory_lake()
    lake.put("raw/unclaimed.json", b"mine")
    assert [item["key"] for item in update(lake).items] == ["raw/unclaimed.json"]
    copies = [content for key, content in contents(lake, "quarantine/").items() if not key.endswith(".metadata.json")]
    assert b"mine" in copies


def test_an_upload_named_like_the_rejected_rows_does_not_replace_them() -> None:
    lake = memory_lake()
    put(lake, "steps", [steps("good"), steps("bad", count=-5)])
    update_records(lake, "steps")
    rejected = str(manifest_of(lake, "steps").rejected_key)
    before = lake.get(rejected)
    lake.put(rejected.replace("quarantine/", "raw/"), b"mine")
    assert [item["reason"] for item in update(lake).items] == ["key_unparseable"]
    assert lake.get(rejected) == before
