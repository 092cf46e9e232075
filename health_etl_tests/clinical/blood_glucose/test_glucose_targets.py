"""Whose targets hold, and which are met: the bounds of each group."""

from __future__ import annotations

import pandas as pd
import pytest

from health_etl.clinical.blood_glucose.targets import TARGETS, target_groups
from health_etl_tests.clinical.blood_glucose.glucose_days import analysed, day_of, days_of


@pytest.mark.parametrize(
    ("profile", "group"),
    [
        ({}, "adults, by default"),
        ({"age_years": 17}, "adults, by default"),
        ({"age_years": 18}, "adults"),
        ({"age_years": 64}, "adults"),
        ({"age_years": 65}, "older or high-risk adults"),
        ({"high_risk_diabetes": True}, "older or high-risk adults"),
        ({"age_years": 30, "pregnant": True}, "pregnancy"),
        ({"high_risk_diabetes": True, "pregnant": True}, "pregnancy"),
        ({"sex": "female"}, "adults, by default"),
    ],
)
def test_the_profile_decides_whose_targets_hold(profile, group):
    assert target_groups(days_of("u1", **profile)).tolist() == [group]


def in_hundredths(**counts: int) -> pd.DataFrame:
    """A full day of 100 readings, so many at each of these mg/dL (g60=4), the rest at 100."""
    glucose = [int(name[1:]) for name, count in counts.items() for _ in range(count)]
    return day_of([*glucose, *[100] * (100 - len(glucose))], step_min=14.4)


OLDER = {"age_years": 70}
PREGNANT = {"age_years": 30, "pregnant": True}


@pytest.mark.parametrize(
    ("profile", "name", "missed", "met"),
    [
        ({}, "in_range", in_hundredths(g200=30), in_hundredths(g200=29)),
        ({}, "below_range", in_hundredths(g60=4), in_hundredths(g60=3)),
        ({}, "very_low", in_hundredths(g50=1), in_hundredths()),
        ({}, "above_range", in_hundredths(g200=25), in_hundredths(g200=24)),
        ({}, "very_high", in_hundredths(g300=5), in_hundredths(g300=4)),
        (OLDER, "in_range", in_hundredths(g200=50), in_hundredths(g200=49)),
        (OLDER, "below_range", in_hundredths(g60=1), in_hundredths()),
        (OLDER, "very_high", in_hundredths(g300=10), in_hundredths(g300=9)),
        (PREGNANT, "in_pregnancy_range", in_hundredths(g141=30), in_hundredths(g141=29)),
        (PREGNANT, "below_pregnancy_range", in_hundredths(g62=4), in_hundredths(g62=3, g63=10)),
        (PREGNANT, "above_pregnancy_range", in_hundredths(g141=25), in_hundredths(g141=24, g140=9)),
        (PREGNANT, "very_low", in_hundredths(g50=1), in_hundredths()),
    ],
)
def test_a_target_is_missed_at_its_limit_and_met_beyond(profile, name, missed, met):
    assert analysed(missed, **profile)[f"time_{name}_target"] == "missed"
    assert analysed(met, **profile)[f"time_{name}_target"] == "met"


@pytest.mark.parametrize(
    ("profile", "judged"),
    [
        ({}, {"in_range", "below_range", "very_low", "above_range", "very_high"}),
        (OLDER, {"in_range", "below_range", "very_high"}),
        (PREGNANT, {"very_low", "in_pregnancy_range", "below_pregnancy_range", "above_pregnancy_range"}),
    ],
)
def test_each_group_is_assessed_by_the_targets_it_has_and_by_no_other(profile, judged):
    day = analysed(in_hundredths(), **profile)
    assert {name for name in TARGETS if pd.notna(day[f"time_{name}_target"])} == judged


def test_the_range_of_pregnancy_is_stated_only_in_pregnancy():
    assert analysed(in_hundredths(g65=10), **PREGNANT)["time_in_pregnancy_range_percent"] == 100
    assert pd.isna(analysed(in_hundredths(g65=10))["time_in_pregnancy_range_percent"])
