"""Clock arithmetic, mid-sleep, social jetlag and regularity, by values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from health_etl.clinical.sleep_session.timing import (
    circular_mean_minutes,
    circular_sd_minutes,
    epochs,
    shorter_arc_minutes,
    sleep_corrected_msf_minutes,
    sleep_regularity,
    social_jetlag_minutes,
)
from health_etl.clinical.sleep_session.trends import clock_times

DAY = 1440


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize(
    ("start", "end", "arc"),
    [(1380, 60, 120), (60, 1380, -120), (600, 600, 0), (0, 719, 719), (0, 721, -719), (0, 720, -720)],
)
def test_the_shorter_way_round_the_clock_is_signed(start: float, end: float, arc: float) -> None:
    assert shorter_arc_minutes(floats(start), floats(end)).tolist() == [arc]


def test_social_jetlag_has_no_sign() -> None:
    assert social_jetlag_minutes(floats(1410, 240), floats(60, 150)).tolist() == [90, 90]


def test_mid_sleep_on_free_days_is_corrected_only_where_more_was_slept_on_them() -> None:
    # SDweek = (5·360 + 2·500)/7 = 400; the correction is (500 − 400)/2 = 50.
    found = sleep_corrected_msf_minutes(floats(240, 20, 240), floats(360, 360, 500), floats(500, 500, 360), 5)

    assert found.tolist() == [190, 1410, 240]


def test_the_mean_of_clock_times_goes_round_midnight() -> None:
    minutes, group = floats(1410, 30, 200, 220, 240), np.array([0, 0, 2, 2, 2])

    mean = circular_mean_minutes(minutes, group, 3)

    assert clock_times(mean).tolist()[0] == "00:00"
    assert np.isnan(mean[1])
    assert mean[2] == pytest.approx(220)


def test_clock_times_that_balance_round_the_clock_have_no_mean() -> None:
    assert np.isnan(circular_mean_minutes(floats(0, 720), np.array([0, 0]), 1)).all()


def test_the_scatter_of_clock_times_is_the_sample_sd_about_their_mean() -> None:
    sd = circular_sd_minutes(floats(1420, 0, 20, 100), np.array([0, 0, 0, 1]), 2)

    assert sd[0] == pytest.approx(20)
    assert np.isnan(sd[1])


def test_minutes_after_midnight_are_written_to_the_nearest_minute() -> None:
    written = clock_times(floats(209.999999, 1439.7, 61.2, np.nan))

    assert written.tolist()[:3] == ["03:30", "00:00", "01:01"]
    assert written.isna().tolist() == [False, False, False, True]


def days_of(*shares_asleep: float) -> np.ndarray:
    """Return the epochs of days that each begin asleep, for that share of the day."""
    return np.concatenate([np.arange(DAY) < share * DAY for share in shares_asleep])[np.newaxis, :]


@pytest.mark.parametrize(
    ("asleep", "expected"),
    [
        (days_of(0.25, 0.25, 0.25), 100),
        (days_of(0.25, 0.35), 80),  # the same state in 90 % of the epochs
        (days_of(0.25, 0.50), 50),
        (days_of(0.0, 1.0), -100),
        (days_of(0.0, 0.5), 0),
        (days_of(0.25, 0.25, 0.50), 75),  # 200·(1 + 0.75)/2 − 100
    ],
)
def test_regularity_is_the_share_of_the_same_state_on_a_scale_to_100(asleep: np.ndarray, expected: float) -> None:
    index, pairs = sleep_regularity(asleep, np.ones_like(asleep))

    assert index == pytest.approx([expected])
    assert pairs.tolist() == [asleep.shape[1] - DAY]


def test_epochs_that_were_not_recorded_are_left_out_with_their_partners() -> None:
    asleep = days_of(0.25, 0.25, 1.0, 0.25)
    valid = np.ones_like(asleep)
    valid[0, 2 * DAY : 3 * DAY] = False

    index, pairs = sleep_regularity(asleep, valid)

    assert (index.tolist(), pairs.tolist()) == ([100], [DAY])  # the second with the first; the fourth has no partner


def test_without_a_pair_there_is_no_regularity() -> None:
    index, pairs = sleep_regularity(days_of(0.5, 0.5), np.zeros((1, 2 * DAY), dtype=np.bool_))

    assert np.isnan(index).all()
    assert pairs.tolist() == [0]


def test_an_epoch_lies_in_an_interval_that_holds_its_middle() -> None:
    bounds = np.array([[2, 4], [3, 5], [7.4, 8.5], [-9, 0.6], [9.6, 99]])

    found = epochs(bounds, np.array([0, 0, 0, 1, 1]), 0, (3, 10))

    assert [np.flatnonzero(row).tolist() for row in found] == [[2, 3, 4, 7], [0], []]
