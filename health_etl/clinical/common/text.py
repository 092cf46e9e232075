"""Wording and number formatting shared by the processors. Clinical knowledge belongs to the record types."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.columns import UNKNOWN, clock_times, named_where
from health_etl.clinical.common.units import HOURS_PER_DAY, MINUTES_PER_HOUR, PERCENT


def paragraph(*sentences: str) -> str:
    """Join sentences with spaces; empty ones are left out."""
    return " ".join(filter(None, sentences))


def clock_time(hour: int, minute: int = 0) -> str:
    """Write a time of day as "HH:MM"."""
    return f"{hour:02d}:{minute:02d}"


def pluralise(number: str, singular: str, plural: str) -> str:
    """Write a count with its noun: "1 reading", "2 readings"."""
    return f"{number} {singular if number == '1' else plural}"


def below(value_as_written: float, limit: float) -> str:
    """Return the word for a value below the limit: "just below" where rounding has lifted it onto the limit."""
    return "below" if value_as_written < limit else "just below"


def above(value_as_written: float, limit: float) -> str:
    """Return the word for a value above the limit: "just above" where rounding has lowered it onto the limit."""
    return "above" if value_as_written > limit else "just above"


def zone_caution(facts: Facts) -> str:
    """Caution that the local day is uncertain where the default time zone was assumed; empty otherwise."""
    if not (facts.has("zone_source") and facts["zone_source"] == "default"):
        return ""
    return (
        "The records carry no reliable time zone and the default was assumed, so the bounds of this local "
        "day and its clock times are uncertain."
    )


def local_clock_times(time_utc: pd.Series, utc_offset_minutes: pd.Series) -> pd.Series:
    """Write instants as the local clock showed them, "HH:MM" (24 hours).

    time_utc: datetime64 UTC, null where unknown; utc_offset_minutes: the offset in force at each of them.
    """
    minutes = time_utc.to_numpy(dtype="datetime64[m]")
    offset = utc_offset_minutes.to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~np.isnat(minutes) & ~np.isnan(offset)
    wall = minutes[known].astype(np.int64) + offset[known].astype(np.int64)
    of_day = np.full(len(minutes), UNKNOWN, dtype=np.int64)
    of_day[known] = wall % (HOURS_PER_DAY * MINUTES_PER_HOUR)
    return clock_times(of_day).set_axis(time_utc.index)


def coverage_reasons(coverage: npt.NDArray[np.float64], minimum: float, recorded: str) -> pd.Series:
    """Return why each day's coverage is insufficient, as in "27 % of the day recorded, 70 % needed"; null if it is not.

    coverage: shares from 0 to 1; minimum: the share needed; recorded: what it is a share of, as in "of the day
    recorded". A share that merely rounds up to the minimum is written "not quite".
    """
    needed = f"{minimum * PERCENT:.0f}"
    reasons = [
        f"{'not quite ' if percent >= minimum * PERCENT else ''}{percent} % {recorded}, {needed} % needed"
        for percent in range(round(minimum * PERCENT) + 1)
    ]
    return named_where(np.rint(coverage * PERCENT).astype(np.int64), reasons, coverage < minimum)
