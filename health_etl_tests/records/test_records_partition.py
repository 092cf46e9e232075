"""A records partition accounts for every row and tells everything downstream what it needs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from health_etl.lake.store import Lake
from health_etl.lake.tables import read_table
from health_etl.record_types import record_types
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    NOON,
    avro_bytes,
    blood_glucose,
    heart_rate,
    key_of,
    plain,
    put,
    put_content,
    sleep_session,
    steps,
    utc,
)
from health_etl_tests.support.partition_outcome import WatchedLake, ids, outcome, readings
from health_etl_tests.support.pipeline import manifest_of, records_of, rejected_of, update_records


@pytest.fixture
def lake() -> WatchedLake:
    return WatchedLake()


@pytest.mark.parametrize("name", sorted(record_types()))
def test_a_first_export_is_accepted_completely(lake: Lake, name: str) -> None:
    key = put(lake, name, [plain(name, "r1"), plain(name, "r2")])
    done = update_records(lake, name)
    assert (done.files_read, done.changed) == (1, True)
    assert outcome(lake, name) == {key: (2, 2, 0, 0)}
    assert set(records_of(lake, name)["record_id"]) == {"r1", "r2"}


@pytest.mark.parametrize("name", sorted(record_types()))
def test_the_table_has_the_columns_and_types_of_the_record_type(lake: Lake, name: str) -> None:
    put(lake, name, [plain(name)])
    update_records(lake, name)
    table = read_table(lake, manifest_of(lake, name).table_key)
    assert table.schema.equals(record_types()[name].arrow_schema)


def test_values_and_provenance_arrive_in_the_table_as_exported(lake: Lake) -> None:
    record = blood_glucose(
        "g1", NOON, 123.4, "Z", app="com.app", version=3, modified=NOON, fetched=utc("2025-09-21 12:00")
    )
    key = put(lake, "blood_glucose", [blood_glucose("g0", NOON - timedelta(days=1)), record])
    update_records(lake, "blood_glucose")
    row = records_of(lake, "blood_glucose").iloc[1]
    assert (row["record_id"], row["user_id"], row["source_app"]) == ("g1", ANNA, "com.app")
    assert (row["time_utc"], row["zone_offset"], row["glucose_mg_dl"]) == (pd.Timestamp(NOON), "Z", 123.4)
    assert (row["client_record_version"], row["last_modified_utc"]) == (3, pd.Timestamp(NOON))
    assert row["fetched_utc"] == pd.Timestamp("2025-09-21 12:00", tz="UTC")
    assert (row["source_key"], row["source_record_number"]) == (key, 1)


def test_a_sample_and_a_stage_are_rows_of_their_own_and_count_as_one_record(lake: Lake) -> None:
    heart = put(lake, "heart_rate", [heart_rate(bpm=(60, 61, 62))])
    sleep = put(lake, "sleep_session", [sleep_session()])
    assert update_records(lake, "heart_rate").manifest.measurement_rows == 3
    assert update_records(lake, "sleep_session").manifest.measurement_rows == 3
    assert outcome(lake, "heart_rate") == {heart: (1, 1, 0, 0)}
    assert outcome(lake, "sleep_session") == {sleep: (1, 1, 0, 0)}


def test_records_repeated_in_several_exports_are_accepted_once(lake: Lake) -> None:
    first = put(lake, "blood_glucose", readings(0, 1, 2, fetched=utc("2025-09-21 01:00")))
    second = put(lake, "blood_glucose", readings(1, 2, 3, fetched=utc("2025-09-21 02:00")))
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {first: (3, 1, 2, 0), second: (3, 3, 0, 0)}
    assert [record for _, record in ids(lake)] == ["g0", "g1", "g2", "g3"]


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        (
            {"version": 1, "modified": utc("2025-09-21 05:00"), "fetched": utc("2025-09-21 06:00")},
            {"version": 2, "modified": utc("2025-09-21 01:00"), "fetched": utc("2025-09-21 02:00")},
        ),
        (
            {"modified": utc("2025-09-21 01:00"), "fetched": utc("2025-09-21 06:00")},
            {"modified": utc("2025-09-21 02:00"), "fetched": utc("2025-09-21 03:00")},
        ),
        (
            {"modified": utc("2025-09-21 01:00"), "fetched": utc("2025-09-21 02:00")},
            {"modified": utc("2025-09-21 01:00"), "fetched": utc("2025-09-21 03:00")},
        ),
    ],
    ids=["version", "last modified", "fetched"],
)
@pytest.mark.parametrize("stronger_first", [True, False])
@pytest.mark.parametrize("one_run_each", [True, False])
def test_the_latest_version_wins_whatever_came_first(
    lake: Lake, weaker: dict[str, Any], stronger: dict[str, Any], stronger_first: bool, one_run_each: bool
) -> None:
    exports = [blood_glucose(mg_dl=1000 / 9, **weaker), blood_glucose(mg_dl=200.0, **stronger)]
    for record in reversed(exports) if stronger_first else exports:
        put(lake, "blood_glucose", [record])
        if one_run_each:
            update_records(lake, "blood_glucose")
    update_records(lake, "blood_glucose")
    assert records_of(lake, "blood_glucose")["glucose_mg_dl"].tolist() == [200.0]
    assert manifest_of(lake, "blood_glucose").total() == (2, 1, 1, 0)


def test_the_same_record_id_of_two_people_stays_two_records(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1), user_id=ANNA)
    put(lake, "blood_glucose", readings(1), user_id=BEN)
    update_records(lake, "blood_glucose")
    assert ids(lake) == [(ANNA, "g1"), (BEN, "g1")]
    assert manifest_of(lake, "blood_glucose").total() == (2, 2, 0, 0)


def test_a_row_out_of_range_is_quarantined_with_its_reason_and_its_neighbours_stay(lake: Lake) -> None:
    key = put(lake, "blood_glucose", [*readings(1, 2), blood_glucose("bad", mg_dl=700.0)])
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (3, 2, 0, 1)}
    rejected = rejected_of(lake, "blood_glucose")
    assert rejected["record_id"].tolist() == ["bad"]
    assert rejected["glucose_mg_dl"].tolist() == [700.0]
    assert rejected["faults"].tolist() == ["glucose_mg_dl:out_of_range"]


@pytest.mark.parametrize("one_run_each", [True, False])
@pytest.mark.parametrize("bad_first", [True, False])
def test_an_invalid_update_is_quarantined_and_the_good_version_before_it_stays(
    lake: Lake, one_run_each: bool, bad_first: bool
) -> None:
    bad = avro_bytes("blood_glucose", [blood_glucose(version=2, mg_dl=5.0), *readings(9)])
    good = avro_bytes("blood_glucose", [blood_glucose(version=1)])
    for content in (bad, good) if bad_first else (good, bad):
        put_content(lake, "blood_glucose", content)
        if one_run_each:
            update_records(lake, "blood_glucose")
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {
        key_of("blood_glucose", good): (1, 1, 0, 0),
        key_of("blood_glucose", bad): (2, 1, 0, 1),
    }
    assert records_of(lake, "blood_glucose").set_index("record_id")["client_record_version"]["g1"] == 1
    assert rejected_of(lake, "blood_glucose")["client_record_version"].tolist() == [2]


def test_a_late_older_version_does_not_bring_back_what_an_update_replaced(lake: Lake) -> None:
    newer = put(lake, "blood_glucose", [blood_glucose(version=2, mg_dl=150.0)])
    update_records(lake, "blood_glucose")
    older = put(lake, "blood_glucose", [blood_glucose(version=1)])
    done = update_records(lake, "blood_glucose")
    assert done.files_read == 1
    assert outcome(lake) == {older: (1, 0, 1, 0), newer: (1, 1, 0, 0)}
    assert records_of(lake, "blood_glucose")["glucose_mg_dl"].tolist() == [150.0]


def test_of_several_invalid_versions_the_latest_is_quarantined_and_the_others_are_duplicates(lake: Lake) -> None:
    later = put(lake, "blood_glucose", [blood_glucose(version=3, mg_dl=5.0), *readings(8)])
    update_records(lake, "blood_glucose")
    earlier = put(lake, "blood_glucose", [blood_glucose(version=2, mg_dl=4.0), *readings(9)])
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {later: (2, 1, 0, 1), earlier: (2, 1, 1, 0)}


def test_a_later_valid_version_releases_a_quarantined_row(lake: Lake) -> None:
    bad = put(lake, "blood_glucose", [blood_glucose(version=1, mg_dl=5.0), *readings(9)])
    update_records(lake, "blood_glucose")
    good = put(lake, "blood_glucose", [blood_glucose(version=2)])
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {bad: (2, 1, 1, 0), good: (1, 1, 0, 0)}
    assert manifest_of(lake, "blood_glucose").rejected_key is None


def test_one_bad_sample_is_rejected_and_its_record_still_counts_as_accepted(lake: Lake) -> None:
    key = put(lake, "heart_rate", [heart_rate(bpm=(60, 250, 61))])
    done = update_records(lake, "heart_rate")
    assert outcome(lake, "heart_rate") == {key: (1, 1, 0, 0)}
    assert (done.manifest.measurement_rows, done.manifest.rejected_rows) == (2, 1)


def test_one_bad_stage_takes_its_whole_session_into_quarantine(lake: Lake) -> None:
    broken = sleep_session("n2")
    broken["stages"][0]["startTimeEpochMillis"] -= 1
    key = put(lake, "sleep_session", [sleep_session("n1"), broken])
    done = update_records(lake, "sleep_session")
    assert outcome(lake, "sleep_session") == {key: (2, 1, 0, 1)}
    assert done.manifest.rejected_rows == 3
    assert set(records_of(lake, "sleep_session")["record_id"]) == {"n1"}


def test_a_record_without_samples_is_quarantined_and_not_lost(lake: Lake) -> None:
    key = put(lake, "heart_rate", [heart_rate("empty", bpm=()), heart_rate("full")])
    update_records(lake, "heart_rate")
    assert outcome(lake, "heart_rate") == {key: (2, 1, 0, 1)}
    assert rejected_of(lake, "heart_rate")["record_id"].tolist() == ["empty"]


def test_the_same_record_twice_in_one_file_counts_once(lake: Lake) -> None:
    key = put(lake, "blood_glucose", [blood_glucose(mg_dl=100.0), blood_glucose(mg_dl=101.0)])
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (2, 1, 1, 0)}
    assert records_of(lake, "blood_glucose")["glucose_mg_dl"].tolist() == [101.0]


# What the manifest says to everything downstream


def test_the_manifest_lists_the_utc_dates_of_good_rows(lake: Lake) -> None:
    late = steps(start=utc("2025-09-20 23:30"), end=utc("2025-09-21 00:30"))
    put(lake, "steps", [late, steps("bad", start=utc("2025-09-10 10:00"), count=-5)])
    assert update_records(lake, "steps").manifest.utc_dates == ("2025-09-20", "2025-09-21")


@pytest.mark.parametrize(("zone", "unzoned"), [("-05:00", False), ("+00:00", False), ("Z", True), (None, True)])
def test_the_manifest_says_whether_a_record_states_no_trusted_offset(
    lake: Lake, zone: str | None, unzoned: bool
) -> None:
    put(lake, "blood_glucose", readings(1, zone=zone))
    assert update_records(lake, "blood_glucose").manifest.unzoned is unzoned


def test_an_offset_missing_only_at_the_end_counts_as_unzoned(lake: Lake) -> None:
    put(lake, "steps", [{**steps(), "endZoneOffsetId": None}])
    assert update_records(lake, "steps").manifest.unzoned


def test_the_data_version_stays_when_a_re_export_brings_nothing_new(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1, 2, fetched=utc("2025-09-21 05:00")))
    before = update_records(lake, "blood_glucose").manifest
    put(lake, "blood_glucose", readings(1, 2, fetched=utc("2025-09-21 04:00")))
    done = update_records(lake, "blood_glucose")
    assert done.manifest.digest == before.digest
    assert not done.changed


def test_uploads_of_other_dates_are_left_alone(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1), upload_date=date(2025, 9, 20))
    put(lake, "blood_glucose", readings(2))
    update_records(lake, "blood_glucose")
    assert [record for _, record in ids(lake)] == ["g2"]
