"""Time in heart-rate zones, for people whose age or maximal heart rate is configured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.age import ADULT_FROM_YEARS
from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.columns import named_where
from health_etl.clinical.common.samples import Samples
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import PERCENT
from health_etl.clinical.heart_rate.series import held_minutes

TANAKA_SOURCE = "Tanaka 2001"
HRMAX_INTERCEPT_BPM = sourced(208, "bpm", "healthy adults", "Tanaka 2001, doi:10.1016/S0735-1097(00)01054-8")
HRMAX_SLOPE_BPM_PER_YEAR = sourced(0.7, "bpm/year", "healthy adults", "Tanaka 2001, doi:10.1016/S0735-1097(00)01054-8")
ZONE_FLOORS_PERCENT = sourced(
    (50, 60, 70, 80, 90),
    "% of HRmax",
    "people who train",
    "convention of watches and training plans: five zones from 50 to 100 % of HRmax",
)

CONFIGURED = "as configured"
FROM_AGE = f"{HRMAX_INTERCEPT_BPM} − {HRMAX_SLOPE_BPM_PER_YEAR} × age, {TANAKA_SOURCE}"
ZONE_NAMES = tuple(f"zone_{place}_minutes" for place in range(1, len(ZONE_FLOORS_PERCENT) + 1))
BELOW_ZONES = "below_zones_minutes"


def zone_span(place: int) -> str:
    """Write the bounds of a zone (0 is the first): "50–60 %"; the last one is open: "90 % or more"."""
    floor = ZONE_FLOORS_PERCENT[place]
    above = ZONE_FLOORS_PERCENT[place + 1 : place + 2]
    return f"{floor}–{above[0]} %" if above else f"{floor} % or more"


def max_heart_rate(days: pd.DataFrame) -> tuple[Floats, pd.Series]:
    """Return the maximal heart rate of each person-day in bpm, and where it comes from.

    Formula: the configured one, else 208 - 0.7 * age for adults; NaN and null without either. Population: healthy
    adults; an individual's may differ by about 10 bpm. Source: Tanaka 2001, doi:10.1016/S0735-1097(00)01054-8.
    """
    configured = days["hrmax_bpm"].to_numpy(dtype=np.float64, na_value=np.nan)
    age = days["age_years"].to_numpy(dtype=np.float64, na_value=np.nan)
    age = np.where(age >= ADULT_FROM_YEARS, age, np.nan)
    known = ~np.isnan(configured)
    bpm = np.where(known, configured, HRMAX_INTERCEPT_BPM - HRMAX_SLOPE_BPM_PER_YEAR * age)
    return bpm, named_where(known.astype(np.int64), (FROM_AGE, CONFIGURED), ~np.isnan(bpm))


def time_in_zones(series: Samples, hrmax_bpm: Floats) -> dict[str, Floats]:
    """Return the minutes of each day below the zones and in each zone; NaN where HRmax is unknown.

    Formula: a measured minute represents the time until the next one, at most 15 min; its zone follows from its mean
    as a share of HRmax: 50, 60, 70, 80, 90 % are the floors of the five zones, and a floor is part of its zone.
    Unit: min. Population: people whose age or HRmax is configured. Source: convention. Minimal coverage: half of
    the day's hours; pauses belong to no zone.
    """
    percent = PERCENT * series.value / hrmax_bpm[series.group]
    zone = np.searchsorted(ZONE_FLOORS_PERCENT, percent, side="right")
    count = len(ZONE_FLOORS_PERCENT) + 1
    cell = series.group * count + zone
    minutes = np.bincount(cell, weights=held_minutes(series), minlength=series.n_groups * count)
    table = np.where(np.isnan(hrmax_bpm)[:, None], np.nan, minutes.reshape(series.n_groups, count))
    return dict(zip((BELOW_ZONES, *ZONE_NAMES), table.T, strict=True))
