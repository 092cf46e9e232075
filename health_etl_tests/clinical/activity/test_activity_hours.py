"""Hours of the local clock, pauses and cadence: only from records fine enough, by hand-computed values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.steps.processor import analyse
from health_etl_tests.clinical.activity.activity_days import NO_PRIORITY, OURA, SAMSUNG, day, frame, only, row, tiles

WALKS = {"07:30": 300, "09:00": 600, "09:45": 400, "12:00": 900, "18:30": 1200, "22:15": 100}


def analysed(*rows: dict[str, Any], priority: tuple[str, ...] = ()) -> dict[str, Any]:
    return only(analyse(frame(*rows), day(), ClinicalOptions(priority)))


def test_records_of_a_quarter_hour_give_the_hours_and_the_parts_of_the_day() -> None:
    found = analysed(*tiles("00:00", "24:00", 15, WALKS))

    assert found["pattern_missing_reason"] is None
    assert found["steps_by_hour"] == [
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        300,
        0,
        1000,
        0,
        0,
        900,
        0,
        0,
        0,
        0,
        0,
        1200,
        0,
        0,
        0,
        100,
        0,
    ]
    assert (found["known_hours"], found["steps_in_known_hours"]) == (24, 3500)
    assert (found["busiest_hour_local"], found["busiest_hour_steps"]) == ("18:00", 1200)
    parts = [found[f"{part}_steps"] for part in ("night", "morning", "afternoon", "evening")]
    assert parts == [0, 1300, 900, 1300]
    assert found["active_hours"] == 4
    assert (found["first_step_local"], found["last_step_local"]) == ("07:30", "22:29")


def test_stretches_without_a_step_lie_in_the_daytime_and_last_an_hour() -> None:
    found = analysed(*tiles("00:00", "24:00", 15, WALKS))

    # 07:45-09:00, 10:00-12:00, 12:15-18:30, 18:45-22:00; 07:00-07:30 and 09:15-09:45 are too short
    assert found["still_stretch_count"] == 4
    assert found["still_stretch_minutes"] == 75 + 120 + 375 + 195
    assert (found["longest_still_minutes"], found["longest_still_start_local"]) == (375, "12:15")


@pytest.mark.parametrize(("pause_end", "count"), [("09:59", 0), ("10:00", 1)])
def test_a_stretch_needs_sixty_minutes(pause_end: str, count: int) -> None:
    fine = [
        row(f"{at // 60:02d}:{at % 60:02d}", f"{(at + 1) // 60:02d}:{(at + 1) % 60:02d}", 9)
        for at in range(420, 1320)
        if at < 540 or at >= int(pause_end[:2]) * 60 + int(pause_end[3:])
    ]
    assert analysed(*fine)["still_stretch_count"] == count


def test_of_equal_stretches_the_first_is_the_longest() -> None:
    found = analysed(*tiles("00:00", "24:00", 15, {"12:00": 10}), *tiles("14:15", "14:30", 15, {"14:15": 10}, app=OURA))
    assert found["longest_still_start_local"] == "14:30"
    even = analysed(*tiles("07:00", "22:00", 15, {"14:15": 10, "14:30": 10}))
    assert (even["longest_still_minutes"], even["longest_still_start_local"]) == (435, "07:00")


def test_a_day_without_any_step_has_hours_of_zero_and_no_busiest_one() -> None:
    found = analysed(*tiles("00:00", "24:00", 15))

    assert found["steps_by_hour"] == [0.0] * 24
    assert found["busiest_hour_local"] is found["busiest_hour_steps"] is found["first_step_local"] is None
    assert (found["still_stretch_count"], found["still_stretch_minutes"]) == (1, 900)


def test_daily_totals_give_no_pattern_and_say_why() -> None:
    found = analysed(row("00:00", "24:00", 8000))

    assert found["pattern_missing_reason"] == "no record is 15 min long or shorter"
    assert np.isnan(found["steps_by_hour"]).all()
    for name in ("known_hours", "steps_in_known_hours", "busiest_hour_local", "active_hours", "still_stretch_count"):
        assert found[name] is None


@pytest.mark.parametrize(("minutes", "is_fine"), [(15, True), (16, False)])
def test_a_record_is_fine_up_to_fifteen_minutes(minutes: int, is_fine: bool) -> None:
    assert (analysed(*tiles("00:00", "24:00", minutes))["pattern_missing_reason"] is None) == is_fine


@pytest.mark.parametrize(
    ("last", "reason"),
    [("18:00", None), ("17:45", "records of at most 15 min follow less than 10 h of the day")],
)
def test_ten_hours_of_fine_records_are_needed(last: str, reason: str | None) -> None:
    found = analysed(*tiles("08:00", last, 15, WALKS))

    assert found["pattern_missing_reason"] == reason
    assert (found["still_stretch_count"] is None) == (reason is not None)
    assert found["steps_by_hour"][9] == 1000


def test_a_day_that_was_still_running_has_no_pattern() -> None:
    found = analysed(*tiles("00:00", "20:00", 15, WALKS, fetched_utc="20:01"))
    assert found["pattern_missing_reason"] == "the day was still running at the export"
    assert found["busiest_hour_local"] is None


def test_an_hour_of_which_less_than_half_is_followed_is_unknown_and_so_is_its_part_of_the_day() -> None:
    kept = [*tiles("00:00", "09:15", 15, WALKS), *tiles("10:00", "24:00", 15, WALKS)]
    found = analysed(*kept)

    assert np.isnan(found["steps_by_hour"][9])
    assert found["known_hours"] == 23
    assert found["morning_steps"] is None
    assert found["afternoon_steps"] == 900

    half = analysed(*tiles("00:00", "09:30", 15, WALKS), *tiles("10:00", "24:00", 15, WALKS))
    assert half["steps_by_hour"][9] == 600


def test_what_no_record_follows_ends_a_stretch_without_steps() -> None:
    found = analysed(*tiles("00:00", "13:00", 15, {"11:45": 5}), *tiles("13:30", "24:00", 15, {"14:00": 5}))

    # 07:00-11:45; 12:00-13:00 and then a gap; 13:30-14:00 too short; 14:15-22:00
    assert found["still_stretch_count"] == 3
    assert found["still_stretch_minutes"] == 285 + 60 + 465


def test_pauses_of_an_app_of_movement_only_are_known_hours_without_steps() -> None:
    walks = [row(f"{hour:02d}:00", f"{hour:02d}:10", 500) for hour in (7, 10, 14, 18)]
    found = analysed(*walks)

    assert found["steps_by_hour"][7:18] == [500, 0, 0, 500, 0, 0, 0, 500, 0, 0, 0]
    assert np.isnan(found["steps_by_hour"][:7]).all()
    assert np.isnan(found["steps_by_hour"][18:]).all()  # ten minutes of the hour are followed
    assert found["still_stretch_count"] == 3
    assert found["still_stretch_minutes"] == 170 + 230 + 230


def test_two_apps_are_merged_in_each_hour_and_never_added() -> None:
    ring = tiles("00:00", "24:00", 15, {"09:00": 700}, app=OURA)
    watch = tiles("00:00", "24:00", 15, {"09:00": 600})

    assert analysed(*ring, *watch, priority=(OURA,))["steps_by_hour"][9] == 700
    assert analysed(*ring, *watch, priority=(SAMSUNG,))["steps_by_hour"][9] == 600


def test_a_daily_total_of_higher_rank_counts_in_the_total_and_not_in_the_hours() -> None:
    found = analysed(row("00:00", "24:00", 9000, OURA), *tiles("00:00", "24:00", 15, WALKS), priority=(OURA,))
    assert found["steps_total"] == 9000
    assert found["steps_in_known_hours"] == 3500


def dst_day(start: str, end: str, change_utc: str, before: int, after: int) -> dict[str, Any]:
    """Return a day of records of 15 min, ten steps in each, whose offset changes at `change_utc`."""
    records = []
    for record in tiles(start, end, 15):
        offset = after if record["start_utc"] >= row(change_utc, change_utc, 0)["start_utc"] else before
        records.append(record | {"utc_offset_minutes": offset, "end_utc_offset_minutes": offset, "steps": 10})
    late = frame(*records)
    late["fetched_utc"] = row(end, end, 0)["end_utc"]
    return only(analyse(late, day(start=start, end=end).assign(utc_offset_minutes=before), NO_PRIORITY))


def test_the_hour_that_the_clocks_skip_is_unknown() -> None:
    found = dst_day("2025-09-20T06:00Z", "2025-09-21T05:00Z", "2025-09-20T08:00Z", -360, -300)

    assert found["steps_total"] == 23 * 40
    assert [hour for hour, steps in enumerate(found["steps_by_hour"]) if np.isnan(steps)] == [2]
    assert set(found["steps_by_hour"][3:]) == {40.0}
    assert found["last_step_local"] == "23:59"


def test_the_hour_that_the_clocks_repeat_holds_both() -> None:
    found = dst_day("2025-09-20T05:00Z", "2025-09-21T06:00Z", "2025-09-20T07:00Z", -300, -360)

    assert found["steps_total"] == 25 * 40
    assert found["steps_by_hour"] == [40.0, 80.0, *[40.0] * 22]
    assert found["known_hours"] == 24
    assert found["last_step_local"] == "23:59"


def minutes_at(first: str, count: int, steps: int) -> list[dict[str, Any]]:
    at = int(first[:2]) * 60 + int(first[3:])
    return [
        row(f"{m // 60:02d}:{m % 60:02d}", f"{(m + 1) // 60:02d}:{(m + 1) % 60:02d}", steps)
        for m in range(at, at + count)
    ]


def day_by_the_minute(*walks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a day of records of a minute from 07:00 to 17:00; what is not walked is zero."""
    by_start = {record["start_utc"]: record for record in minutes_at("07:00", 600, 0)}
    return analysed(*{**by_start, **{record["start_utc"]: record for walk in walks for record in walk}}.values())


