"""Activity categories by steps a day, and the plateaus found in cohorts. No number here is a threshold for health."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.age import UNDER_ADULT, age_band
from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.columns import named_where
from health_etl.clinical.common.sources import sourced

CATEGORY_SOURCE = "Tudor-Locke 2004"
MORTALITY_SOURCE = "Paluch 2022"

CATEGORY_LOWER_BOUNDS = sourced(
    (5_000, 7_500, 10_000, 12_500),
    "steps/day",
    "healthy adults, pedometer",
    "Tudor-Locke & Bassett 2004, doi:10.2165/00007256-200434010-00001",
)
CATEGORIES = ("sedentary", "low active", "somewhat active", "active", "highly active")

PLATEAU_AGE_YEARS = sourced(60, "years", "adults", "Paluch 2022, doi:10.1016/S2468-2667(21)00302-9")
PLATEAU_YOUNGER_STEPS = sourced(
    (8_000, 10_000),
    "steps/day",
    "adults below 60 years",
    "Paluch 2022, doi:10.1016/S2468-2667(21)00302-9; ASSUMPTION: from knowledge of the paper",
)
PLATEAU_OLDER_STEPS = sourced(
    (6_000, 8_000),
    "steps/day",
    "adults from 60 years on",
    "Paluch 2022, doi:10.1016/S2468-2667(21)00302-9; ASSUMPTION: from knowledge of the paper",
)


def category(steps: Floats) -> pd.Series:
    """Return the activity category of a number of steps a day; null where it is unknown.

    Formula: below 5000 sedentary, 5000–7499 low active, 7500–9999 somewhat active, 10000–12499 active, from 12500
    highly active, by the unrounded number. Unit: none. Population: healthy adults. Source: Tudor-Locke & Bassett 2004,
    doi:10.2165/00007256-200434010-00001. Minimal coverage: a complete day, or a mean of complete days.
    """
    place = np.searchsorted(CATEGORY_LOWER_BOUNDS, np.nan_to_num(steps), side="right")
    return named_where(place, CATEGORIES, ~np.isnan(steps))


def adults(days: pd.DataFrame) -> pd.Series:
    """Return which days may be compared with limits for adults: the person is an adult, or of no configured age."""
    return pd.Series((age_band(days["age_years"]) != UNDER_ADULT).to_numpy())
