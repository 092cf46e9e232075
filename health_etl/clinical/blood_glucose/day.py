"""The description of one local day of glucose: extremes, pauses, events, times of day, meals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from health_etl.clinical.blood_glucose.events import GlucoseEvents, extended_hyper, extended_hypo, find_events
from health_etl.clinical.blood_glucose.meals import Marks, SamplesOf, before_breakfast_marks, by_relation, meal_rise
from health_etl.clinical.blood_glucose.metrics import cadence_minutes, edge_minutes, longest_gap_minutes
from health_etl.clinical.blood_glucose.risk import risks
from health_etl.clinical.blood_glucose.summary import range_masks, range_names
from health_etl.clinical.blood_glucose.time_of_day import (
    before_breakfast,
    dawn_rise,
    dawn_words,
    highest_place,
    lowest_place,
    night_of,
    quarter_means,
)
from health_etl.clinical.common.arrays import Booleans, Floats
from health_etl.clinical.common.columns import named_where
from health_etl.clinical.common.samples import Samples, day_minutes, lowest_by_group
from health_etl.clinical.common.units import PERCENT

Columns = dict[str, pd.Series]


@dataclass(frozen=True)
class GlucoseDay:
    """Readings of person-days, one group per row of `days`, with what several metrics share."""

    readings: Samples
    days: pd.DataFrame

    @cached_property
    def cadence(self) -> Floats:
        """Cadence of each day, minutes."""
        return cadence_minutes(self.readings)

    @cached_property
    def expected_minutes(self) -> Floats:
        """Length of each local day, minutes."""
        return day_minutes(self.days)

    @cached_property
    def masks(self) -> Mapping[str, Booleans]:
        """Which ranges each reading lies in."""
        return range_masks(self.readings.value)

    @cached_property
    def hypo(self) -> GlucoseEvents:
        """Events below range."""
        return find_events(self.readings, self.masks["below_range"], self.cadence)

    @cached_property
    def hyper(self) -> GlucoseEvents:
        """Events above range."""
        return find_events(self.readings, self.masks["above_range"], self.cadence)

    @cached_property
    def sustained(self) -> GlucoseEvents:
        """Extended hyperglycaemia."""
        return extended_hyper(self.readings, self.masks["above_range"], self.masks["very_high"], self.cadence)


def extremes(day: GlucoseDay) -> Columns:
    """Return the lowest and highest reading, their range and time, and the highest risk of either kind."""
    readings = day.readings
    lowest, highest = readings.lowest(), readings.highest()
    low_risk, high_risk = risks(readings.value)
    return {
        "first_reading_local": readings.first_clock(),
        "last_reading_local": readings.last_clock(),
        "lowest_mg_dl": pd.Series(lowest),
        "lowest_range": range_names(lowest),
        "lowest_local": readings.clock(lowest_place(readings)),
        "highest_mg_dl": pd.Series(highest),
        "highest_range": range_names(highest),
        "highest_local": readings.clock(highest_place(readings)),
        "low_risk_highest": pd.Series(-lowest_by_group(readings.group, -low_risk, readings.n_groups)),
        "high_risk_highest": pd.Series(-lowest_by_group(readings.group, -high_risk, readings.n_groups)),
    }


def pauses(day: GlucoseDay) -> Columns:
    """Return the longest stretch without a reading, the day's edges included, and those edges."""
    start, end = (
        day.days[name].to_numpy(dtype="datetime64[ms]").astype(np.int64) for name in ("day_start_utc", "day_end_utc")
    )
    leading, trailing = edge_minutes(day.readings, start, end)
    longest = np.fmax(np.fmax(leading, trailing), longest_gap_minutes(day.readings))
    return {
        "longest_gap_minutes": pd.Series(longest),
        "leading_gap_minutes": pd.Series(leading),
        "trailing_gap_minutes": pd.Series(trailing),
    }


def event_counts(day: GlucoseDay) -> Columns:
    """Return the number of events of each kind."""
    found = {
        "hypo_level1_count": day.hypo,
        "hypo_level2_count": find_events(day.readings, day.masks["very_low"], day.cadence),
        "extended_hypo_count": extended_hypo(day.hypo),
        "hyper_level1_count": day.hyper,
        "hyper_level2_count": find_events(day.readings, day.masks["very_high"], day.cadence),
        "extended_hyper_count": day.sustained,
    }
    return {name: pd.Series(events.count(), dtype="Int64") for name, events in found.items()}


def longest_events(day: GlucoseDay) -> Columns:
    """Return the longest event recorded below and above range, and whether very high glucose was sustained."""
    readings = day.readings
    columns: Columns = {}
    for kind, events in (("hypo", day.hypo), ("hyper", day.hyper)):
        columns[f"longest_{kind}_minutes"] = pd.Series(events.longest_minutes())
        columns[f"longest_{kind}_start_local"] = readings.clock(events.longest_start())
    is_sustained = (day.sustained.count() > 0).astype(np.int64)
    is_very_high = readings.count_where(day.masks["very_high"]) > 0
    columns["very_high_pattern"] = named_where(is_sustained, ("passing", "sustained"), is_very_high)
    return columns


def times_of_day(day: GlucoseDay, marks: Marks, samples_of: SamplesOf) -> Columns:
    """Return means by quarter of the day, the night and the dawn rise."""
    night = night_of(day.readings, day.cadence, day.expected_minutes)
    breakfast, basis = before_breakfast(day.readings, before_breakfast_marks(marks, samples_of))
    rise = dawn_rise(night, breakfast)
    means = quarter_means(day.readings, day.cadence, day.expected_minutes)
    return {
        **{f"{name}_mean_mg_dl": pd.Series(mean) for name, mean in means.items()},
        "night_coverage_percent": pd.Series(PERCENT * night.coverage),
        "night_lowest_mg_dl": pd.Series(night.lowest()),
        "night_lowest_local": night.nadir_clock(),
        "night_in_range_percent": pd.Series(night.percent_in("in_range")),
        "night_below_range_percent": pd.Series(night.percent_in("below_range")),
        "before_breakfast_mg_dl": pd.Series(breakfast),
        "before_breakfast_basis": basis,
        "dawn_rise_mg_dl": pd.Series(rise),
        "dawn_phenomenon": dawn_words(rise, night),
    }


def meals(marks: Marks, samples_of: SamplesOf) -> Columns:
    """Return glucose by relation to meals, null where the records do not state one."""
    columns: Columns = {}
    for name, readings in by_relation(marks, samples_of).items():
        columns[f"{name}_count"] = _or_null(readings.count().astype(np.float64))
        columns[f"{name}_mean_mg_dl"] = pd.Series(readings.mean())
    rise, meal_count = meal_rise(marks, samples_of)
    return columns | {"meal_rise_count": _or_null(meal_count), "meal_rise_mg_dl": pd.Series(rise)}


def _or_null(counts: Floats) -> pd.Series:
    return pd.Series(np.where(counts > 0, counts, np.nan)).astype("Int64")
