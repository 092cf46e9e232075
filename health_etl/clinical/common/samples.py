"""Point measurements of many person-days as sorted arrays, with their plain statistics per day.

What the measured quantity means belongs to the processor of its record type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.columns import UNKNOWN, clock_times, day_places, where_enough
from health_etl.clinical.common.sources import definition
from health_etl.clinical.common.text import coverage_reasons
from health_etl.clinical.common.units import HOURS_PER_DAY, MINUTES_PER_HOUR, PERCENT, SECONDS_PER_MINUTE

MS_PER_MINUTE = definition(60_000, "milliseconds per minute")


@dataclass(frozen=True)
class Samples:
    """Samples in long form: four arrays of equal length, sorted by group and then by time.

    group: code from 0 to n_groups - 1 (a person-day or a person: the unit that statistics are computed for); time_ms:
    UTC epoch milliseconds; utc_offset_minutes: the offset in force at the sample; value: in the unit of the record
    type. Each statistic returns one number per group, NaN where the group has too few samples for it.
    """

    group: Integers
    time_ms: Integers
    utc_offset_minutes: Integers
    value: Floats
    n_groups: int

    def count(self) -> Integers:
        """Return the number of samples."""
        return np.bincount(self.group, minlength=self.n_groups).astype(np.int64)

    def mean(self) -> Floats:
        """Return the arithmetic mean, every sample weighted equally."""
        return divide(self._sum(self.value), self.count())

    def sd(self) -> Floats:
        """Return the sample standard deviation (n - 1); needs two samples."""
        deviation = self.value - self.mean()[self.group]
        squares = self._sum(deviation * deviation)
        return np.sqrt(divide(squares, self.count() - 1))

    def lowest(self) -> Floats:
        """Return the smallest value."""
        return lowest_by_group(self.group, self.value, self.n_groups)

    def highest(self) -> Floats:
        """Return the largest value."""
        return -lowest_by_group(self.group, -self.value, self.n_groups)

    def count_where(self, mask: Booleans) -> Integers:
        """Return the number of samples that the mask (one flag per sample) selects."""
        return np.bincount(self.group[mask], minlength=self.n_groups).astype(np.int64)

    def percent_where(self, mask: Booleans) -> Floats:
        """Return the percentage of samples that the mask selects."""
        return divide(PERCENT * self.count_where(mask).astype(np.float64), self.count())

    def median_spacing_minutes(self, longest_minutes: float) -> Floats:
        """Return the median time between neighbours; spacings above longest_minutes are gaps and are left out."""
        spacing = np.diff(self.time_ms) / MS_PER_MINUTE
        kept = (np.diff(self.group) == 0) & (spacing <= longest_minutes)
        return median_by_group(self.group[1:][kept], spacing[kept], self.n_groups)

    def first_clock(self) -> pd.Series:
        """Return the local clock time "HH:MM" of the first sample, null for a group without one."""
        first = np.searchsorted(self.group, np.arange(self.n_groups), side="left")
        return self.clock(np.where(self.count() > 0, first, UNKNOWN))

    def last_clock(self) -> pd.Series:
        """Return the local clock time "HH:MM" of the last sample, null for a group without one."""
        last = np.searchsorted(self.group, np.arange(self.n_groups), side="right") - 1
        return self.clock(np.where(self.count() > 0, last, UNKNOWN))

    def clock(self, place: Integers) -> pd.Series:
        """Return the local clock time "HH:MM" of the sample at each index, null where it is UNKNOWN."""
        found = place >= 0
        minute = np.full(len(place), UNKNOWN, dtype=np.int64)
        wall = self.time_ms[place[found]] // MS_PER_MINUTE + self.utc_offset_minutes[place[found]]
        minute[found] = wall % (HOURS_PER_DAY * MINUTES_PER_HOUR)
        return clock_times(minute)

    def _sum(self, weights: Floats) -> Floats:
        # bincount adds in array order, so a group's sum depends only on its own samples, bit for bit
        return np.bincount(self.group, weights=weights, minlength=self.n_groups).astype(np.float64)


def divide(numerator: Floats | Integers, denominator: Floats | Integers) -> Floats:
    """Divide element by element; NaN where the denominator is not above zero."""
    result = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def lowest_by_group(group: Integers, value: Floats, n_groups: int) -> Floats:
    """Return the smallest value of each group, NaN for a group without values."""
    lowest = np.full(n_groups, np.inf)
    np.minimum.at(lowest, group, value)
    return np.where(np.isinf(lowest), np.nan, lowest)


def median_by_group(group: Integers, value: Floats, n_groups: int) -> Floats:
    """Return the median of each group (mean of the two middle values), NaN for a group without values."""
    order = np.lexsort((value, group))
    ranked = value[order]
    count = np.bincount(group, minlength=n_groups)
    filled = count > 0
    start = np.cumsum(count) - count
    median = np.full(n_groups, np.nan)
    low = ranked[(start + (count - 1) // 2)[filled]]
    high = ranked[(start + count // 2)[filled]]
    median[filled] = (low + high) / 2
    return median


@dataclass(frozen=True)
class Measurements:
    """The rows of many person-days that hold a measurement, sorted by day and then by time; apps may repeat each other.

    group, time_ms, utc_offset_minutes and value are as in Samples; row: position in `rows`.
    """

    rows: pd.DataFrame
    row: Integers
    group: Integers
    time_ms: Integers
    utc_offset_minutes: Integers
    value: Floats
    n_groups: int

    @classmethod
    def of_days(cls, rows: pd.DataFrame, days: pd.DataFrame, value: str) -> Measurements:
        """Return the column `value` of the rows; the group is the position of their day in `days`.

        Rows of other days are left out.
        """
        group = day_places(rows, days)
        time_ms = rows["time_utc"].to_numpy(dtype="datetime64[ms]").astype(np.int64)
        order = np.lexsort((time_ms, group))
        order = order[np.searchsorted(group[order], 0) :]
        return cls(
            rows,
            order,
            group[order],
            time_ms[order],
            rows["utc_offset_minutes"].to_numpy(dtype=np.int64)[order],
            rows[value].to_numpy(dtype=np.float64)[order],
            len(days),
        )

    def samples(self, app_priority: Sequence[str], same_instant_ms: int, selected: Booleans | None = None) -> Samples:
        """Return the measurements of the selected rows (all by default), one of each instant.

        Rows of one day that follow each other within same_instant_ms count as one measurement reported by several apps
        (0: only equal instants). The app of highest priority is kept, then the version modified last; remaining ties
        are broken by app, record id and value, so that row order does not matter.
        """
        taken = np.arange(len(self.row)) if selected is None else np.flatnonzero(selected[self.row])
        group, time_ms = self.group[taken], self.time_ms[taken]
        new_instant = np.ones(len(taken), dtype=np.bool_)
        new_instant[1:] = (np.diff(group) != 0) | (np.diff(time_ms) > same_instant_ms)
        if not new_instant.all():
            taken = taken[self._one_per_instant(taken, new_instant, app_priority)]
        return Samples(
            self.group[taken], self.time_ms[taken], self.utc_offset_minutes[taken], self.value[taken], self.n_groups
        )

    def _one_per_instant(self, taken: Integers, new_instant: Booleans, app_priority: Sequence[str]) -> Booleans:
        """Flag one measurement of each instant."""
        instant = np.cumsum(new_instant) - 1
        shared = np.bincount(instant)[instant] > 1
        place = taken[shared]
        contenders = self.rows[["source_app", "record_id", "last_modified_utc"]].iloc[self.row[place]]
        listed = pd.Index(list(dict.fromkeys(app_priority)))
        rank = listed.get_indexer(pd.Index(contenders["source_app"]))
        ranked = contenders.assign(
            place=np.flatnonzero(shared),
            instant=instant[shared],
            rank=np.where(rank < 0, len(listed), rank),
            time_ms=self.time_ms[place],
            value=self.value[place],
        ).sort_values(
            ["instant", "rank", "last_modified_utc", "source_app", "record_id", "time_ms", "value"],
            ascending=[True, True, False, True, True, True, True],
        )
        kept: Booleans = ~shared
        kept[ranked.drop_duplicates("instant")["place"]] = True
        return kept


def samples_of_days(
    rows: pd.DataFrame, days: pd.DataFrame, value: str, app_priority: Sequence[str], same_instant_ms: int
) -> Samples:
    """Return the column `value` of the rows as samples, as described in Measurements."""
    return Measurements.of_days(rows, days, value).samples(app_priority, same_instant_ms)


def day_minutes(days: pd.DataFrame) -> Floats:
    """Return the length of each local day in minutes: 1440, or 1380 and 1500 where the clocks change."""
    start, end = (days[name].to_numpy(dtype="datetime64[us]") for name in ("day_start_utc", "day_end_utc"))
    return np.asarray((end - start) / np.timedelta64(1, "s"), dtype=np.float64) / SECONDS_PER_MINUTE


def insights_of_days(
    days: pd.DataFrame,
    described: Mapping[str, pd.Series],
    assessed: Mapping[str, pd.Series],
    coverage: Floats,
    minimum_coverage: float,
    recorded: str,
) -> pd.DataFrame:
    """Return one row per row of `days`, in its order: metrics, coverage and coverage_reason.

    described: metrics of what was recorded, kept at any coverage; assessed: metrics that become null below the
    minimum coverage; recorded: what the coverage is a share of, as in "of the day recorded". Each metric has one value
    per day, in order.
    """
    enough = coverage >= minimum_coverage
    columns = {name: days[name].array for name in ("user_id", "local_date")}
    columns |= {name: metric.array for name, metric in described.items()}
    columns |= {name: where_enough(metric, enough) for name, metric in assessed.items()}
    columns["coverage"] = pd.Series(coverage).array
    columns["coverage_reason"] = coverage_reasons(coverage, minimum_coverage, recorded).array
    return pd.DataFrame(columns)
