"""The local calendar day of a synthetic person, which has 23 or 25 hours when the clocks change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from health_etl.synthetic.randomness import FloatArray, IntArray

MILLIS_PER_SECOND = 1_000
MILLIS_PER_MINUTE = 60_000
MILLIS_PER_HOUR = 3_600_000
MILLIS_PER_DAY = 86_400_000
SATURDAY = 5


def zone_offset_id(epoch_ms: int, zone: ZoneInfo) -> str:
    """Return the zone's offset at that instant as Health Connect writes it: `-05:00`, or `Z` for UTC."""
    moment = datetime.fromtimestamp(epoch_ms / MILLIS_PER_SECOND, tz=zone)
    offset = moment.utcoffset() or timedelta()
    if not offset:
        return "Z"
    sign = "-" if offset < timedelta() else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"{sign}{hours:02d}:{minutes:02d}"


def utc_date(epoch_ms: int) -> date:
    """Return the UTC date of that instant."""
    return datetime.fromtimestamp(epoch_ms / MILLIS_PER_SECOND, tz=UTC).date()


def utc_text(epoch_ms: int) -> str:
    """Return that instant as text to the second: `2025-10-06T07:39:30Z`."""
    return datetime.fromtimestamp(epoch_ms // MILLIS_PER_SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class LocalDay:
    """One calendar day in one time zone."""

    date: date
    zone: ZoneInfo

    @property
    def ordinal(self) -> int:
        """Days since the year 1, which identify the day in random streams."""
        return self.date.toordinal()

    @property
    def is_free(self) -> bool:
        """Whether the day is a Saturday or a Sunday: no work, no alarm clock."""
        return self.date.weekday() >= SATURDAY

    @cached_property
    def start_ms(self) -> int:
        """The local midnight at which the day begins, epoch ms."""
        return self.at(0.0)

    @cached_property
    def end_ms(self) -> int:
        """The local midnight at which the day ends, epoch ms."""
        return self.at(24.0)

    @property
    def last_ms(self) -> int:
        """The last millisecond of the day, at which apps end a daily total; epoch ms."""
        return self.end_ms - 1

    @cached_property
    def minutes_ms(self) -> IntArray:
        """Start of each minute of the day, epoch ms."""
        return np.arange(self.start_ms, self.end_ms, MILLIS_PER_MINUTE, dtype=np.int64)

    def at(self, hour: float) -> int:
        """Return the instant (epoch ms, whole seconds) at which the local wall clock shows `hour`.

        Hours below 0 or above 24 are on the neighbouring days.
        """
        days, seconds = divmod(round(hour * 3600), 86_400)
        midnight = datetime.combine(self.date + timedelta(days=days), time(), tzinfo=self.zone)
        wall = midnight + timedelta(seconds=seconds)
        return round(wall.timestamp()) * MILLIS_PER_SECOND

    def wall_hours(self, epoch_ms: IntArray) -> FloatArray:
        """Return the local wall-clock time at these instants of the day, in hours since midnight."""
        elapsed = (epoch_ms - self.start_ms) / MILLIS_PER_HOUR
        missing = 24.0 - (self.end_ms - self.start_ms) / MILLIS_PER_HOUR
        if not missing:
            return elapsed
        return np.where(elapsed < self._hours_to_clock_change(), elapsed, elapsed + missing)

    def _hours_to_clock_change(self) -> int:
        """Return how many hours into the day the offset changes, for zones that change on the hour."""
        offset = zone_offset_id(self.start_ms, self.zone)
        hours = range(1, 25)
        return next(h for h in hours if zone_offset_id(self.start_ms + h * MILLIS_PER_HOUR, self.zone) != offset)
