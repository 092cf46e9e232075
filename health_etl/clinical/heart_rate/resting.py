"""Resting heart rate of a day and its grade, and coverage by the hours that have samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.age import ADULT_FROM_YEARS
from health_etl.clinical.common.arrays import Floats, Integers
from health_etl.clinical.common.columns import UNKNOWN, named, named_where
from health_etl.clinical.common.samples import MS_PER_MINUTE, Samples, day_minutes, divide, lowest_by_group
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import MINUTES_PER_HOUR
from health_etl.clinical.heart_rate.series import MAX_GAP_MINUTES

RESTING_LOW_BPM = sourced(60, "bpm", "adults at rest", "textbook convention: 60 to 100 is normal")
RESTING_HIGH_BPM = sourced(100, "bpm", "adults at rest", "textbook convention: 60 to 100 is normal")
BRADYCARDIA_BELOW_BPM = sourced(
    50, "bpm", "adults at rest", "ACC/AHA/HRS bradycardia guideline 2018, doi:10.1161/CIR.0000000000000628"
)
RESTING_WINDOW_MINUTES = sourced(30, "min", "everybody", "Garmin: lowest mean of 30 min in 24 h")
RESTING_MINIMUM_SAMPLES = sourced(
    3, "samples", "everybody", "ASSUMPTION: a watch that measures every 10 min just fills a 30 min window"
)
MINIMUM_COVERAGE = sourced(
    0.50, "share of the day's hours", "everybody", "ASSUMPTION: with less, the hours of rest may be missing"
)
TOO_SPARSE = (
    f"no window of {RESTING_WINDOW_MINUTES} min holds {RESTING_MINIMUM_SAMPLES} measured minutes "
    f"with at most {MAX_GAP_MINUTES} min between them"
)
IN_RANGE = "in the conventional range"
BELOW_RANGE = "below the conventional range"
WELL_BELOW_RANGE = "well below the conventional range"
ABOVE_RANGE = "above the conventional range"

NO_AGE = "adult defaults, no age configured"
ADULTS = "adults"
PREGNANT = "adults, in pregnancy"
MINORS = f"none, the person is under {ADULT_FROM_YEARS} years"
REFERENCES = (MINORS, PREGNANT, NO_AGE, ADULTS)
GRADES = (WELL_BELOW_RANGE, BELOW_RANGE, IN_RANGE, ABOVE_RANGE)


def hours_with_samples(series: Samples, days: pd.DataFrame) -> Floats:
    """Return how many hours of each day, counted from its local midnight, hold at least one sample."""
    midnight_ms = days["day_start_utc"].to_numpy(dtype="datetime64[ms]").astype(np.int64)
    hour = (series.time_ms - midnight_ms[series.group]) // (MINUTES_PER_HOUR * MS_PER_MINUTE)
    fresh = np.ones(len(hour), dtype=np.bool_)
    fresh[1:] = (np.diff(hour) != 0) | (np.diff(series.group) != 0)
    return series.count_where(fresh).astype(np.float64)


def hourly_coverage(hours: Floats, days: pd.DataFrame) -> Floats:
    """Return the hours with samples as a share of the hours of the day, from 0 to 1."""
    share = divide(hours, np.ceil(day_minutes(days) / MINUTES_PER_HOUR))
    # A traveller can pass through more clock hours than lie between the bounds of the day.
    return np.clip(np.nan_to_num(share), 0.0, 1.0)


@dataclass(frozen=True)
class Windows:
    """The window of the resting heart rate of each day that has one: arrays of one length, sorted by group."""

    group: Integers
    mean: Floats
    first: Integers  # index of its first measured minute in the series
    measured_minutes: Integers


def lowest_windows(series: Samples) -> Windows:
    """Return the resting heart rate of each day in bpm: the lowest 30-minute mean, as Garmin defines it.

    Formula: the smallest mean over the measured minutes of a window, weighted equally; a window is the 30 min from
    any measured minute on. Unit: bpm. Population: everybody. Source: Garmin, "lowest 30-min average in a
    24-hour period". Minimal coverage: 3 measured minutes and no stretch of more than 15 min without one, up to
    the end of the window; half of the day's hours. The earliest of equal windows counts.
    """
    window_ms = RESTING_WINDOW_MINUTES * MS_PER_MINUTE
    longest_gap_ms = MAX_GAP_MINUTES * MS_PER_MINUTE
    start = np.arange(len(series.value))
    end = _first_outside(series, window_ms)
    paused = np.concatenate(([0], np.cumsum(np.diff(series.time_ms) > longest_gap_ms)))[: len(start)]
    last = end - 1
    enough = (
        (end - start >= RESTING_MINIMUM_SAMPLES)
        & (paused[last] == paused[start])
        & (series.time_ms + window_ms - series.time_ms[last] <= longest_gap_ms)
    )
    mean = _sums(series.value, start[enough], end[enough]) / (end - start)[enough]
    group, first, measured = series.group[enough], start[enough], (end - start)[enough]
    lowest = np.flatnonzero(mean == lowest_by_group(group, mean, series.n_groups)[group])
    lowest = lowest[np.unique(group[lowest], return_index=True)[1]]
    return Windows(group[lowest], mean[lowest], first[lowest], measured[lowest])


def resting_metrics(series: Samples, reference: pd.Series) -> dict[str, pd.Series]:
    """Return the resting heart rate of each day, when its window began, the minutes it is based on, and its grade."""
    found = lowest_windows(series)
    resting = np.full(series.n_groups, np.nan)
    resting[found.group] = found.mean
    first = np.full(series.n_groups, UNKNOWN, dtype=np.int64)
    first[found.group] = found.first
    measured_minutes = np.zeros(series.n_groups, dtype=np.int64)
    measured_minutes[found.group] = found.measured_minutes
    has_window = ~np.isnan(resting)
    return {
        "resting_bpm": pd.Series(resting),
        "resting_start_local": series.clock(first),
        "resting_measured_minutes": pd.Series(measured_minutes, dtype="Int64").where(has_window),
        "resting_grade": resting_grade(resting, reference),
        "resting_missing_reason": named_where(np.zeros(series.n_groups, dtype=np.int64), (TOO_SPARSE,), ~has_window),
    }


def _first_outside(series: Samples, window_ms: int) -> Integers:
    """Return for each sample the index of the first later one outside its window."""
    if not len(series.time_ms):
        return np.zeros(0, dtype=np.int64)
    # One axis for all groups, each shifted past the end of the one before, so that one search serves all.
    elapsed = series.time_ms - series.time_ms.min()
    axis = elapsed + series.group * (elapsed.max() + window_ms)
    outside: Integers = np.searchsorted(axis, axis + window_ms, side="left").astype(np.int64)
    return outside


def _sums(value: Floats, start: Integers, end: Integers) -> Floats:
    """Return the sum of value[start:end] for each pair; it depends only on these values, bit for bit."""
    if not len(start):
        return np.zeros(0)
    bounds = np.column_stack((start, end)).ravel()
    return np.add.reduceat(np.append(value, 0.0), bounds)[::2]


def reference_group(days: pd.DataFrame) -> pd.Series:
    """Return whose thresholds apply on each day: an adult's, unless the profile gives an age under 18 years."""
    age = days["age_years"].to_numpy(dtype=np.float64, na_value=np.nan)
    pregnant = days["pregnant"].to_numpy(dtype=np.bool_)
    group = np.select([age < ADULT_FROM_YEARS, pregnant, np.isnan(age)], [0, 1, 2], default=REFERENCES.index(ADULTS))
    return named(group, REFERENCES)


def resting_grade(resting_bpm: Floats, reference: pd.Series) -> pd.Series:
    """Grade the resting heart rate of adults by 50, 60 and 100 bpm; null for minors.

    Formula: below 50, below 60, 60 to 100 (both included), above 100. Unit: bpm. Population: adults. Source: textbook
    convention; below 50 bpm clinically relevant, doi:10.1161/CIR.0000000000000628. Minimal coverage: that of the
    resting heart rate.
    """
    place = np.select(
        [resting_bpm < BRADYCARDIA_BELOW_BPM, resting_bpm < RESTING_LOW_BPM, resting_bpm <= RESTING_HIGH_BPM],
        [0, 1, 2],
        default=GRADES.index(ABOVE_RANGE),
    )
    return named_where(place, GRADES, ~np.isnan(resting_bpm) & (reference != MINORS).to_numpy(dtype=np.bool_))
