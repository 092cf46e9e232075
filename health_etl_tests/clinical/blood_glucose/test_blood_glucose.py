"""The blood-glucose processor: what it computes of a local day. Expected numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from health_etl.clinical.blood_glucose.metrics import ea1c_percent, gmi_percent
from health_etl.clinical.blood_glucose.processor import PROCESSOR
from health_etl.clinical.blood_glucose.summary import range_names
from health_etl.clinical.common.base import ClinicalOptions
from health_etl_tests.clinical.blood_glucose.glucose_days import FULL_DAY, OPTIONS, analysed, day_of, days_of

# 28 readings of each of these ten values cover 280 of 288 readings, 10 % of the readings each.
TEN_VALUES = (53, 54, 69, 70, 140, 141, 180, 181, 250, 251)


NAMES = [metric.name for metric in PROCESSOR.metrics]


def test_each_boundary_value_falls_into_the_range_that_holds_it():
    day = analysed(day_of(np.repeat(TEN_VALUES, 28)), pregnant=True)
    expected = {"very_low": 10, "low": 20, "below_range": 30, "in_range": 40, "in_tight_range": 20}
    expected |= {"above_range": 30, "high": 20, "very_high": 10}
    expected |= {f"{name}_pregnancy_range": share for name, share in (("below", 20), ("in", 30), ("above", 50))}
    assert {name: day[f"time_{name}_percent"] for name in expected} == pytest.approx(expected)


def test_mean_and_events_of_that_day_are_those_computed_by_hand():
    day = analysed(day_of(np.repeat(TEN_VALUES, 28)))
    assert day["reading_count"] == 280
    assert day["mean_mg_dl"] == pytest.approx(138.9)
    counts = [day[f"{kind}_level{level}_count"] for kind in ("hypo", "hyper") for level in (1, 2)]
    assert counts == [1, 1, 1, 1]
    assert day["longest_hypo_minutes"] == 3 * 28 * 5
    assert day["longest_hyper_minutes"] == 3 * 28 * 5


@pytest.mark.parametrize(
    ("glucose", "name"),
    [
        (53, "very low"),
        (54, "low"),
        (69, "low"),
        (70, "in range"),
        (180, "in range"),
        (181, "high"),
        (250, "high"),
        (251, "very high"),
    ],
)
def test_extremes_are_named_after_their_range(glucose, name):
    found = range_names(np.array([float(glucose), np.nan]))
    assert found[0] == name
    assert pd.isna(found[1])


def test_conversion_noise_does_not_move_a_reading_out_of_range():
    noisy = [69.99999999999999, 180.00000000000003] * 144
    day = analysed(day_of(noisy))
    assert day["time_in_range_percent"] == 100.0
    assert day["lowest_range"] == "in range"


def test_sd_and_cv_take_the_sample_formula():
    day = analysed(day_of([100, 120] * 144))
    assert day["sd_mg_dl"] == pytest.approx(10 * np.sqrt(288 / 287))
    assert day["cv_percent"] == pytest.approx(100 * 10 * np.sqrt(288 / 287) / 110)


@pytest.mark.parametrize(("mean", "gmi"), [(100, 5.7), (150, 6.9), (200, 8.1)])
def test_gmi_gives_the_values_of_its_publication(mean, gmi):
    assert gmi_percent(pd.DataFrame({"mean_mg_dl": [float(mean)]})).round(1).tolist() == [gmi]


@pytest.mark.parametrize(("mean", "ea1c"), [(126, 6.0), (154, 7.0), (183, 8.0), (212, 9.0)])
def test_ea1c_gives_the_values_of_its_publication(mean, ea1c):
    assert ea1c_percent(pd.DataFrame({"mean_mg_dl": [float(mean)]})).round(1).tolist() == [ea1c]


def test_the_j_index_squares_mean_and_sd():
    day = analysed(day_of([100, 120] * 144))
    assert day["j_index"] == pytest.approx(0.001 * (110 + 10 * np.sqrt(288 / 287)) ** 2)


@pytest.mark.parametrize(("step_min", "count"), [(1, 1440), (5, 288), (15, 96)])
def test_a_full_day_is_covered_at_every_cadence(step_min, count):
    day = analysed(day_of([100] * count, step_min=step_min))
    assert day["cadence_minutes"] == step_min
    assert day["coverage"] == 1.0
    assert pd.isna(day["coverage_reason"])


def test_a_gap_is_not_recorded_time():
    rows = pd.concat([day_of([100] * 144), day_of([100] * 96, first_min=960)])
    assert analysed(rows)["coverage"] == pytest.approx(240 / 288)


def test_half_a_day_is_described_but_not_assessed():
    day = analysed(day_of([60, 200] * 72))
    assert (day["reading_count"], day["mean_mg_dl"]) == (144, 130.0)
    assert (day["lowest_mg_dl"], day["highest_mg_dl"]) == (60.0, 200.0)
    assert day["coverage_reason"] == "50 % of the day recorded, 70 % needed"
    judged = {
        name for name in NAMES if name.startswith(("time_", "cv", "variab", "lbgi", "hbgi", "gri", "j_i", "mage"))
    }
    judged |= {name for name in NAMES if name.endswith(("level1_count", "level2_count")) or "extended" in name}
    assert len(judged) == 35
    assert {name for name in judged if pd.notna(day[name])} == set()


@pytest.mark.parametrize(("count", "reason"), [(201, "not quite 70 % of the day recorded, 70 % needed"), (202, None)])
def test_seventy_percent_of_the_readings_are_needed(count, reason):
    day = analysed(day_of([100] * count))
    assert (None if pd.isna(day["coverage_reason"]) else day["coverage_reason"]) == reason
    assert pd.isna(day["time_in_range_percent"]) is (reason is not None)


def test_single_readings_far_apart_do_not_record_a_day():
    day = analysed(day_of([95, 130, 110, 150], first_min=420, step_min=240))
    assert pd.isna(day["cadence_minutes"])
    assert (day["coverage"], day["coverage_reason"]) == (0.0, "0 % of the day recorded, 70 % needed")
    assert day["mean_mg_dl"] == 121.25


def test_a_day_of_25_hours_expects_more_readings_and_keeps_the_clock_of_each():
    before, after = (
        day_of([100] * 144),
        day_of([100] * 144, first_min=780, offset_minutes=-360),
    )
    day = analysed(pd.concat([before, after]), hours=25)
    assert day["coverage"] == pytest.approx(288 / 300)
    assert (day["first_reading_local"], day["last_reading_local"]) == ("00:00", "23:55")


def test_a_day_of_23_hours_is_full_with_fewer_readings():
    assert analysed(day_of([100] * 276), hours=23)["coverage"] == 1.0


@pytest.mark.parametrize(
    ("metric", "at_limit", "beyond"),
    [
        ("time_in_range_target", [100] * 70 + [200] * 30, [100] * 71 + [200] * 29),
        ("time_below_range_target", [60] * 4 + [100] * 96, [60] * 3 + [100] * 97),
        ("time_very_low_target", [50] * 1 + [100] * 99, [100] * 100),
        ("time_above_range_target", [200] * 25 + [100] * 75, [200] * 24 + [100] * 76),
        ("time_very_high_target", [300] * 5 + [100] * 95, [300] * 4 + [100] * 96),
    ],
)
def test_a_target_is_missed_at_its_limit_and_met_beyond(metric, at_limit, beyond):
    assert analysed(day_of(at_limit, step_min=14.4))[metric] == "missed"
    assert analysed(day_of(beyond, step_min=14.4))[metric] == "met"


@pytest.mark.parametrize(("spread", "word"), [(35, "stable"), (37, "unstable")])
def test_variability_counts_as_stable_up_to_36_percent(spread, word):
    day = analysed(day_of([100 - spread, 100 + spread] * 144))
    assert day["variability"] == word


def test_readings_that_two_apps_report_alike_count_once():
    copy = day_of([101] * FULL_DAY, first_min=0.1, app="copying.app")
    day = analysed(pd.concat([copy, day_of([100] * FULL_DAY)]), options=ClinicalOptions(("com.dexcom.stelo",)))
    assert (day["reading_count"], day["mean_mg_dl"], day["cadence_minutes"]) == (FULL_DAY, 100.0, 5.0)


def test_two_people_are_kept_apart_and_come_in_the_order_of_the_days():
    rows = pd.concat([day_of([100] * FULL_DAY), day_of([200] * FULL_DAY, user="u2")])
    both = PROCESSOR.analyse(rows, days_of("u2", "u1"), OPTIONS)
    assert both["user_id"].tolist() == ["u2", "u1"]
    assert both["mean_mg_dl"].tolist() == [200.0, 100.0]
    assert both["time_in_range_percent"].tolist() == [0.0, 100.0]


def test_the_row_order_changes_no_bit():
    random = np.random.default_rng(7)
    rows = pd.concat([day_of(random.normal(140, 50, FULL_DAY), user=user, first_min=i) for i, user in enumerate("ab")])
    shuffled = rows.sample(frac=1, random_state=3)
    expected = PROCESSOR.analyse(rows, days_of("a", "b"), OPTIONS)
    got = PROCESSOR.analyse(shuffled, days_of("a", "b"), OPTIONS)
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


def test_no_days_give_an_empty_table_with_all_columns():
    empty = PROCESSOR.analyse(day_of([]), days_of(), OPTIONS)
    assert len(empty) == 0
    assert {m.name for m in PROCESSOR.metrics} < set(empty.columns)


@pytest.mark.parametrize("count", [1, 100, FULL_DAY])
def test_the_result_holds_exactly_the_metrics_in_their_types(count):
    result = PROCESSOR.analyse(day_of([100] * count), days_of("u1"), OPTIONS)
    keys = {"user_id", "local_date", "coverage", "coverage_reason"}
    assert set(result.columns) == keys | {m.name for m in PROCESSOR.metrics}
    schema = pa.schema([(m.name, m.dtype) for m in PROCESSOR.metrics])
    assert pa.Table.from_pandas(result, schema, preserve_index=False).num_rows == 1


def test_half_a_day_keeps_the_longest_event_that_was_recorded():
    day = analysed(day_of([60] * 20 + [100] * 124))
    assert (day["longest_hypo_minutes"], day["longest_hypo_start_local"]) == (100, "00:00")
    assert pd.isna(day["hypo_level1_count"])


def test_the_times_of_the_extremes_are_those_of_the_clock():
    day = analysed(day_of([100] * 100 + [60] + [100] * 50 + [200] * 2 + [100] * 135))
    assert (day["lowest_local"], day["highest_local"]) == ("08:20", "12:35")


def test_the_longest_stretch_without_a_reading_counts_the_edges_of_the_day():
    assert analysed(day_of([100] * 100))["longest_gap_minutes"] == 1440 - 99 * 5
    assert analysed(day_of([100] * 100, first_min=1440 - 500))["longest_gap_minutes"] == 1440 - 500
    inside = pd.concat([day_of([100] * 100), day_of([100] * 100, first_min=1440 - 500)])
    assert analysed(inside)["longest_gap_minutes"] == 1440 - 500 - 99 * 5


@pytest.mark.parametrize(
    ("glucose", "pattern"),
    [([250] * 288, None), ([260] * 17 + [100] * 271, "passing"), ([260] * 18 + [100] * 270, "sustained")],
)
def test_very_high_readings_are_sustained_from_ninety_minutes(glucose, pattern):
    found = analysed(day_of(glucose))["very_high_pattern"]
    assert (None if pd.isna(found) else found) == pattern
