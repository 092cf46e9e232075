"""Which local days an upload touches, and that all measurements of those days are found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.days.select import Selection, window
from health_etl.insights.partition import InsightOptions
from health_etl.lake.manifest import DerivedManifest, RecordsManifest
from health_etl.lake.store import Lake
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    UPLOADED,
    Record,
    blood_glucose,
    heart_rate,
    memory_lake,
    put,
    sleep_session,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import OPTIONS, select_days, update_offsets, update_records

DAY = timedelta(days=1)
CHICAGO = dataclasses.replace(OPTIONS, default_zone_name="America/Chicago")


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def upload(lake: Lake, name: str, *records: Record, upload_date: date = UPLOADED, user_id: str = ANNA) -> None:
    """Upload an export, and bring records and offsets of its date up to date."""
    put(lake, name, records, upload_date=upload_date, user_id=user_id)
    update_records(lake, name, upload_date)
    update_offsets(lake, upload_date)


def glucose(record_id: str, time: str, zone: str | None = "-05:00", version: int = 0, mg_dl: float = 110.0) -> Record:
    return blood_glucose(record_id, utc(time), mg_dl, zone, version=version)


def pulse(record_id: str, time: str, zone: str = "-05:00", version: int = 0) -> Record:
    return heart_rate(record_id, utc(time), zone=zone, version=version)


def by_day(selection: Selection) -> dict[str, list[str]]:
    """Return the record ids of every selected day."""
    rows = selection.rows.sort_values(["local_date", "record_id"])
    found: dict[str, list[str]] = {day: [] for day in selection.days["local_date"]}
    for day, record in zip(rows["local_date"], rows["record_id"], strict=True):
        found[day].append(record)
    return found


def withdrawn(selection: Selection) -> list[str]:
    return selection.withdrawn["local_date"].tolist()


def sources(selection: Selection) -> dict[str, str]:
    return dict(zip(selection.days["local_date"], selection.days["zone_source"], strict=True))


# The window


def records_manifest(partition: str, *utc_dates: str, unzoned: bool = False) -> RecordsManifest:
    return replace(RecordsManifest.empty("steps", partition, "1.1"), utc_dates=utc_dates, unzoned=unzoned)


def records_manifests(*manifests: RecordsManifest) -> Mapping[str, RecordsManifest]:
    return {manifest.partition: manifest for manifest in manifests}


def offsets_manifests(*partitions: str) -> Mapping[str, DerivedManifest]:
    return {partition: DerivedManifest("utc_offsets", partition, "", "", 0) for partition in partitions}


def test_the_window_reaches_seven_days_back_and_none_ahead() -> None:
    days = ("12", "13", "14", "20", "21", "22")  # each with records of a different month
    known = records_manifests(
        *(records_manifest(f"2025-09-{day}", f"2024-{n + 1:02}-15") for n, day in enumerate(days))
    )
    assert [*window("2025-09-21", known, {}).records] == ["2025-09-14", "2025-09-20", "2025-09-21"]


def test_an_older_partition_that_shares_a_date_with_the_upload_is_in_the_window() -> None:
    known = records_manifests(
        records_manifest("2025-08-01", "2025-07-31"),
        records_manifest("2025-08-02", "2025-08-01"),
        records_manifest("2025-08-10", "2025-08-09"),
        records_manifest("2025-09-21", "2025-07-31", "2025-09-20"),
    )
    assert [*window("2025-09-21", known, {}).records] == ["2025-08-01", "2025-08-02", "2025-09-21"]


def test_offsets_are_in_the_window_only_if_a_record_needs_them() -> None:
    offsets = offsets_manifests("2025-09-13", "2025-09-14", "2025-09-21", "2025-09-22")
    zoned = records_manifests(records_manifest("2025-09-21", "2025-09-21"))
    unzoned = records_manifests(records_manifest("2025-09-21", "2025-09-21", unzoned=True))
    assert [*window("2025-09-21", zoned, offsets).offsets] == []
    assert [*window("2025-09-21", unzoned, offsets).offsets] == ["2025-09-14", "2025-09-21"]


def test_a_date_with_only_offsets_looks_at_the_records_before_it() -> None:
    known = records_manifests(records_manifest("2025-09-20", "2025-09-20", unzoned=True))
    found = window("2025-09-21", known, offsets_manifests("2025-09-21"))
    assert ([*found.records], [*found.offsets]) == (["2025-09-20"], ["2025-09-21"])


# The days that an upload touches


def test_an_upload_touches_only_the_local_days_of_its_records(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("old", "2025-09-18 12:00"), upload_date=date(2025, 9, 18))
    upload(lake, "blood_glucose", glucose("g1", "2025-09-21 04:00"), glucose("g2", "2025-09-21 06:00"))
    assert by_day(select_days(lake, "blood_glucose")) == {"2025-09-20": ["g1"], "2025-09-21": ["g2"]}


def test_a_touched_day_is_completed_from_earlier_uploads(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("morning", "2025-09-20 13:00"), upload_date=UPLOADED - DAY)
    upload(lake, "blood_glucose", glucose("evening", "2025-09-21 02:00"))
    assert by_day(select_days(lake, "blood_glucose")) == {"2025-09-20": ["evening", "morning"]}


def test_later_uploads_are_not_looked_at(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("morning", "2025-09-20 13:00"))
    upload(lake, "blood_glucose", glucose("evening", "2025-09-21 02:00"), upload_date=UPLOADED + DAY)
    assert by_day(select_days(lake, "blood_glucose")) == {"2025-09-20": ["morning"]}


def test_people_who_uploaded_nothing_that_day_are_left_alone(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("b1", "2025-09-20 13:00"), upload_date=UPLOADED - DAY, user_id=BEN)
    upload(lake, "blood_glucose", glucose("a1", "2025-09-20 13:00"))
    found = select_days(lake, "blood_glucose")
    assert set(found.days["user_id"]) == set(found.rows["user_id"]) == {ANNA}


def test_the_same_record_id_of_two_people_stays_two_records(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("same", "2025-09-20 13:00"), user_id=ANNA)
    upload(lake, "blood_glucose", glucose("same", "2025-09-20 14:00", version=9), user_id=BEN)
    found = select_days(lake, "blood_glucose").days
    assert list(zip(found["user_id"], found["local_date"], found["record_count"], strict=True)) == [
        (ANNA, "2025-09-20", 1),
        (BEN, "2025-09-20", 1),
    ]


def test_a_re_export_counts_once_and_the_latest_version_counts(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 13:00", mg_dl=100.0), upload_date=UPLOADED - DAY)
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 13:00", mg_dl=120.0, version=2))
    found = select_days(lake, "blood_glucose")
    assert found.rows["glucose_mg_dl"].tolist() == [120.0]
    assert found.days[["record_count", "measurement_count"]].to_numpy().tolist() == [[1, 1]]


def test_an_older_version_in_a_later_upload_does_not_win(lake: Lake) -> None:
    newer = glucose("g1", "2025-09-20 13:00", mg_dl=120.0, version=2)
    upload(lake, "blood_glucose", newer, upload_date=UPLOADED - DAY)
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 13:00", mg_dl=100.0, version=1))
    assert select_days(lake, "blood_glucose").rows["glucose_mg_dl"].tolist() == [120.0]


def test_a_record_that_moves_withdraws_the_day_that_it_leaves_empty(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("g1", "2025-09-19 13:00"), upload_date=UPLOADED - DAY)
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 13:00", version=2))
    found = select_days(lake, "blood_glucose")
    assert by_day(found) == {"2025-09-20": ["g1"]}
    assert withdrawn(found) == ["2025-09-19"]


def test_a_record_that_moves_does_not_affect_the_others_of_its_day(lake: Lake) -> None:
    day = (glucose("g1", "2025-09-19 13:00"), glucose("g2", "2025-09-19 14:00"))
    upload(lake, "blood_glucose", *day, upload_date=UPLOADED - DAY)
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 13:00", version=2))
    found = select_days(lake, "blood_glucose")
    assert by_day(found) == {"2025-09-19": ["g2"], "2025-09-20": ["g1"]}
    assert withdrawn(found) == []


def test_an_interval_over_midnight_touches_both_days(lake: Lake) -> None:
    upload(lake, "steps", steps("s1", utc("2025-09-20 04:30"), utc("2025-09-20 05:30")))
    assert by_day(select_days(lake, "steps")) == {"2025-09-19": ["s1"], "2025-09-20": ["s1"]}


def test_a_day_lists_its_apps_in_order(lake: Lake) -> None:
    night = sleep_session("n1", app="com.ring"), sleep_session("n2", app="com.band")
    upload(lake, "sleep_session", *night)
    found = select_days(lake, "sleep_session").days
    assert found["source_apps"].tolist() == ["com.band, com.ring"]
    assert found[["record_count", "measurement_count"]].to_numpy().tolist() == [[2, 6]]


def test_an_upload_with_only_rejected_rows_touches_no_day(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("bad", "2025-09-20 13:00", mg_dl=5.0))
    found = select_days(lake, "blood_glucose")
    assert (len(found.days), len(found.rows), len(found.withdrawn)) == (0, 0, 0)


# Evidence for records that state no offset


def test_glucose_with_offset_z_is_split_into_days_at_the_offset_of_the_person_s_watch(lake: Lake) -> None:
    upload(lake, "heart_rate", pulse("h1", "2025-09-20 20:00"))
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 04:59", "Z"), glucose("g2", "2025-09-20 05:00", "Z"))
    found = select_days(lake, "blood_glucose")
    assert by_day(found) == {"2025-09-19": ["g1"], "2025-09-20": ["g2"]}
    assert set(sources(found).values()) == {"other_sources"}


def test_evidence_uploaded_days_before_counts(lake: Lake) -> None:
    upload(lake, "heart_rate", pulse("h1", "2025-09-20 20:00"), upload_date=UPLOADED - DAY)
    upload(lake, "blood_glucose", glucose("g1", "2025-09-21 01:00", "Z"))
    assert sources(select_days(lake, "blood_glucose")) == {"2025-09-20": "other_sources"}


@pytest.mark.parametrize(
    ("options", "day"), [(OPTIONS, "2025-09-21"), (CHICAGO, "2025-09-20")], ids=["UTC", "America/Chicago"]
)
def test_without_evidence_days_follow_the_default_zone(lake: Lake, options: InsightOptions, day: str) -> None:
    upload(lake, "blood_glucose", glucose("g1", "2025-09-21 02:00", "Z"))
    assert sources(select_days(lake, "blood_glucose", options=options)) == {day: "default"}


def test_days_follow_a_fixed_default_offset_too(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 20:00", None))
    options = InsightOptions("a key for tests alone", "+05:30", ClinicalOptions())
    assert sources(select_days(lake, "blood_glucose", options=options)) == {"2025-09-21": "default"}


def test_a_default_zone_follows_daylight_saving_time() -> None:
    chicago = ZoneInfo("America/Chicago")
    winter, summer = datetime(2025, 1, 15, tzinfo=chicago), datetime(2025, 7, 15, tzinfo=chicago)
    assert (winter.utcoffset(), summer.utcoffset()) == (-timedelta(hours=6), -timedelta(hours=5))
    for text, day in (("2025-01-15 05:30", "2025-01-14"), ("2025-07-15 05:30", "2025-07-15")):
        lake = memory_lake()
        uploaded = utc(text).date()
        upload(lake, "blood_glucose", glucose("g1", text, "Z"), upload_date=uploaded)
        assert sources(select_days(lake, "blood_glucose", uploaded, CHICAGO)) == {day: "default"}


def test_late_evidence_moves_the_rows_of_earlier_uploads_and_withdraws_the_phantom_day(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("g1", "2025-09-21 02:00", "Z"))
    assert by_day(select_days(lake, "blood_glucose")) == {"2025-09-21": ["g1"]}
    upload(lake, "heart_rate", pulse("h1", "2025-09-21 01:00"), upload_date=UPLOADED + DAY)
    found = select_days(lake, "blood_glucose", UPLOADED + DAY)
    assert by_day(found) == {"2025-09-20": ["g1"]}
    assert sources(found) == {"2025-09-20": "other_sources"}
    assert withdrawn(found) == ["2025-09-21"]


def test_late_evidence_that_agrees_with_the_default_still_touches_the_day_for_its_certainty(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 12:00", "Z"))
    upload(lake, "heart_rate", pulse("h1", "2025-09-20 12:00", "+00:00"), upload_date=UPLOADED + DAY)
    found = select_days(lake, "blood_glucose", UPLOADED + DAY)
    assert sources(found) == {"2025-09-20": "other_sources"}
    assert withdrawn(found) == []


def test_late_evidence_that_changes_nothing_touches_nothing(lake: Lake) -> None:
    upload(lake, "heart_rate", pulse("h1", "2025-09-20 12:00"))
    upload(lake, "blood_glucose", glucose("g1", "2025-09-20 12:00", "Z"))
    upload(lake, "heart_rate", pulse("h2", "2025-09-20 18:00"), upload_date=UPLOADED + DAY)
    found = select_days(lake, "blood_glucose", UPLOADED + DAY)
    assert (by_day(found), withdrawn(found)) == ({}, [])


def test_corrected_evidence_moves_the_rows_again(lake: Lake) -> None:
    upload(lake, "heart_rate", pulse("h1", "2025-09-20 12:00", "-05:00", version=1))
    upload(lake, "blood_glucose", glucose("g1", "2025-09-21 02:00", "Z"))
    upload(lake, "heart_rate", pulse("h1", "2025-09-20 12:00", "+02:00", version=2), upload_date=UPLOADED + DAY)
    found = select_days(lake, "blood_glucose", UPLOADED + DAY)
    assert by_day(found) == {"2025-09-21": ["g1"]}
    assert withdrawn(found) == ["2025-09-20"]


def test_a_record_whose_update_states_no_offset_is_no_longer_evidence(lake: Lake) -> None:
    upload(lake, "heart_rate", pulse("h1", "2025-09-20 12:00", "-05:00", version=1))
    upload(lake, "blood_glucose", glucose("g1", "2025-09-21 02:00", "Z"))
    upload(lake, "heart_rate", pulse("h1", "2025-09-20 12:00", "Z", version=2), upload_date=UPLOADED + DAY)
    split = select_days(lake, "blood_glucose", UPLOADED + DAY)
    at_once = memory_lake()
    upload(at_once, "heart_rate", pulse("h1", "2025-09-20 12:00", "Z", version=2))
    upload(at_once, "blood_glucose", glucose("g1", "2025-09-21 02:00", "Z"))
    assert sources(split) == sources(select_days(at_once, "blood_glucose")) == {"2025-09-21": "default"}
    assert withdrawn(split) == ["2025-09-20"]


def test_a_record_without_an_offset_takes_that_of_other_sources_and_one_with_an_invalid_offset_is_rejected(
    lake: Lake,
) -> None:
    upload(lake, "heart_rate", pulse("h1", "2025-09-21 01:00"))
    upload(lake, "blood_glucose", glucose("g1", "2025-09-21 02:00", None))
    upload(lake, "blood_glucose", glucose("g2", "2025-09-21 02:00", "Chicago"))
    found = select_days(lake, "blood_glucose")
    assert sources(found) == {"2025-09-20": "other_sources"}
    assert by_day(found) == {"2025-09-20": ["g1"]}


# Long histories and late files


def test_a_very_late_file_is_combined_with_earlier_records_of_its_day(lake: Lake) -> None:
    upload(lake, "blood_glucose", glucose("known", "2025-08-01 13:00"), upload_date=date(2025, 8, 1))
    upload(lake, "blood_glucose", glucose("late", "2025-08-01 14:00"))
    assert by_day(select_days(lake, "blood_glucose")) == {"2025-08-01": ["known", "late"]}


def _moved_record(lake: Lake) -> None:
    """A late file of Aug 1 comes on Sep 16; on Sep 21 an update moves its record to Sep 20."""
    upload(lake, "blood_glucose", glucose("late", "2025-08-01 14:00"), upload_date=date(2025, 9, 16))
    upload(lake, "blood_glucose", glucose("late", "2025-09-20 14:00", version=2))


def _late_evidence(lake: Lake) -> None:
    """A late file of Aug 1 comes on Sep 16 and says Z; on Sep 21 comes evidence of where the person was."""
    upload(lake, "blood_glucose", glucose("late", "2025-08-01 14:00", "Z"), upload_date=date(2025, 9, 16))
    upload(lake, "heart_rate", pulse("h1", "2025-08-01 14:00"))


@pytest.mark.parametrize("change", [_moved_record, _late_evidence])
def test_a_change_to_a_day_long_ago_keeps_its_other_records(lake: Lake, change: Callable[[Lake], None]) -> None:
    upload(lake, "blood_glucose", glucose("known", "2025-08-01 13:00", "Z"), upload_date=date(2025, 8, 1))
    change(lake)
    found = select_days(lake, "blood_glucose")
    assert "known" in by_day(found).get("2025-08-01", [])
    assert "2025-08-01" not in withdrawn(found)


def test_every_day_moved_by_a_watch_that_syncs_a_week_late_is_complete(lake: Lake) -> None:
    # Each day at noon UTC the phone exports the last 24 hours of glucose, with offset Z.
    noons = [utc("2025-09-05 12:00") + n * DAY for n in range(17)]
    known: dict[str, set[str]] = {}
    for noon in noons:
        times = [noon - timedelta(hours=hours) for hours in (22, 16, 10, 4)]
        readings = [blood_glucose(f"{time:%d-%H}", time, zone="Z") for time in times]
        upload(lake, "blood_glucose", *readings, upload_date=noon.date())
        for time, reading in zip(times, readings, strict=True):
            local_date = (time - timedelta(hours=5)).date().isoformat()
            known.setdefault(local_date, set()).add(reading["metadata"]["id"])
    evidence = [pulse(f"h{noon:%d}", f"{noon:%Y-%m-%d %H:%M}") for noon in noons]
    upload(lake, "heart_rate", *evidence, upload_date=UPLOADED)
    found = by_day(select_days(lake, "blood_glucose"))
    assert set(found) >= {f"2025-09-{day}" for day in range(14, 22)}
    assert {day: set(records) for day, records in found.items()} == {day: known[day] for day in found}
