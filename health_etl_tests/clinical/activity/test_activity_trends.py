"""A day's steps and energy against the person's own complete days, by hand-computed values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from health_etl.clinical.active_calories_burned.processor import PROCESSOR as ACTIVE_ENERGY
from health_etl.clinical.steps.processor import PROCESSOR as STEPS
from health_etl.clinical.steps.processor import analyse
from health_etl_tests.clinical.activity.activity_days import NO_PRIORITY, day, earlier, frame, only, row, with_trends


def trends(
    steps: int, totals: Mapping[int, float], *, end: str = "24:00", age_years: int | None = None
) -> dict[str, Any]:
    """Return a Saturday of so many steps with its trends; totals by days before."""
    analysed = analyse(frame(row("00:00", end, steps)), day(age_years=age_years), NO_PRIORITY)
    return only(with_trends(STEPS, analysed, totals, age_years))


def test_the_mean_and_the_sample_sd_of_earlier_days_leave_the_day_itself_out() -> None:
    found = trends(20_000, {n: 1000.0 * n for n in range(1, 8)})
    assert (found["baseline_days"], found["baseline_steps"]) == (7, 4000)
    assert found["baseline_sd_steps"] == pytest.approx((28 / 6) ** 0.5 * 1000)


@pytest.mark.parametrize(("days", "is_known"), [(6, False), (7, True)])
def test_a_baseline_needs_seven_complete_days(days: int, is_known: bool) -> None:
    found = trends(5000, dict.fromkeys(range(1, days + 1), 6000.0))
    assert found["baseline_days"] == days
    known = [found[name] is not None for name in ("baseline_steps", "baseline_sd_steps", "against_baseline")]
    assert known == [is_known] * 3


def test_days_that_were_not_complete_count_as_unknown_and_not_as_zero() -> None:
    found = trends(6000, {n: 6000.0 if n % 2 else float("nan") for n in range(1, 15)})
    assert (found["baseline_days"], found["baseline_steps"]) == (7, 6000)


@pytest.mark.parametrize(
    ("steps", "place"), [(6000, "within"), (6001, "above"), (2000, "within"), (1999, "below"), (4000, "within")]
)
def test_two_sd_from_the_mean_is_still_usual(steps: int, place: str) -> None:
    # eight days, mean 4000 and SD 1000: the squares add up to 7 * 1000²
    totals = {n: 4000.0 + (1 if n % 2 else -1) * 1000 * (7 / 8) ** 0.5 for n in range(1, 9)}
    found = trends(steps, totals)
    assert (found["baseline_steps"], found["baseline_sd_steps"]) == (pytest.approx(4000), pytest.approx(1000))
    assert found["against_baseline"] == f"{place} the person's usual range"


def test_an_incomplete_day_is_not_compared_and_moves_no_mean() -> None:
    found = trends(500, dict.fromkeys(range(1, 15), 6000.0), end="12:00")
    assert found["against_baseline"] is None
    assert (found["week_days"], found["week_steps"], found["baseline_steps"]) == (6, 6000, 6000)


def test_the_week_holds_the_day_and_the_six_before_it() -> None:
    found = trends(8000, {n: 1000.0 if n <= 6 else 5000.0 for n in range(1, 29)})
    assert (found["week_days"], found["week_steps"], found["before_week_steps"]) == (7, 2000, 5000)
    assert found["week_category"] == "sedentary"


@pytest.mark.parametrize(("days_before", "category"), [((1, 2), None), ((1, 2, 3), "somewhat active")])
def test_a_week_needs_four_complete_days_for_a_mean_and_its_category(
    days_before: tuple[int, ...], category: str | None
) -> None:
    found = trends(8000, dict.fromkeys(days_before, 8000.0))
    assert found["week_category"] == category
    assert (found["week_steps"] is None) == (category is None)
    assert found["before_week_steps"] is None


def test_the_week_of_a_child_gets_no_category_of_adults() -> None:
    assert trends(8000, dict.fromkeys(range(1, 7), 8000.0), age_years=12)["week_category"] is None


def test_workdays_and_weekends_are_distinguished_by_the_calendar() -> None:
    # 20 September 2025 is a Saturday: 6 and 7 days before are Sunday and Saturday
    found = trends(9000, {n: 3000.0 if n in (6, 7, 13, 14) else 7000.0 for n in range(1, 15)})
    assert (found["workday_count"], found["workday_steps"]) == (10, 7000)
    assert (found["weekend_day_count"], found["weekend_steps"]) == (5, (9000 + 4 * 3000) / 5)


@pytest.mark.parametrize("known", [(1, 2, 3, 4, 6, 7), (1, 2, 3, 4, 5)], ids=["four workdays", "one day of a weekend"])
def test_too_few_workdays_or_weekends_give_neither_mean(known: tuple[int, ...]) -> None:
    found = trends(9000, dict.fromkeys(known, 7000.0))
    assert found["workday_steps"] is found["weekend_steps"] is None


def test_each_day_is_held_against_its_own_look_back() -> None:
    assert STEPS.look_back is not None
    days = pd.concat([day("ada"), day("bob")], ignore_index=True).assign(complete_day_steps=[5000.0, 9000.0])
    ada, bob = (earlier(STEPS, dict.fromkeys(range(1, 11), mean)) for mean in (4000.0, 8000.0))
    found = STEPS.look_back(days, pd.concat([ada, bob.assign(day=1)], ignore_index=True), NO_PRIORITY)
    assert found["baseline_steps"].tolist() == [4000, 8000]


@pytest.mark.parametrize("processor", [STEPS, ACTIVE_ENERGY], ids=lambda processor: processor.record_type)
def test_no_days_have_no_trends_and_all_columns(processor: Any) -> None:
    days = day()[:0].assign(**{processor.carried[0]: pd.Series(dtype="float64")})
    found = processor.look_back(days, earlier(processor, {}), NO_PRIORITY)
    assert found.empty
    assert list(found.columns) == [metric.name for metric in processor.trends]
