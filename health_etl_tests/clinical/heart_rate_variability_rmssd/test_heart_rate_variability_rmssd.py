"""The RMSSD processor: a night of samples and its metrics. Expected numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.heart_rate_variability_rmssd.processor import PROCESSOR
from health_etl_tests.clinical.heart_rate_variability_rmssd.hrv_nights import (
    FIRST_MIN,
    OPTIONS,
    RING,
    SAMPLED,
    STATED,
    analysed,
    night_of,
    nights_of,
)


def test_a_night_is_the_mean_of_its_samples():
    night = analysed(night_of([20, 40] * 42))
    assert (night["sample_count"], night["mean_rmssd_ms"]) == (84, 30.0)
    assert (night["lowest_rmssd_ms"], night["highest_rmssd_ms"]) == (20.0, 40.0)
    assert (night["first_sample_local"], night["last_sample_local"]) == ("23:00", "05:55")
    assert night["ln_rmssd"] == pytest.approx(3.401197)  # ln 30


def test_the_logarithm_is_that_of_the_mean_and_not_the_mean_of_logarithms():
    assert analysed(night_of([10, 90] * 42))["ln_rmssd"] == pytest.approx(3.912023)  # ln 50


def test_seven_hours_of_five_minute_samples_are_a_whole_night():
    assert analysed(night_of([30] * 84))["coverage"] == 1.0
    assert analysed(night_of([30] * 120))["coverage"] == 1.0


@pytest.mark.parametrize(("count", "enough"), [(41, False), (42, True)])
def test_half_of_a_seven_hour_night_is_needed_for_ln_rmssd(count, enough):
    night = analysed(night_of([30] * count))
    assert pd.notna(night["ln_rmssd"]) is enough
    assert pd.isna(night["coverage_reason"]) is enough
    assert night["mean_rmssd_ms"] == 30.0


def test_too_little_of_a_night_is_stated_as_the_reason():
    assert analysed(night_of([30] * 23))["coverage_reason"] == "27 % of a 7-hour night recorded, 50 % needed"


def test_a_gap_in_the_night_is_not_recorded_time_and_not_filled():
    rows = pd.concat([night_of([20] * 24), night_of([50] * 24, first_min=FIRST_MIN + 240)])
    night = analysed(rows)
    assert night["coverage"] == pytest.approx(48 * 5 / 420)
    assert night["mean_rmssd_ms"] == 35.0


def test_a_sample_stands_for_no_more_than_the_five_minutes_it_measured():
    assert analysed(night_of([30] * 28, step_min=15))["coverage"] == pytest.approx(28 * 5 / 420)


def test_denser_samples_stand_for_their_spacing():
    assert analysed(night_of([30] * 210, step_min=1))["coverage"] == pytest.approx(0.5)


def test_two_samples_are_two_times_five_minutes_of_a_night():
    night = analysed(night_of([42, 44], step_min=60))
    assert night["coverage"] == pytest.approx(10 / 420)
    assert pd.isna(night["ln_rmssd"])


def test_one_value_is_the_app_s_own_for_the_night():
    night = analysed(night_of([42], app="app.summary"))
    assert (night["night_rule"], night["night_source"]) == (STATED, "app.summary")
    assert (night["coverage"], night["mean_rmssd_ms"]) == (1.0, 42.0)
    assert night["ln_rmssd"] == pytest.approx(3.737670)  # ln 42
    assert pd.isna(night["coverage_reason"])


def test_a_night_s_value_comes_from_one_app():
    rows = pd.concat([night_of([30] * 84), night_of([60] * 40, first_min=FIRST_MIN + 2, app="other.ring")])
    night = analysed(rows)
    assert (night["night_source"], night["sample_count"], night["mean_rmssd_ms"]) == (RING, 84, 30.0)


def test_several_samples_come_before_a_single_value_whatever_the_priority():
    rows = pd.concat([night_of([30] * 84), night_of([60], first_min=700, app="app.summary")])
    night = analysed(rows, ClinicalOptions(("app.summary",)))
    assert (night["night_source"], night["night_rule"], night["mean_rmssd_ms"]) == (RING, SAMPLED, 30.0)


def test_an_app_that_covers_the_night_comes_before_a_preferred_one_that_does_not():
    rows = pd.concat([night_of([30] * 84), night_of([60] * 10, app="preferred.ring")])
    assert analysed(rows, ClinicalOptions(("preferred.ring",)))["night_source"] == RING
    both = pd.concat([night_of([30] * 84), night_of([60] * 60, app="preferred.ring")])
    assert analysed(both, ClinicalOptions(("preferred.ring",)))["night_source"] == "preferred.ring"


def test_of_two_apps_that_state_one_value_the_preferred_counts_and_else_the_first_by_name():
    rows = pd.concat([night_of([42], app="b.summary"), night_of([50], first_min=700, app="a.summary")])
    assert analysed(rows, ClinicalOptions(("b.summary",)))["mean_rmssd_ms"] == 42.0
    assert analysed(rows)["mean_rmssd_ms"] == 50.0


def test_an_app_that_is_left_out_of_one_person_s_night_counts_in_another_s():
    rows = pd.concat(
        [night_of([30] * 84), night_of([60] * 20, app="other.ring"), night_of([60] * 84, user="u2", app="other.ring")]
    )
    both = PROCESSOR.analyse(rows, nights_of("u1", "u2"), OPTIONS)
    assert both["night_source"].tolist() == [RING, "other.ring"]
    assert both["sample_count"].tolist() == [84, 84]


def test_only_samples_at_the_cap_of_the_platform_are_counted_as_capped():
    assert analysed(night_of([199.9, 200, 200, 30] * 21))["capped_count"] == 42


def test_samples_that_two_apps_report_alike_count_once():
    rows = pd.concat([night_of([30] * 84), night_of([90] * 84, first_min=FIRST_MIN + 0.2, app="copying.app")])
    result = analysed(rows, ClinicalOptions((RING,)))
    assert (result["sample_count"], result["mean_rmssd_ms"]) == (84, 30.0)


def test_two_people_are_kept_apart_and_come_in_the_order_of_the_nights():
    rows = pd.concat([night_of([30] * 84), night_of([60] * 84, user="u2")])
    both = PROCESSOR.analyse(rows, nights_of("u2", "u1"), OPTIONS)
    assert both["mean_rmssd_ms"].tolist() == [60.0, 30.0]


def test_the_row_order_changes_no_bit():
    random = np.random.default_rng(5)
    rows = pd.concat([night_of(random.uniform(5, 200, 84), user=user) for user in "ab"])
    expected = PROCESSOR.analyse(rows, nights_of("a", "b"), OPTIONS)
    got = PROCESSOR.analyse(rows.sample(frac=1, random_state=3), nights_of("a", "b"), OPTIONS)
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


def test_no_nights_give_an_empty_table_with_all_columns():
    empty = PROCESSOR.analyse(night_of([]), nights_of(), OPTIONS)
    assert len(empty) == 0
    assert {m.name for m in PROCESSOR.metrics} < set(empty.columns)


@pytest.mark.parametrize("count", [1, 84])
def test_the_result_holds_exactly_the_metrics_in_their_types(count):
    result = PROCESSOR.analyse(night_of([30] * count), nights_of("u1"), OPTIONS)
    keys = {"user_id", "local_date", "coverage", "coverage_reason"}
    assert set(result.columns) == keys | {m.name for m in PROCESSOR.metrics}
    schema = pa.schema([(m.name, m.dtype) for m in PROCESSOR.metrics])
    assert pa.Table.from_pandas(result, schema, preserve_index=False).num_rows == 1
