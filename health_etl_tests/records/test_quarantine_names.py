"""Whatever an upload is called: its copy, its metadata and its decisions have names that fit and are their own."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from health_etl.lake import keys
from health_etl.lake.keys import UNCLAIMED, mask_key, quarantine_key, unclaimed_key
from health_etl.lake.manifest import canonical_json
from health_etl.lake.sweep import sweep
from health_etl.records import replay, unclaimed
from health_etl.uploads import releases
from health_etl.uploads.listing import list_all
from health_etl.uploads.releases import Release
from health_etl_tests.support.exports import (
    blood_glucose,
    contents,
    folder_lake,
    put,
    put_content,
)
from health_etl_tests.support.failing_lake import (
    FailingLake,
    good_files,
    quarantined,
    tables,
    tables_of_good_files,
)
from health_etl_tests.support.partition_outcome import (
    entry,
    outcome,
)
from health_etl_tests.support.pipeline import update_records

LONG = f"raw/BloodGlucoseRecord/2025/09/21/{'x' * 214}_20250921_060000_phone_deadbeef.avro"


@pytest.fixture
def lake() -> FailingLake:
    return FailingLake()


def test_a_refused_upload_with_the_longest_name_does_not_block_its_neighbours(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lake = folder_lake(tmp_path_factory.mktemp("long"))
    good = good_files(lake)
    lake.put(LONG, b"xx")
    assert len(LONG.rpartition("/")[2]) == 250
    update_records(lake, "blood_glucose")
    assert tables(lake) == tables_of_good_files()
    assert outcome(lake) == {LONG: (0, 0, 0, 0), good[0]: (2, 2, 0, 0), good[1]: (1, 1, 0, 0)}
    assert lake.get(quarantine_key(LONG)) == b"xx"
    assert json.loads(lake.get(quarantine_key(LONG) + ".metadata.json"))["source_key"] == LONG
    for name in (LONG, LONG.rpartition("/")[2], mask_key(LONG), keys.fingerprint(LONG)):
        (item,) = replay.find_by_name(quarantined(lake), [name])
        assert item.entry.key == LONG
    replay.release(lake, [item], override=False, because="")
    update_records(lake, "blood_glucose")
    assert entry(lake, LONG).release_etag is not None
    (decision,) = releases.history(lake, LONG)
    assert decision is not None
    assert decision.source_key == LONG


@pytest.mark.parametrize("name", ["日" * 80, "é" * 120, "x" * 250, "a" * 200 + ".metadata.json"])
def test_an_unclaimed_object_of_any_name_is_copied(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    lake = folder_lake(tmp_path_factory.mktemp("unclaimed"))
    key = f"raw/StepsRecord/2025/09/21/{name}"
    lake.put(key, b"mine")
    unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    assert lake.get(unclaimed_key(key)) == b"mine"
    lake.delete([key])
    unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    assert contents(lake, UNCLAIMED) == {}


def test_the_copy_of_one_refused_upload_is_not_touched_by_another_of_a_similar_name(lake: FailingLake) -> None:
    other = LONG.replace("_deadbeef", "_deadbeee")
    twin = quarantine_key(LONG).replace("quarantine/", "raw/", 1)
    for key in (LONG, other):
        lake.put(key, key.encode())
    update_records(lake, "blood_glucose")
    lake.put(twin, b"unclaimed")
    unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    lake.delete([other])
    update_records(lake, "blood_glucose")
    copies = {key for key in contents(lake, "quarantine/") if key.endswith(".avro")}
    assert copies == {quarantine_key(LONG), unclaimed_key(twin)}


def test_copies_under_the_names_of_earlier_versions_are_swept(lake: FailingLake) -> None:
    bad = put_content(lake, "blood_glucose", b"not avro")
    old = bad.replace("raw/", "quarantine/", 1)
    stray = "raw/some/notes.txt"
    old_stray = stray.replace("raw/", "quarantine/unclaimed/", 1)
    for key in (old, old_stray):
        lake.put(key, b"copy")
        lake.put(key + ".metadata.json", b"{}")
    lake.put(stray, b"mine")
    item = {"key": stray, "etag": lake.fetch(stray).etag, "size_bytes": 4}
    lake.put(unclaimed.REPORT_KEY, canonical_json({"items": [item]}))
    update_records(lake, "blood_glucose")
    unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    sweep(lake, datetime.now(UTC), timedelta(0))
    kept = {key.removesuffix(".metadata.json") for key in contents(lake, "quarantine/")}
    assert kept == {quarantine_key(bad), unclaimed_key(stray)}


def test_a_decision_stored_under_the_name_of_an_earlier_version_still_applies(lake: FailingLake) -> None:
    key = put(lake, "blood_glucose", [blood_glucose("w", mg_dl=700.0)])
    sha256 = lake.sha256(key)
    assert sha256 is not None
    decision = Release(key, sha256, True, "checked", "2025-09-22T10:11:12.000001+00:00")
    old = key.replace("raw/", "quarantine/released/", 1) + ".20250922T101112_000001.release.json"
    lake.put(old, decision.to_json())
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (1, 1, 0, 0)}
    assert releases.history(lake, key) == [decision]
    later = Release(key, sha256, False, "", "2025-09-23T00:00:00.000000+00:00")
    releases.record(lake, later)
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (1, 0, 0, 1)}
    assert releases.history(lake, key) == [decision, later]
