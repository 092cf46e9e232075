"""The processor of `heart_rate_variability_rmssd`: wires formulas, look-back and texts together.

There is no population grade: RMSSD depends on age and method, so it is only compared with the person's own baseline.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.base import ClinicalOptions, Level, Processor
from health_etl.clinical.common.samples import insights_of_days
from health_etl.clinical.heart_rate_variability_rmssd.baseline import look_back
from health_etl.clinical.heart_rate_variability_rmssd.columns import CARRIED, GUIDELINES, METRICS, TRENDS
from health_etl.clinical.heart_rate_variability_rmssd.narrative import narrate
from health_etl.clinical.heart_rate_variability_rmssd.night import (
    MINIMUM_COVERAGE,
    NIGHT_HOURS,
    PLATFORM_CAP_MS,
    ln_rmssd,
    nights_of,
    recorded_share,
)


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the RMSSD metrics of each night (18:00 to 18:00 local, named after the date on which it ends).

    Coverage is the recorded time as a share of a 7-hour night, at most 1. The night's value is the mean
    of its samples: nothing is interpolated, and no sample represents a gap. Where the app states a single value for
    the night, that is the night's value, and coverage is 1, since that value measures the whole night.
    """
    nights = nights_of(rows, days, options.app_priority)
    samples = nights.samples
    mean = samples.mean()
    return insights_of_days(
        days,
        described={
            "night_source": nights.source,
            "night_rule": nights.rule,
            "sample_count": pd.Series(samples.count(), dtype="Int64"),
            "first_sample_local": samples.first_clock(),
            "last_sample_local": samples.last_clock(),
            "mean_rmssd_ms": pd.Series(mean),
            "lowest_rmssd_ms": pd.Series(samples.lowest()),
            "highest_rmssd_ms": pd.Series(samples.highest()),
            "capped_count": pd.Series(samples.count_where(samples.value >= PLATFORM_CAP_MS), dtype="Int64"),
        },
        assessed={"ln_rmssd": pd.Series(ln_rmssd(mean))},
        coverage=np.where(nights.is_stated, 1.0, recorded_share(samples)),
        minimum_coverage=MINIMUM_COVERAGE,
        recorded=f"of a {NIGHT_HOURS}-hour night recorded",
    )


PROCESSOR = Processor(
    record_type="heart_rate_variability_rmssd",
    version="2",
    metrics=METRICS,
    guidelines=GUIDELINES,
    instructions={
        Level.STATISTICAL: (
            "State the figures of this person's heart rate variability (RMSSD) of one night, with their units.",
            "Summarise this night's RMSSD in numbers, and the person's own baseline as far as there is one.",
            "Report the RMSSD statistics of this night and how much of it was recorded.",
        ),
        Level.STRUCTURAL: (
            "Describe when this night's RMSSD was recorded and how the night follows on the nights before.",
            "Tell the course of this person's RMSSD: the night, the last nights, and any run outside the own band.",
            "Place this night in the row of the person's last nights, with its times and gaps.",
        ),
        Level.SEMANTIC: (
            "Interpret this night of RMSSD against the person's own baseline for a clinician; name what is uncertain.",
            "Say what this night's RMSSD means for this person, without grading it against other people.",
            "Assess this night's heart rate variability against the person's own nights and say what that would need.",
        ),
    },
    analyse=analyse,
    narrate=narrate,
    trends=TRENDS,
    carried=CARRIED,
    look_back=look_back,
)
