"""The course of heart rate through the local day: hour by hour, night against day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.columns import UNKNOWN, clock_times
from health_etl.clinical.common.samples import Samples, divide
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import HOURS_PER_DAY, MINUTES_PER_HOUR
from health_etl.clinical.heart_rate.series import NIGHT_END_HOUR, local_minute

NIGHT_MINIMUM_HOURS = sourced(4, "hours", "everybody", "ASSUMPTION: two thirds of the 6 hours of the night")
DAY_MINIMUM_HOURS = sourced(9, "hours", "everybody", "ASSUMPTION: half of the 18 hours of the day")
NIGHT_SPAN = f"{0:02d}:{0:02d}–{NIGHT_END_HOUR:02d}:{0:02d}"


def bpm_by_hour(series: Samples) -> Floats:
    """Return the mean of the measured minutes of each hour on the local clock, bpm: one row per day, 24 columns.

    NaN where an hour has no sample. An hour that the clock shows twice (end of summer time) counts as one.
    """
    cell = series.group * HOURS_PER_DAY + local_minute(series) // MINUTES_PER_HOUR
    size = series.n_groups * HOURS_PER_DAY
    total = np.bincount(cell, weights=series.value, minlength=size)
    return divide(total, np.bincount(cell, minlength=size)).reshape(series.n_groups, HOURS_PER_DAY)


def night_mean(by_hour: Floats) -> Floats:
    """Return the mean heart rate of the night, 00:00 to 06:00 local, in bpm.

    Formula: mean of the hourly means, so that every hour has the same weight. Population: everybody; whether the
    person slept is unknown. Minimal coverage: 4 of the 6 hours, else NaN. Source: ASSUMPTION, as for the window.
    """
    return _mean_of_hours(by_hour[:, :NIGHT_END_HOUR], NIGHT_MINIMUM_HOURS)


def day_mean(by_hour: Floats) -> Floats:
    """Return the mean heart rate of the day, 06:00 to 24:00 local, in bpm.

    Formula: mean of the hourly means. Population: everybody. Minimal coverage: 9 of the 18 hours, else NaN.
    Source: ASSUMPTION, as for the window.
    """
    return _mean_of_hours(by_hour[:, NIGHT_END_HOUR:], DAY_MINIMUM_HOURS)


def nocturnal_dip(by_hour: Floats) -> Floats:
    """Return by how many bpm the night is below the day; negative where it is above.

    Formula: day_mean - night_mean. Not graded: published cut-offs for dipping are for blood pressure. Minimal coverage:
    that of both means.
    """
    return day_mean(by_hour) - night_mean(by_hour)


def extreme_hours(by_hour: Floats) -> tuple[pd.Series, pd.Series]:
    """Return the local hours with the lowest and the highest mean, "HH:00"; the earlier of equals.

    Null for a day with fewer than two hours of samples.
    """
    several = (~np.isnan(by_hour)).sum(axis=1) > 1
    lowest = np.argmin(np.where(np.isnan(by_hour), np.inf, by_hour), axis=1)
    highest = np.argmax(np.where(np.isnan(by_hour), -np.inf, by_hour), axis=1)
    return _clock(lowest, several), _clock(highest, several)


def _clock(hour: Integers, known: Booleans) -> pd.Series:
    return clock_times(np.where(known, hour * MINUTES_PER_HOUR, UNKNOWN))


def _mean_of_hours(hours: Floats, needed: int) -> Floats:
    known = ~np.isnan(hours)
    count = known.sum(axis=1)
    mean = divide(np.where(known, hours, 0.0).sum(axis=1), count)
    return np.where(count >= needed, mean, np.nan)
