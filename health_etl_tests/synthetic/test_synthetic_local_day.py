"""The local days of synthetic people: their length across clock changes, and Health Connect's way to write offsets."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from health_etl.synthetic.local_day import MILLIS_PER_HOUR, LocalDay, zone_offset_id


def test_a_day_is_25_hours_long_when_the_clocks_go_back() -> None:
    day = LocalDay(date(2025, 11, 2), ZoneInfo("America/New_York"))
    assert day.end_ms - day.start_ms == 25 * MILLIS_PER_HOUR
    assert day.minutes_ms.size == 1_500
    elapsed = day.start_ms + np.array([0, 1, 2, 3, 24]) * MILLIS_PER_HOUR
    assert day.wall_hours(elapsed).tolist() == [0, 1, 1, 2, 23]  # 01:00 comes twice


def test_a_day_is_23_hours_long_when_the_clocks_go_forward() -> None:
    day = LocalDay(date(2025, 3, 30), ZoneInfo("Europe/Berlin"))
    assert day.end_ms - day.start_ms == 23 * MILLIS_PER_HOUR
    elapsed = day.start_ms + np.array([0, 1, 2, 22]) * MILLIS_PER_HOUR
    assert day.wall_hours(elapsed).tolist() == [0, 1, 3, 23]  # 02:00 does not exist


def test_hours_outside_the_day_are_on_its_neighbours() -> None:
    day = LocalDay(date(2025, 11, 2), ZoneInfo("America/New_York"))
    assert day.at(-1.5) == datetime(2025, 11, 2, 2, 30, tzinfo=UTC).timestamp() * 1000  # 22:30 at -04:00
    assert day.at(25.0) == datetime(2025, 11, 3, 6, 0, tzinfo=UTC).timestamp() * 1000  # 01:00 at -05:00


@pytest.mark.parametrize(
    ("zone", "text"),
    [("America/Bogota", "-05:00"), ("Asia/Kolkata", "+05:30"), ("America/St_Johns", "-02:30"), ("UTC", "Z")],
)
def test_offsets_are_written_as_health_connect_writes_them(zone: str, text: str) -> None:
    assert zone_offset_id(1_760_000_000_000, ZoneInfo(zone)) == text  # 9 October 2025
