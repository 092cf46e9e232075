"""Glucose by time of day: quarters, the night, the dawn rise; and by meals where records say. By hand."""

from __future__ import annotations

import pandas as pd
import pytest

from health_etl_tests.clinical.blood_glucose.glucose_days import analysed, day_of

QUARTER = 72  # readings at 5 min


def night_and_day(night: list[float], rest: float = 130) -> pd.DataFrame:
    """A full day whose first readings are those of the night."""
    return day_of([*night, *[rest] * (288 - len(night))])


def test_each_quarter_of_the_day_has_its_own_mean():
    day = analysed(day_of([100] * QUARTER + [110] * QUARTER + [120] * QUARTER + [130] * QUARTER))
    names = ("night", "morning", "afternoon", "evening")
    assert [day[f"{name}_mean_mg_dl"] for name in names] == [100, 110, 120, 130]


def test_a_quarter_of_too_few_readings_has_no_mean():
    rows = day_of([100] * 288)
    fifty = rows.drop(rows.index[[*range(22), *range(72, 93)]])
    day = analysed(fifty)
    assert pd.isna(day["night_mean_mg_dl"])
    assert day["morning_mean_mg_dl"] == 100


def test_the_night_of_a_day_of_23_hours_is_an_hour_shorter():
    hour_lost = pd.concat([day_of([100] * 24), day_of([110] * 252, first_min=120, offset_minutes=-240)])
    day = analysed(hour_lost, hours=23)
    assert day["night_coverage_percent"] == 100
    assert day["night_mean_mg_dl"] == pytest.approx((24 * 100 + 36 * 110) / 60)


def test_the_night_is_described_by_its_own_readings():
    day = analysed(night_and_day([90] * 36 + [65] * 18 + [80] * 18, rest=250))
    assert (day["night_lowest_mg_dl"], day["night_lowest_local"]) == (65, "03:00")
    assert (day["night_in_range_percent"], day["night_below_range_percent"]) == (75, 25)


def test_half_a_night_is_not_described():
    day = analysed(day_of([100] * 252, first_min=180))
    assert day["night_coverage_percent"] == 50
    described = ["night_mean_mg_dl", "night_lowest_mg_dl", "night_lowest_local", "night_in_range_percent"]
    assert day[[*described, "night_below_range_percent", "dawn_rise_mg_dl", "dawn_phenomenon"]].isna().all()


@pytest.mark.parametrize(("waking", "word"), [(109, "absent"), (110, "present")])
def test_a_dawn_phenomenon_is_a_rise_of_20_from_the_nadir_to_waking(waking, word):
    day = analysed(night_and_day([100] * 36 + [90] * 36 + [waking] * 6, rest=200))
    assert (day["dawn_rise_mg_dl"], day["dawn_phenomenon"]) == (waking - 90, word)
    assert (day["before_breakfast_mg_dl"], day["before_breakfast_basis"]) == (waking, "assumed")


def test_no_dawn_phenomenon_is_assessed_after_low_glucose_in_the_night():
    day = analysed(night_and_day([69] * 72, rest=120))
    assert pd.isna(day["dawn_rise_mg_dl"])
    assert day["dawn_phenomenon"] == "not assessed, low glucose in the night"


@pytest.mark.parametrize(("relation", "meal"), [("FASTING", "UNKNOWN"), ("BEFORE_MEAL", "BREAKFAST")])
def test_a_reading_that_a_record_marks_stands_for_breakfast(relation, meal):
    meter = day_of([125], first_min=452, app="meter", relation=relation, meal=meal)
    day = analysed(pd.concat([night_and_day([100] * 72, rest=200), meter]))
    assert (day["before_breakfast_mg_dl"], day["before_breakfast_basis"]) == (125, "marked by a record")
    assert day["dawn_phenomenon"] == "present"


@pytest.mark.parametrize(
    ("relation", "meal", "first_min"),
    [("BEFORE_MEAL", "LUNCH", 452), ("FASTING", "UNKNOWN", 660), ("GENERAL", "UNKNOWN", 452)],
)
def test_other_marks_and_later_hours_do_not(relation, meal, first_min):
    meter = day_of([125], first_min=first_min + 2, app="meter", relation=relation, meal=meal)
    day = analysed(pd.concat([night_and_day([100] * 72, rest=200), meter]))
    assert (day["before_breakfast_mg_dl"], day["before_breakfast_basis"]) == (200, "assumed")


def meter(glucose: float, minute: float, relation: str, meal: str = "UNKNOWN") -> pd.DataFrame:
    return day_of([glucose], first_min=minute, app="meter", relation=relation, meal=meal)


def test_marked_readings_are_counted_and_averaged_by_their_relation_to_meals():
    rows = [meter(100, 400, "FASTING"), meter(110, 700, "BEFORE_MEAL"), meter(130, 1000, "BEFORE_MEAL")]
    day = analysed(pd.concat([*rows, meter(180, 800, "AFTER_MEAL")]))
    assert (day["fasting_count"], day["fasting_mean_mg_dl"]) == (1, 100)
    assert (day["before_meal_count"], day["before_meal_mean_mg_dl"]) == (2, 120)
    assert (day["after_meal_count"], day["after_meal_mean_mg_dl"]) == (1, 180)


def test_a_rise_over_a_meal_needs_readings_before_and_after_the_same_meal():
    rows = [meter(100, 400, "BEFORE_MEAL", "BREAKFAST"), meter(160, 520, "AFTER_MEAL", "BREAKFAST")]
    rows += [meter(110, 700, "BEFORE_MEAL", "LUNCH"), meter(130, 820, "AFTER_MEAL", "LUNCH")]
    rows += [meter(110, 1100, "BEFORE_MEAL", "DINNER"), meter(190, 1220, "AFTER_MEAL", "SNACK")]
    day = analysed(pd.concat(rows))
    assert (day["meal_rise_count"], day["meal_rise_mg_dl"]) == (2, 40)


def test_readings_without_marks_have_no_view_by_meals():
    day = analysed(day_of([100] * 288))
    names = [f"{name}_{part}" for name in ("fasting", "before_meal", "after_meal") for part in ("count", "mean_mg_dl")]
    assert day[[*names, "meal_rise_count", "meal_rise_mg_dl"]].isna().all()
