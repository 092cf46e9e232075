"""LBGI, HBGI, ADRR and GRI by hand, and their grades at the bounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.blood_glucose.risk import adrr, adrr_risks, gri, gri_zones, hbgi_risks, lbgi_risks, risks
from health_etl_tests.clinical.blood_glucose.glucose_days import analysed, day_of

# ln 50 = 3.912023, to the 1.084th 4.386957, less 5.381 -0.994043, squared 0.988121; ln 300 likewise 1.491029
RISK_OF_50 = 22.77 * 0.988121
RISK_OF_300 = 22.77 * 1.491029


def test_a_low_reading_has_a_low_risk_only_and_a_high_one_a_high_risk_only():
    low, high = risks(np.array([50.0, 300.0]))
    np.testing.assert_allclose(low, [RISK_OF_50, 0], rtol=1e-4)
    np.testing.assert_allclose(high, [0, RISK_OF_300], rtol=1e-4)


def test_the_risk_turns_at_112_and_a_half():
    low, high = risks(np.array([112.0, 113.0]))
    assert (low[0] > 0, low[1], high[0], high[1] > 0) == (True, 0, 0, True)


def test_both_indices_divide_by_all_readings():
    day = analysed(day_of([50] * 72 + [300] * 216))
    assert day["lbgi"] == pytest.approx(RISK_OF_50 / 4, rel=1e-4)
    assert day["hbgi"] == pytest.approx(RISK_OF_300 * 3 / 4, rel=1e-4)
    assert (day["lbgi_risk"], day["hbgi_risk"]) == ("high", "high")


def test_gri_weighs_each_range():
    percents = pd.DataFrame({"very_low": [1.0, 40.0], "low": [2.0, 0.0], "very_high": [3.0, 0.0], "high": [4.0, 0.0]})
    assert gri(percents).tolist() == pytest.approx([3.0 + 4.8 + 4.8 + 3.2, 100.0])


def test_grades_change_above_their_bounds():
    assert lbgi_risks(np.array([1.1, 1.11, 2.5, 2.6, 5.0, 5.1])).tolist() == [
        "minimal",
        "low",
        "low",
        "moderate",
        "moderate",
        "high",
    ]
    assert hbgi_risks(np.array([4.5, 4.6, 9.0, 9.1])).tolist() == ["low", "moderate", "moderate", "high"]
    assert gri_zones(np.array([0, 20, 20.1, 40, 60, 80, 80.1])).tolist() == ["A", "A", "B", "B", "C", "D", "E"]
    assert adrr_risks(np.array([19.9, 20, 40, 40.1])).tolist() == ["low", "moderate", "moderate", "high"]


def test_what_is_unknown_is_not_graded():
    unknown = np.array([np.nan])
    for grades in (lbgi_risks, hbgi_risks, gri_zones, adrr_risks):
        assert grades(unknown).isna().all()


def test_adrr_is_the_mean_over_days_of_the_sum_of_both_extremes():
    lows, highs = np.array([10.0, 20.0, 1.0]), np.array([5.0, 5.0, 2.0])
    assert adrr(lows, highs, np.array([0, 0, 1]), 3)[:2].tolist() == [20.0, 3.0]
    assert np.isnan(adrr(lows, highs, np.array([0, 0, 1]), 3)[2])
