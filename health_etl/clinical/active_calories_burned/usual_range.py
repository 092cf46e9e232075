"""The usual range of active energy a day. No guideline sets limits; these are assumptions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.age import UNDER_ADULT, age_band
from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.columns import UNKNOWN, named_where
from health_etl.clinical.common.sources import sourced

USUAL_KCAL = sourced((150, 1_000), "kcal/day", "adults", "ASSUMPTION: from experience with wearables; no study sets it")
IMPLAUSIBLE_ABOVE_KCAL = sourced(
    3_000, "kcal/day", "adults", "ASSUMPTION: reached only in endurance events, such as a marathon"
)

IMPLAUSIBLE = "implausible outside endurance events"
ABOVE = "above the usual range"
BELOW = "below the usual range"
USUAL = "in the usual range"
PLACES = (IMPLAUSIBLE, ABOVE, BELOW, USUAL)


def against_usual(total_kcal: Floats, complete_kcal: Floats, days: pd.DataFrame) -> pd.Series:
    """Classify each day's active energy by what is usual in adults.

    Formula: 150 to 1000 kcal, both included, is usual; more than 3000 kcal is implausible, on an incomplete day too.
    Unit: kcal a day. Population: adults, or people with no configured age. Source: ASSUMPTION. Minimal coverage: a
    complete day, else null; none for implausible amounts.
    """
    low, high = USUAL_KCAL
    place = np.select(
        [total_kcal > IMPLAUSIBLE_ABOVE_KCAL, complete_kcal > high, complete_kcal < low, complete_kcal >= low],
        range(len(PLACES)),
        default=UNKNOWN,
    )
    of_age = (age_band(days["age_years"]) != UNDER_ADULT).to_numpy(dtype=np.bool_)
    return named_where(place, PLACES, of_age)
