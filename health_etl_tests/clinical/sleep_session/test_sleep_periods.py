"""Which sleeps a night holds: alternates apart, split sleep joined, one main sleep, the rest naps."""

from __future__ import annotations

from typing import Any

import pytest

from health_etl_tests.clinical.sleep_session.sleep_nights import (
    OURA,
    SAMSUNG,
    analysed,
    instant,
    night_of,
    only,
    session,
)


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        pytest.param(
            session("20T00:00", "20T07:00", [("LIGHT", 420)], source_app=SAMSUNG, record_id="z"),
            session("20T01:00", "20T06:00", source_app=OURA, record_id="a"),
            id="app priority",
        ),
        pytest.param(
            session("20T00:00", "20T07:00", last_modified_utc=instant("20T13:00"), record_id="z"),
            session("20T01:00", "20T06:00", [("LIGHT", 300)], record_id="a"),
            id="staged",
        ),
        pytest.param(
            session("20T00:00", "20T07:00", record_id="z"),
            session("20T01:00", "20T06:00", last_modified_utc=instant("20T13:00"), record_id="a"),
            id="last modified",
        ),
        pytest.param(
            session("20T01:00", "20T06:00", record_id="z"),
            session("20T00:00", "20T07:00", record_id="a"),
            id="longer",
        ),
        pytest.param(
            session("20T00:00", "20T06:00", record_id="a"),
            session("20T01:00", "20T07:00", record_id="z"),
            id="record_id",
        ),
    ],
)
def test_among_alternates_priority_then_stages_then_modification_then_length_then_id_decide(
    loser: list[dict[str, Any]], winner: list[dict[str, Any]]
) -> None:
    found = night_of(loser, winner, priority=(OURA,))

    expected = winner[0]["start_utc"].tz_convert("-05:00").strftime("%H:%M")
    assert found["bed_time_local"] == expected
    assert found["alternate_session_count"] == 1


def test_sessions_that_overlap_only_through_a_third_are_one_sleep() -> None:
    chained = night_of(
        session("20T00:00", "20T04:00"), session("20T03:00", "20T06:00"), session("20T05:00", "20T07:00")
    )
    around = night_of(session("20T00:00", "20T06:00"), session("20T01:00", "20T02:00"), session("20T05:00", "20T07:00"))

    assert (chained["alternate_session_count"], chained["nap_count"]) == (2, 0)
    assert (around["alternate_session_count"], around["nap_count"]) == (2, 0)


def test_the_longest_sleep_is_the_main_one_and_the_others_are_naps_even_where_two_apps_saw_them() -> None:
    found = night_of(
        session("20T00:00", "20T06:00"),
        session("20T13:00", "20T13:30", [("SLEEPING", 20), ("AWAKE", 10)]),
        session("20T13:05", "20T13:40", source_app=SAMSUNG, record_id="other app's nap"),
        session("20T16:00", "20T16:15"),
    )

    assert found["bed_time_local"] == "00:00"
    assert found["alternate_session_count"] == 0
    assert found["nap_count"] == 2
    assert found["nap_minutes"] == 20 + 15


def test_the_longest_sleep_is_measured_asleep_not_in_bed() -> None:
    restless = session("20T00:00", "20T08:00", [("AWAKE", 420), ("LIGHT", 60)])
    calm = session("20T12:00", "20T15:00", [("LIGHT", 180)])

    assert night_of(restless, calm)["bed_time_local"] == "12:00"


def test_a_short_session_never_speaks_for_a_sleep_that_another_app_saw_whole() -> None:
    whole = session("19T23:00", "20T07:00", [("LIGHT", 480)], source_app=SAMSUNG)
    part = session("20T06:30", "20T07:10", [("LIGHT", 40)], last_modified_utc=instant("20T15:00"))

    found = night_of(whole, part, priority=(OURA,))

    assert (found["bed_time_local"], found["tst_minutes"]) == ("23:00", 480)
    assert (found["alternate_session_count"], found["nap_count"]) == (1, 0)


def test_half_of_the_longest_alternate_is_enough_to_speak_for_it() -> None:
    whole = session("20T00:00", "20T08:00", source_app=SAMSUNG)

    half = night_of(whole, session("20T04:00", "20T08:00"), priority=(OURA,))
    less = night_of(whole, session("20T04:01", "20T08:00"), priority=(OURA,))

    assert (half["bed_time_local"], less["bed_time_local"]) == ("04:00", "00:00")


