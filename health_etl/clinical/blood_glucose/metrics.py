"""Glucose metrics of a summary (of one day or of many), cadence, and recorded time.

Events are in events.py, risk indices in risk.py, swings in swings.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.blood_glucose.summary import RANGES
from health_etl.clinical.blood_glucose.thresholds import MAX_SPACING_MINUTES
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.samples import MS_PER_MINUTE, Samples, divide
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import PERCENT

_GMI = "adults with diabetes on CGM, about two weeks"
_BERGENSTAL_SOURCE = "Bergenstal 2018, doi:10.2337/dc18-1581"
GMI_INTERCEPT = sourced(3.31, "%", _GMI, _BERGENSTAL_SOURCE)
GMI_SLOPE = sourced(0.02392, "% per mg/dL", _GMI, _BERGENSTAL_SOURCE)

_ADAG = "adults with and without diabetes, mean of three months"
_NATHAN_SOURCE = "Nathan 2008 (ADAG), doi:10.2337/dc08-0545"
EA1C_SHIFT_MG_DL = sourced(46.7, "mg/dL", _ADAG, _NATHAN_SOURCE)
EA1C_SLOPE = sourced(28.7, "mg/dL per %", _ADAG, _NATHAN_SOURCE)

J_INDEX_SCALE = sourced(0.001, "per mg²/dL²", "people with diabetes", "Wojcicki 1995, doi:10.1055/s-2007-979906")


def range_percents(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the share of readings in each of RANGES in %, 100 · readings in range / readings.

    Population: people with diabetes on CGM. Source: Battelino 2023. Coverage: 70 % of readings.
    """
    readings = summary["reading_count"].to_numpy()
    return pd.DataFrame({name: divide(PERCENT * summary[f"{name}_count"].to_numpy(), readings) for name in RANGES})


def cv_percent(summary: pd.DataFrame) -> Floats:
    """Return the coefficient of variation, 100 · SD / mean in %, with the sample SD (n - 1).

    Population: people with diabetes on CGM. Source: Battelino 2019. Coverage: 70 % of readings.
    """
    return divide(PERCENT * summary["sd_mg_dl"].to_numpy(), summary["mean_mg_dl"].to_numpy())


def gmi_percent(summary: pd.DataFrame) -> Floats:
    """Return the glucose management indicator, 3.31 + 0.02392 · mean (mg/dL), in %.

    Population: adults with diabetes on CGM. Source: Bergenstal 2018, doi:10.2337/dc18-1581. Coverage: 14 days with
    70 % of readings.
    """
    return GMI_INTERCEPT + GMI_SLOPE * summary["mean_mg_dl"].to_numpy()


def ea1c_percent(summary: pd.DataFrame) -> Floats:
    """Return the estimated A1C, (mean (mg/dL) + 46.7) / 28.7, in %.

    Population: adults of the ADAG study. Source: Nathan 2008, PMC2742903. Coverage: 14 days with 70 % of readings;
    A1C itself mirrors about 3 months.
    """
    return (summary["mean_mg_dl"].to_numpy() + EA1C_SHIFT_MG_DL) / EA1C_SLOPE


def j_index(summary: pd.DataFrame) -> Floats:
    """Return the J-index, 0.001 · (mean + SD)² with both in mg/dL; an index without unit.

    Population: people with diabetes. Source: Wojcicki 1995. Coverage: 70 % of readings.
    """
    level = summary["mean_mg_dl"].to_numpy(dtype=np.float64) + summary["sd_mg_dl"].to_numpy(dtype=np.float64)
    return np.asarray(J_INDEX_SCALE * level**2)


def cadence_minutes(readings: Samples) -> Floats:
    """Return the sensor's cadence in minutes, estimated as the median spacing of its readings.

    Spacings above 45 min are gaps and do not count. NaN where no two readings are closer than that.
    """
    return readings.median_spacing_minutes(MAX_SPACING_MINUTES)


def recorded_minutes(readings: Samples, cadence: Floats) -> Floats:
    """Return readings × cadence in minutes: each reading represents one cadence, so a gap adds nothing.

    0 without a cadence: single readings far apart do not record a day.
    """
    return np.asarray(readings.count() * np.nan_to_num(cadence), dtype=np.float64)


def recorded_share(minutes: Floats, expected_minutes: Floats) -> Floats:
    """Return the recorded minutes as a share of the expected minutes, at most 1; 0 where nothing is expected."""
    return np.minimum(np.nan_to_num(divide(minutes, expected_minutes)), 1.0)


def stretch_starts(readings: Samples) -> Booleans:
    """Flag the first reading of each group and each reading after a gap of more than 45 min."""
    gap_ms = MAX_SPACING_MINUTES * MS_PER_MINUTE
    fresh = np.ones(len(readings.group), dtype=np.bool_)
    fresh[1:] = (np.diff(readings.group) != 0) | (np.diff(readings.time_ms) > gap_ms)
    return fresh


def longest_gap_minutes(readings: Samples) -> Floats:
    """Return the longest time between two consecutive readings of a group, in minutes.

    NaN for a group of fewer than two readings.
    """
    longest = np.full(readings.n_groups, np.nan)
    same_group = np.diff(readings.group) == 0
    spacing = np.diff(readings.time_ms)[same_group] / MS_PER_MINUTE
    np.fmax.at(longest, readings.group[1:][same_group], spacing)
    return longest


def edge_minutes(readings: Samples, start_ms: Integers, end_ms: Integers) -> tuple[Floats, Floats]:
    """Return the minutes from each group's start to its first reading, and from its last reading to its end.

    start_ms, end_ms: bounds of each group, UTC epoch milliseconds. NaN for a group without readings.
    """
    first, last = np.full(readings.n_groups, np.nan), np.full(readings.n_groups, np.nan)
    np.fmin.at(first, readings.group, readings.time_ms.astype(np.float64))
    np.fmax.at(last, readings.group, readings.time_ms.astype(np.float64))
    return (first - start_ms) / MS_PER_MINUTE, (end_ms - last) / MS_PER_MINUTE
