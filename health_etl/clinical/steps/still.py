"""Daytime stretches without a step, and active hours, from records fine-grained enough to show them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.activity.hours import FineDay, clock_at
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.base import Metric
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.text import clock_time
from health_etl.clinical.common.units import MINUTES_PER_HOUR

STILL_MINUTES = sourced(
    60, "min", "adults", "ASSUMPTION: no source sets a length; an hour is a natural unit of the day"
)
DAYTIME_HOURS = sourced(
    (7, 22), "hours on the local clock", "adults", "ASSUMPTION: outside it most people sleep, which is not sitting"
)
ACTIVE_HOUR_STEPS = sourced(
    250, "steps/h", "adults", "ASSUMPTION: what wearables count as a few minutes of walking in an hour"
)
DAYTIME = f"{clock_time(DAYTIME_HOURS[0])}–{clock_time(DAYTIME_HOURS[1])}"


def still_metrics(fine: FineDay) -> dict[str, pd.Series]:
    """Return the stretches of at least 60 min between 07:00 and 22:00 local time in which no step was recorded.

    Formula: consecutive minutes that fine-grained records cover and no record above zero steps touches; uncovered time
    ends a stretch. A record of 15 min with one step counts as moving, so the true stillness may be longer.
    Unit: min. Population: adults. Source: ASSUMPTION, see the constants. Minimal coverage: that of `fine_day`.
    Sitting, lying, standing, sleeping and not wearing the device all look the same.
    """
    minute_of_day = fine.clock_minute
    first, last = (hour * MINUTES_PER_HOUR for hour in DAYTIME_HOURS)
    daytime = (minute_of_day >= first) & (minute_of_day < last)
    day, start, length = runs(fine.followed & ~fine.moving & daytime)
    kept = length >= STILL_MINUTES
    day, start, length = day[kept], start[kept], length[kept]
    n_days = len(fine.followed)
    enough = fine.reason.isna() & pd.Series(fine.followed.any(axis=1))
    longest = np.zeros(n_days)
    np.maximum.at(longest, day, length)
    begin = np.zeros(n_days, dtype=np.int64)
    is_longest = length == longest[day]
    begin[day[is_longest][::-1]] = start[is_longest][::-1]  # the first of equals
    some = enough & (longest > 0)
    return {
        "still_stretch_count": pd.Series(np.bincount(day, minlength=n_days), dtype="Int64").where(enough),
        "still_stretch_minutes": pd.Series(np.bincount(day, weights=length, minlength=n_days) * 1.0).where(enough),
        "longest_still_minutes": pd.Series(longest).where(some),
        "longest_still_start_local": clock_at(fine, begin).where(some),
    }


def active_hours(by_hour: Floats, fine: FineDay) -> dict[str, pd.Series]:
    """Return how many known hours hold at least 250 steps, and when the first and the last step were recorded.

    Unit: h and local clock. Population: adults. Source: ASSUMPTION, see ACTIVE_HOUR_STEPS. Minimal coverage: that of
    `fine_day`.
    """
    enough = fine.reason.isna() & pd.Series(fine.followed.any(axis=1))
    moved = enough & pd.Series(fine.moving.any(axis=1))
    last = fine.moving.shape[1] - 1 - fine.moving[:, ::-1].argmax(axis=1)
    active = (np.where(np.isnan(by_hour), 0.0, by_hour) >= ACTIVE_HOUR_STEPS).sum(axis=1)
    return {
        "active_hours": pd.Series(active, dtype="Int64").where(enough),
        "first_step_local": clock_at(fine, fine.moving.argmax(axis=1)).where(moved),
        "last_step_local": clock_at(fine, last).where(moved),
    }


def runs(mask: Booleans) -> tuple[Integers, Integers, Floats]:
    """Return row, start and length of each run of true values in the rows of a mask, sorted by row and start."""
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, start = np.nonzero(edges == 1)
    _, stop = np.nonzero(edges == -1)
    return row.astype(np.int64), start.astype(np.int64), (stop - start).astype(np.float64)


METRICS = (
    Metric(
        "active_hours",
        f"Hours with at least {ACTIVE_HOUR_STEPS} steps",
        "Known hours of the local clock with at least so many steps",
        unit="h",
        dtype=pa.int64(),
    ),
    Metric(
        "first_step_local",
        "First minute with steps (local time)",
        "First minute that a record of more than zero touches",
        dtype=pa.string(),
    ),
    Metric(
        "last_step_local",
        "Last minute with steps (local time)",
        "Last minute that a record of more than zero touches",
        dtype=pa.string(),
    ),
    Metric(
        "still_stretch_count",
        f"Stretches of at least {STILL_MINUTES} min without a step ({DAYTIME})",
        "Covered by records of zero steps, or by a movement-only app",
        dtype=pa.int64(),
    ),
    Metric("still_stretch_minutes", "Time in these stretches", "Sum of their lengths", unit="min"),
    Metric("longest_still_minutes", "Longest of these stretches", "Its length", unit="min"),
    Metric("longest_still_start_local", "Its start (local time)", "Local clock time HH:MM", dtype=pa.string()),
)
