"""What sleep is assessed against, by age: recommended durations, marks of good sleep, and how much must be recorded.

Nothing is computed here except which limits apply to whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.age import ADULT, ADULT_FROM_YEARS, OLDER, UNDER_ADULT, YOUNG_ADULT, age_band
from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.sources import definition, sourced
from health_etl.clinical.common.units import MINUTES_PER_HOUR, PERCENT

DURATION_SOURCE = "Hirshkowitz 2015, doi:10.1016/j.sleh.2014.12.010"
QUALITY_SOURCE = "Ohayon 2017, doi:10.1016/j.sleh.2016.11.006"
DURATION_SHORT_SOURCE = "Hirshkowitz 2015"
QUALITY_SHORT_SOURCE = "Ohayon 2017"

MS_PER_MINUTE = definition(60_000, "milliseconds in a minute")
MINUTES_PER_DAY = definition(1440, "minutes in a day of 24 hours")

RECOMMENDED_MINUTES = sourced((420, 540), "min asleep", "adults of 18 to 64 years, both ends included", DURATION_SOURCE)
RECOMMENDED_MINUTES_OLDER = sourced(
    (420, 480), "min asleep", "adults of 65 years and over, both ends included", DURATION_SOURCE
)
MAY_BE_APPROPRIATE_MINUTES = sourced(
    (360, 600), "min asleep", "adults of 26 to 64 years, both ends included", DURATION_SOURCE
)
MAY_BE_APPROPRIATE_MINUTES_YOUNG = sourced(
    (360, 660), "min asleep", "adults of 18 to 25 years, both ends included", DURATION_SOURCE
)
MAY_BE_APPROPRIATE_MINUTES_OLDER = sourced(
    (300, 540), "min asleep", "adults of 65 years and over, both ends included", DURATION_SOURCE
)

GOOD_SE_PERCENT = sourced(85, "% of time in bed, at least", "adults", QUALITY_SOURCE)
GOOD_SOL_MINUTES = sourced(30, "min, at most", "adults", QUALITY_SOURCE)
GOOD_WASO_MINUTES = sourced(20, "min, at most", "adults of 18 to 64 years", QUALITY_SOURCE)
GOOD_WASO_MINUTES_OLDER = sourced(30, "min, at most", "adults of 65 years and over", QUALITY_SOURCE)
LONG_AWAKENING_MINUTES = sourced(5, "min; a longer awakening counts", "adults", QUALITY_SOURCE)
GOOD_LONG_AWAKENINGS = sourced(1, "long awakenings, at most", "adults of 18 to 64 years", QUALITY_SOURCE)
GOOD_LONG_AWAKENINGS_OLDER = sourced(2, "long awakenings, at most", "adults of 65 years and over", QUALITY_SOURCE)

MINIMUM_STAGED_SHARE = sourced(
    0.70, "share of the main sleep", "everybody", "ASSUMPTION: no source sets one; as for CGM reports"
)
MINIMUM_STAGED_PERCENT = round(MINIMUM_STAGED_SHARE * PERCENT)


@dataclass(frozen=True)
class SleepLimits:
    """Limits of one age band; the marks of efficiency and latency are the same for all adults."""

    recommended_minutes: tuple[int, int]
    may_be_appropriate_minutes: tuple[int, int]
    waso_minutes: int
    long_awakenings: int


LIMITS: Mapping[str, SleepLimits] = {
    YOUNG_ADULT: SleepLimits(
        RECOMMENDED_MINUTES, MAY_BE_APPROPRIATE_MINUTES_YOUNG, GOOD_WASO_MINUTES, GOOD_LONG_AWAKENINGS
    ),
    ADULT: SleepLimits(RECOMMENDED_MINUTES, MAY_BE_APPROPRIATE_MINUTES, GOOD_WASO_MINUTES, GOOD_LONG_AWAKENINGS),
    OLDER: SleepLimits(
        RECOMMENDED_MINUTES_OLDER,
        MAY_BE_APPROPRIATE_MINUTES_OLDER,
        GOOD_WASO_MINUTES_OLDER,
        GOOD_LONG_AWAKENINGS_OLDER,
    ),
}


def reference_ages(age_years: pd.Series) -> pd.Series:
    """Return the age band whose limits apply: 26 to 64 years where no age is configured, null under 18 years."""
    band = age_band(age_years).fillna(ADULT)
    return band.where(band != UNDER_ADULT)


def limit_of(ages: pd.Series, limit: Callable[[SleepLimits], float]) -> Floats:
    """Return one limit for each age band, NaN where the band is null."""
    return np.array([limit(LIMITS[band]) if pd.notna(band) else np.nan for band in ages], dtype=np.float64)


def _span(minutes: tuple[int, int]) -> str:
    low, high = minutes
    return f"{low}–{high} min ({low // MINUTES_PER_HOUR}–{high // MINUTES_PER_HOUR} h)"


_RANGES = "; ".join(
    f"{ages}, {_span(limits.recommended_minutes)} recommended and {_span(limits.may_be_appropriate_minutes)} may be "
    "appropriate"
    for ages, limits in LIMITS.items()
)
DURATION_GUIDELINE = f"Sleep duration of adults ({DURATION_SHORT_SOURCE}): {_RANGES}."
QUALITY_GUIDELINE = (
    f"Marks of good sleep of adults ({QUALITY_SHORT_SOURCE}): efficiency of at least {GOOD_SE_PERCENT} %, latency of "
    f"at most {GOOD_SOL_MINUTES} min, wake after sleep onset of at most {GOOD_WASO_MINUTES} min, and at most "
    f"{GOOD_LONG_AWAKENINGS} awakening longer than {LONG_AWAKENING_MINUTES} min; {OLDER}, wake after sleep onset of at "
    f"most {GOOD_WASO_MINUTES_OLDER} min and at most {GOOD_LONG_AWAKENINGS_OLDER} such awakenings."
)
AGE_GUIDELINE = (
    f"Without a configured age the limits of adults of {ADULT} are used as defaults; under {ADULT_FROM_YEARS} years "
    "none of them is applied."
)
COVERAGE_GUIDELINE = f"Sleep is judged only when at least {MINIMUM_STAGED_PERCENT} % of the main sleep carries stages."
