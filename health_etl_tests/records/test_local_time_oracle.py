"""Local time against the clocks of the standard library: one row at a time, without pandas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from health_etl.record_types.base import DayAnchor
from health_etl.records.local_time import add_local_time, assign_days, day_bounds
from health_etl_tests.support import hypothesis_profiles

profile = hypothesis_profiles.active_profile()

# Clocks that change by an hour, by half an hour, at offsets of no whole hour, far from UTC on both sides, and never.
# None of them changes its clock at midnight, where a day would begin twice or not at all.
ZONES = tuple(
    map(
        ZoneInfo,
        (
            *("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Chatham"),
            *("Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"),
        ),
    )
)
# The days around every change of these clocks in 2025, and a few without any.
DATES = tuple(
    date(2025, month, first) + timedelta(days=more)
    for month, first in ((1, 1), (3, 8), (3, 29), (4, 5), (9, 27), (10, 4), (10, 25), (11, 1), (12, 31))
    for more in range(3)
)
REACH = timedelta(hours=36)
NIGHT = timedelta(hours=6)  # from 18:00 on the next date's
MAX_LENGTH = timedelta(hours=60)


@dataclass(frozen=True)
class Row:
    """A measurement from `start` to `end` (UTC), and what it says of the offset at both: minutes, or nothing."""

    user: str
    start: datetime
    end: datetime
    stated: int | None
    end_stated: int | None


def offset_at(moment: datetime, zone: ZoneInfo) -> int:
    """The minutes that a zone's clock is ahead of UTC."""
    ahead = moment.astimezone(zone).utcoffset()
    assert ahead is not None
    return round(ahead / timedelta(minutes=1))


def written(minutes: int | None) -> str | None:
    if minutes is None:
        return "Z"
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


moments = st.builds(
    lambda day, minute: datetime.combine(day, time(), UTC) + timedelta(minutes=minute),
    st.sampled_from(DATES),
    st.integers(-12 * 60, 36 * 60),
)
users = st.sampled_from(["anna", "ben"])
# A traveller's phone may state any offset; most are those of some zone at that time.
offsets = st.none() | st.sampled_from([-720, -570, -300, 0, 60, 345, 630, 840])


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    found = []
    for _ in range(draw(st.integers(1, 8))):
        start = draw(moments)
        end = start + timedelta(minutes=draw(st.integers(0, MAX_LENGTH // timedelta(minutes=1))))
        found.append(Row(draw(users), start, end, draw(offsets), draw(offsets)))
    return found


Evidence = list[tuple[str, datetime, int]]
evidence_of_few = st.lists(st.tuples(users, moments, st.sampled_from([-300, 60, 345])), max_size=6)


def frame_of(found: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": pd.Series([row.user for row in found], dtype="str"),
            "record_id": [f"r{number}" for number in range(len(found))],
            "start_utc": pd.DatetimeIndex([row.start for row in found]).as_unit("ms"),
            "end_utc": pd.DatetimeIndex([row.end for row in found]).as_unit("ms"),
            "start_zone_offset": pd.Series([written(row.stated) for row in found], dtype="str"),
            "end_zone_offset": pd.Series([written(row.end_stated) for row in found], dtype="str"),
        }
    )


def evidence_frame(points: Evidence) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": pd.Series([user for user, _, _ in points], dtype="str"),
            "time_utc": pd.Series(pd.DatetimeIndex([moment for _, moment, _ in points], tz=UTC).as_unit("ms")),
            "utc_offset_minutes": pd.Series([minutes for *_, minutes in points], dtype="int64"),
        }
    )


def possible(user: str, moment: datetime, stated: int | None, points: Evidence, zone: ZoneInfo) -> set[tuple[int, str]]:
    """What may hold at a moment: two answers where evidence before and after it is equally near."""
    if stated is not None:
        return {(stated, "record")}
    near = [(abs(at - moment), at, minutes) for who, at, minutes in points if who == user and abs(at - moment) <= REACH]
    nearest = {at for distance, at, _ in near if distance == min(near)[0]}
    found = {(max(minutes for _, at, minutes in near if at == one), "other_sources") for one in nearest}
    return found or {(offset_at(moment, zone), "default")}


