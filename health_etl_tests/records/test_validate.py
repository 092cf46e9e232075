"""Each measurement row is either valid or lists every fault."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pandas as pd
import pandera.errors
import pyarrow as pa
import pytest

from health_etl.record_types import record_types
from health_etl.records.validate import row_faults, temporal_reasons
from health_etl_tests.support.exports import (
    BEDTIME,
    BUILDERS,
    NOON,
    UPLOADED,
    Record,
    active_calories_burned,
    blood_glucose,
    epoch_ms,
    heart_rate,
    heart_rate_variability_rmssd,
    plain,
    sleep_session,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import measurement_rows


def faults(name: str, *records: Record, upload_date: date = UPLOADED) -> Sequence[str | None]:
    found = row_faults(measurement_rows(name, records), record_types()[name], upload_date)
    return [None if pd.isna(fault) else fault for fault in found]


@pytest.mark.parametrize("name", sorted(record_types()))
def test_a_typical_record_has_no_fault(name: str) -> None:
    assert set(faults(name, plain(name))) == {None}


@pytest.mark.parametrize(
    ("mg_dl", "fault"),
    [
        (20.0, None),
        (600.0, None),
        (19.9, "glucose_mg_dl:out_of_range"),
        (600.1, "glucose_mg_dl:out_of_range"),
        (float("inf"), "glucose_mg_dl:out_of_range"),
        (float("nan"), "glucose_mg_dl:missing_value"),
    ],
)
def test_glucose_from_20_to_600_is_valid(mg_dl: float, fault: str | None) -> None:
    assert faults("blood_glucose", blood_glucose(mg_dl=mg_dl)) == [fault]


def test_heart_rate_samples_from_30_to_220_are_valid_individually() -> None:
    out = "bpm:out_of_range"
    assert faults("heart_rate", heart_rate(bpm=(29, 30, 220, 221))) == [out, None, None, out]


@pytest.mark.parametrize(("rmssd_ms", "good"), [(1.0, True), (300.0, True), (0.99, False), (300.1, False)])
def test_rmssd_from_1_to_300_is_valid(rmssd_ms: float, good: bool) -> None:
    expected = None if good else "rmssd_ms:out_of_range"
    assert faults("heart_rate_variability_rmssd", heart_rate_variability_rmssd(rmssd_ms=rmssd_ms)) == [expected]


@pytest.mark.parametrize(("count", "good"), [(0, True), (100_000, True), (-1, False), (100_001, False)])
def test_steps_from_0_to_100000_are_valid(count: int, good: bool) -> None:
    assert faults("steps", steps(count=count)) == [None if good else "steps:out_of_range"]


@pytest.mark.parametrize(("kcal", "good"), [(0.0, True), (10_000.0, True), (-0.1, False), (10_000.1, False)])
def test_active_energy_from_0_to_10000_is_valid(kcal: float, good: bool) -> None:
    expected = None if good else "active_kcal:out_of_range"
    assert faults("active_calories_burned", active_calories_burned(kcal=kcal)) == [expected]


@pytest.mark.parametrize(
    ("moment", "good"),
    [
        (utc("2000-01-01 00:00"), True),
        (utc("1999-12-31 23:59:59"), False),
        (utc("2025-09-22 23:59:59"), True),  # the day after the upload is still valid
        (utc("2025-09-23 00:00:01"), False),
    ],
)
def test_a_time_before_2000_or_later_than_the_day_after_the_upload_is_implausible(moment: datetime, good: bool) -> None:
    assert faults("blood_glucose", blood_glucose(moment=moment)) == [None if good else "time_utc:time_implausible"]


def test_how_late_a_time_may_be_depends_on_the_upload_date() -> None:
    record = blood_glucose(moment=utc("2025-09-23 12:00"))
    assert faults("blood_glucose", record, upload_date=date(2025, 9, 21)) == ["time_utc:time_implausible"]
    assert faults("blood_glucose", record, upload_date=date(2025, 9, 22)) == [None]


def test_a_record_that_ends_before_it_starts_is_rejected_but_not_one_of_zero_length() -> None:
    assert faults("steps", steps(end=NOON - timedelta(seconds=1)), steps("s2", end=NOON)) == [
        "ends_before_start",
        None,
    ]


def test_a_record_without_samples_lacks_its_value_and_its_time() -> None:
    assert faults("heart_rate", heart_rate(bpm=())) == ["bpm:missing_value; time_utc:missing_value"]


def test_a_missing_end_is_missing_and_not_also_before_the_start() -> None:
    assert faults("steps", {**steps(), "endTimeEpochMillis": None}) == ["end_utc:missing_value"]


def test_a_null_among_the_samples_is_a_missing_value_and_its_neighbours_are_good() -> None:
    record = heart_rate(bpm=(60, 61, 62))
    record["samples"][1] = None
    assert faults("heart_rate", record) == [None, "bpm:missing_value; time_utc:missing_value", None]


def test_a_stage_without_a_name_is_unknown_and_one_without_a_time_rejects_the_session() -> None:
    nameless, timeless, none = sleep_session("n1"), sleep_session("n2"), sleep_session("n3")
    nameless["stages"][1]["stage"] = None
    timeless["stages"][1]["endTimeEpochMillis"] = None
    none["stages"][1] = None
    assert measurement_rows("sleep_session", [nameless])["stage"].tolist() == ["LIGHT", "UNKNOWN", "REM"]
    assert faults("sleep_session", nameless) == [None] * 3
    assert "outside_record" in faults("sleep_session", timeless)
    assert "outside_record" in faults("sleep_session", none)
    only_null = {**sleep_session(), "stages": [None]}
    assert faults("sleep_session", only_null) == faults("sleep_session", {**sleep_session(), "stages": None}) == [None]


@pytest.mark.parametrize("field", ["specimenSource", "mealType", "relationToMeal"])
def test_a_null_word_means_unknown_as_in_health_connect(field: str) -> None:
    assert faults("blood_glucose", {**blood_glucose(), field: None}) == [None]


def test_a_sample_outside_its_record_is_rejected_but_not_its_neighbours() -> None:
    record = heart_rate(bpm=(60, 61, 62))
    record["samples"][2]["timeEpochMillis"] += 1
    record["samples"][0]["timeEpochMillis"] = record["startTimeEpochMillis"]
    assert faults("heart_rate", record) == [None, None, "outside_record"]


def test_a_sleep_session_without_stages_is_valid() -> None:
    assert faults("sleep_session", sleep_session(stages=(), end=utc("2025-09-20 11:00"))) == [None]


def test_a_stage_that_exceeds_its_session_or_runs_backwards_is_rejected() -> None:
    early, late, backwards = sleep_session("n1"), sleep_session("n2"), sleep_session("n3")
    early["stages"][0]["startTimeEpochMillis"] -= 1
    late["stages"][-1]["endTimeEpochMillis"] += 1
    middle = backwards["stages"][1]
    middle["endTimeEpochMillis"] = middle["startTimeEpochMillis"] - 1
    refused = "outside_record"
    assert faults("sleep_session", early) == [refused, None, None]
    assert faults("sleep_session", late) == [None, None, refused]
    assert faults("sleep_session", backwards) == [None, refused, None]


def overlapping(*minutes: tuple[int, int], record_id: str = "n1") -> Record:
    """Return a session with stages at these minutes (start, end) after its start."""
    record = sleep_session(record_id, stages=(("LIGHT", 60),) * len(minutes), end=BEDTIME + timedelta(hours=8))
    for stage, (start, end) in zip(record["stages"], minutes, strict=True):
        stage["startTimeEpochMillis"] = epoch_ms(BEDTIME + timedelta(minutes=start))
        stage["endTimeEpochMillis"] = epoch_ms(BEDTIME + timedelta(minutes=end))
    return record


@pytest.mark.parametrize(
    ("minutes", "refused"),
    [
        (((0, 60), (60, 120)), []),  # they touch
        (((60, 120), (0, 60)), []),  # not in order
        (((0, 60), (59, 120)), [1]),
        (((59, 120), (0, 60)), [0]),
        (((0, 100), (10, 20), (30, 40)), [1, 2]),  # both within the first, though not within each other
        (((0, 60), (0, 60)), [1]),
        (((0, 60), (30, 30), (60, 60), (0, 0)), []),  # zero length, no overlap
        (((0, 60), (30, 30), (31, 90)), [2]),
    ],
)
def test_stages_that_overlap_an_earlier_one_of_their_session_are_rejected(
    minutes: tuple[tuple[int, int], ...], refused: list[int]
) -> None:
    found = faults("sleep_session", overlapping(*minutes))
    assert found == ["stages_overlap" if position in refused else None for position in range(len(minutes))]


def test_the_same_night_of_two_apps_does_not_overlap_itself() -> None:
    one, other = overlapping((0, 60)), overlapping((30, 90), record_id="n2")
    assert (
        faults("sleep_session", one, other, sleep_session("n3", stages=(), end=utc("2025-09-20 11:00"))) == [None] * 3
    )
    rows = pd.concat([measurement_rows("sleep_session", [one], key) for key in ("raw/one", "raw/two")])
    assert row_faults(rows.reset_index(drop=True), record_types()["sleep_session"], UPLOADED).isna().all()


def test_an_overlap_is_found_whatever_the_order_and_index_of_the_rows() -> None:
    record = overlapping((0, 60), (60, 120), (90, 150))
    rows = measurement_rows("sleep_session", [record, sleep_session("n2")]).sample(frac=1, random_state=3)
    found = row_faults(rows, record_types()["sleep_session"], UPLOADED)
    assert found[found.notna()].to_dict() == {2: "stages_overlap"}


GOOD_ZONES = [None, "Z", "+00:00", "-05:00", "+05:45", "+18:00", "-18:00", "+05:53:28"]
GOOD_ZONES += [
    "",
    "  ",
    "z",
    "UTC",
    "+5",
    "+02",
    "+0200",
    "UTC+2",
    "GMT+02:00",
    " -05:00\n",
    "Europe/Berlin",
    "Etc/GMT+5",
]


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_an_offset_within_18_hours_in_any_spelling_and_the_name_of_a_zone_are_valid(name: str) -> None:
    records = [BUILDERS[name](f"r{number}", zone=zone) for number, zone in enumerate(GOOD_ZONES)]
    assert set(faults(name, *records)) == {None}


@pytest.mark.parametrize(
    "zone",
    [
        *("5", "+200", "+18:01", "+18:00:01", "-19:00", "+05:60", "+05:00:60", "05:00", "+٠٥:٠٠", "−05:00"),
        *("EST", "Mars/Olympus", "europe/berlin", "../../etc/passwd", "UTC/", "Z+1", "+05:00" + "0" * 99),
    ],
)
@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_anything_but_an_offset_within_18_hours_is_rejected_in_each_column(name: str, zone: str) -> None:
    columns = [column.name for column in record_types()[name].columns if column.name.endswith("zone_offset")]
    all_faults = "; ".join(sorted(f"{column}:offset_implausible" for column in columns))
    assert columns
    assert set(faults(name, BUILDERS[name](zone=zone))) == {all_faults}


def test_each_end_of_a_record_has_an_offset_of_its_own() -> None:
    record = {**steps(), "endZoneOffsetId": "+25:00"}
    assert faults("steps", record) == ["end_zone_offset:offset_implausible"]


@pytest.mark.parametrize("name", sorted(record_types()))
def test_a_wrong_offset_is_a_clock_fault(name: str) -> None:
    assert "offset_implausible" in temporal_reasons(record_types()[name])


def fractions(name: str) -> list[str]:
    return [column.name for column in record_types()[name].columns if pa.types.is_floating(column.dtype)]


@pytest.mark.parametrize("name", [name for name in sorted(record_types()) if fractions(name)])
def test_nan_is_missing_and_infinity_is_out_of_range(name: str) -> None:
    rows = measurement_rows(name, [plain(name, f"r{number}") for number in range(4)])
    for column in fractions(name):
        values = pd.Series([float("nan"), float("inf"), float("-inf"), 1e308], index=rows.index)
        found = row_faults(rows.assign(**{column: values}), record_types()[name], UPLOADED)
        assert found.tolist() == [f"{column}:missing_value"] + [f"{column}:out_of_range"] * 3


def test_minus_zero_is_zero() -> None:
    assert faults("active_calories_burned", active_calories_burned(kcal=-0.0)) == [None]
    assert faults("blood_glucose", blood_glucose(mg_dl=-0.0)) == ["glucose_mg_dl:out_of_range"]


@pytest.mark.parametrize("count", [2**63 - 1, -(2**63), 2**53 + 1])
def test_the_largest_integers_are_out_of_range(count: int) -> None:
    assert faults("steps", steps(count=count)) == ["steps:out_of_range"]
    assert faults("heart_rate", heart_rate(bpm=(60, count))) == [None, "bpm:out_of_range"]


def test_a_session_of_16_hours_is_valid_but_not_a_longer_one() -> None:
    start = utc("2025-09-20 00:00")
    whole = sleep_session(start=start, stages=(), end=start + timedelta(hours=16))
    longer = sleep_session("n2", start=start, stages=(), end=start + timedelta(hours=16, milliseconds=1))
    assert faults("sleep_session", whole, longer) == [None, "duration_out_of_range"]


def test_a_short_nap_is_valid() -> None:
    assert faults("sleep_session", sleep_session(stages=(("LIGHT", 10),))) == [None]


def test_a_row_with_several_faults_lists_all_of_them_in_order() -> None:
    record = blood_glucose(mg_dl=5.0, moment=utc("1990-01-01 00:00"))
    assert faults("blood_glucose", record) == ["glucose_mg_dl:out_of_range; time_utc:time_implausible"]


def test_faults_have_the_index_of_the_rows() -> None:
    rows = measurement_rows("steps", [steps(), steps("s2", count=-1)])
    rows.index = pd.Index([9, 4])
    found = row_faults(rows, record_types()["steps"], UPLOADED)
    assert found[found.notna()].to_dict() == {4: "steps:out_of_range"}


def test_a_frame_without_a_required_column_raises_an_error() -> None:
    rows = measurement_rows("blood_glucose", [blood_glucose()]).drop(columns="glucose_mg_dl")
    with pytest.raises(pandera.errors.SchemaErrors):
        row_faults(rows, record_types()["blood_glucose"], UPLOADED)
