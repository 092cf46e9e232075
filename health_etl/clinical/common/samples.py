"""Point measurements of many person-days as sorted arrays, with their plain statistics per day.

What the measured quantity means belongs to the processor of its record type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.sources import definition
from health_etl.clinical.common.text import coverage_reasons, local_clock_times
from health_etl.clinical.common.units import PERCENT, SECONDS_PER_MINUTE

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
        return self._clock(np.searchsorted(self.group, np.arange(self.n_groups), side="left"))

    def last_clock(self) -> pd.Series:
        """Return the local clock time "HH:MM" of the last sample, null for a group without one."""
        return self._clock(np.searchsorted(self.group, np.arange(self.n_groups), side="right") - 1)

    def _sum(self, weights: Floats) -> Floats:
        # bincount adds in array order, so a group's sum depends only on its own samples, bit for bit
        return np.bincount(self.group, weights=weights, minlength=self.n_groups).astype(np.float64)

    def _clock(self, index: Integers) -> pd.Series:
        filled = np.flatnonzero(self.count() > 0)
        picked = index[filled]
        time_utc = pd.to_datetime(pd.Series(self.time_ms[picked], index=filled), unit="ms", utc=True)
        offset = pd.Series(self.utc_offset_minutes[picked], index=filled)
        return local_clock_times(time_utc, offset).reindex(range(self.n_groups))


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


def samples_of_days(
    rows: pd.DataFrame, days: pd.DataFrame, value: str, app_priority: Sequence[str], same_instant_ms: int
) -> Samples:
    """Return the column `value` of the rows as samples whose group is the position of their day in `days`.

    Rows of other days are left out. Rows of one day that follow each other within same_instant_ms count as one
    measurement reported by several apps (0: only equal instants). The app of highest priority is kept, then the
    version modified last; remaining ties are broken by app, record id and value, so that row order does not matter.
    """
    keys = ["user_id", "local_date"]
    group = pd.MultiIndex.from_frame(days[keys]).get_indexer(pd.MultiIndex.from_frame(rows[keys]))
    frame = rows[["utc_offset_minutes", "source_app", "record_id", "last_modified_utc"]].assign(
        group=group.astype(np.int64),
        time_ms=rows["time_utc"].dt.as_unit("ms").astype("int64"),
        value=rows[value].astype("float64"),
    )
    frame = frame[frame["group"] >= 0]
    frame = frame.iloc[np.lexsort((frame["time_ms"], frame["group"]))].reset_index(drop=True)
    frame = _one_per_instant(frame, app_priority, same_instant_ms)
    return Samples(
        group=frame["group"].to_numpy(),
        time_ms=frame["time_ms"].to_numpy(),
        utc_offset_minutes=frame["utc_offset_minutes"].to_numpy(dtype=np.int64),
        value=frame["value"].to_numpy(),
        n_groups=len(days),
    )


def _one_per_instant(frame: pd.DataFrame, app_priority: Sequence[str], same_instant_ms: int) -> pd.DataFrame:
    """Keep one row of each cluster of rows for the same instant; the frame is sorted by group and time."""
    new_instant = np.ones(len(frame), dtype=np.bool_)
    new_instant[1:] = (np.diff(frame["group"]) != 0) | (np.diff(frame["time_ms"]) > same_instant_ms)
    instant = np.cumsum(new_instant) - 1
    shared = np.bincount(instant)[instant] > 1 if len(frame) else np.zeros(0, dtype=np.bool_)
    contenders = frame[shared].assign(instant=instant[shared])
    listed = pd.Index(list(dict.fromkeys(app_priority)))
    rank = listed.get_indexer(pd.Index(contenders["source_app"]))
    contenders["rank"] = np.where(rank < 0, len(listed), rank)
    ranked = contenders.sort_values(
        ["instant", "rank", "last_modified_utc", "source_app", "record_id", "time_ms", "value"],
        ascending=[True, True, False, True, True, True, True],
    )
    kept = ~shared
    kept[ranked.drop_duplicates("instant").index] = True
    return frame[kept]


def day_minutes(days: pd.DataFrame) -> Floats:
    """Return the length of each local day in minutes: 1440, or 1380 and 1500 where the clocks change."""
    length = days["day_end_utc"] - days["day_start_utc"]
    return np.asarray(length.dt.total_seconds(), dtype=np.float64) / SECONDS_PER_MINUTE


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
    minimum coverage; recorded: what the coverage is a share of, as in "of the day recorded". Each metric is indexed
    by the position of its day.
    """
    enough = pd.Series(coverage >= minimum_coverage)
    columns = {name: days[name].reset_index(drop=True) for name in ("user_id", "local_date")}
    columns |= described
    columns |= {name: metric.where(enough) for name, metric in assessed.items()}
    columns["coverage"] = pd.Series(coverage)
    columns["coverage_reason"] = coverage_reasons(coverage, minimum_coverage, recorded)
    return pd.DataFrame(columns)
