"""The look-back of glucose: what a report needs, what it pools, the usual day and the trend. By hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from health_etl.clinical.blood_glucose.processor import PROCESSOR
from health_etl.clinical.common.look_back import earlier_days
from health_etl_tests.clinical.blood_glucose.glucose_days import (
    OPTIONS,
    day_of,
    days_from,
    insights_with_trends,
    month_of,
    with_trends,
)

TREND_NAMES = [metric.name for metric in PROCESSOR.trends]


def steady(levels: list[float], *, from_date: str = "2025-09-01", readings: int = 288) -> pd.DataFrame:
    """One day at each of these mg/dL."""
    dates = days_from(from_date, len(levels))
    return pd.concat([day_of([level] * readings, date=date) for level, date in zip(levels, dates, strict=True)])


def last(rows: pd.DataFrame, **profile: object) -> pd.Series:
    return insights_with_trends(rows, **profile).iloc[-1]


def test_fourteen_full_days_make_a_report_with_gmi_and_ea1c():
    day = last(steady([120] * 7 + [180] * 7))
    assert day["window_mean_mg_dl"] == 150
    assert day["window_gmi_percent"] == pytest.approx(3.31 + 0.02392 * 150)
    assert day["window_ea1c_percent"] == pytest.approx((150 + 46.7) / 28.7)
    assert (day["window_days"], day["window_coverage_percent"]) == (14, 100)
    assert pd.isna(day["window_reason"])


def test_thirteen_days_make_none_and_say_why():
    day = last(steady([120] * 13))
    assert pd.isna(day["window_gmi_percent"])
    reason = "13 of 14 days since the first known reading, 93 % of the readings of 14 days, 70 % needed"
    assert day["window_reason"] == reason


@pytest.mark.parametrize(("readings", "enough"), [(201, False), (202, True)])
def test_a_report_needs_70_percent_of_the_readings_of_14_days(readings, enough):
    day = last(steady([120] * 14, readings=readings))
    assert pd.notna(day["window_gmi_percent"]) == enough
    if not enough:
        assert "not quite 70 % of the readings" in day["window_reason"]


def test_with_half_of_the_readings_removed_every_figure_of_the_report_is_null_with_its_reason():
    day = last(steady([120] * 28, readings=144))
    judged = [name for name in TREND_NAMES if name.startswith("window_") or name == "modd_mg_dl"]
    judged = [name for name in judged if name not in DESCRIBED]
    assert len(judged) == 37
    assert day[judged].isna().all()
    assert (
        day["window_reason"]
        == "14 of 14 days since the first known reading, 50 % of the readings of 14 days, 70 % needed"
    )
    assert day[["baseline_mean_mg_dl", "mean_against_baseline", "time_in_range_trend"]].isna().all()


DESCRIBED = {"window_days", "window_coverage_percent", "window_longest_gap_hours", "window_reason"}


def test_the_report_pools_readings_and_not_days():
    rows = pd.concat([steady([100] * 13), day_of([300] * 144, date="2025-09-14")])
    day = last(rows)
    counts = 13 * 288 + 144
    assert day["window_mean_mg_dl"] == pytest.approx((13 * 288 * 100 + 144 * 300) / counts)
    assert day["window_time_in_range_percent"] == pytest.approx(100 * 13 * 288 / counts)
    spread = np.concatenate([np.full(13 * 288, 100.0), np.full(144, 300.0)]).std(ddof=1)
    assert day["window_sd_mg_dl"] == pytest.approx(spread)
    assert day["window_cv_percent"] == pytest.approx(100 * spread / day["window_mean_mg_dl"])


def test_the_report_leaves_out_what_is_older_than_14_days():
    assert last(steady([300] * 10 + [100] * 14))["window_mean_mg_dl"] == 100


def test_events_are_summed_over_the_assessed_days():
    rows = pd.concat(
        [
            steady([120] * 11),
            day_of([60] * 6 + [120] * 282, date="2025-09-12"),
            day_of([50] * 6 + [120] * 282, date="2025-09-13"),
            day_of([50] * 6 + [120] * 100, date="2025-09-14"),
        ]
    )
    day = last(rows)
    assert day["window_judged_days"] == 13
    assert (day["window_hypo_level1_count"], day["window_hypo_level2_count"]) == (2, 1)


def test_modd_compares_each_day_with_the_day_before():
    assert last(steady([100, 110] * 7))["modd_mg_dl"] == 10


def test_modd_does_not_compare_over_a_missing_day():
    rows = steady([100] * 6 + [500, 160] + [160] * 6)
    day = last(rows[rows["local_date"] != "2025-09-07"])
    assert day["modd_mg_dl"] == 0


def test_the_longest_stretch_without_a_reading_reaches_over_empty_days():
    rows = steady([100] * 14)
    gone = rows["local_date"].isin(["2025-09-05", "2025-09-06"])
    assert last(rows[~gone])["window_longest_gap_hours"] == pytest.approx(48 + 5 / 60)


def test_adrr_needs_fourteen_days_of_three_readings():
    def meter(days: int, readings: int = 3) -> pd.DataFrame:
        dates = days_from("2025-09-01", days)
        return pd.concat([day_of([50, 120, 300][:readings], step_min=240, date=date) for date in dates])

    assert pd.isna(last(meter(13))["adrr"])
    assert pd.isna(last(meter(14, readings=2))["adrr"])
    day = last(meter(14))
    # 22.77 times the squared transform of 50 (0.988121) and of 300 (1.491029)
    assert day["adrr"] == pytest.approx(22.77 * (0.988121 + 1.491029), rel=1e-5)
    assert (day["adrr_days"], day["adrr_risk"]) == (14, "high")


@pytest.mark.parametrize(("today", "word"), [(120, "within"), (130, "within"), (131, "above"), (105, "below")])
def test_the_day_is_compared_with_the_usual_daily_mean(today, word):
    day = last(steady([110, 130] * 4 + [today]))
    assert (day["baseline_days"], day["baseline_mean_mg_dl"]) == (8, 120)
    assert day["baseline_sd_mg_dl"] == pytest.approx(10 * np.sqrt(8 / 7))
    assert day["mean_against_baseline"] == word


def test_a_baseline_needs_seven_assessed_days():
    assert pd.isna(last(steady([120] * 7))["baseline_mean_mg_dl"])
    assert last(steady([120] * 8))["baseline_mean_mg_dl"] == 120
    half = pd.concat([steady([120] * 7, readings=144), steady([120], from_date="2025-09-08")])
    assert last(half)["baseline_days"] == 0


def test_a_day_that_is_not_assessed_is_not_compared():
    rows = pd.concat([steady([120] * 8), day_of([200] * 100, date="2025-09-09")])
    assert pd.isna(last(rows)["mean_against_baseline"])


@pytest.mark.parametrize(("now", "word"), [(0, "similar"), (11, "similar"), (15, "higher")])
def test_time_in_range_is_compared_with_the_14_days_before(now, word):
    """144 of 288 readings in range before; so many more of each day now."""
    before = pd.concat([day_of([100] * 144 + [200] * 144, date=date) for date in days_from("2025-09-01", 14)])
    after = [day_of([100] * (144 + now) + [200] * (144 - now), date=date) for date in days_from("2025-09-15", 14)]
    day = last(pd.concat([before, *after]))
    assert day["previous_time_in_range_percent"] == 50
    assert day["time_in_range_trend"] == word


def test_without_the_14_days_before_there_is_no_trend():
    day = last(steady([120] * 20))
    assert pd.notna(day["window_gmi_percent"])
    assert pd.isna(day["time_in_range_trend"])


def test_people_and_days_do_not_mix():
    both = pd.concat([month_of(120), month_of(200, user="u2", seed=3)])
    together, alone = insights_with_trends(both), insights_with_trends(month_of(200, user="u2", seed=3))
    one = together[together["user_id"] == "u2"].reset_index(drop=True)
    pd.testing.assert_frame_equal(one[TREND_NAMES], alone[TREND_NAMES], check_exact=True)


def test_the_trends_come_in_their_order_and_types_and_survive_the_table():
    insights = insights_with_trends(month_of(days=16))
    assert insights.columns.is_unique
    names = [metric.name for metric in PROCESSOR.all_metrics]
    schema = pa.schema([(m.name, m.dtype) for m in PROCESSOR.all_metrics])
    table = pa.Table.from_pandas(insights[names], schema, preserve_index=False)
    stored = table.to_pandas().assign(user_id="u1", subject="u1", local_date=insights["local_date"])
    again = with_trends(stored.drop(columns=TREND_NAMES).assign(coverage_reason=insights["coverage_reason"]))
    pd.testing.assert_frame_equal(again[TREND_NAMES], insights[TREND_NAMES], check_exact=True, check_dtype=False)


def test_a_first_day_without_any_history_has_the_columns_and_no_report():
    insights = insights_with_trends(steady([120]))
    assert [name for name in insights.columns if name in TREND_NAMES] == TREND_NAMES
    assert insights["window_reason"].tolist() == [
        "1 of 14 days since the first known reading, 7 % of the readings of 14 days, 70 % needed"
    ]


def test_no_days_give_no_trends():
    insights = insights_with_trends(steady([120])).drop(columns=TREND_NAMES).iloc[:0]
    assert PROCESSOR.look_back is not None
    trends = PROCESSOR.look_back(insights, earlier_days(insights, insights, PROCESSOR.carried), OPTIONS)
    assert (len(trends), list(trends.columns)) == (0, TREND_NAMES)


def test_the_order_of_the_earlier_rows_changes_no_bit():
    insights = insights_with_trends(month_of(days=16)).drop(columns=TREND_NAMES)
    shuffled = insights.sample(frac=1, random_state=4).reset_index(drop=True)
    expected = with_trends(insights).set_index("local_date")[TREND_NAMES]
    got = with_trends(shuffled).set_index("local_date")[TREND_NAMES].loc[expected.index]
    pd.testing.assert_frame_equal(got, expected, check_exact=True)
