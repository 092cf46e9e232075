"""The age bands that clinical limits are given for. The limits themselves belong to the record types."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.columns import named_where
from health_etl.clinical.common.sources import sourced

ADULT_FROM_YEARS = sourced(18, "years", "everybody", "Hirshkowitz 2015, doi:10.1016/j.sleh.2014.12.010")
ADULT_26_FROM_YEARS = sourced(26, "years", "adults", "Hirshkowitz 2015, doi:10.1016/j.sleh.2014.12.010")
OLDER_FROM_YEARS = sourced(65, "years", "adults", "Hirshkowitz 2015, doi:10.1016/j.sleh.2014.12.010")

UNDER_ADULT = f"under {ADULT_FROM_YEARS} years"
YOUNG_ADULT = f"{ADULT_FROM_YEARS} to {ADULT_26_FROM_YEARS - 1} years"
ADULT = f"{ADULT_26_FROM_YEARS} to {OLDER_FROM_YEARS - 1} years"
OLDER = f"{OLDER_FROM_YEARS} years and over"

AGE_BANDS = (UNDER_ADULT, YOUNG_ADULT, ADULT, OLDER)


def age_band(age_years: pd.Series) -> pd.Series:
    """Return the age band of each age (in years) as text; null where no age is configured."""
    known = age_years.notna().to_numpy()
    ages = age_years.fillna(0).to_numpy(dtype="int64")
    place = np.searchsorted([ADULT_FROM_YEARS, ADULT_26_FROM_YEARS, OLDER_FROM_YEARS], ages, side="right")
    return named_where(place, AGE_BANDS, known).set_axis(age_years.index)
