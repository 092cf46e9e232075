"""Synthetic exports are reproducible, look like those of the phone app, and are physiologically plausible."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from itertools import islice, pairwise
from pathlib import Path

import fastavro
import numpy as np
import pytest

from health_etl.synthetic import ExportFile, generate, write_exports
from health_etl.synthetic.avro_schemas import WRITER_SCHEMAS
from health_etl.synthetic.blood_glucose import meal_response
from health_etl.synthetic.exports import exports_of, rows_of_export
from health_etl.synthetic.local_day import MILLIS_PER_HOUR
from health_etl.synthetic.person import GlucoseProfile, invent_person
from health_etl.synthetic.records import Record, Version
from health_etl_tests.support.synthetic_rows import Decoded, app_of, decode, rows_of

INSTANTS = ("BloodGlucoseRecord", "HeartRateVariabilityRmssdRecord")
INTERVALS = ("HeartRateRecord", "SleepSessionRecord", "StepsRecord", "ActiveCaloriesBurnedRecord")


@pytest.fixture(scope="module")
def files() -> list[ExportFile]:
    return list(generate(people=4, days=9, seed=11))


@pytest.fixture(scope="module")
def decoded(files: list[ExportFile]) -> list[Decoded]:
    return [decode(file) for file in files]


# Reproducible


def test_the_same_seed_gives_the_same_bytes(files: list[ExportFile]) -> None:
    assert list(generate(people=4, days=9, seed=11)) == files


def test_another_seed_gives_different_readings(files: list[ExportFile]) -> None:
    mine = {file.content for file in files}
    assert not mine & {file.content for file in generate(people=1, days=2, seed=12)}


def test_a_person_does_not_depend_on_the_number_of_people(files: list[ExportFile]) -> None:
    alone = list(generate(people=1, days=9, seed=11))
    assert [file for file in files if file.person == "person_01"] == alone


def test_more_days_leave_the_first_days_as_they_were(files: list[ExportFile]) -> None:
    first = [file for file in files if file.person == "person_01"]
    fewer = list(generate(people=1, days=4, seed=11))
    assert first[: len(fewer)] == fewer


def test_files_come_one_by_one_however_many_people_there_are() -> None:
    assert len(list(islice(generate(people=10**9, days=10**4, seed=1), 3))) == 3


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        next(iter(generate(people=1, days=1, seed=-1)))


# Shaped as the phone app writes them


def test_the_writer_schemas_are_those_of_real_exports_but_for_the_namespace(shared: Path) -> None:
    for record_type, schema in WRITER_SCHEMAS.items():
        path = next((shared / "samples").glob(f"{record_type}_*.avro"))
        with path.open("rb") as real:
            theirs = dict(fastavro.reader(real).metadata)["avro.schema"]
        ours = fastavro.parse_schema(dict(schema))
        renamed = theirs.replace("io.github.hitoshura25.healthsyncapp.data.avro", "io.github.health_etl.sample")
        assert ours == fastavro.parse_schema(json.loads(renamed)), record_type


def test_every_row_was_fetched_at_the_time_in_the_file_name(decoded: list[Decoded]) -> None:
    for export in decoded:
        assert export.rows
        assert {row["appRecordFetchTimeEpochMillis"] for row in export.rows} == {export.file.export_ms}
        assert export.file.uploaded == datetime.fromtimestamp(export.file.export_ms / 1000, tz=UTC).date()


def test_every_person_exports_all_six_types_under_names_of_their_own(files: list[ExportFile]) -> None:
    assert len({(file.person, file.name) for file in files}) == len(files)
    types = defaultdict(set)
    for file in files:
        types[file.person].add(file.record_type)
    assert list(types) == ["person_01", "person_02", "person_03", "person_04"]
    assert all(held == {*INSTANTS, *INTERVALS} for held in types.values())


def test_one_person_in_four_compresses_the_files(files: list[ExportFile]) -> None:
    codecs = {file.person: fastavro.reader(io.BytesIO(file.content)).codec for file in files}
    assert codecs == {"person_01": "null", "person_02": "deflate", "person_03": "null", "person_04": "null"}


@pytest.mark.parametrize("record_type", [*INSTANTS, *INTERVALS])
def test_later_exports_repeat_the_records_of_earlier_ones(decoded: list[Decoded], record_type: str) -> None:
    ids = [row["metadata"]["id"] for row in rows_of(decoded, record_type)]
    assert len(set(ids)) < 0.75 * len(ids)


@pytest.mark.parametrize("record_type", [*INSTANTS, *INTERVALS])
def test_an_id_identifies_one_record_whose_version_never_decreases(decoded: list[Decoded], record_type: str) -> None:
    seen: dict[str, tuple[object, int, int]] = {}
    time_field = "timeEpochMillis" if record_type in INSTANTS else "startTimeEpochMillis"
    for row in rows_of(decoded, record_type):
        meta = row["metadata"]
        identity = (row[time_field], app_of(row), meta["clientRecordId"])
        version, modified = meta["clientRecordVersion"], meta["lastModifiedTimeEpochMillis"]
        before = seen.get(meta["id"], (identity, version, modified))
        assert before[0] == identity
        assert before[1] <= version
        assert before[2] <= modified
        seen[meta["id"]] = (identity, version, modified)


def test_no_record_was_modified_after_its_export(decoded: list[Decoded]) -> None:
    for export in decoded:
        assert max(row["metadata"]["lastModifiedTimeEpochMillis"] for row in export.rows) <= export.file.export_ms


def test_readings_reach_the_export_only_after_they_were_measured(decoded: list[Decoded]) -> None:
    for record_type in INSTANTS:
        for row in rows_of(decoded, record_type):
            assert row["timeEpochMillis"] < row["metadata"]["lastModifiedTimeEpochMillis"]


@pytest.mark.parametrize(
    ("record_type", "field"),
    [("StepsRecord", "count"), ("ActiveCaloriesBurnedRecord", "energyInKilocalories")],
)
def test_a_daily_total_grows_from_export_to_export_and_then_stays(
    decoded: list[Decoded], record_type: str, field: str
) -> None:
    totals = defaultdict(list)
    for row in rows_of(decoded, record_type):
        totals[row["metadata"]["id"]].append(row[field])
    assert all(before <= after for series in totals.values() for before, after in pairwise(series))
    grown = [series for series in totals.values() if series[-1] > series[0]]
    assert len(grown) > len(totals) / 2


def test_some_totals_end_after_their_export_and_some_before(decoded: list[Decoded]) -> None:
    partial = Counter(
        row["endTimeEpochMillis"] > row["appRecordFetchTimeEpochMillis"] for row in rows_of(decoded, "StepsRecord")
    )
    assert partial[True] > 20
    assert partial[False] > 20


def test_the_cgm_writes_z_while_the_other_apps_write_the_local_offset(decoded: list[Decoded]) -> None:
    true_offsets: dict[str, set[str]] = defaultdict(set)
    for record_type in INTERVALS:
        for export in decoded:
            if export.file.record_type == record_type:
                true_offsets[export.file.person] |= {row["startZoneOffsetId"] for row in export.rows}
    assert {row["zoneOffsetId"] for row in rows_of(decoded, "BloodGlucoseRecord")} == {"Z"}
    assert dict(true_offsets) == {
        "person_01": {"-05:00"},
        "person_02": {"+01:00"},
        "person_03": {"-04:00"},
        "person_04": {"+02:00"},
    }


@pytest.mark.parametrize("record_type", ["StepsRecord", "SleepSessionRecord", "HeartRateRecord"])
def test_two_apps_report_the_same_steps_sleep_and_heart_rate(decoded: list[Decoded], record_type: str) -> None:
    apps = {app_of(row) for row in rows_of(decoded, record_type)}
    assert apps == {"com.example.watch", "com.example.ring"}


def test_an_export_contains_the_current_version_of_what_ended_in_the_last_24_hours() -> None:
    day = 24 * MILLIS_PER_HOUR
    export_ms = 10 * day
    old = Record(0, 9 * day, (Version(9 * day, {"n": "old"}),))
    unsynced = Record(0, 10 * day - 5, (Version(10 * day + 1, {"n": "unsynced"}),))
    grown = Record(
        9 * day + 1,
        11 * day,
        (
            Version(9 * day + 2, {"n": "first"}),
            Version(10 * day, {"n": "second"}),
            Version(10 * day + 1, {"n": "third"}),
        ),
    )
    rows = rows_of_export([old, unsynced, grown], export_ms)
    assert rows == [{"n": "second", "appRecordFetchTimeEpochMillis": export_ms}]


# Physiologically plausible


def test_glucose_stays_between_40_and_400_and_comes_every_5_minutes(decoded: list[Decoded]) -> None:
    levels = [row["levelInMilligramsPerDeciliter"] for row in rows_of(decoded, "BloodGlucoseRecord")]
    assert min(levels) >= 40 - 1e-9
    assert max(levels) <= 400 + 1e-9
    largest = max((e for e in decoded if e.file.record_type == "BloodGlucoseRecord"), key=lambda e: len(e.rows))
    steps = np.diff([row["timeEpochMillis"] for row in largest.rows])
    assert steps.min() > 295_000
    assert np.median(steps) == pytest.approx(300_000, abs=300)


def test_glucose_shows_the_rounding_of_the_platform_s_mmol_conversion(decoded: list[Decoded]) -> None:
    levels = {row["levelInMilligramsPerDeciliter"] for row in rows_of(decoded, "BloodGlucoseRecord")}
    near_103 = {level for level in levels if round(level) == 103}
    assert near_103 == {103.00000000000001}


def test_a_meal_raises_glucose_most_at_its_peak_time_and_not_before_it() -> None:
    profile = GlucoseProfile("any", 90.0, 5.0, 0.5, 60.0, 5.0, 0.0, 0.0)
    minutes = np.array([-30, 0, 30, 60, 120, 600])
    rise = meal_response(profile, minutes * 60_000)
    # x^2 e^(2(1-x)) at x = 0.5: 0.25 e = 0.67957; at x = 2: 4 e^-2 = 0.54134; halved for 0.5 mg/dL per g
    assert rise == pytest.approx([0, 0, 0.339785, 0.5, 0.270671, 0], abs=1e-5)


def test_the_person_with_diabetes_has_higher_glucose_than_the_one_without(decoded: list[Decoded]) -> None:
    levels: dict[str, list[float]] = defaultdict(list)
    for export in decoded:
        if export.file.record_type == "BloodGlucoseRecord":
            levels[export.file.person] += [row["levelInMilligramsPerDeciliter"] for row in export.rows]
    assert 80 < np.mean(levels["person_02"]) < 110  # no diabetes
    assert 120 < np.mean(levels["person_01"]) < 160  # type 2
    assert np.std(levels["person_04"]) > 2 * np.std(levels["person_02"])  # type 1


def test_heart_rate_samples_are_30_to_220_bpm_in_order_and_inside_their_record(
    decoded: list[Decoded],
) -> None:
    for row in rows_of(decoded, "HeartRateRecord"):
        times = [sample["timeEpochMillis"] for sample in row["samples"]]
        assert times
        assert row["startTimeEpochMillis"] <= times[0]
        assert times[-1] <= row["endTimeEpochMillis"]
        assert all(before < after for before, after in pairwise(times))
        assert all(30 <= sample["beatsPerMinute"] <= 220 for sample in row["samples"])


def test_the_heart_beats_slower_asleep_than_at_noon(decoded: list[Decoded]) -> None:
    bpm = defaultdict(list)
    for export in decoded:
        if export.file.person == "person_01" and export.file.record_type == "HeartRateRecord":
            for row in export.rows:
                for sample in row["samples"]:
                    hour = (sample["timeEpochMillis"] // MILLIS_PER_HOUR - 5) % 24  # at -05:00
                    bpm[hour].append(sample["beatsPerMinute"])
    assert np.median(bpm[3]) + 8 < np.median(bpm[12])


def test_heart_rate_comes_as_single_samples_and_as_series(decoded: list[Decoded]) -> None:
    lengths = Counter(len(row["samples"]) for row in rows_of(decoded, "HeartRateRecord"))
    assert lengths[1] > 1_000
    assert sum(count for length, count in lengths.items() if length >= 50) > 100


def test_rmssd_is_1_to_200_ms_and_measured_while_the_ring_saw_a_night(decoded: list[Decoded]) -> None:
    nights = {
        row["metadata"]["clientRecordId"]: (row["startTimeEpochMillis"], row["endTimeEpochMillis"])
        for row in rows_of(decoded, "SleepSessionRecord")
        if app_of(row) == "com.example.ring"
    }
    for row in rows_of(decoded, "HeartRateVariabilityRmssdRecord"):
        session = row["metadata"]["clientRecordId"].partition(" ")[0]
        assert 1 <= row["heartRateVariabilityRmssd"] <= 200
        assert nights[session][0] <= row["timeEpochMillis"] < nights[session][1]


def test_sleep_stages_fill_their_session_without_overlap(decoded: list[Decoded]) -> None:
    for row in rows_of(decoded, "SleepSessionRecord"):
        start, end, stages = row["startTimeEpochMillis"], row["endTimeEpochMillis"], row["stages"]
        assert row["durationMillis"] == end - start
        assert 0.5 <= row["durationMillis"] / MILLIS_PER_HOUR <= 16
        if stages:
            assert (stages[0]["startTimeEpochMillis"], stages[-1]["endTimeEpochMillis"]) == (start, end)
        assert all(stage["startTimeEpochMillis"] < stage["endTimeEpochMillis"] for stage in stages)
        assert all(a["endTimeEpochMillis"] == b["startTimeEpochMillis"] for a, b in pairwise(stages))
        assert all(a["stage"] != b["stage"] for a, b in pairwise(stages))


def test_deep_sleep_comes_early_in_the_night_and_rem_sleep_late(decoded: list[Decoded]) -> None:
    middles = defaultdict(list)
    for row in rows_of(decoded, "SleepSessionRecord"):
        for stage in row["stages"]:
            middle = (stage["startTimeEpochMillis"] + stage["endTimeEpochMillis"]) / 2
            middles[stage["stage"]].append((middle - row["startTimeEpochMillis"]) / row["durationMillis"])
    assert np.mean(middles["DEEP"]) < 0.45
    assert np.mean(middles["REM"]) > 0.55


def test_people_get_up_later_on_days_off() -> None:
    person = invent_person(11, 1, "someone")
    rising = defaultdict(list)
    for export in map(decode, exports_of(person, date(2025, 10, 6), 21)):
        if export.file.record_type == "SleepSessionRecord":
            for row in export.rows:
                if row["stages"]:
                    local = datetime.fromtimestamp(row["endTimeEpochMillis"] / 1000, tz=person.zone)
                    rising[local.weekday() >= 5].append(local.hour + local.minute / 60)
    assert np.mean(rising[True]) > np.mean(rising[False]) + 0.5


# Time


def test_a_total_across_a_clock_change_has_both_offsets() -> None:
    new_yorker = invent_person(11, 3, "someone")
    exports = map(decode, exports_of(new_yorker, date(2025, 11, 1), 3))
    totals = [row for export in exports if export.file.record_type == "StepsRecord" for row in export.rows]
    hours = {
        (row["startZoneOffsetId"], row["endZoneOffsetId"]): row["endTimeEpochMillis"] - row["startTimeEpochMillis"] + 1
        for row in totals
        if app_of(row) == "com.example.watch"
    }
    assert hours[("-04:00", "-05:00")] == 25 * MILLIS_PER_HOUR
    assert hours[("-05:00", "-05:00")] == 24 * MILLIS_PER_HOUR


# Files


def test_files_are_written_into_a_folder_per_person(tmp_path: Path, files: list[ExportFile]) -> None:
    paths = write_exports(iter(files[:2]), tmp_path / "out")
    assert paths == [tmp_path / "out" / "person_01" / file.name for file in files[:2]]
    assert [path.read_bytes() for path in paths] == [file.content for file in files[:2]]


def test_files_are_written_side_by_side_when_flat(tmp_path: Path, files: list[ExportFile]) -> None:
    assert write_exports(files[:1], tmp_path, flat=True) == [tmp_path / files[0].name]
