"""The resting heart rate against the person's own earlier days. Expected numbers by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.heart_rate.processor import PROCESSOR
from health_etl_tests.clinical.heart_rate.heart_facts import earlier_of, with_profile


def trends(today: float | None, history: Mapping[int, float | None]) -> pd.Series:
    """Trends of a day with a resting heart rate, given those of the days before it."""
    return of_days([today], [history]).iloc[0]


def of_days(today: list[float | None], histories: list[Mapping[int, float | None]]) -> pd.DataFrame:
    days = with_profile(pd.DataFrame({"resting_bpm": pd.Series(today, dtype="float64")}))
    carried = [{before: {"resting_bpm": bpm} for before, bpm in history.items()} for history in histories]
    earlier = earlier_of(PROCESSOR, carried).astype({"resting_bpm": "float64"})
    assert PROCESSOR.look_back is not None
    return PROCESSOR.look_back(days, earlier, ClinicalOptions())


def test_the_own_range_is_mean_and_sample_sd_of_the_earlier_days():
    day = trends(60, {1: 56, 2: 58, 3: 60, 4: 62, 5: 64, 6: 58, 7: 62})
    assert (day["baseline_days"], day["resting_baseline_bpm"]) == (7, 60.0)
    assert day["resting_baseline_sd_bpm"] == pytest.approx((48 / 6) ** 0.5)
    assert day["resting_against_baseline"] == "within the person's usual range"


@pytest.mark.parametrize(("count", "given"), [(6, False), (7, True)])
def test_seven_earlier_days_are_needed(count, given):
    day = trends(60, dict.fromkeys(range(1, count + 1), 60))
    assert day["baseline_days"] == count
    assert pd.notna(day["resting_baseline_bpm"]) is given
    assert pd.notna(day["resting_against_baseline"]) is given


def test_earlier_days_without_a_resting_value_do_not_count():
    day = trends(60, {before: 60 if before < 7 else None for before in range(1, 15)})
    assert day["baseline_days"] == 6
    assert pd.isna(day["resting_baseline_bpm"])


# mean 60, SD exactly 2: eight days of 58 or 62 and no other have an SD of sqrt(32 / 7)
SPREAD = {before: 60 + (2 if before % 2 else -2) for before in range(1, 9)}


@pytest.mark.parametrize(
    ("today", "place"),
    [
        (64.2, "within the person's usual range"),  # 2 SD are 4.276
        (64.3, "above the person's usual range"),
        (55.8, "within the person's usual range"),
        (55.7, "below the person's usual range"),
    ],
)
def test_more_than_two_sd_from_the_mean_is_unusual(today, place):
    assert trends(today, SPREAD)["resting_against_baseline"] == place


@pytest.mark.parametrize(("today", "place"), [(62.9, "within"), (63.0, "above")])
def test_less_than_three_bpm_is_never_unusual_however_steady_the_person(today, place):
    day = trends(today, dict.fromkeys(range(1, 9), 60))
    assert day["resting_against_baseline"] == f"{place} the person's usual range"


def test_a_day_without_a_resting_value_has_a_baseline_but_no_place_in_it():
    day = trends(None, SPREAD)
    assert day["resting_baseline_bpm"] == 60.0
    assert pd.isna(day["resting_against_baseline"])
    assert pd.isna(day["resting_deviation_bpm"])


def test_the_last_week_holds_the_day_and_the_six_before_it():
    history = dict.fromkeys(range(1, 7), 66.0) | dict.fromkeys(range(7, 21), 60.0)
    day = trends(66, history)
    assert (day["resting_week_bpm"], day["resting_before_week_bpm"]) == (66.0, 60.0)


@pytest.mark.parametrize(("recent", "before", "given"), [(3, 7, True), (2, 7, False), (3, 6, False)])
def test_a_trend_needs_four_days_of_the_week_and_seven_before(recent, before, given):
    history = dict.fromkeys(range(1, recent + 1), 60.0) | dict.fromkeys(range(7, 7 + before), 60.0)
    day = trends(60, history)
    assert pd.notna(day["resting_week_bpm"]) is given
    assert pd.notna(day["resting_before_week_bpm"]) is given


def test_people_are_kept_apart():
    both = of_days([60, 80], [dict.fromkeys(range(1, 8), 60), dict.fromkeys(range(1, 10), 80)])
    assert both["resting_baseline_bpm"].tolist() == [60.0, 80.0]
    assert both["baseline_days"].tolist() == [7, 9]


def test_no_days_have_no_trends():
    assert len(of_days([], [])) == 0
