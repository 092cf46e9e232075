"""A day's heart rate as a series of minutes, and the stretches during which it stays beyond a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.columns import UNKNOWN, clock_times
from health_etl.clinical.common.samples import MS_PER_MINUTE, Samples
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import HOURS_PER_DAY, MINUTES_PER_HOUR

SAME_INSTANT_MS = sourced(
    0, "ms", "everybody", "ASSUMPTION: watches sample every second, so only equal instants are one measurement"
)
MAX_GAP_MINUTES = sourced(
    15,
    "min",
    "everybody",
    "ASSUMPTION: watches measure at least every 10 min in the background; a longer pause is not recorded time",
)
STRETCH_MINIMUM_SAMPLES = sourced(3, "samples", "everybody", "ASSUMPTION: two samples may both be artefacts")
NIGHT_END_HOUR = sourced(
    6, "o'clock", "everybody", "ASSUMPTION: night is 00:00 to 06:00 local, the window of the nocturnal nadir"
)


def minute_means(samples: Samples) -> Samples:
    """Return one sample per measured minute: the mean (bpm) of the samples in it.

    This way a watch that measures every second during exercise has no more weight than one that measures once a minute.
    """
    minute = samples.time_ms // MS_PER_MINUTE
    fresh = np.ones(len(minute), dtype=np.bool_)
    fresh[1:] = (np.diff(minute) != 0) | (np.diff(samples.group) != 0)
    index = np.cumsum(fresh) - 1
    total = np.bincount(index, weights=samples.value)
    return Samples(
        group=samples.group[fresh],
        time_ms=minute[fresh] * MS_PER_MINUTE,
        utc_offset_minutes=samples.utc_offset_minutes[fresh],
        value=total / np.bincount(index),
        n_groups=samples.n_groups,
    )


def local_minute(series: Samples) -> Integers:
    """Return the minute of the local day of each sample, by the clock."""
    wall = series.time_ms // MS_PER_MINUTE + series.utc_offset_minutes
    of_day: Integers = wall % (HOURS_PER_DAY * MINUTES_PER_HOUR)
    return of_day


def held_minutes(series: Samples) -> Floats:
    """Return how many minutes each minute mean represents: until the next one, or only its own minute before a pause.

    A pause is a gap of more than 15 min; nothing represents it.
    """
    held = np.ones(len(series.value))
    gap = np.diff(series.time_ms) / MS_PER_MINUTE
    reaches = (np.diff(series.group) == 0) & (gap <= MAX_GAP_MINUTES)
    held[:-1][reaches] = gap[reaches]
    return held


def recorded_minutes(series: Samples) -> Floats:
    """Return the minutes of each day that its samples represent.

    Formula: the sum of held_minutes; pauses of more than 15 min are left out. Unit: min. Population: everybody.
    Source: ASSUMPTION, see MAX_GAP_MINUTES. Minimal coverage: none.
    """
    return np.bincount(series.group, weights=held_minutes(series), minlength=series.n_groups).astype(np.float64)


@dataclass(frozen=True)
class Stretches:
    """Spans in which the rate stayed beyond a limit: arrays of one length, sorted by group and time.

    first, last: indices of the outermost samples in the series; minutes: from the first to the end of the last
    sample's minute; peak: the highest minute mean, bpm.
    """

    group: Integers
    first: Integers
    last: Integers
    start_ms: Integers
    start_minute: Integers  # of the local day
    minutes: Floats
    peak: Floats
    n_groups: int

    def only(self, mask: Booleans) -> Stretches:
        """Return the stretches that the mask selects."""
        return Stretches(
            group=self.group[mask],
            first=self.first[mask],
            last=self.last[mask],
            start_ms=self.start_ms[mask],
            start_minute=self.start_minute[mask],
            minutes=self.minutes[mask],
            peak=self.peak[mask],
            n_groups=self.n_groups,
        )

    def count(self) -> Integers:
        """Return the number of stretches of each day."""
        return np.bincount(self.group, minlength=self.n_groups).astype(np.int64)

    def total_minutes(self) -> Floats:
        """Return the total minutes of each day's stretches."""
        return np.bincount(self.group, weights=self.minutes, minlength=self.n_groups).astype(np.float64)

    def night_minutes(self) -> Floats:
        """Return how many minutes of each stretch lie between 00:00 and 06:00 local."""
        end = np.minimum(self.start_minute + self.minutes, NIGHT_END_HOUR * MINUTES_PER_HOUR)
        return np.maximum(end - self.start_minute, 0.0)

    def longest(self) -> Stretches:
        """Return the longest stretch of each day, the earliest of equals."""
        ranked = np.lexsort((self.start_ms, -self.minutes, self.group))
        _, place = np.unique(self.group[ranked], return_index=True)
        mask = np.zeros(len(self.group), dtype=np.bool_)
        mask[ranked[place]] = True
        return self.only(mask)

    def of_day(self, values: Floats) -> pd.Series:
        """Spread one number per stretch over the days; requires at most one stretch per day."""
        spread = np.full(self.n_groups, np.nan)
        spread[self.group] = values
        return pd.Series(spread)

    def start_clock(self) -> pd.Series:
        """Return the local time "HH:MM" at which each day's stretch began; like of_day, at most one per day."""
        minute = np.full(self.n_groups, UNKNOWN, dtype=np.int64)
        minute[self.group] = self.start_minute
        return clock_times(minute)


def stretches(series: Samples, beyond: Booleans, least_minutes: float, bridged_minutes: float) -> Stretches:
    """Return the spans during which the minute means stay beyond a limit (`beyond`, one flag per minute).

    Neighbours beyond it are joined when at most 15 min apart, and across samples that are not beyond it when at most
    bridged_minutes apart. A span must last at least least_minutes and hold 3 samples.
    """
    place = np.flatnonzero(beyond)
    gap = np.diff(series.time_ms[place]) / MS_PER_MINUTE
    neighbours = (np.diff(place) == 1) & (gap <= MAX_GAP_MINUTES)
    linked = (np.diff(series.group[place]) == 0) & (neighbours | (gap <= bridged_minutes))
    opens = np.ones(len(place), dtype=np.bool_)
    opens[1:] = ~linked
    start = np.flatnonzero(opens)
    end = np.append(start[1:], len(place)) - 1 if len(place) else start
    first, last = place[start], place[end]
    minutes = (series.time_ms[last] - series.time_ms[first]) / MS_PER_MINUTE + 1.0
    peak = np.maximum.reduceat(series.value[place], start) if len(place) else np.zeros(0)
    found = Stretches(
        group=series.group[first],
        first=first,
        last=last,
        start_ms=series.time_ms[first],
        start_minute=local_minute(series)[first],
        minutes=minutes,
        peak=peak,
        n_groups=series.n_groups,
    )
    return found.only((minutes >= least_minutes) & (end - start + 1 >= STRETCH_MINIMUM_SAMPLES))
