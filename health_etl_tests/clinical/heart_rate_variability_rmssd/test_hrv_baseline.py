"""ln RMSSD against the person's own nights: 7-night mean, band, run. Expected numbers by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl_tests.clinical.heart_rate_variability_rmssd.hrv_nights import (
    STATED,
    insights_with_trends,
    night_of,
    nights_before,
)

# Mean 3, sample SD sqrt(8 * 0.01 / 7): the band is 3 ± 0.0535.
EIGHT = nights_before({before: 3.1 if before % 2 else 2.9 for before in range(1, 9)})
HALF_SD = 0.5 * np.sqrt(0.08 / 7)


def night(ln_rmssd: float, history: Mapping[int, Mapping[str, Any]]) -> pd.Series:
    """A whole night of this ln RMSSD after earlier nights."""
    return insights_with_trends(night_of([np.exp(ln_rmssd)] * 84), history)


def test_the_band_is_the_mean_of_the_earlier_nights_plus_and_minus_half_a_sample_sd():
    found = night(3.4, EIGHT)
    assert found["baseline_nights"] == 8
    assert found["baseline_ln_rmssd"] == pytest.approx(3.0)
    assert found["band_low_ln_rmssd"] == pytest.approx(3 - HALF_SD)
    assert found["band_high_ln_rmssd"] == pytest.approx(3 + HALF_SD)
    assert found["band_low_rmssd_ms"] == pytest.approx(19.04, abs=0.01)  # e to the power of 2.9465
    assert found["band_high_rmssd_ms"] == pytest.approx(21.19, abs=0.01)
    assert found["deviation_ln_rmssd"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("ln_rmssd", "side", "run"),
    [
        (3.05, "inside the person's own band", 0),
        (3.06, "above the person's own band", 2),  # the night before was 3.1, the one before it 2.9
        (2.95, "inside the person's own band", 0),
        (2.94, "below the person's own band", 1),
    ],
)
def test_a_night_lies_below_inside_or_above_the_band(ln_rmssd, side, run):
    found = night(ln_rmssd, EIGHT)
    assert (found["against_band"], found["run_nights"]) == (side, run)


@pytest.mark.parametrize(("count", "given"), [(6, False), (7, True)])
def test_the_band_needs_seven_earlier_nights(count, given):
    found = night(3.4, nights_before({before: 3 + before / 10 for before in range(1, count + 1)}))
    columns = ["baseline_ln_rmssd", "band_low_ln_rmssd", "against_band", "deviation_ln_rmssd", "run_nights"]
    assert found["baseline_nights"] == count
    assert found[columns].notna().all() == given
    assert found[columns].isna().all() != given


@pytest.mark.parametrize(("count", "given"), [(1, False), (2, True)])
def test_the_seven_night_mean_needs_three_valid_nights_this_one_included(count, given):
    found = night(3.3, nights_before(dict.fromkeys(range(1, count + 1), 3.0)))
    assert found["week_nights"] == count + 1
    assert pd.notna(found["week_ln_rmssd"]) is given
    if given:
        assert found["week_ln_rmssd"] == pytest.approx(3.1)


def test_the_seventh_night_before_is_no_longer_in_the_seven_night_mean():
    history = nights_before({1: 3.0, 2: 3.0, 6: 3.0, 7: 9.0})
    found = night(3.0, history)
    assert (found["week_nights"], round(found["week_ln_rmssd"], 9)) == (4, 3.0)


def test_a_run_counts_back_over_nights_on_the_same_side_and_ends_at_a_night_without_a_value():
    steady = {before: 3.0 + (0.02 if before % 2 else -0.02) for before in range(5, 29)}
    run = night(3.5, nights_before(steady | {1: 3.5, 2: 3.4, 3: 3.5, 4: 2.5}))
    assert run["run_nights"] == 4
    broken = night(3.5, nights_before(steady | {1: 3.5, 2: None, 3: 3.5}))
    assert broken["run_nights"] == 2
    missing = night(3.5, nights_before(steady | {1: 3.5, 3: 3.5}))
    assert missing["run_nights"] == 2


def test_a_night_of_too_little_coverage_is_not_compared():
    found = insights_with_trends(night_of([20] * 23), EIGHT)
    assert pd.isna(found["ln_rmssd"])
    assert found["baseline_nights"] == 8
    assert found[["deviation_ln_rmssd", "against_band", "run_nights"]].isna().all()


def test_nights_of_another_app_or_rule_stay_out_of_the_baseline():
    other_app = nights_before(dict.fromkeys(range(1, 5), 2.0), source="other.ring")
    other_rule = nights_before(dict.fromkeys(range(5, 7), 2.0), rule=STATED)
    own = nights_before({before: 3.0 + before / 100 for before in range(7, 15)})
    found = night(3.1, other_app | other_rule | own)
    assert (found["baseline_nights"], found["other_nights"]) == (8, 6)
    assert found["baseline_ln_rmssd"] == pytest.approx(3.105)


def test_nights_of_one_stated_value_are_compared_with_each_other():
    history = nights_before({n: 3 + n / 100 for n in range(1, 9)}, rule=STATED, source="app.summary")
    found = insights_with_trends(night_of([20], app="app.summary"), history)
    assert (found["baseline_nights"], found["sampled_nights"]) == (8, 0)
    assert found["against_band"] == "below the person's own band"  # ln 20 = 2.9957


def test_a_single_value_of_an_app_that_sampled_other_nights_is_marked():
    found = insights_with_trends(night_of([20]), EIGHT)
    assert (found["baseline_nights"], found["other_nights"], found["sampled_nights"]) == (0, 8, 8)
    assert pd.isna(found["against_band"])
    assert pd.isna(insights_with_trends(night_of([20] * 84), EIGHT)["sampled_nights"])


def test_the_seven_night_mean_has_its_own_place_against_the_band():
    shifted = nights_before(
        dict.fromkeys(range(1, 5), 3.4) | {before: 3.0 + before % 2 / 50 for before in range(5, 29)}
    )
    found = night(2.9, shifted)
    assert found["against_band"] == "below the person's own band"
    assert found["week_against_band"] == "above the person's own band"  # mean 3.2 against 3.1