def test_minutes_go_to_the_band_of_their_cadence() -> None:
    found = day_by_the_minute(
        minutes_at("08:00", 4, 99),
        minutes_at("09:00", 10, 100),
        minutes_at("10:00", 5, 129),
        minutes_at("11:00", 3, 130),
    )

    assert found["cadence_missing_reason"] is None
    assert found["moderate_cadence_minutes"] == 15
    assert found["vigorous_cadence_minutes"] == 3
    assert found["peak_cadence_steps_per_min"] == 130


def test_a_cadence_that_nobody_runs_is_left_out() -> None:
    found = day_by_the_minute(minutes_at("08:00", 2, 250), minutes_at("09:00", 2, 251))
    assert found["vigorous_cadence_minutes"] == 2
    assert found["peak_cadence_steps_per_min"] == 250


def test_records_of_five_minutes_give_a_cadence_and_longer_ones_none() -> None:
    five = analysed(*tiles("07:00", "17:00", 5, {"08:00": 550}))
    six = analysed(*tiles("07:00", "17:00", 6, {"08:00": 660}))

    assert (five["moderate_cadence_minutes"], five["peak_cadence_steps_per_min"]) == (5, 110)
    assert six["cadence_missing_reason"] == "no record is between 0.5 and 5 min long"
    assert six["moderate_cadence_minutes"] is six["peak_cadence_steps_per_min"] is None


def test_a_day_too_thinly_followed_has_no_cadence() -> None:
    found = analysed(*tiles("07:00", "16:55", 5, {"08:00": 550}))
    assert found["cadence_missing_reason"] == "records of at most 5 min follow less than 10 h of the day"
    assert found["moderate_cadence_minutes"] is None


def test_a_walk_that_two_apps_recorded_is_counted_once() -> None:
    ring = [
        record | {"source_app": OURA, "record_id": f"ring {n}"} for n, record in enumerate(minutes_at("09:00", 9, 110))
    ]
    found = analysed(
        *[*minutes_at("07:00", 120, 0), *minutes_at("09:00", 10, 120), *minutes_at("09:10", 470, 0)], *ring
    )
    assert found["moderate_cadence_minutes"] == 10


def test_half_of_the_records_removed_leaves_no_pattern_and_no_cadence() -> None:
    records = tiles("00:00", "24:00", 5, {"08:00": 550})
    found = analysed(*records[::2][:100])

    assert found["pattern_missing_reason"] == "records of at most 15 min follow less than 10 h of the day"
    assert found["cadence_missing_reason"] == "records of at most 5 min follow less than 10 h of the day"
    assert found["coverage_reason"] is not None
