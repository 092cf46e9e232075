"""The heart-rate processor: what is recorded of a local day, and the resting heart rate. Expected numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.heart_rate.processor import PROCESSOR
from health_etl_tests.clinical.heart_rate.heart_days import OPTIONS, analysed, day_of, days_of, every_ten_minutes


def test_a_day_is_described_by_its_samples():
    day = analysed({0: 60, 1: 70, 600: 110})
    assert (day["sample_count"], day["hours_with_samples"]) == (3, 2)
    assert (day["lowest_bpm"], day["mean_bpm"], day["highest_bpm"]) == (60.0, 80.0, 110.0)
    assert (day["first_sample_local"], day["last_sample_local"]) == ("00:00", "10:00")


def test_resting_heart_rate_is_the_lowest_mean_of_thirty_minutes():
    bpm = every_ten_minutes(80) | {300: 62, 310: 58, 320: 60, 330: 64}
    assert analysed(bpm)["resting_bpm"] == 60.0  # (62 + 58 + 60) / 3; the next window has (58 + 60 + 64) / 3


def test_a_window_leaves_out_the_sample_that_ends_it():
    bpm = every_ten_minutes(80) | {300: 50, 310: 80, 320: 80, 330: 50}
    assert analysed(bpm)["resting_bpm"] == 70.0


def test_a_single_low_sample_is_no_resting_heart_rate():
    assert analysed(every_ten_minutes(80) | {305: 40})["resting_bpm"] == 70.0  # (80 + 40 + 80 + 80) / 4


def test_a_burst_of_samples_before_a_pause_is_no_window():
    hourly = {60 * hour: 80 for hour in range(24)}
    burst = {600 + second / 60: 45 for second in range(0, 60, 10)}
    assert pd.isna(analysed(hourly | burst)["resting_bpm"])


def test_a_window_needs_samples_throughout():
    sparse = {100 * n: 80 for n in range(15)}
    assert pd.isna(analysed(sparse | {645: 60, 647: 60, 659: 60})["resting_bpm"])
    assert analysed(sparse | {645: 60, 647: 60, 660: 60})["resting_bpm"] == 60.0


def test_a_window_with_a_pause_of_more_than_fifteen_minutes_inside_does_not_count():
    sparse = {100 * n: 80 for n in range(15)}
    assert pd.isna(analysed(sparse | {640: 60, 645: 60, 661: 60, 669: 60})["resting_bpm"])
    assert analysed(sparse | {640: 60, 645: 60, 660: 60, 669: 60})["resting_bpm"] == 60.0


def test_a_watch_that_measures_every_second_for_a_while_weighs_no_more_than_its_minutes():
    burst = {600 + second / 60: 120 for second in range(60)}
    assert analysed(every_ten_minutes(60) | burst, hours=24)["resting_bpm"] == 60.0
    only = {610: 60, 620: 60} | burst
    assert analysed({60 * hour: 120 for hour in range(24)} | only)["resting_bpm"] == 80.0  # (120 + 60 + 60) / 3


def test_the_window_of_the_resting_value_is_stated_with_its_start_and_measured_minutes():
    day = analysed(every_ten_minutes(80) | {300: 62, 310: 58, 320: 60})
    assert (day["resting_start_local"], day["resting_measured_minutes"]) == ("05:00", 3)


def test_of_equal_windows_the_earliest_is_named():
    assert analysed(every_ten_minutes(70))["resting_start_local"] == "00:00"


def test_samples_a_few_seconds_late_still_fill_a_window():
    assert analysed({10 * n + 0.01 * (n % 3): 70 for n in range(144)})["resting_bpm"] == 70.0


def test_samples_too_sparse_for_a_window_are_stated_as_the_reason():
    day = analysed({60 * hour: 80 for hour in range(24)})
    assert day["coverage"] == 1.0
    assert pd.isna(day["resting_bpm"])
    assert pd.isna(day["resting_grade"])
    assert day["resting_missing_reason"] == (
        "no window of 30 min holds 3 measured minutes with at most 15 min between them"
    )


def test_a_window_never_reaches_into_another_person():
    rows = pd.concat([day_of({0: 80, 10: 80}), day_of({0: 50, 10: 50}, user="u2")])
    result = PROCESSOR.analyse(rows, days_of("u1", "u2"), OPTIONS)
    assert result["resting_bpm"].isna().all()


@pytest.mark.parametrize(
    ("bpm", "grade"),
    [
        (49, "well below the conventional range"),
        (50, "below the conventional range"),
        (59, "below the conventional range"),
        (60, "in the conventional range"),
        (100, "in the conventional range"),
        (101, "above the conventional range"),
    ],
)
def test_the_resting_value_is_graded_at_50_60_and_100(bpm, grade):
    assert analysed(every_ten_minutes(bpm))["resting_grade"] == grade


def test_a_person_under_eighteen_is_not_graded_by_an_adult_s_range():
    day = analysed(every_ten_minutes(110), age_years=15)
    assert day["resting_bpm"] == 110.0
    assert pd.isna(day["resting_grade"])
    assert day["reference_group"] == "none, the person is under 18 years"


@pytest.mark.parametrize(
    ("profile", "group"),
    [
        ({}, "adult defaults, no age configured"),
        ({"age_years": 18}, "adults"),
        ({"age_years": 30, "pregnant": True}, "adults, in pregnancy"),
        ({"age_years": 17}, "none, the person is under 18 years"),
    ],
)
def test_whose_limits_are_used_follows_the_profile(profile, group):
    assert analysed(every_ten_minutes(70), **profile)["reference_group"] == group


def test_a_high_sample_alone_is_not_graded():
    day = analysed(every_ten_minutes(70) | {700: 180})
    assert day["resting_grade"] == "in the conventional range"


@pytest.mark.parametrize(("hours", "enough"), [(11, False), (12, True), (24, True)])
def test_half_of_the_hours_are_needed_for_a_resting_heart_rate(hours, enough):
    day = analysed(every_ten_minutes(70, hours=hours))
    assert day["coverage"] == hours / 24
    assert pd.notna(day["resting_bpm"]) is enough
    assert pd.isna(day["coverage_reason"]) is enough


def test_too_few_hours_are_stated_as_the_reason():
    day = analysed(every_ten_minutes(70, hours=7))
    assert day["coverage_reason"] == "29 % of the day's hours recorded, 50 % needed"
    assert pd.isna(day["resting_missing_reason"])
    assert day["mean_bpm"] == 70.0


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_a_day_on_which_the_clocks_change_has_its_own_number_of_hours(hours):
    day = analysed(every_ten_minutes(70, hours=hours), hours=hours)
    assert (day["hours_with_samples"], day["coverage"]) == (hours, 1.0)


def test_an_instant_that_two_apps_report_counts_once():
    rows = pd.concat([day_of({0: 70, 1: 72}), day_of({0: 90, 1.5: 74}, app="app.copy")])
    result = PROCESSOR.analyse(rows, days_of("u1"), ClinicalOptions(("app.watch",))).iloc[0]
    assert (result["sample_count"], result["mean_bpm"]) == (3, 72.0)


def test_the_row_order_changes_no_bit():
    random = np.random.default_rng(5)
    minutes = np.sort(random.choice(1440, 500, replace=False))
    rows = pd.concat(
        [day_of(dict(zip(minutes, random.integers(50, 120, 500), strict=True)), user=user) for user in "ab"]
    )
    expected = PROCESSOR.analyse(rows, days_of("a", "b"), OPTIONS)
    got = PROCESSOR.analyse(rows.sample(frac=1, random_state=3), days_of("a", "b"), OPTIONS)
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


def test_no_days_give_an_empty_table_with_all_columns():
    empty = PROCESSOR.analyse(day_of({}), days_of(), OPTIONS)
    assert len(empty) == 0
    assert {m.name for m in PROCESSOR.metrics} < set(empty.columns)


@pytest.mark.parametrize("bpm", [{0: 70}, every_ten_minutes()], ids=["one sample", "full day"])
def test_the_result_holds_exactly_the_metrics_in_their_types(bpm):
    result = PROCESSOR.analyse(day_of(bpm), days_of("u1"), OPTIONS)
    keys = {"user_id", "local_date", "coverage", "coverage_reason"}
    assert set(result.columns) == keys | {m.name for m in PROCESSOR.metrics}
    schema = pa.schema([(m.name, m.dtype) for m in PROCESSOR.metrics])
    assert pa.Table.from_pandas(result, schema, preserve_index=False).num_rows == 1
