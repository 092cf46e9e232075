"""Sleep of a local night: one main sleep, alternates and naps apart, nothing graded on too few stages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.sleep_session.processor import PROCESSOR, analyse, look_back
from health_etl_tests.clinical.sleep_session.sleep_nights import (
    FULL_NIGHT,
    NO_PRIORITY,
    OURA,
    SAMSUNG,
    Stages,
    frame,
    night_of,
    nights,
    no_history,
    only,
    real_rows_of,
    session,
)


@pytest.fixture(scope="module")
def real_rows(shared: Path) -> pd.DataFrame:
    return real_rows_of(shared)


def test_a_real_night_of_two_apps_is_one_main_sleep_and_one_alternate(real_rows: pd.DataFrame) -> None:
    found = only(analyse(real_rows, nights(), NO_PRIORITY))

    assert found["main_sleep_source_app"] == OURA  # modified later
    assert found["tib_minutes"] == 22_508 / 60
    assert found["alternate_session_count"] == 1
    assert found["nap_count"] == 0
    assert found["nap_minutes"] is None
    assert (found["bed_time_local"], found["wake_time_local"]) == ("02:39", "08:54")


def test_the_app_of_highest_priority_speaks_for_a_real_night(real_rows: pd.DataFrame) -> None:
    found = only(analyse(real_rows, nights(), ClinicalOptions((SAMSUNG,))))

    assert found["main_sleep_source_app"] == SAMSUNG
    assert found["tib_minutes"] == 26_580 / 60
    assert found["alternate_session_count"] == 1


def test_a_staged_night_gives_every_measure() -> None:
    found = night_of(session("19T23:40", "20T07:40", FULL_NIGHT))

    assert found["tib_minutes"] == 480
    assert found["tst_minutes"] == 480 - 20 - 10 - 30
    assert found["se_percent"] == pytest.approx(100 * 420 / 480)
    assert found["sol_minutes"] == 20
    assert found["waso_minutes"] == 10
    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 1)
    assert (found["light_minutes"], found["deep_minutes"], found["rem_minutes"]) == (200, 100, 120)
    assert found["rem_percent"] == pytest.approx(100 * 120 / 420)
    assert (found["sleep_onset_local"], found["sleep_end_local"]) == ("00:00", "07:10")
    assert (found["mid_sleep_local"], found["mid_sleep_minutes"]) == ("03:35", 215)
    assert found["sleep_period_minutes"] == 430
    assert (found["longest_awakening_local"], found["longest_awakening_minutes"]) == ("03:20", 10)
    assert found["rem_latency_minutes"] == 200 + 10 + 100
    assert found["deep_first_half_percent"] == 5  # deep from 210 to 310 min after onset, the middle being at 215
    assert found["sleep_with_naps_minutes"] == 420
    assert found["coverage"] == 1
    assert found["coverage_reason"] is None


def test_unknown_stages_and_gaps_count_as_sleep_but_not_as_staged() -> None:
    stages: Stages = [("LIGHT", 200), ("UNKNOWN", 40), ("", 60), ("DEEP", 60), ("REM", 120)]

    found = night_of(session("19T23:00", "20T07:00", stages))

    assert found["tst_minutes"] == 480
    assert found["se_percent"] == 100
    assert found["coverage"] == pytest.approx(380 / 480)


def test_each_wake_stage_is_taken_off_and_neighbours_are_one_awakening() -> None:
    stages: Stages = [("LIGHT", 100), ("AWAKE", 2), ("OUT_OF_BED", 2), ("AWAKE_IN_BED", 2), ("REM", 314)]

    found = night_of(session("20T00:00", "20T07:00", stages))

    assert found["waso_minutes"] == 6
    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 1)


def test_a_gap_of_rounded_clock_times_does_not_split_a_run_of_wake() -> None:
    millisecond = 1 / 60_000
    stages: Stages = [
        *[("AWAKE", 10 - millisecond), ("", millisecond), ("AWAKE", 10), ("LIGHT", 100)],
        *[("AWAKE", 4 - millisecond), ("", millisecond), ("AWAKE", 4), ("LIGHT", 292)],
    ]

    found = night_of(session("20T00:00", "20T07:00", stages))

    assert found["sol_minutes"] == pytest.approx(20, abs=0.001)
    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 1)


def test_an_awakening_of_exactly_5_minutes_is_not_a_long_one() -> None:
    stages: Stages = [("LIGHT", 200), ("AWAKE", 5), ("LIGHT", 215)]

    found = night_of(session("20T00:00", "20T07:00", stages))

    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 0)


def test_a_wake_stage_without_length_is_no_awakening() -> None:
    stages: Stages = [("LIGHT", 200), ("AWAKE", 0), ("REM", 220)]

    assert night_of(session("20T00:00", "20T07:00", stages))["awakening_count"] == 0


def test_time_that_overlapping_stages_claim_twice_is_counted_once() -> None:
    first = session("20T00:00", "20T07:00", [("LIGHT", 300)])
    second = session("20T00:00", "20T07:00", [("", 200), ("AWAKE", 220)])

    found = night_of(first, second)

    assert found["tst_minutes"] == 300
    assert found["coverage"] == 1


def test_a_session_without_stages_has_its_length_and_nothing_graded() -> None:
    found = night_of(session("19T23:00", "20T06:30"))

    assert (found["tib_minutes"], found["tst_minutes"]) == (450, 450)
    assert found["coverage"] == 0
    assert found["coverage_reason"] == "0 % of the main sleep session staged, 70 % needed"
    bounds = {"main_sleep_source_app", "bed_time_local", "wake_time_local", "mid_sleep_local", "sleep_period_minutes"}
    counts = {"tib_minutes", "tst_minutes", "alternate_session_count", "joined_session_count", "nap_count"}
    reported = {metric.name for metric in PROCESSOR.metrics if metric.reported and found[metric.name] is not None}
    assert reported == bounds | counts | {"reference_ages"}


@pytest.mark.parametrize(("staged_minutes", "judged"), [(294, True), (293, False)])
def test_70_percent_of_the_session_must_be_staged(staged_minutes: float, judged: bool) -> None:
    found = night_of(session("20T00:00", "20T07:00", [("LIGHT", staged_minutes)]))

    assert (found["se_percent"] is not None) is judged
    assert (found["duration_class"] is not None) is judged
    assert (found["coverage_reason"] is None) is judged


def test_a_share_that_only_rounds_up_to_the_minimum_is_not_written_as_enough() -> None:
    found = night_of(session("20T00:00", "20T07:00", [("LIGHT", 293)]))

    assert found["coverage_reason"] == "not quite 70 % of the main sleep session staged, 70 % needed"


def test_an_app_that_distinguishes_only_sleep_from_wake_has_no_depths() -> None:
    found = night_of(session("20T00:00", "20T08:00", [("AWAKE", 15), ("SLEEPING", 465)]))

    assert found["sol_minutes"] == 15
    assert found["coverage"] == 1
    assert found["deep_minutes"] is None
    assert found["light_percent"] is None


def test_a_night_without_deep_sleep_has_zero_minutes_of_it() -> None:
    found = night_of(session("20T00:00", "20T08:00", [("LIGHT", 400), ("REM", 80)]))

    assert (found["deep_minutes"], found["deep_percent"]) == (0, 0)


def test_a_session_wholly_awake_has_no_latency_to_sleep() -> None:
    found = night_of(session("20T00:00", "20T02:00", [("AWAKE", 60), ("OUT_OF_BED", 60)]))

    assert (found["tst_minutes"], found["se_percent"]) == (0, 0)
    assert found["sol_minutes"] is None
    assert found["waso_minutes"] is None
    assert found["awakening_count"] is None
    assert found["mid_sleep_local"] is None


@pytest.mark.parametrize(
    ("stages", "marks"),
    [
        ([("LIGHT", 408), ("AWAKE", 72)], {"se_mark": "met"}),  # 85 %
        ([("LIGHT", 407.9), ("AWAKE", 72.1)], {"se_mark": "missed"}),
        ([("AWAKE", 30), ("LIGHT", 450)], {"sol_mark": "met"}),
        ([("AWAKE", 30.01), ("LIGHT", 449.99)], {"sol_mark": "missed"}),
        ([("LIGHT", 60), ("AWAKE", 20), ("LIGHT", 400)], {"waso_mark": "met", "awakening_mark": "met"}),
        ([("LIGHT", 60), ("AWAKE", 20.01), ("LIGHT", 399.99)], {"waso_mark": "missed"}),
        (
            [("LIGHT", 60), ("AWAKE", 6), ("LIGHT", 60), ("AWAKE", 6), ("LIGHT", 348)],
            {"waso_mark": "met", "awakening_mark": "missed"},
        ),
    ],
)
def test_the_marks_of_good_sleep_hold_up_to_their_limits(stages: Stages, marks: dict[str, str]) -> None:
    found = night_of(session("20T00:00", "20T08:00", stages))

    assert {name: found[name] for name in marks} == marks


@pytest.mark.parametrize(
    ("minutes", "duration_class"),
    [
        (359.9, "not recommended (short)"),
        (360, "may be appropriate (short)"),
        (419.99, "may be appropriate (short)"),
        (420, "recommended"),
        (540, "recommended"),
        (540.01, "may be appropriate (long)"),
        (600, "may be appropriate (long)"),
        (600.1, "not recommended (long)"),
    ],
)
def test_the_duration_is_classed_by_the_unrounded_sleep_time(minutes: float, duration_class: str) -> None:
    stages: Stages = [("LIGHT", minutes), ("AWAKE", 605 - minutes)]

    assert night_of(session("20T00:00", "20T10:05", stages))["duration_class"] == duration_class


@pytest.mark.parametrize(
    ("age_years", "ages", "duration_class"),
    [
        (None, "26 to 64 years", "not recommended (long)"),
        (17, None, None),
        (18, "18 to 25 years", "may be appropriate (long)"),
        (25, "18 to 25 years", "may be appropriate (long)"),
        (26, "26 to 64 years", "not recommended (long)"),
        (64, "26 to 64 years", "not recommended (long)"),
        (65, "65 years and over", "not recommended (long)"),
    ],
)
def test_the_recommended_duration_follows_the_age(
    age_years: int | None, ages: str | None, duration_class: str | None
) -> None:
    found = night_of(session("19T21:00", "20T08:00", [("LIGHT", 660)]), age_years=age_years)

    assert (found["reference_ages"], found["duration_class"]) == (ages, duration_class)
    assert (found["se_mark"] is None) is (ages is None)


@pytest.mark.parametrize(
    ("minutes", "duration_class"),
    [
        (299.9, "not recommended (short)"),
        (300, "may be appropriate (short)"),
        (480, "recommended"),
        (480.1, "may be appropriate (long)"),
        (540, "may be appropriate (long)"),
        (540.1, "not recommended (long)"),
    ],
)
def test_from_65_years_on_other_durations_hold(minutes: float, duration_class: str) -> None:
    stages: Stages = [("LIGHT", minutes), ("AWAKE", 545 - minutes)]

    assert night_of(session("20T00:00", "20T09:05", stages), age_years=65)["duration_class"] == duration_class


@pytest.mark.parametrize(("age_years", "mark"), [(64, "missed"), (65, "met")])
def test_from_65_years_on_30_minutes_and_2_long_awakenings_are_good(age_years: int, mark: str) -> None:
    stages: Stages = [("LIGHT", 60), ("AWAKE", 15), ("LIGHT", 60), ("AWAKE", 15), ("LIGHT", 330)]

    found = night_of(session("20T00:00", "20T08:00", stages), age_years=age_years)

    assert (found["waso_mark"], found["awakening_mark"]) == (mark, mark)


def test_more_than_30_minutes_or_2_long_awakenings_are_not_good_at_any_age() -> None:
    stages: Stages = [("LIGHT", 60), ("AWAKE", 11), ("LIGHT", 60), ("AWAKE", 11), ("LIGHT", 60), ("AWAKE", 11)]

    found = night_of(session("20T00:00", "20T08:00", [*stages, ("LIGHT", 267)]), age_years=65)

    assert (found["waso_mark"], found["awakening_mark"]) == ("missed", "missed")


def test_with_half_of_its_stages_gone_a_night_is_described_and_nothing_of_it_assessed() -> None:
    rows = frame(session("19T23:40", "20T07:40", FULL_NIGHT))

    found = only(analyse(rows.iloc[::2], nights(), NO_PRIORITY))

    assert found["coverage_reason"] == "31 % of the main sleep session staged, 70 % needed"
    kept = ("tib_minutes", "bed_time_local", "wake_time_local")
    assert all(found[name] is not None for name in kept)
    judged = ("se_percent", "sol_minutes", "waso_minutes", "awakening_count", "deep_minutes", "rem_latency_minutes")
    marks = ("se_mark", "sol_mark", "waso_mark", "awakening_mark", "duration_class", "sleep_with_naps_minutes")
    assert [found[name] for name in (*judged, *marks)] == [None] * 12


def test_a_night_without_rem_has_no_rem_latency() -> None:
    found = night_of(session("20T00:00", "20T08:00", [("LIGHT", 400), ("DEEP", 80)]))

    assert (found["rem_minutes"], found["rem_latency_minutes"]) == (0, None)


def test_the_hypnogram_lists_the_stages_of_the_main_sleep_from_bedtime() -> None:
    found = night_of(session("19T23:40", "20T07:40", FULL_NIGHT), session("20T13:00", "20T13:10", [("LIGHT", 10)]))

    assert found["stage_codes"] == [1, 4, 7, 5, 6, 1]
    assert found["stage_start_minutes"] == [0, 20, 220, 230, 330, 450]
    assert found["stage_end_minutes"] == [20, 220, 230, 330, 450, 480]


def test_a_night_in_which_the_offset_changes_is_as_long_as_it_was_lived() -> None:
    found = night_of(
        session("20T00:00", "20T07:00", [("LIGHT", 420)], utc_offset_minutes=-300, end_utc_offset_minutes=-240)
    )

    assert found["tst_minutes"] == 420
    assert (found["bed_time_local"], found["wake_time_local"]) == ("00:00", "08:00")
    assert found["mid_sleep_local"] == "04:30"


def test_persons_come_back_in_the_order_asked_and_row_order_never_matters() -> None:
    rows = frame(
        session("19T23:40", "20T07:40", FULL_NIGHT),
        session("19T23:50", "20T07:30", FULL_NIGHT, source_app=SAMSUNG),
        session("20T01:00", "20T05:00", user_id="bob"),
        session("20T14:00", "20T15:00", user_id="bob"),
        session("20T01:00", "20T05:00", user_id="nobody asked"),
    )

    found = analyse(rows, nights("bob", "ada", "eve"), NO_PRIORITY)
    again = analyse(rows.sample(frac=1, random_state=7), nights("bob", "ada", "eve"), NO_PRIORITY)

    pd.testing.assert_frame_equal(found, again, check_exact=True)
    assert found["user_id"].tolist() == ["bob", "ada", "eve"]
    assert found["tib_minutes"].isna().tolist() == [False, False, True]
    assert found["nap_count"].tolist()[:2] == [1, 0]
    assert found["coverage"].tolist() == [0, 1, 0]


def test_nothing_in_gives_no_rows_of_the_promised_columns() -> None:
    found = analyse(frame(), nights()[:0], NO_PRIORITY)

    assert found.empty
    expected = ["user_id", "local_date", *(m.name for m in PROCESSOR.metrics), "coverage", "coverage_reason"]
    assert sorted(found.columns) == sorted(expected)


def test_every_metric_fits_the_column_that_it_promises() -> None:
    rows = frame(
        session("19T23:40", "20T07:40", FULL_NIGHT),
        session("20T14:00", "20T14:30"),
        session("20T01:00", "20T05:00", user_id="bob"),
        session("20T14:00", "20T14:30", user_id="eve"),
    )

    found = analyse(rows, nights("ada", "bob", "eve", "nobody"), NO_PRIORITY)

    trends = look_back(found, no_history(), NO_PRIORITY)
    for metric in PROCESSOR.metrics:
        column = pa.array(found[metric.name], type=metric.dtype, from_pandas=True)
        assert column.null_count < 4, metric.name
    for metric in PROCESSOR.trends:
        assert len(pa.array(trends[metric.name], type=metric.dtype, from_pandas=True)) == 4
    assert set(PROCESSOR.carried) <= {metric.name for metric in PROCESSOR.metrics}
