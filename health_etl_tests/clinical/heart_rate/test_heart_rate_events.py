"""Exercise bouts, sustained rates at rest or not, and recovery. Expected numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.heart_rate.processor import PROCESSOR
from health_etl_tests.clinical.heart_rate.heart_days import (
    OPTIONS,
    analysed,
    day_of,
    days_of,
    every_minute,
    every_ten_minutes,
)

COUNTS = [
    f"{name}_count" for name in ("bout", "high_at_rest", "high_open", "urgent_at_rest", "urgent_open", "low_at_rest")
]


def counts(day: pd.Series) -> dict[str, int]:
    """The counts above zero."""
    return {name.removesuffix("_count"): int(day[name]) for name in COUNTS if day[name] > 0}


def with_stretch(first: int, count: int, bpm: int, rest: int = 70) -> dict[float, int]:
    """A day measured every minute whose minutes first to first + count - 1 have another rate."""
    return every_minute(0, 1440, rest) | every_minute(first, count, bpm)


def test_a_calm_day_has_no_stretch_of_any_kind():
    assert counts(analysed(every_minute(0, 1440, 70))) == {}


@pytest.mark.parametrize(("count", "found"), [(9, {}), (10, {"bout": 1})])
def test_an_exercise_bout_lasts_ten_minutes(count, found):
    assert counts(analysed(with_stretch(600, count, 130))) == found


@pytest.mark.parametrize(("bpm", "found"), [(119, 0), (120, 1)])
def test_without_a_maximal_heart_rate_a_bout_starts_at_120(bpm, found):
    day = analysed(with_stretch(600, 14, bpm))
    assert (day["bout_count"], day["bout_floor_bpm"]) == (found, 120.0)
    assert day["bout_floor_source"] == "adult default, neither age nor HRmax configured"


@pytest.mark.parametrize(("bpm", "found"), [(112, 0), (113, 1)])
def test_with_an_age_a_bout_starts_at_64_percent_of_the_maximum(bpm, found):
    day = analysed(with_stretch(600, 14, bpm), age_years=45)  # 0.64 × 176.5 = 112.96
    assert (day["bout_count"], day["bout_floor_bpm"]) == (found, 113.0)


def test_short_pauses_belong_to_a_bout_and_long_ones_part_it():
    bpm = every_minute(0, 1440, 70) | every_minute(600, 20, 130) | every_minute(624, 20, 140)
    day = analysed(bpm)  # the minutes 620 to 623 are a pause: 5 min from 619 to 624
    assert (day["bout_count"], day["bout_minutes"]) == (1, 44.0)
    assert (day["longest_bout_start_local"], day["longest_bout_peak_bpm"]) == ("10:00", 140.0)
    apart = every_minute(0, 1440, 70) | every_minute(600, 20, 130) | every_minute(625, 21, 140)
    day = analysed(apart)
    assert (day["bout_count"], day["bout_minutes"], day["longest_bout_minutes"]) == (2, 41.0, 21.0)
    assert day["longest_bout_start_local"] == "10:25"


def test_a_watch_that_measures_every_ten_minutes_shows_a_bout_of_three_samples():
    bpm = every_ten_minutes(70) | {600: 130, 610: 130}
    assert analysed(bpm)["bout_count"] == 0
    assert analysed(bpm | {620: 130})["bout_minutes"] == 21.0


@pytest.mark.parametrize(("count", "found"), [(14, {}), (15, {"high_open": 1})])
def test_a_high_rate_by_day_below_the_bout_floor_is_open_from_fifteen_minutes_on(count, found):
    assert counts(analysed(with_stretch(600, count, 101))) == found


def test_one_hundred_is_not_above_one_hundred():
    assert counts(analysed(with_stretch(600, 60, 100))) == {}


def test_a_high_rate_that_touches_a_bout_belongs_to_it():
    warm_up_and_bout = every_minute(0, 1440, 70) | every_minute(600, 20, 105) | every_minute(620, 20, 140)
    assert counts(analysed(warm_up_and_bout)) == {"bout": 1}


def test_a_high_rate_in_the_night_is_at_inferred_rest_and_no_exercise():
    day = analysed(with_stretch(120, 30, 130))
    assert counts(day) == {"high_at_rest": 1}
    assert (day["high_at_rest_minutes"], day["high_at_rest_start_local"]) == (30.0, "02:00")


@pytest.mark.parametrize(("first", "found"), [(339, {"high_at_rest": 1}), (340, {"bout": 1})])
def test_a_stretch_belongs_to_the_night_when_more_than_half_of_it_lies_before_six(first, found):
    assert counts(analysed(with_stretch(first, 40, 130))) == found  # 05:39 to 06:19: 21 of 40 min


@pytest.mark.parametrize(("minutes", "found"), [(240, {"bout": 1}), (241, {"high_at_rest": 1})])
def test_a_high_rate_of_more_than_four_hours_is_no_exercise(minutes, found):
    assert counts(analysed(with_stretch(600, minutes, 125))) == found


@pytest.mark.parametrize(
    ("bpm", "count", "found"), [(150, 10, 0), (151, 9, 0), (151, 10, 1)], ids=["150", "9 min", "151 for 10 min"]
)
def test_a_rate_is_urgent_at_rest_above_150_for_ten_minutes(bpm, count, found):
    assert analysed(with_stretch(120, count, bpm))["urgent_at_rest_count"] == found


def test_a_very_high_rate_by_day_is_a_bout_and_stays_open():
    day = analysed(with_stretch(600, 30, 165))
    assert counts(day) == {"bout": 1, "urgent_open": 1}
    assert (day["urgent_open_minutes"], day["urgent_open_peak_bpm"], day["urgent_open_start_local"]) == (
        30.0,
        165.0,
        "10:00",
    )


def test_one_minute_on_the_other_side_is_bridged_and_two_are_not():
    high = every_minute(0, 1440, 70) | every_minute(120, 20, 110)
    assert analysed(high | {130: 90})["high_at_rest_minutes"] == 20.0
    assert analysed(high | {130: 90, 131: 90})["high_at_rest_count"] == 0  # 10 and 8 min


@pytest.mark.parametrize(("bpm", "found"), [(50, 0), (49, 1)])
def test_a_low_rate_is_below_fifty_for_fifteen_minutes(bpm, found):
    assert analysed(with_stretch(600, 15, bpm))["low_at_rest_count"] == found


def test_of_low_rates_the_time_outside_the_night_is_stated_separately():
    day = analysed(with_stretch(330, 60, 45))  # 05:30 to 06:30
    assert (day["low_at_rest_minutes"], day["low_at_rest_day_minutes"]) == (60.0, 30.0)


def test_an_urgent_stretch_is_stated_at_any_coverage():
    day = analysed(every_minute(120, 12, 170))
    assert pd.notna(day["coverage_reason"])
    assert (day["urgent_at_rest_count"], day["urgent_at_rest_peak_bpm"]) == (1, 170.0)


def test_where_the_samples_could_show_no_stretch_counts_are_null_and_not_zero():
    day = analysed({60 * hour: 70 for hour in range(8)})  # 8 min recorded
    assert day[COUNTS].isna().all()


def test_a_stretch_never_reaches_into_another_person():
    rows = pd.concat([day_of(every_minute(600, 6, 130)), day_of(every_minute(606, 6, 130), user="u2")])
    assert PROCESSOR.analyse(rows, days_of("u1", "u2"), OPTIONS)["bout_count"].fillna(0).tolist() == [0, 0]


def effort(after: dict[float, int]) -> dict[float, int]:
    """Twenty minutes of exercise up to 160 bpm that end at 10:19, and what is measured after them."""
    return every_minute(0, 600, 70) | every_minute(600, 19, 140) | {619: 160} | after


def test_recovery_is_read_one_and_two_minutes_after_the_effort():
    day = analysed(effort({620: 135, 621: 120, 622: 110}))
    assert (day["recovery_one_minute_bpm"], day["recovery_two_minutes_bpm"]) == (25.0, 40.0)


def test_the_effort_ends_with_the_last_sample_at_ninety_percent_of_the_peak():
    day = analysed(effort({620: 144, 621: 130, 622: 119}))  # 144 is 0.9 × 160
    assert (day["recovery_one_minute_bpm"], day["recovery_two_minutes_bpm"]) == (14.0, 25.0)


@pytest.mark.parametrize(("seconds", "given"), [(50, True), (70, True), (49, False), (71, False)])
def test_a_sample_ten_seconds_off_the_minute_still_is_the_minute_s(seconds, given):
    day = analysed(effort({619 + seconds / 60: 130}))
    assert pd.notna(day["recovery_one_minute_bpm"]) is given


def test_samples_too_far_apart_give_no_recovery():
    day = analysed(every_ten_minutes(70) | {600: 130, 610: 150, 620: 140})
    assert day["bout_count"] == 1
    assert pd.isna(day["recovery_one_minute_bpm"])
    assert pd.isna(day["recovery_two_minutes_bpm"])


def test_the_bout_of_the_highest_peak_gives_the_recovery():
    bpm = every_minute(0, 1440, 70) | every_minute(600, 30, 130) | every_minute(900, 12, 170) | {912: 140}
    assert analysed(bpm)["recovery_one_minute_bpm"] == 30.0


def test_recovery_never_reads_another_person_s_samples():
    last_minutes = every_minute(1420, 20, 150)
    rows = pd.concat([day_of(last_minutes), day_of(every_minute(0, 60, 70), user="u2")])
    assert PROCESSOR.analyse(rows, days_of("u1", "u2"), OPTIONS)["recovery_one_minute_bpm"].isna().all()


def test_many_people_at_once_get_what_each_gets_alone():
    random = np.random.default_rng(3)
    days = [
        day_of(
            with_stretch(int(random.integers(0, 1300)), int(random.integers(5, 130)), int(random.integers(40, 180))),
            user=f"u{n}",
        )
        for n in range(12)
    ]
    users = [f"u{n}" for n in range(12)]
    together = PROCESSOR.analyse(pd.concat(days), days_of(*users), OPTIONS)
    alone = [PROCESSOR.analyse(rows, days_of(user), OPTIONS) for rows, user in zip(days, users, strict=True)]
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True), check_exact=True)
