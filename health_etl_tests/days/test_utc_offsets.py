"""Stated offsets are collected by upload date, as evidence for records that state none."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from health_etl.days import utc_offsets
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    NOON,
    UPLOADED,
    blood_glucose,
    contents,
    heart_rate,
    memory_lake,
    put,
    steps,
)
from health_etl_tests.support.pipeline import update_offsets, update_records

PARTITION = UPLOADED.isoformat()
NEXT = UPLOADED + timedelta(days=1)


def collected(lake: Lake, upload_date: date = UPLOADED) -> list[tuple[str, str, pd.Timestamp, int]]:
    rows = read_frame(lake, tables(lake, upload_date)[upload_date.isoformat()])
    columns = ("record_type", "user_id", "time_utc", "utc_offset_minutes")
    return list(zip(*(rows[column] for column in columns), strict=True))


def test_every_stated_offset_of_every_type_is_collected_with_its_time() -> None:
    lake = memory_lake()
    end = NOON + timedelta(hours=1)
    put(lake, "blood_glucose", [blood_glucose(zone="+02:00")])
    put(lake, "steps", [{**steps(zone="-05:00"), "endZoneOffsetId": "-06:00"}])
    for name in ("blood_glucose", "steps"):
        update_records(lake, name)
    update_offsets(lake)
    assert collected(lake) == [
        ("blood_glucose", ANNA, pd.Timestamp(NOON), 120),
        ("steps", ANNA, pd.Timestamp(NOON), -300),
        ("steps", ANNA, pd.Timestamp(end), -360),
    ]


def tables(lake: Lake, *dates: date) -> dict[str, str]:
    """Return the keys of the offsets' tables by upload date."""
    found = Catalogue(lake).offsets
    return {day.isoformat(): found[day.isoformat()].table_key for day in dates}


def test_records_without_an_offset_or_with_z_are_not_evidence() -> None:
    lake = memory_lake()
    put(lake, "blood_glucose", [blood_glucose("g1", zone="Z"), blood_glucose("g2", zone=None)])
    update_records(lake, "blood_glucose")
    update_offsets(lake)
    assert len(utc_offsets.latest(utc_offsets.evidence(lake, tables(lake, UPLOADED), [ANNA]))) == 0


def test_an_update_that_states_no_offset_revokes_the_evidence() -> None:
    lake = memory_lake()
    put(lake, "heart_rate", [heart_rate("h1", zone="-05:00", version=1)])
    put(lake, "heart_rate", [heart_rate("h1", zone="Z", version=2)], upload_date=NEXT)
    for upload_date in (UPLOADED, NEXT):
        update_records(lake, "heart_rate", upload_date)
        update_offsets(lake, upload_date)
    before = utc_offsets.evidence(lake, tables(lake, UPLOADED), [ANNA])
    both = utc_offsets.evidence(lake, tables(lake, UPLOADED, NEXT), [ANNA])
    assert set(utc_offsets.latest(before)["utc_offset_minutes"]) == {-300}
    assert len(utc_offsets.latest(both)) == 0


def test_a_series_of_samples_states_its_offset_once_at_each_end() -> None:
    lake = memory_lake()
    put(lake, "heart_rate", [heart_rate(bpm=(60, 61, 62))])
    update_records(lake, "heart_rate")
    update_offsets(lake)
    assert [time for _, _, time, _ in collected(lake)] == [
        pd.Timestamp(NOON),
        pd.Timestamp(NOON + timedelta(minutes=2)),
    ]


def test_a_date_without_records_has_no_offsets() -> None:
    lake = memory_lake()
    assert update_offsets(lake) is None
    assert contents(lake, "records/") == {}


def test_offsets_are_written_again_only_when_records_change() -> None:
    lake = memory_lake()
    put(lake, "heart_rate", [heart_rate()])
    update_records(lake, "heart_rate")
    first = update_offsets(lake)
    before = contents(lake, "records/utc_offsets/")
    assert update_offsets(lake) == first
    assert contents(lake, "records/utc_offsets/") == before
    put(lake, "steps", [steps()])
    update_records(lake, "steps")
    second = update_offsets(lake)
    assert first is not None
    assert second is not None
    assert second.inputs_digest != first.inputs_digest
    assert second.rows == first.rows + 2


def test_evidence_is_limited_to_the_given_people_and_partitions() -> None:
    lake = memory_lake()
    for upload_date in (UPLOADED, NEXT):
        put(lake, "heart_rate", [heart_rate("h1")], user_id=ANNA, upload_date=upload_date)
        put(lake, "heart_rate", [heart_rate("h2")], user_id=BEN, upload_date=upload_date)
        update_records(lake, "heart_rate", upload_date)
        update_offsets(lake, upload_date)
    found = utc_offsets.evidence(lake, tables(lake, UPLOADED), [BEN])
    assert set(zip(found["user_id"], found["partition"], strict=True)) == {(BEN, PARTITION)}
    assert utc_offsets.people(lake, tables(lake, UPLOADED)[PARTITION]) == [ANNA, BEN]
    assert len(utc_offsets.evidence(lake, {}, [ANNA])) == 0


def test_only_the_latest_version_of_a_record_is_evidence() -> None:
    lake = memory_lake()
    put(lake, "heart_rate", [heart_rate("h1", zone="-05:00", version=1)])
    put(lake, "heart_rate", [heart_rate("h1", zone="+02:00", version=2)], upload_date=NEXT)
    for upload_date in (UPLOADED, NEXT):
        update_records(lake, "heart_rate", upload_date)
        update_offsets(lake, upload_date)
    both = utc_offsets.evidence(lake, tables(lake, UPLOADED, NEXT), [ANNA])
    assert set(utc_offsets.latest(both)["utc_offset_minutes"]) == {120}


def test_records_of_two_types_with_one_id_are_both_evidence() -> None:
    lake = memory_lake()
    put(lake, "blood_glucose", [blood_glucose("same", zone="+02:00")])
    put(lake, "heart_rate", [heart_rate("same", zone="-05:00", version=5)])
    for name in ("blood_glucose", "heart_rate"):
        update_records(lake, name)
    update_offsets(lake)
    both = utc_offsets.evidence(lake, tables(lake, UPLOADED), [ANNA])
    assert set(utc_offsets.latest(both)["record_type"]) == {"blood_glucose", "heart_rate"}


def test_the_offsets_are_stored_beside_the_records() -> None:
    lake = memory_lake()
    put(lake, "heart_rate", [heart_rate()])
    update_records(lake, "heart_rate")
    update_offsets(lake)
    folder, table = keys.records_folder(keys.UTC_OFFSETS, PARTITION), tables(lake, UPLOADED)[PARTITION]
    assert set(contents(lake, "records/utc_offsets/")) == {table, keys.manifest_key(folder, 1)}