def test_a_sleep_split_into_two_sessions_is_one_main_sleep_with_the_gap_as_wake() -> None:
    found = night_of(
        session("19T23:00", "20T02:00", [("LIGHT", 180)], source_app=SAMSUNG),
        session("20T02:40", "20T06:00", [("DEEP", 100), ("REM", 100)]),
    )

    assert (found["bed_time_local"], found["wake_time_local"]) == ("23:00", "06:00")
    assert (found["tib_minutes"], found["tst_minutes"], found["waso_minutes"]) == (420, 380, 40)
    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 1)
    assert (found["longest_awakening_local"], found["longest_awakening_minutes"]) == ("02:00", 40)
    assert (found["joined_session_count"], found["nap_count"]) == (2, 0)
    assert found["main_sleep_source_app"] == f"{OURA}, {SAMSUNG}"
    assert found["coverage"] == 1
    assert found["stage_codes"] == [4, 1, 5, 6]
    assert found["stage_start_minutes"] == [0, 180, 220, 320]


@pytest.mark.parametrize(("second_start", "joined"), [("20T03:00", 2), ("20T03:01", 1)])
def test_sessions_up_to_60_minutes_apart_are_one_sleep(second_start: str, joined: int) -> None:
    found = night_of(session("19T22:00", "20T02:00"), session(second_start, "20T06:00"))

    assert found["joined_session_count"] == joined
    assert found["nap_count"] == 2 - joined


def test_sessions_that_touch_are_one_sleep_without_an_awakening() -> None:
    found = night_of(session("20T00:00", "20T04:00", [("LIGHT", 240)]), session("20T04:00", "20T06:00", [("REM", 120)]))

    assert (found["tst_minutes"], found["awakening_count"], found["joined_session_count"]) == (360, 0, 2)


def test_the_time_between_two_sessions_is_no_stage_that_makes_a_night_assessed() -> None:
    found = night_of(session("20T00:00", "20T02:00"), session("20T03:00", "20T05:00"))

    assert (found["tib_minutes"], found["tst_minutes"], found["coverage"]) == (300, 240, 0)
    assert found["waso_minutes"] is None


def test_the_alternates_of_each_part_are_counted() -> None:
    found = night_of(
        session("20T00:00", "20T02:00"),
        session("20T00:00", "20T02:00", source_app=SAMSUNG, record_id="z"),
        session("20T02:30", "20T05:00"),
    )

    assert (found["joined_session_count"], found["alternate_session_count"]) == (2, 1)


@pytest.mark.parametrize(("minutes", "is_main"), [(120, True), (119, False)])
def test_a_main_sleep_lasts_at_least_120_minutes(minutes: int, is_main: bool) -> None:
    start = instant("20T13:00")
    rows = session("20T13:00", "20T13:00", end_utc=start + (instant("20T13:01") - start) * minutes)

    found = night_of(rows)

    assert (found["tst_minutes"] is not None) is is_main
    assert (found["nap_count"], found["nap_minutes"]) == ((0, None) if is_main else (1, 119))


def test_a_day_on_which_only_a_nap_was_recorded_has_no_main_sleep_and_is_not_assessed() -> None:
    found = night_of(session("20T13:00", "20T13:20", [("SLEEPING", 20)]))

    assert (found["nap_count"], found["nap_minutes"], found["nap_times_local"]) == (1, 20, "13:00–13:20")
    judged = (
        "tib_minutes",
        "tst_minutes",
        "se_percent",
        "duration_class",
        "mid_sleep_local",
        "sleep_with_naps_minutes",
    )
    assert [found[name] for name in judged] == [None] * len(judged)
    assert found["recorded_utc_minutes"] is None
    assert found["coverage"] == 0


def test_a_nap_of_a_few_minutes_is_a_nap() -> None:
    found = night_of(session("20T00:00", "20T07:00", [("LIGHT", 420)]), session("20T15:00", "20T15:04"))

    assert (found["nap_count"], found["nap_minutes"], found["nap_times_local"]) == (1, 4, "15:00–15:04")
    assert found["sleep_with_naps_minutes"] == 424


def test_a_session_without_length_is_no_division_by_zero() -> None:
    found = night_of(session("20T00:00", "20T00:00"))

    assert (found["tib_minutes"], found["coverage"]) == (None, 0)
    assert (found["nap_count"], found["nap_minutes"]) == (0, None)


def test_the_times_asleep_are_stated_in_minutes_from_midnight_utc_of_the_date() -> None:
    found = only(
        analysed(
            session("19T23:40", "20T01:40", [("AWAKE", 20), ("LIGHT", 40), ("OUT_OF_BED", 10), ("REM", 50)]),
            session("20T13:00", "20T13:30"),
        )
    )

    # 00:00 UTC of the 20th is 19:00 of the 19th at -05:00, so that 23:40 is minute 280.
    assert found["asleep_utc_minutes"] == [300, 340, 350, 400, 1080, 1110]
    assert found["recorded_utc_minutes"] == [-60, 1380]
