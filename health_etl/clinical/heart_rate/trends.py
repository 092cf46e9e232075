"""The day's resting heart rate compared with the person's own earlier days."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.common.columns import named_where
from health_etl.clinical.common.look_back import by_days_before, mean_of_known, sd_of_known
from health_etl.clinical.common.sources import definition, sourced

BASELINE_MINIMUM_DAYS = sourced(7, "days", "everybody", "ASSUMPTION: a week contains workdays and days off")
OUTLIER_SD = sourced(2, "SD", "everybody", "convention: about one value in twenty lies outside by chance")
OUTLIER_MINIMUM_BPM = sourced(
    3, "bpm", "everybody", "ASSUMPTION: the accuracy of a wrist sensor at rest; a smaller difference is meaningless"
)
WEEK_DAYS = definition(7, "days of a week")
WEEK_MINIMUM_DAYS = sourced(4, "days", "everybody", "ASSUMPTION: more than half of a week")

USUAL = "within the person's usual range"
ABOVE_USUAL = "above the person's usual range"
BELOW_USUAL = "below the person's usual range"


def look_back(days: pd.DataFrame, earlier: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compare each day's resting heart rate with the look-back; see resting_against_baseline and week_means."""
    del options
    resting = by_days_before(days["resting_bpm"], earlier, "resting_bpm")
    return pd.DataFrame(resting_against_baseline(resting) | week_means(resting))


def resting_against_baseline(resting: Floats) -> dict[str, pd.Series]:
    """Place the day's resting heart rate in the person's own range.

    resting: bpm, column n holds the value n days before. Formula: mean and SD (n - 1) of the earlier days of the
    look-back; outside is more than 2 SD and at least 3 bpm from the mean. Unit: bpm. Population: this person only.
    Source: ASSUMPTION, see the constants. Minimal coverage: 7 earlier days with a resting heart rate, else null.
    """
    known = (~np.isnan(resting[:, 1:])).sum(axis=1)
    mean = mean_of_known(resting[:, 1:], BASELINE_MINIMUM_DAYS)
    sd = sd_of_known(resting[:, 1:], BASELINE_MINIMUM_DAYS)
    deviation = resting[:, 0] - mean
    outside = (np.abs(deviation) > OUTLIER_SD * sd) & (np.abs(deviation) >= OUTLIER_MINIMUM_BPM)
    place = np.select([outside & (deviation > 0), outside], [0, 1], default=2)
    return {
        "baseline_days": pd.Series(known, dtype="Int64"),
        "resting_baseline_bpm": pd.Series(mean),
        "resting_baseline_sd_bpm": pd.Series(sd),
        "resting_deviation_bpm": pd.Series(deviation),
        "resting_against_baseline": named_where(place, (ABOVE_USUAL, BELOW_USUAL, USUAL), ~np.isnan(deviation)),
    }


def week_means(resting: Floats) -> dict[str, pd.Series]:
    """Return the trend of the resting heart rate: the mean of the last 7 days and of the look-back before them.

    resting: bpm, column n holds the value n days before. Unit: bpm. Population: this person only. Source:
    ASSUMPTION. Minimal coverage: 4 of the last 7 days, the day included, and 7 days before them; else both null.
    """
    week = mean_of_known(resting[:, :WEEK_DAYS], WEEK_MINIMUM_DAYS)
    before = mean_of_known(resting[:, WEEK_DAYS:], BASELINE_MINIMUM_DAYS)
    both = ~np.isnan(week) & ~np.isnan(before)
    return {
        "resting_week_bpm": pd.Series(np.where(both, week, np.nan)),
        "resting_before_week_bpm": pd.Series(np.where(both, before, np.nan)),
    }
