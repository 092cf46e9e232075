"""Swings of glucose: MAGE within a day, MODD from day to day, and the day's profile in slots.

Published packages compute MAGE and MODD differently, so each docstring names its algorithm.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_etl.clinical.blood_glucose.metrics import stretch_starts
from health_etl.clinical.blood_glucose.thresholds import MINUTES_PER_DAY
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.samples import MS_PER_MINUTE, Samples, divide
from health_etl.clinical.common.sources import definition

SLOT_MINUTES = definition(15, "min per slot of the day's profile, as long as the slowest common sensor's cadence")
SLOTS = MINUTES_PER_DAY // SLOT_MINUTES


def mage(readings: Samples, sd_mg_dl: Floats) -> Floats:
    """Return the mean amplitude of glycaemic excursions of each group, mg/dL.

    Algorithm "turning points": swings of less than one SD are removed, smallest first, until every swing between
    neighbouring turning points is at least one SD; MAGE is the mean of those above one SD, rises and falls alike.
    Nothing is smoothed or interpolated, and no swing spans a gap of more than 45 min. NaN without a swing.
    sd_mg_dl: SD of each group. Population: people with diabetes. Source: Service 1970, doi:10.2337/diab.19.9.644.
    Coverage: 70 % of readings.
    """
    segment = np.cumsum(stretch_starts(readings)) - 1
    place = _turning_points(readings.value, segment, sd_mg_dl[readings.group])
    joined = segment[place][1:] == segment[place][:-1]
    swing = np.abs(np.diff(readings.value[place]))[joined]
    group = readings.group[place][1:][joined]
    pluralise = swing > sd_mg_dl[group]
    total = np.bincount(group[pluralise], weights=swing[pluralise], minlength=readings.n_groups)
    return divide(total, np.bincount(group[pluralise], minlength=readings.n_groups))


def slot_means(readings: Samples) -> npt.NDArray[np.float64]:
    """Return mean glucose by 15-min slot of the local clock, mg/dL: one row per group, 96 columns, NaN for empty slots.

    An hour that the clock shows twice (end of summer time) fills its slots twice.
    """
    local_minutes = readings.time_ms // MS_PER_MINUTE + readings.utc_offset_minutes
    slot = local_minutes % MINUTES_PER_DAY // SLOT_MINUTES
    code = readings.group * SLOTS + slot
    length = readings.n_groups * SLOTS
    total = np.bincount(code, weights=readings.value, minlength=length)
    return divide(total, np.bincount(code, minlength=length)).reshape(readings.n_groups, SLOTS)


def modd(slots: npt.NDArray[np.float64], pairs: Integers, group: Integers, n_groups: int) -> Floats:
    """Return the mean of daily differences of each group, mg/dL.

    Algorithm "slots": mean of |slot mean - the same slot's mean one local day earlier| over all pairs of days and all
    15-min slots that both days have. slots: as slot_means, one row per day; pairs: rows of `slots` whose next row is
    the day before; group: code of each pair. Population: people with diabetes. Source: Molnar 1972,
    doi:10.1007/BF01218495. Coverage: 14 days with 70 % of readings.
    """
    apart = np.abs(slots[pairs] - slots[pairs + 1])
    held = ~np.isnan(apart)
    total = np.bincount(group, weights=np.where(held, apart, 0.0).sum(axis=1), minlength=n_groups)
    return divide(total, np.bincount(group, weights=held.sum(axis=1), minlength=n_groups))


def slot_lists(slots: npt.NDArray[np.float64]) -> pd.Series:
    """Return the rows of slot_means as lists, for one column of a table."""
    return pd.Series(list(slots), dtype="object")


def slot_table(lists: pd.Series) -> npt.NDArray[np.float64]:
    """Return lists of slots as rows again; a day without a list has no slot."""
    none = [np.nan] * SLOTS
    rows = [row if row is not None else none for row in lists]
    return np.array(rows, dtype=np.float64).reshape(len(rows), SLOTS)


def _turning_points(value: Floats, segment: Integers, smallest: Floats) -> Integers:
    """Return the indices of the turning points whose swings all reach `smallest`, in order.

    value, segment and smallest: one per reading. Removes, in passes, every swing that is too small and no larger
    than its neighbours: both ends of the swing inside a stretch, only the outer end at its edge.
    """
    place = np.arange(len(value))
    while True:
        place = place[_turns(value[place], segment[place])]
        removed = _too_small(value[place], segment[place], smallest[place])
        if not removed.any():
            return place
        place = place[~removed]


def _turns(value: Floats, segment: Integers) -> Booleans:
    """Flag the ends of each stretch and the values where the direction changes; of equal neighbours the first."""
    repeated = np.zeros(len(value), dtype=np.bool_)
    repeated[1:] = (np.diff(segment) == 0) & (np.diff(value) == 0)
    kept = np.flatnonzero(~repeated)
    v, s = value[kept], segment[kept]
    step = np.diff(v)
    straight = np.zeros(len(v), dtype=np.bool_)
    straight[1:-1] = (s[2:] == s[:-2]) & (np.sign(step[1:]) == np.sign(step[:-1])) if len(v) > 2 else False
    turns = np.zeros(len(value), dtype=np.bool_)
    turns[kept[~straight]] = True
    return turns


def _too_small(value: Floats, segment: Integers, smallest: Floats) -> Booleans:
    """Flag the turning points to remove in this pass: never two adjacent swings."""
    removed = np.zeros(len(value), dtype=np.bool_)
    if len(value) < 2:
        return removed
    joined = np.diff(segment) == 0
    swing = np.where(joined, np.abs(np.diff(value)), np.inf)
    before = np.concatenate(([np.inf], swing[:-1]))
    after = np.concatenate((swing[1:], [np.inf]))
    out = np.flatnonzero(joined & (swing < smallest[1:]) & (swing < before) & (swing <= after))
    first = np.isinf(before[out])
    last = np.isinf(after[out])
    removed[out[first | ~last]] = True
    removed[out[last | ~first] + 1] = True
    return removed
