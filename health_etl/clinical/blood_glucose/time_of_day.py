"""Glucose by time of the local day: quarters, the night, the dawn rise, clock times of readings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from health_etl.clinical.blood_glucose.metrics import recorded_minutes, recorded_share
from health_etl.clinical.blood_glucose.summary import range_masks
from health_etl.clinical.blood_glucose.thresholds import MINIMUM_COVERAGE_PERCENT, MINUTES_PER_DAY, RANGE_LOW_MG_DL
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.columns import UNKNOWN, named_where
from health_etl.clinical.common.samples import MS_PER_MINUTE, Samples
from health_etl.clinical.common.sources import definition, sourced
from health_etl.clinical.common.text import clock_time
from health_etl.clinical.common.units import MINUTES_PER_HOUR, PERCENT

QUARTER_HOURS = definition(6, "hours of a quarter of the day; the first is the night")
QUARTERS = ("night", "morning", "afternoon", "evening")

_DAWN = "people with type two diabetes on CGM, without insulin"
_MONNIER_SOURCE = "Monnier 2013, PMC3836163"
NIGHT_END_HOUR = sourced(6, "local hour at which the search for the nadir ends, from midnight", _DAWN, _MONNIER_SOURCE)
DAWN_RISE_MG_DL = sourced(20, "mg/dL from nadir to breakfast, at least", _DAWN, _MONNIER_SOURCE)
BREAKFAST_LATEST_HOUR = sourced(
    11, "local hour, before", _DAWN, "ASSUMPTION: a reading marked before breakfast or fasting belongs to the morning"
)
WAKING_MINUTES = sourced(
    30, "min after the night", _DAWN, "ASSUMPTION: represents the time before breakfast where no record marks it"
)

MARKED = "marked by a record"
ASSUMED = "assumed"


NIGHT = f"{clock_time(0)}–{clock_time(NIGHT_END_HOUR)}"
WAKING = f"{clock_time(NIGHT_END_HOUR)}–{clock_time(NIGHT_END_HOUR, WAKING_MINUTES)}"


def local_minutes(readings: Samples) -> Integers:
    """Return the local clock time of each reading in minutes since midnight."""
    return (readings.time_ms // MS_PER_MINUTE + readings.utc_offset_minutes) % MINUTES_PER_DAY


def where(readings: Samples, mask: Booleans) -> Samples:
    """Return the readings that the mask (one flag per reading) selects, in the same groups."""
    return Samples(
        readings.group[mask],
        readings.time_ms[mask],
        readings.utc_offset_minutes[mask],
        readings.value[mask],
        readings.n_groups,
    )


def lowest_place(readings: Samples) -> Integers:
    """Return the index of the first lowest reading of each group, -1 for a group without readings."""
    order = np.lexsort((readings.time_ms, readings.value, readings.group))
    groups, first = np.unique(readings.group[order], return_index=True)
    place = np.full(readings.n_groups, -1, dtype=np.int64)
    place[groups] = order[first]
    return place


def highest_place(readings: Samples) -> Integers:
    """Return the index of the first highest reading of each group, -1 for a group without readings."""
    return lowest_place(replace(readings, value=-readings.value))


def quarter_means(readings: Samples, cadence: Floats, expected_minutes: Floats) -> dict[str, Floats]:
    """Return mean glucose of each quarter of the local day, mg/dL; NaN below 70 % of its readings.

    expected_minutes: length of each local day. A quarter is 6 h by the local clock; where the clocks change, the
    night is longer or shorter by as much as the day is.
    """
    quarter = local_minutes(readings) // (QUARTER_HOURS * MINUTES_PER_HOUR)
    means = {}
    for code, name in enumerate(QUARTERS):
        part = where(readings, quarter == code)
        expected = np.full(readings.n_groups, float(QUARTER_HOURS * MINUTES_PER_HOUR))
        if code == 0:
            expected += expected_minutes - MINUTES_PER_DAY
        share = PERCENT * recorded_share(recorded_minutes(part, cadence), expected)
        means[name] = np.where(share >= MINIMUM_COVERAGE_PERCENT, part.mean(), np.nan)
    return means


@dataclass(frozen=True)
class Night:
    """The readings from midnight to 06:00 of each local day, and how much of that time they cover (0 to 1)."""

    readings: Samples
    coverage: Floats

    @property
    def enough(self) -> Booleans:
        """Whether 70 % of the night is recorded."""
        return self.coverage * PERCENT >= MINIMUM_COVERAGE_PERCENT

    def lowest(self) -> Floats:
        """Return the nocturnal nadir of each day, mg/dL; NaN below 70 % of the night's readings."""
        return np.where(self.enough, self.readings.lowest(), np.nan)

    def nadir_clock(self) -> pd.Series:
        """Return the local clock time of the nadir; null below 70 % of the night's readings."""
        return self.readings.clock(np.where(self.enough, lowest_place(self.readings), UNKNOWN))

    def percent_in(self, range_name: str) -> Floats:
        """Return the share of the night's readings in a range, %; NaN below 70 % of the night's readings."""
        share = self.readings.percent_where(range_masks(self.readings.value)[range_name])
        return np.where(self.enough, share, np.nan)