@profile
@given(found=rows(), points=evidence_of_few, zone=st.sampled_from(ZONES))
def test_every_row_gets_the_offset_that_a_plain_search_finds(
    found: list[Row], points: Evidence, zone: ZoneInfo
) -> None:
    placed = add_local_time(frame_of(found), evidence_frame(points), zone)
    for row, start, end, source in zip(
        found, placed["utc_offset_minutes"], placed["end_utc_offset_minutes"], placed["zone_source"], strict=True
    ):
        assert (start, source) in possible(row.user, row.start, row.stated, points, zone)
        assert end in {minutes for minutes, _ in possible(row.user, row.end, row.end_stated, points, zone)}


@profile
@given(found=rows(), zone=st.sampled_from(ZONES))
def test_every_row_is_filed_under_the_dates_that_its_clocks_showed(found: list[Row], zone: ZoneInfo) -> None:
    placed = add_local_time(frame_of(found), evidence_frame([]), zone)
    spread, by_end = assign_days(placed, DayAnchor.SPAN), assign_days(placed, DayAnchor.END)
    instants = placed.rename(columns={"start_utc": "time_utc"})
    by_instant, by_night = assign_days(instants, DayAnchor.INSTANT), assign_days(instants, DayAnchor.NIGHT)
    for number, row in enumerate(found):
        start = local(row.start, row.stated, zone)
        assert by_instant["local_date"][number] == start.date().isoformat()
        assert by_night["local_date"][number] == (start + NIGHT).date().isoformat()
        assert by_end["local_date"][number] == (local(row.end, row.end_stated, zone) + NIGHT).date().isoformat()
        # An interval that ends at midnight does not reach into the next day.
        inside = max(row.start, row.end - timedelta(milliseconds=1))
        last = max(start, local(row.end, row.end_stated, zone) - (row.end - inside)).date()
        days = [start.date() + timedelta(days=n) for n in range((last - start.date()).days + 1)]
        own = spread.loc[spread["record_id"] == f"r{number}", "local_date"]
        assert own.tolist() == [day.isoformat() for day in days]


def local(moment: datetime, stated: int | None, zone: ZoneInfo) -> datetime:
    """What the clock on the wall showed, as a time without zone."""
    minutes = offset_at(moment, zone) if stated is None else stated
    return moment.replace(tzinfo=None) + timedelta(minutes=minutes)


@profile
@given(zone=st.sampled_from(ZONES), day=st.sampled_from(DATES), anchor=st.sampled_from(list(DayAnchor)))
def test_a_day_that_was_recorded_from_end_to_end_lasts_from_one_midnight_of_its_zone_to_the_next(
    zone: ZoneInfo, day: date, anchor: DayAnchor
) -> None:
    first = datetime.combine(day, time(), zone).astimezone(UTC)
    last = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    if anchor in (DayAnchor.NIGHT, DayAnchor.END):  # from 18:00 to 18:00
        first = datetime.combine(day - timedelta(days=1), time(18), zone).astimezone(UTC)
        last = datetime.combine(day, time(18), zone).astimezone(UTC)
    quarters = [first + timedelta(minutes=15) * n for n in range((last - first) // timedelta(minutes=15))]
    found = [
        Row("anna", at, at + timedelta(minutes=10), offset_at(at, zone), offset_at(at + timedelta(minutes=10), zone))
        for at in quarters
    ]
    placed = add_local_time(frame_of(found), evidence_frame([]), 0)
    if anchor in (DayAnchor.INSTANT, DayAnchor.NIGHT):
        placed = placed.rename(columns={"start_utc": "time_utc"})

    bounds = day_bounds(assign_days(placed, anchor), anchor)

    assert bounds["local_date"].tolist() == [day.isoformat()]
    assert (bounds["day_start_utc"][0], bounds["day_end_utc"][0]) == (first, last)


@profile
@given(start=st.sampled_from([-300, 0, 60, 345]), change_hours=st.sampled_from([-5, -1, 0, 1, 5]))
def test_a_day_is_shorter_or_longer_by_what_the_clock_was_put_forward_or_back(start: int, change_hours: int) -> None:
    midnight = datetime(2025, 9, 20, tzinfo=UTC) - timedelta(minutes=start)
    end = start + 60 * change_hours
    found = [
        Row("anna", midnight, midnight + timedelta(minutes=1), start, start),
        Row("anna", midnight + timedelta(hours=12), midnight + timedelta(hours=12, minutes=1), end, end),
    ]
    placed = add_local_time(frame_of(found), evidence_frame([]), 0)
    (day,) = day_bounds(assign_days(placed, DayAnchor.SPAN), DayAnchor.SPAN).itertuples()
    assert day.day_end_utc - day.day_start_utc == timedelta(hours=24 - change_hours)
