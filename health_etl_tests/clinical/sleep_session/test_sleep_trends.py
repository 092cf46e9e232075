"""Sleep over the look-back: what is compared, from how many nights on, and what the clocks cannot change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.sleep_session.processor import PROCESSOR, look_back
from health_etl_tests.clinical.sleep_session.sleep_nights import NIGHT, NO_PRIORITY, no_history

DATE = pd.Timestamp(NIGHT)  # a Saturday
HEALTHY = (1380.0, 420.0)  # asleep from 23:00 on, for seven hours


def night(start: float, minutes: float, *, judged: bool = True, naps: tuple[float, ...] = ()) -> dict[str, Any]:
    """Return what is carried of a night at UTC+0, asleep from a minute of the evening before on."""
    begin = start - 1440
    return {
        "tst_minutes": minutes,
        "sleep_with_naps_minutes": minutes + 10 * len(naps) if judged else None,
        "sleep_period_minutes": minutes,
        "mid_sleep_minutes": (begin + minutes / 2) % 1440,
        "recorded_utc_minutes": [-360.0, 1080.0],
        "asleep_utc_minutes": [begin, begin + minutes, *(bound for nap in naps for bound in (nap, nap + 10))],
    }


NO_NIGHT: dict[str, Any] = dict.fromkeys(PROCESSOR.carried)


def trends(
    this: dict[str, Any],
    earlier: dict[int, dict[str, Any]],
    local_date: str = NIGHT,
    ages: str | None = "26 to 64 years",
) -> dict[str, Any]:
    days = pd.DataFrame([this | {"local_date": local_date, "reference_ages": ages}])
    rows = [{"day": 0, "days_before": before} | carried for before, carried in sorted(earlier.items())]
    history = pd.DataFrame(rows) if rows else no_history()
    found = look_back(days, history, NO_PRIORITY)
    assert list(found.columns) == [metric.name for metric in PROCESSOR.trends]
    row = found.astype(object).iloc[0]
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


def same(nights: int, **other: Any) -> dict[int, dict[str, Any]]:
    return {before: night(*HEALTHY, **other) for before in range(1, nights + 1)}


def test_the_usual_sleep_time_is_mean_and_sample_sd_of_the_earlier_nights_alone() -> None:
    earlier = {before: night(1380, minutes) for before, minutes in enumerate((400, 410, 420, 430, 440, 450, 460), 1)}

    found = trends(night(1380, 100), earlier)

    assert (found["baseline_night_count"], found["mean_tst_minutes"]) == (7, 430)
    assert found["sd_tst_minutes"] == pytest.approx(np.sqrt(2800 / 6))


@pytest.mark.parametrize(("nights", "has_value"), [(6, False), (7, True)])
def test_the_usual_sleep_time_needs_7_assessed_nights(nights: int, has_value: bool) -> None:
    unjudged = {before: night(*HEALTHY, judged=False) for before in range(20, 28)}

    found = trends(night(*HEALTHY), same(nights) | unjudged)

    assert found["baseline_night_count"] == nights
    assert (found["mean_tst_minutes"] is not None) is has_value
    assert (found["sd_tst_minutes"] is not None) is has_value


def test_mid_sleep_is_averaged_round_the_clock_over_this_night_too() -> None:
    earlier = {before: night(1200 + 20 * (before % 2), 480) for before in range(1, 7)}  # around midnight

    found = trends(night(1210, 480), earlier)

    assert found["timed_night_count"] == 7
    assert found["mean_mid_sleep_local"] == "00:10"
    assert found["mid_sleep_sd_minutes"] == pytest.approx(10)


def test_six_timed_nights_have_no_average_mid_sleep() -> None:
    found = trends(night(*HEALTHY), same(5))

    assert (found["timed_night_count"], found["mean_mid_sleep_local"]) == (6, None)
    assert found["mid_sleep_sd_minutes"] is None


def test_the_28th_night_back_belongs_to_the_usual_sleep_time_and_no_more_to_the_timing() -> None:
    found = trends(night(*HEALTHY), {28: night(*HEALTHY), 27: night(*HEALTHY)})

    assert found["baseline_night_count"] == 2
    assert found["timed_night_count"] == 2


def test_social_jetlag_sets_the_nights_before_weekends_against_the_others() -> None:
    # The night ends on a Saturday: 1 day before is Friday, 6 days before is Sunday.
    earlier = {before: night(1380, 360) for before in (1, 2, 3, 4, 5)} | {6: night(60 + 1440, 540)}

    found = trends(night(60 + 1440, 540), earlier)

    assert (found["workday_night_count"], found["free_day_night_count"]) == (5, 2)
    assert (found["msw_local"], found["msf_local"]) == ("02:00", "05:30")
    assert found["social_jetlag_minutes"] == pytest.approx(210)
    # SDweek = (5·360 + 2·540)/7; MSFsc = 330 − (540 − SDweek)/2 = 265.7 minutes
    assert found["msf_sc_local"] == "04:26"


@pytest.mark.parametrize(
    ("local_date", "free"),
    [("2025-09-19", 0), ("2025-09-20", 1), ("2025-09-21", 1), ("2025-09-22", 0)],
)
def test_saturday_and_sunday_are_free_days(local_date: str, free: int) -> None:
    assert trends(night(*HEALTHY), {}, local_date)["free_day_night_count"] == free


@pytest.mark.parametrize(
    ("workdays", "free_days", "has_value"),
    [((1, 2, 3), (0, 6), True), ((1, 2), (0, 6), False), ((1, 2, 3), (0,), False)],
)
def test_social_jetlag_needs_3_workdays_and_2_free_days(
    workdays: tuple[int, ...], free_days: tuple[int, ...], has_value: bool
) -> None:
    earlier = {before: night(*HEALTHY) for before in (*workdays, *free_days) if before}

    found = trends(night(*HEALTHY), earlier)

    assert (found["social_jetlag_minutes"] is not None) is has_value
    assert (found["msf_sc_local"] is not None) is has_value


def test_the_same_sleep_every_night_is_fully_regular() -> None:
    found = trends(night(*HEALTHY), same(27))

    assert (found["sri_points"], found["sri_pair_days"]) == (100, 27)


def test_one_night_an_hour_late_costs_two_hours_of_epochs_twice() -> None:
    earlier = same(9) | {4: night(HEALTHY[0] + 60, HEALTHY[1])}

    found = trends(night(*HEALTHY), earlier)

    # Night 4 differs from nights 3 and 5 in 60 minutes at either end: 240 of 9·1440 epochs.
    assert found["sri_points"] == pytest.approx(100 - 200 * 240 / (9 * 1440))


def test_a_nap_counts_in_the_regularity() -> None:
    found = trends(night(*HEALTHY, naps=(900,)), same(9))

    assert found["sri_points"] == pytest.approx(100 - 200 * 10 / (9 * 1440))


def test_nights_that_were_not_recorded_are_left_out_and_not_taken_for_wake() -> None:
    earlier = same(20) | {5: NO_NIGHT, 11: NO_NIGHT}

    found = trends(night(*HEALTHY), earlier)

    assert (found["sri_points"], found["sri_pair_days"]) == (100, 16)
    assert found["timed_night_count"] == 19


@pytest.mark.parametrize(
    ("nights", "has_value"),
    [
        ((1, 2, 3, 4, 5, 6), True),  # 7 nights, 6 days of pairs
        ((1, 2, 3, 4, 5), False),  # 6 nights
        ((1, 2, 3, 4, 5, 7), True),  # 7 nights, 5 days of pairs
        ((1, 2, 3, 4, 7, 10), False),  # 7 nights, 4 days of pairs
    ],
)
def test_regularity_needs_7_nights_and_5_days_of_pairs(nights: tuple[int, ...], has_value: bool) -> None:
    found = trends(night(*HEALTHY), {before: night(*HEALTHY) for before in nights})

    assert (found["sri_points"] is not None) is has_value
    assert found["sri_pair_days"] is not None


def test_with_half_of_the_nights_gone_regularity_is_not_reported() -> None:
    found = trends(night(*HEALTHY), {before: night(*HEALTHY) for before in range(2, 28, 2)})

    assert (found["sri_points"], found["sri_pair_days"]) == (None, 0)
    assert found["mean_mid_sleep_local"] is not None


def test_a_night_of_25_hours_compares_minutes_that_lie_24_hours_apart() -> None:
    # From the fourth night back on the clock stood an hour ahead: the person slept by the same clock on the wall.
    shifted = {
        before: night(HEALTHY[0] - 60, HEALTHY[1]) | {"recorded_utc_minutes": [-420.0, 1020.0]}
        for before in range(4, 11)
    }
    longer = {3: night(*HEALTHY) | {"recorded_utc_minutes": [-420.0, 1080.0]}}

    found = trends(night(*HEALTHY), shifted | longer | {1: night(*HEALTHY), 2: night(*HEALTHY)})

    # 11 nights, one of them of 25 hours, are 265 hours without a gap: 241 hours of pairs; the shift costs 2·60 minutes.
    assert found["sri_pair_days"] == pytest.approx(241 / 24)
    assert found["sri_points"] == pytest.approx(100 - 200 * 120 / (241 * 60))


def test_sleep_debt_adds_up_what_falls_short_and_sets_no_surplus_against_it() -> None:
    earlier = {1: night(1380, 400), 2: night(1380, 500), 3: night(1380, 420), 4: night(1380, 390, naps=(900,))}

    found = trends(night(1380, 360), earlier)

    assert (found["debt_night_count"], found["sleep_debt_minutes"]) == (5, 60 + 20 + 0 + 0 + 20)


def test_sleep_debt_needs_5_assessed_nights_of_7() -> None:
    four = {1: night(1380, 300), 2: night(1380, 300), 6: night(1380, 300)}

    found = trends(night(1380, 300), four | {3: night(1380, 300, judged=False), 7: night(1380, 300)})

    assert (found["debt_night_count"], found["sleep_debt_minutes"]) == (4, None)


def test_under_18_years_no_sleep_debt_is_reported() -> None:
    found = trends(night(1380, 300), same(6), ages=None)

    assert (found["debt_night_count"], found["sleep_debt_minutes"]) == (7, None)


def test_a_day_without_a_main_sleep_still_has_its_look_back() -> None:
    found = trends(NO_NIGHT, same(10))

    assert (found["timed_night_count"], found["debt_night_count"]) == (10, 6)
    assert found["mean_tst_minutes"] == 420
    assert found["sri_points"] == 100


def test_lists_that_come_back_from_parquet_as_arrays_are_read_like_lists() -> None:
    arrays = {
        before: carried | {name: np.array(carried[name]) for name in carried if name.endswith("_utc_minutes")}
        for before, carried in same(9).items()
    }

    assert trends(night(*HEALTHY), arrays) == trends(night(*HEALTHY), same(9))


def test_many_days_at_once_give_what_each_gives_alone_in_their_order() -> None:
    generator = np.random.default_rng(5)
    carried = [night(1380 + generator.integers(-90, 90), 420 + generator.integers(-90, 90)) for _ in range(300)]
    days = pd.DataFrame(carried).assign(local_date=NIGHT, reference_ages="26 to 64 years")
    history = pd.DataFrame(
        [
            {"day": day, "days_before": before} | carried[(day + before) % 300]
            for day in range(300)
            for before in range(1, 9)
        ]
    )

    found = look_back(days, history, NO_PRIORITY)

    for day in (0, 255, 256, 299):
        alone = look_back(days.iloc[[day]], history[history["day"] == day].assign(day=0), NO_PRIORITY)
        pd.testing.assert_frame_equal(found.iloc[[day]], alone, check_exact=True)
    assert look_back(days[:0], history[:0], NO_PRIORITY).empty
