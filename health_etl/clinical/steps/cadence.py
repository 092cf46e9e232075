"""Cadence of a day's steps as a proxy for intensity, from records short enough to show it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.activity.hours import fineness_reason, minutes_touched
from health_etl.clinical.activity.records import Quantity, day_buckets, followed_spans, length_minutes
from health_etl.clinical.activity.totals import MOVEMENT_MINIMUM_HOURS, DayTotals
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.base import ClinicalOptions, Metric
from health_etl.clinical.common.samples import MS_PER_MINUTE
from health_etl.clinical.common.sources import sourced
from health_etl.days.merge_sources import merge_by_time_slice

CADENCE_SOURCE = "Tudor-Locke 2019"
MODERATE_STEPS_PER_MIN = sourced(
    100, "steps/min", "adults of 21 to 40 years", "Tudor-Locke 2019, doi:10.1186/s12966-019-0769-6: 3 MET"
)
VIGOROUS_STEPS_PER_MIN = sourced(
    130, "steps/min", "adults of 21 to 40 years", "Tudor-Locke 2019, doi:10.1186/s12966-019-0769-6: 6 MET"
)
MAX_MINUTES = sourced(5, "min", "everybody", "ASSUMPTION: a longer record averages walking and standing")
MIN_MINUTES = sourced(0.5, "min", "everybody", "ASSUMPTION: in a shorter record a few steps can give any cadence")
HIGHEST_STEPS_PER_MIN = sourced(
    250, "steps/min", "everybody", "ASSUMPTION: faster than a sprint; counted late, not walked in this time"
)

COARSE = f"no record is between {MIN_MINUTES} and {MAX_MINUTES} min long"
THIN = f"records of at most {MAX_MINUTES} min follow less than {MOVEMENT_MINIMUM_HOURS} h of the day"


def cadence_metrics(
    totals: DayTotals, days: pd.DataFrame, options: ClinicalOptions, quantity: Quantity
) -> dict[str, pd.Series]:
    """Return minutes at moderate and at vigorous cadence and the highest cadence of each day.

    Formula: steps of a record / its length; the time for which it counts (apps merged by time slice) goes to the band
    100–129 or 130 and more; the peak is the highest cadence of a record that counts. A record averages over its
    length, so short bursts are missed. Unit: min, steps/min. Population: adults; bands are defined at 21 to 40 years.
    Source: Tudor-Locke 2019, doi:10.1186/s12966-019-0769-6. Minimal coverage: a day that was over at the export, 10 h
    of it covered by records of at most 5 min; else all null with the reason.
    """
    length = length_minutes(totals.records)
    short = (length >= MIN_MINUTES) & (length <= MAX_MINUTES)
    records = totals.records[short].reset_index(drop=True)
    cadence = records[quantity.column].to_numpy(dtype=np.float64) / length[short]
    followed = minutes_touched(followed_spans(records, quantity), days).sum(axis=1)
    count = np.bincount(records["group_id"], minlength=len(days))
    reason = fineness_reason(totals, count, followed, COARSE, THIN)
    merged = merge_by_time_slice(
        records, day_buckets(days, np.arange(len(days))), options.app_priority, value_column=quantity.column
    )
    pluralise = merged.contributions
    speed = cadence[pluralise["record"].to_numpy(dtype=np.int64)]
    plausible = speed <= HIGHEST_STEPS_PER_MIN
    day, minutes = pluralise["bucket"].to_numpy(dtype=np.int64), pluralise["covered_ms"].to_numpy() / MS_PER_MINUTE
    vigorous = plausible & (speed >= VIGOROUS_STEPS_PER_MIN)
    moderate = plausible & (speed >= MODERATE_STEPS_PER_MIN) & ~vigorous
    peak = np.zeros(len(days))
    np.maximum.at(peak, day[plausible], speed[plausible])
    enough = reason.isna() & (pd.Series(count) > 0)
    return {
        "cadence_missing_reason": reason,
        "moderate_cadence_minutes": _minutes_in_band(day, minutes, moderate, len(days)).where(enough),
        "vigorous_cadence_minutes": _minutes_in_band(day, minutes, vigorous, len(days)).where(enough),
        "peak_cadence_steps_per_min": pd.Series(peak).where(enough & (peak > 0)),
    }


METRICS = (
    Metric(
        "cadence_missing_reason",
        "No cadence because",
        "Why there is no cadence; null where there is one",
        dtype=pa.string(),
    ),
    Metric(
        "moderate_cadence_minutes",
        f"Time at moderate cadence ({MODERATE_STEPS_PER_MIN}–{VIGOROUS_STEPS_PER_MIN - 1} steps/min)",
        f"Minutes in records of {MODERATE_STEPS_PER_MIN} steps/min and more, below {VIGOROUS_STEPS_PER_MIN}",
        unit="min",
    ),
    Metric(
        "vigorous_cadence_minutes",
        f"Time at vigorous cadence ({VIGOROUS_STEPS_PER_MIN} steps/min and more)",
        f"Minutes in records of {VIGOROUS_STEPS_PER_MIN} steps/min and more",
        unit="min",
    ),
    Metric(
        "peak_cadence_steps_per_min",
        "Highest cadence of a record",
        f"Highest mean cadence of a record of {MIN_MINUTES} to {MAX_MINUTES} min",
        unit="steps/min",
    ),
)


def _minutes_in_band(day: Integers, minutes: Floats, band: Booleans, n_days: int) -> pd.Series:
    return pd.Series(np.bincount(day[band], weights=minutes[band], minlength=n_days).astype(np.float64))
