"""Which local day a record belongs to, and where that day begins and ends; expected values are worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_etl.record_types.base import DayAnchor
from health_etl.records.local_time import add_local_time, assign_days, day_bounds
from health_etl_tests.support.exports import utc
from health_etl_tests.support.local_times import NO_EVIDENCE, evidence, times


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
