"""Wording that the processors share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.text import (
    above,
    below,
    coverage_reasons,
    local_clock_times,
    paragraph,
    pluralise,
    zone_caution,
)


def test_an_empty_sentence_leaves_no_gap_in_the_paragraph():
    assert paragraph("One.", "", "Two.") == "One. Two."


@pytest.mark.parametrize(("number", "text"), [("0", "0 nights"), ("1", "1 night"), ("21", "21 nights")])
def test_only_one_is_singular(number, text):
    assert pluralise(number, "night", "nights") == text


def test_a_value_that_rounds_onto_its_limit_is_called_just_beyond_it():
    assert (below(53, 54), below(54, 54)) == ("below", "just below")
    assert (above(101, 100), above(100, 100)) == ("above", "just above")


@pytest.mark.parametrize(
    ("coverage", "reason"),
    [
        (0.0, "0 % of the day recorded, 70 % needed"),
        (0.274, "27 % of the day recorded, 70 % needed"),
        (0.698, "not quite 70 % of the day recorded, 70 % needed"),
        (0.7, None),
        (1.0, None),
    ],
)
def test_coverage_below_the_minimum_is_stated_with_its_own_digits(coverage, reason):
    written = coverage_reasons(np.array([coverage]), 0.7, "of the day recorded")
    assert written.tolist() == [reason] if reason else written.isna().all()


def test_clock_times_are_those_of_the_offset_in_force():
    times = pd.to_datetime(pd.Series(["2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z"]), utc=True)
    assert local_clock_times(times, pd.Series([-240, -300])).tolist() == ["01:30", "01:30"]


@pytest.mark.parametrize(("source", "warned"), [("default", True), ("record", False), ("other_sources", False)])
def test_only_an_assumed_zone_makes_the_day_uncertain(source, warned):
    facts = Facts({}, {"zone_source": source})
    assert bool(zone_caution(facts)) is warned
