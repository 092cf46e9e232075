"""The processor of `heart_rate`: wires formulas, look-back and texts together."""

from __future__ import annotations

import pandas as pd

from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.base import ClinicalOptions, Level, Processor
from health_etl.clinical.common.samples import Samples, insights_of_days, samples_of_days
from health_etl.clinical.heart_rate.columns import CARRIED, GUIDELINES, METRICS, TRENDS
from health_etl.clinical.heart_rate.events import event_metrics
from health_etl.clinical.heart_rate.narrative import narrate
from health_etl.clinical.heart_rate.profile import bpm_by_hour, day_mean, extreme_hours, night_mean, nocturnal_dip
from health_etl.clinical.heart_rate.recovery import FIRST_RECOVERY_MINUTES, SECOND_RECOVERY_MINUTES, recovery
from health_etl.clinical.heart_rate.resting import (
    MINIMUM_COVERAGE,
    hourly_coverage,
    hours_with_samples,
    reference_group,
    resting_metrics,
)
from health_etl.clinical.heart_rate.series import SAME_INSTANT_MS, minute_means, recorded_minutes
from health_etl.clinical.heart_rate.trends import look_back
from health_etl.clinical.heart_rate.zones import max_heart_rate, time_in_zones


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the heart-rate metrics of each local day.

    Coverage is the share of the day's hours (23, 24 or 25, counted from local midnight) that hold at least one
    sample. What was observed (range, bouts, sustained rates) is reported at any coverage; what represents the whole
    day (resting rate, means of night and day, zones) only at sufficient coverage.
    """
    samples = samples_of_days(rows, days, "bpm", options.app_priority, SAME_INSTANT_MS)
    series = minute_means(samples)
    hours, by_hour = hours_with_samples(series, days), bpm_by_hour(series)
    reference = reference_group(days)
    hrmax_bpm, hrmax_source = max_heart_rate(days)
    return insights_of_days(
        days,
        described={
            "sample_count": pd.Series(samples.count(), dtype="Int64"),
            "first_sample_local": samples.first_clock(),
            "last_sample_local": samples.last_clock(),
            "hours_with_samples": pd.Series(hours, dtype="Int64"),
            "recorded_minutes": pd.Series(recorded_minutes(series)),
            "lowest_bpm": pd.Series(samples.lowest()),
            "mean_bpm": pd.Series(samples.mean()),
            "highest_bpm": pd.Series(samples.highest()),
            "reference_group": reference,
            "hrmax_used_bpm": pd.Series(hrmax_bpm),
            "hrmax_source": hrmax_source,
            **_events(samples, series, hrmax_bpm),
            **_hours(by_hour),
        },
        assessed={
            **resting_metrics(series, reference),
            **_night_and_day(by_hour),
            **{name: pd.Series(minutes) for name, minutes in time_in_zones(series, hrmax_bpm).items()},
        },
        coverage=hourly_coverage(hours, days),
        minimum_coverage=MINIMUM_COVERAGE,
        recorded="of the day's hours recorded",
    )


def _events(samples: Samples, series: Samples, hrmax_bpm: Floats) -> dict[str, pd.Series]:
    metrics, bouts = event_metrics(series, hrmax_bpm)
    return metrics | {
        "recovery_one_minute_bpm": pd.Series(recovery(samples, bouts, FIRST_RECOVERY_MINUTES)),
        "recovery_two_minutes_bpm": pd.Series(recovery(samples, bouts, SECOND_RECOVERY_MINUTES)),
    }


def _hours(by_hour: Floats) -> dict[str, pd.Series]:
    calmest, busiest = extreme_hours(by_hour)
    return {
        "bpm_by_hour": pd.Series(by_hour.tolist(), dtype="object"),
        "calmest_hour_local": calmest,
        "busiest_hour_local": busiest,
    }


def _night_and_day(by_hour: Floats) -> dict[str, pd.Series]:
    return {
        "night_mean_bpm": pd.Series(night_mean(by_hour)),
        "day_mean_bpm": pd.Series(day_mean(by_hour)),
        "nocturnal_dip_bpm": pd.Series(nocturnal_dip(by_hour)),
    }


PROCESSOR = Processor(
    record_type="heart_rate",
    version="2",
    metrics=METRICS,
    guidelines=GUIDELINES,
    instructions={
        Level.STATISTICAL: (
            "State the figures of this person's heart rate on one local day, with their units.",
            "Summarise the heart rate of this day in numbers: range, rest, night and day, sustained rates.",
            "Report the heart-rate statistics of this day and how much of it was recorded.",
        ),
        Level.STRUCTURAL: (
            "Describe how this person's heart rate ran through the day: when it was low or high, and for how long.",
            "Tell the course of this day's heart rate in time, with its events and gaps.",
            "List the patterns and events of this heart-rate day with their local times.",
        ),
        Level.SEMANTIC: (
            "Interpret this day of heart-rate data for a clinician, above all the resting heart rate, and say what is "
            "uncertain.",
            "Say what this day's heart rate means, against which reference, and what it cannot tell.",
            "Assess this heart-rate day against its references and the person's own history, without a diagnosis.",
        ),
    },
    analyse=analyse,
    narrate=narrate,
    trends=TRENDS,
    carried=CARRIED,
    look_back=look_back,
)
