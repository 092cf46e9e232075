"""Which offset applies, where it came from, and which local day follows; every expected value is worked out by hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_etl.record_types.base import DayAnchor
from health_etl.records.local_time import (
    add_local_time,
    assign_days,
    day_bounds,
    is_valid_offset,
    resolve_offsets,
    stated_offset_minutes,
    states_offset,
)
from health_etl_tests.support.exports import utc

CHICAGO = ZoneInfo("America/Chicago")  # clocks go forward on 2025-03-09 at 08:00 UTC, back on 2025-11-02 at 07:00 UTC
NO_EVIDENCE: list[tuple[str, str, int]] = []


def times(*texts: str) -> pd.Series[pd.Timestamp]:
    return pd.Series(pd.DatetimeIndex([utc(text) for text in texts]).as_unit("ms"))


def evidence(points: list[tuple[str, str, int]]) -> pd.DataFrame:
    """Return evidence from points of (user, time, minutes)."""
    return pd.DataFrame(
        {
            "user_id": pd.Series([user for user, _, _ in points], dtype="str"),
            "time_utc": pd.Series(pd.DatetimeIndex([utc(time) for _, time, _ in points], tz=UTC).as_unit("ms")),
            "utc_offset_minutes": pd.Series([minutes for _, _, minutes in points], dtype="int64"),
        }
    )


def resolved(
    time: str,
    zone: str | None,
    points: list[tuple[str, str, int]],
    default: ZoneInfo | int = 0,
) -> tuple[int, str]:
    found = resolve_offsets(
        pd.Series(["anna"], dtype="str"), times(time), pd.Series([zone], dtype="str"), evidence(points), default
    )
    return int(found["utc_offset_minutes"].iloc[0]), str(found["zone_source"].iloc[0])


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("-05:00", -300),
        ("+05:30", 330),
        ("+00:00", 0),
        ("+0200", 120),
        ("-18:00", -1080),
        ("+05:53:28", 353),
        ("+02", 120),
        ("-2", -120),
        ("UTC+2", 120),
        ("utc-03:30", -210),
        ("GMT+02:00", 120),
        ("UT+0530", 330),
        (" +02:00 ", 120),
        ("America/Chicago", -300),
        ("Asia/Kathmandu", 345),
        ("Etc/GMT+5", -300),
        ("Z", None),
        ("z", None),
        ("UTC", None),
        ("GMT", None),
        ("Etc/UTC", None),
        (None, None),
        ("", None),
        ("   ", None),
        ("America/Meier", None),
        ("EST", None),
        ("5", None),
        ("+200", None),
        ("+25:00", None),
        ("-99:99", None),
    ],
)
def test_an_offset_is_parsed_into_minutes_and_anything_else_is_invalid(zone: str | None, minutes: int | None) -> None:
    stated = stated_offset_minutes(pd.Series([zone], dtype="str"), times("2025-09-20 12:00"))
    assert stated.dropna().tolist() == [m for m in (minutes,) if m is not None]


def test_the_name_of_a_zone_states_the_offset_that_holds_at_each_time() -> None:
    moments = times("2025-10-26 00:59", "2025-10-26 01:00", "2025-10-26 01:00", "2025-10-26 01:00")
    zones = pd.Series(["Europe/Berlin", "Europe/Berlin", "+05:30", None], dtype="str")
    assert stated_offset_minutes(zones, moments).fillna(-1).tolist() == [120, 60, 330, -1]
    assert states_offset(zones).tolist() == [True, True, True, False]


def test_many_different_texts_are_told_apart_quickly() -> None:
    zones = pd.Series([f"Europe/{number}" for number in range(100_000)], dtype="str")
    started = time.process_time()
    assert not is_valid_offset(zones).any()
    assert time.process_time() - started < 2


def test_the_offset_that_a_record_states_takes_precedence() -> None:
    assert resolved("2025-09-20 12:00", "+02:00", [("anna", "2025-09-20 12:00", -300)], -300) == (120, "record")


@pytest.mark.parametrize("silent", ["Z", None])
def test_a_record_without_an_offset_takes_that_of_the_person_s_other_sources(silent: str | None) -> None:
    assert resolved("2025-09-20 12:00", silent, [("anna", "2025-09-20 20:00", -300)]) == (-300, "other_sources")


def test_the_other_source_nearest_in_time_decides() -> None:
    points = [("anna", "2025-09-20 06:00", -300), ("anna", "2025-09-20 14:00", 60)]
    assert resolved("2025-09-20 09:00", "Z", points) == (-300, "other_sources")
    assert resolved("2025-09-20 11:00", "Z", points) == (60, "other_sources")


@pytest.mark.parametrize(
    ("time", "found"),
    [
        ("2025-09-21 12:00", (-300, "other_sources")),
        ("2025-09-21 12:01", (0, "default")),
        ("2025-09-18 12:00", (-300, "other_sources")),
        ("2025-09-18 11:59", (0, "default")),
    ],
)
def test_other_sources_reach_36_hours(time: str, found: tuple[int, str]) -> None:
    assert resolved(time, "Z", [("anna", "2025-09-20 00:00", -300)]) == found


def test_another_person_s_sources_do_not_count() -> None:
    assert resolved("2025-09-20 12:00", "Z", [("ben", "2025-09-20 12:00", -300)]) == (0, "default")


def test_without_evidence_a_fixed_default_offset_applies() -> None:
    assert resolved("2025-09-20 12:00", "Z", NO_EVIDENCE, 345) == (345, "default")


@pytest.mark.parametrize(
    ("time", "minutes"),
    [
        ("2025-03-09 07:59", -360),
        ("2025-03-09 08:00", -300),
        ("2025-11-02 06:59", -300),
        ("2025-11-02 07:00", -360),
    ],
)
def test_without_evidence_the_default_zone_applies_with_daylight_saving_time(time: str, minutes: int) -> None:
    assert resolved(time, None, NO_EVIDENCE, CHICAGO) == (minutes, "default")


def test_people_and_rows_in_any_order_are_resolved_independently() -> None:
    found = resolve_offsets(
        pd.Series(["ben", "anna", "anna", "cleo"], dtype="str"),
        times("2025-09-20 12:00", "2025-09-20 13:00", "2025-09-20 01:00", "2025-09-20 12:00"),
        pd.Series(["Z", "Z", "+01:00", None], dtype="str"),
        evidence([("anna", "2025-09-20 12:00", -300), ("ben", "2025-09-20 12:00", 120)]),
        60,
    )
    assert found["utc_offset_minutes"].tolist() == [120, -300, 60, 60]
    assert found["zone_source"].tolist() == ["other_sources", "other_sources", "record", "default"]


def test_among_contradicting_sources_at_one_time_the_same_one_always_wins() -> None:
    points = [("anna", "2025-09-20 12:00", -300), ("anna", "2025-09-20 12:00", -360)]
    assert resolved("2025-09-20 12:00", "Z", points) == resolved("2025-09-20 12:00", "Z", points[::-1])


def instants(*rows: tuple[str, str | None]) -> pd.DataFrame:
    return add_local_time(
        pd.DataFrame(
            {
                "user_id": pd.Series(["anna"] * len(rows), dtype="str"),
                "record_id": [f"r{number}" for number in range(len(rows))],
                "time_utc": times(*(time for time, _ in rows)),
                "zone_offset": pd.Series([zone for _, zone in rows], dtype="str"),
            }
        ),
        evidence(NO_EVIDENCE),
        0,
    )


def intervals(*rows: tuple[str, str, str | None, str | None]) -> pd.DataFrame:
    return add_local_time(
        pd.DataFrame(
            {
                "user_id": pd.Series(["anna"] * len(rows), dtype="str"),
                "record_id": [f"r{number}" for number in range(len(rows))],
                "start_utc": times(*(row[0] for row in rows)),
                "end_utc": times(*(row[1] for row in rows)),
                "start_zone_offset": pd.Series([row[2] for row in rows], dtype="str"),
                "end_zone_offset": pd.Series([row[3] for row in rows], dtype="str"),
            }
        ),
        evidence(NO_EVIDENCE),
        0,
    )


def days(rows: pd.DataFrame, anchor: DayAnchor) -> list[str]:
    return assign_days(rows, anchor)["local_date"].tolist()


@pytest.mark.parametrize(
    ("time", "zone", "day"),
    [
        ("2025-09-20 04:59", "-05:00", "2025-09-19"),
        ("2025-09-20 05:00", "-05:00", "2025-09-20"),
        ("2025-09-21 04:59", "-05:00", "2025-09-20"),
        ("2025-09-20 18:30", "+05:30", "2025-09-21"),
        ("2025-09-20 18:29", "+05:30", "2025-09-20"),
    ],
)
def test_an_instant_belongs_to_its_local_date(time: str, zone: str, day: str) -> None:
    assert days(instants((time, zone)), DayAnchor.INSTANT) == [day]


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2025-09-20 22:59", "2025-09-20"),  # 17:59 local: still the night that ended today
        ("2025-09-20 23:00", "2025-09-21"),  # 18:00 local: the night that ends tomorrow
        ("2025-09-21 08:00", "2025-09-21"),
        ("2025-09-21 04:00", "2025-09-21"),
    ],
)
def test_a_value_at_night_belongs_to_the_date_on_which_the_night_ends(time: str, day: str) -> None:
    assert days(instants((time, "-05:00")), DayAnchor.NIGHT) == [day]


@pytest.mark.parametrize(
    ("start", "end", "day"),
    [
        ("2025-09-20 03:00", "2025-09-20 11:00", "2025-09-20"),  # 22:00 to 06:00
        ("2025-09-20 19:00", "2025-09-20 20:00", "2025-09-20"),  # a nap from 14:00
        ("2025-09-20 22:30", "2025-09-20 22:59", "2025-09-20"),
        ("2025-09-20 22:30", "2025-09-20 23:00", "2025-09-21"),  # ends at 18:00
    ],
)
def test_a_sleep_session_belongs_to_the_night_in_which_it_ends(start: str, end: str, day: str) -> None:
    assert days(intervals((start, end, "-05:00", "-05:00")), DayAnchor.END) == [day]


def test_a_sleep_session_on_a_flight_belongs_to_the_night_at_its_destination() -> None:
    # Asleep at 09:00 in Chicago, awake at 23:30 in London; in Chicago it is 17:30 then, before the night's end.
    flight = ("2025-09-20 14:00", "2025-09-20 22:30", "-05:00", "+01:00")
    assert days(intervals(flight), DayAnchor.END) == ["2025-09-21"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-09-20 10:00", "2025-09-20 11:00", ["2025-09-20"]),
        ("2025-09-20 04:30", "2025-09-20 05:30", ["2025-09-19", "2025-09-20"]),
        ("2025-09-20 05:00", "2025-09-21 05:00", ["2025-09-20"]),  # exactly midnight to midnight
        ("2025-09-20 05:00", "2025-09-21 05:00:00.001", ["2025-09-20", "2025-09-21"]),
        ("2025-09-20 05:00", "2025-09-20 05:00", ["2025-09-20"]),  # zero length, at midnight
        ("2025-09-18 20:00", "2025-09-21 20:00", ["2025-09-18", "2025-09-19", "2025-09-20", "2025-09-21"]),
    ],
)
def test_an_interval_belongs_to_every_local_date_that_it_overlaps(start: str, end: str, expected: list[str]) -> None:
    assert days(intervals((start, end, "-05:00", "-05:00")), DayAnchor.SPAN) == expected


def test_each_of_several_intervals_is_repeated_for_its_own_days() -> None:
    rows = intervals(
        ("2025-09-20 23:00", "2025-09-21 01:00", "+00:00", "+00:00"),
        ("2025-09-20 10:00", "2025-09-20 11:00", "+00:00", "+00:00"),
        ("2025-09-21 22:00", "2025-09-23 01:00", "+00:00", "+00:00"),
    )
    spread = assign_days(rows, DayAnchor.SPAN)
    assert list(zip(spread["record_id"], spread["local_date"], strict=True)) == [
        ("r0", "2025-09-20"),
        ("r0", "2025-09-21"),
        ("r1", "2025-09-20"),
        ("r2", "2025-09-21"),
        ("r2", "2025-09-22"),
        ("r2", "2025-09-23"),
    ]


def bounds(rows: pd.DataFrame, anchor: DayAnchor) -> dict[str, Any]:
    found = day_bounds(assign_days(rows, anchor), anchor)
    assert len(found) == 1
    return dict(found.iloc[0])


@pytest.mark.parametrize(
    ("rows", "start", "hours"),
    [
        ([("2025-09-20 12:00", "-05:00")], "2025-09-20 05:00", 24),
        # Clocks go forward at 02:00: the day starts at -06:00 and ends at -05:00.
        ([("2025-03-09 07:30", "-06:00"), ("2025-03-09 20:00", "-05:00")], "2025-03-09 06:00", 23),
        # Clocks go back at 02:00: the day starts at -05:00 and ends at -06:00.
        ([("2025-11-02 05:30", "-05:00"), ("2025-11-02 20:00", "-06:00")], "2025-11-02 05:00", 25),
    ],
    ids=["24 h", "23 h", "25 h"],
)
def test_the_length_of_a_day_follows_from_its_offsets(
    rows: list[tuple[str, str | None]], start: str, hours: int
) -> None:
    found = bounds(instants(*rows), DayAnchor.INSTANT)
    assert found["day_start_utc"] == pd.Timestamp(utc(start))
    assert found["day_end_utc"] - found["day_start_utc"] == timedelta(hours=hours)


def test_the_last_hour_of_a_25_hour_day_is_still_that_day() -> None:
    rows = instants(("2025-11-02 05:00", "-05:00"), ("2025-11-03 05:59", "-06:00"), ("2025-11-03 06:00", "-06:00"))
    assert days(rows, DayAnchor.INSTANT) == ["2025-11-02", "2025-11-02", "2025-11-03"]


def test_a_day_of_travel_starts_at_the_first_and_ends_at_the_last_offset() -> None:
    # From Chicago (-05:00) to Berlin (+02:00): the local day lasts 17 hours.
    found = bounds(instants(("2025-09-20 06:00", "-05:00"), ("2025-09-20 20:00", "+02:00")), DayAnchor.INSTANT)
    assert found["utc_offset_minutes"] == -300
    assert found["day_start_utc"] == pd.Timestamp(utc("2025-09-20 05:00"))
    assert found["day_end_utc"] == pd.Timestamp(utc("2025-09-20 22:00"))


def test_a_night_lasts_from_18_to_18_local_time() -> None:
    found = bounds(instants(("2025-09-20 08:00", "-05:00")), DayAnchor.NIGHT)
    assert found["local_date"] == "2025-09-20"
    assert found["day_start_utc"] == pd.Timestamp(utc("2025-09-19 23:00"))
    assert found["day_end_utc"] == pd.Timestamp(utc("2025-09-20 23:00"))


def test_a_day_is_as_certain_as_its_least_certain_row() -> None:
    assert bounds(instants(("2025-09-20 12:00", "+00:00"), ("2025-09-20 13:00", "Z")), DayAnchor.INSTANT)[
        "zone_source"
    ] == ("default")
    assert bounds(instants(("2025-09-20 12:00", "+00:00")), DayAnchor.INSTANT)["zone_source"] == "record"


def test_days_come_in_order_of_person_and_date() -> None:
    rows = instants(("2025-09-21 12:00", "+00:00"), ("2025-09-20 12:00", "+00:00"), ("2025-09-20 13:00", "+00:00"))
    rows["user_id"] = pd.Series(["ben", "ben", "anna"], dtype="str")
    found = day_bounds(assign_days(rows, DayAnchor.INSTANT), DayAnchor.INSTANT)
    assert list(zip(found["user_id"], found["local_date"], strict=True)) == [
        ("anna", "2025-09-20"),
        ("ben", "2025-09-20"),
        ("ben", "2025-09-21"),
    ]


def test_a_local_day_is_the_same_for_utc_times_of_any_year_within_reach() -> None:
    moment = datetime(2000, 2, 29, 23, 30, tzinfo=UTC).isoformat(sep=" ")[:19]
    assert days(instants((moment, "+01:00")), DayAnchor.INSTANT) == ["2000-03-01"]


def spans(*rows: tuple[str, str, str, str]) -> list[tuple[str, str, int]]:
    """Return the local date, the start and the length in hours of every day of these intervals."""
    found = day_bounds(assign_days(intervals(*rows), DayAnchor.SPAN), DayAnchor.SPAN)
    hours = (found["day_end_utc"] - found["day_start_utc"]) // timedelta(hours=1)
    starts = found["day_start_utc"].dt.strftime("%Y-%m-%d %H:%M")
    return list(zip(found["local_date"], starts, hours, strict=True))


def test_a_date_that_did_not_exist_is_no_day_and_the_dates_around_it_are_whole() -> None:
    # Samoa had no 30 December 2011: at midnight, 10:00 UTC, the offset went from -10:00 to +14:00.
    across = ("2011-12-30 09:00", "2011-12-30 11:00", "-10:00", "+14:00")
    whole = [("2011-12-29", "2011-12-29 10:00", 24), ("2011-12-31", "2011-12-30 10:00", 24)]
    assert spans(across) == whole
    before = ("2011-12-29 20:00", "2011-12-29 21:00", "-10:00", "-10:00")
    after = ("2011-12-30 20:00", "2011-12-30 21:00", "+14:00", "+14:00")
    assert spans(after, across, before) == whole


def test_a_date_that_was_lived_twice_has_its_length() -> None:
    # Eastwards over the date line, from +14:00 to -10:00.
    assert spans(("2025-09-20 09:00", "2025-09-20 11:00", "+14:00", "-10:00")) == [
        ("2025-09-20", "2025-09-19 10:00", 48)
    ]


MOMENTS = st.integers(0, 26 * 366).map(lambda day: utc("1999-12-30 00:00") + timedelta(days=day, minutes=7 * day))
STATED = st.integers(-18 * 60, 18 * 60).map(lambda m: f"{'-' if m < 0 else '+'}{abs(m) // 60:02}:{abs(m) % 60:02}")


@settings(max_examples=200, deadline=None)
@given(
    records=st.lists(
        st.tuples(st.timedeltas(timedelta(), timedelta(hours=60)), STATED, STATED), min_size=1, max_size=4
    ),
    begin=MOMENTS,
    apart=st.timedeltas(timedelta(), timedelta(hours=30)),
)
def test_every_day_ends_after_it_begins_whatever_the_offsets(
    records: list[tuple[timedelta, str, str]], begin: datetime, apart: timedelta
) -> None:
    rows = []
    for number, (length, zone, end_zone) in enumerate(records):
        start = begin + number * apart
        rows.append((str(start)[:16], str(start + length)[:16], zone, end_zone))
    placed = intervals(*rows)
    sleeps = day_bounds(assign_days(placed, DayAnchor.END), DayAnchor.END)
    assert (sleeps["day_end_utc"] > sleeps["day_start_utc"]).all()
    assert {*sleeps["local_date"]} == {*assign_days(placed, DayAnchor.END)["local_date"]}
    spread = assign_days(placed, DayAnchor.SPAN)
    days_of_rows = day_bounds(spread, DayAnchor.SPAN)
    assert (days_of_rows["day_end_utc"] > days_of_rows["day_start_utc"]).all()
    assert {*days_of_rows["local_date"]} >= {spread["local_date"].iloc[0]}