def night_of(readings: Samples, cadence: Floats, expected_minutes: Floats) -> Night:
    """Return the night of each local day. cadence, expected_minutes: of each day."""
    part = where(readings, local_minutes(readings) < NIGHT_END_HOUR * MINUTES_PER_HOUR)
    expected = NIGHT_END_HOUR * MINUTES_PER_HOUR + expected_minutes - MINUTES_PER_DAY
    return Night(part, recorded_share(recorded_minutes(part, cadence), expected))


def before_breakfast(readings: Samples, marked: Samples) -> tuple[Floats, pd.Series]:
    """Return each local day's glucose before breakfast, mg/dL, and whether a record marks it or it is assumed.

    marked: the readings whose records say "before breakfast" or "fasting". The first of them between the end of the
    night and 11:00 counts; a day without one uses the mean from 06:00 to 06:30. NaN where there is neither.
    """
    minutes = local_minutes(marked)
    morning = (minutes >= NIGHT_END_HOUR * MINUTES_PER_HOUR) & (minutes < BREAKFAST_LATEST_HOUR * MINUTES_PER_HOUR)
    first = where(marked, morning)
    groups, place = np.unique(first.group, return_index=True)
    glucose = np.full(readings.n_groups, np.nan)
    glucose[groups] = first.value[place]
    is_marked = ~np.isnan(glucose)

    minutes = local_minutes(readings) - NIGHT_END_HOUR * MINUTES_PER_HOUR
    waking = where(readings, (minutes >= 0) & (minutes < WAKING_MINUTES)).mean()
    glucose = np.where(is_marked, glucose, waking)
    return glucose, named_where(is_marked.astype(np.int64), (ASSUMED, MARKED), ~np.isnan(glucose))


def dawn_rise(night: Night, breakfast_mg_dl: Floats) -> Floats:
    """Return the rise from the nocturnal nadir to before breakfast, mg/dL; the dawn phenomenon is 20 or more.

    NaN below 70 % of the night's readings, and after a night with a reading under 70 mg/dL, as the rise might be a
    rebound. Population: people with type 2 diabetes. Source: Monnier 2013, PMC3836163.
    """
    lowest = night.lowest()
    return np.where(lowest >= RANGE_LOW_MG_DL, breakfast_mg_dl - lowest, np.nan)


def dawn_words(rise_mg_dl: Floats, night: Night) -> pd.Series:
    """Return "present", "absent" or "not assessed, low glucose in the night"; null without the data."""
    low = night.lowest() < RANGE_LOW_MG_DL
    code = np.where(low, 2, rise_mg_dl >= DAWN_RISE_MG_DL)
    words = ("absent", "present", "not assessed, low glucose in the night")
    return named_where(code, words, low | ~np.isnan(rise_mg_dl))
