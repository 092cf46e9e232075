"""What a local day of heart-rate samples says: the processor of `heart_rate`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.base import ClinicalOptions, Facts, Metric, Processor
from health_etl.clinical.samples import (
    MS_PER_MINUTE,
    Floats,
    Integers,
    Samples,
    day_minutes,
    divide,
    insights_of_days,
    lowest_by_group,
    samples_of_days,
)
from health_etl.clinical.text import above, below, counted, paragraph, zone_caution

RESTING_LOW_BPM = 60.0  # bpm, adults at rest, conventional normal 60-100; textbook convention
RESTING_HIGH_BPM = 100.0  # bpm, adults at rest, upper end of the conventional normal
BRADYCARDIA_BELOW_BPM = 50.0  # bpm, adults, clinically relevant, doi:10.1161/CIR.0000000000000628

RESTING_WINDOW_MINUTES = 30.0  # min, lowest mean of such a window in 24 h, as Garmin defines it
RESTING_MINIMUM_SAMPLES = 3  # samples; ASSUMPTION: a watch that samples every 10 min just fills a window
RESTING_MINIMUM_SPREAD_MINUTES = 15.0  # min, first to last sample; ASSUMPTION: a burst is no window

MINUTES_PER_HOUR = 60.0
MINIMUM_COVERAGE = 0.50  # share of hours; ASSUMPTION: with less, the hours of rest may be missing
SAME_INSTANT_MS = 0  # ms; watches sample every second, so only equal instants are one measurement
TOO_SPARSE = (
    f"no {RESTING_WINDOW_MINUTES:.0f}-minute window holds {RESTING_MINIMUM_SAMPLES} samples "
    f"spread over {RESTING_MINIMUM_SPREAD_MINUTES:.0f} min"
)


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the heart-rate metrics of each local day.

    Coverage is the share of the day's hours (23, 24 or 25, counted from local midnight) that hold at least
    one sample.
    """
    samples = samples_of_days(rows, days, "bpm", options.app_priority, SAME_INSTANT_MS)
    hours = hours_with_samples(samples, days)
    resting = lowest_window_mean(samples)
    return insights_of_days(
        days,
        described={
            "sample_count": pd.Series(samples.count(), dtype="Int64"),
            "first_sample_local": samples.first_clock(),
            "last_sample_local": samples.last_clock(),
            "hours_with_samples": pd.Series(hours, dtype="Int64"),
            "lowest_bpm": pd.Series(samples.lowest()),
            "mean_bpm": pd.Series(samples.mean()),
            "highest_bpm": pd.Series(samples.highest()),
        },
        judged={
            "resting_bpm": pd.Series(resting),
            "resting_grade": _resting_grade(resting),
            "resting_missing_reason": pd.Series(TOO_SPARSE, index=range(len(days))).where(np.isnan(resting)),
        },
        coverage=hourly_coverage(hours, days),
        minimum_coverage=MINIMUM_COVERAGE,
        recorded="of the day's hours recorded",
    )


def hours_with_samples(samples: Samples, days: pd.DataFrame) -> Floats:
    """Return how many hours of each day, counted from its local midnight, hold at least one sample."""
    midnight_ms = days["day_start_utc"].dt.as_unit("ms").astype("int64").to_numpy()
    hour = (samples.time_ms - midnight_ms[samples.group]) // int(MINUTES_PER_HOUR * MS_PER_MINUTE)
    fresh = np.ones(len(hour), dtype=np.bool_)
    fresh[1:] = (np.diff(hour) != 0) | (np.diff(samples.group) != 0)
    return samples.count_where(fresh).astype(np.float64)


def hourly_coverage(hours: Floats, days: pd.DataFrame) -> Floats:
    """Return the hours with samples as a share of the hours of the day, from 0 to 1."""
    share = divide(hours, np.ceil(day_minutes(days) / MINUTES_PER_HOUR))
    # Someone who travels can pass through more clock hours than the bounds of the day hold.
    return np.clip(np.nan_to_num(share), 0.0, 1.0)


def lowest_window_mean(samples: Samples) -> Floats:
    """Return the lowest 30-minute mean of each group in bpm: the resting heart rate as Garmin defines it.

    A window starts at a sample and holds the samples of the 30 minutes from there, each of equal weight; it
    counts with at least 3 samples that spread over at least 15 minutes. NaN for a group without one.
    """
    window_ms = int(RESTING_WINDOW_MINUTES * MS_PER_MINUTE)
    start = np.arange(len(samples.value))
    end = _first_outside(samples, window_ms)
    total = np.concatenate(([0.0], np.cumsum(samples.value)))  # whole numbers: exact in float64
    spread_ms = samples.time_ms[end - 1] - samples.time_ms[start]
    enough = (end - start >= RESTING_MINIMUM_SAMPLES) & (spread_ms >= RESTING_MINIMUM_SPREAD_MINUTES * MS_PER_MINUTE)
    mean = (total[end[enough]] - total[start[enough]]) / (end - start)[enough]
    return lowest_by_group(samples.group[enough], mean, samples.n_groups)


def _first_outside(samples: Samples, window_ms: int) -> Integers:
    """Return for each sample the index of the first later one that its window no longer holds."""
    if not len(samples.time_ms):
        return np.zeros(0, dtype=np.int64)
    # One axis for all groups, each shifted past the end of the one before, so that one search serves all.
    elapsed = samples.time_ms - samples.time_ms.min()
    axis = elapsed + samples.group * (elapsed.max() + window_ms)
    outside: Integers = np.searchsorted(axis, axis + window_ms, side="left").astype(np.int64)
    return outside


def _resting_grade(resting_bpm: Floats) -> pd.Series:
    place = np.select(
        [
            resting_bpm < BRADYCARDIA_BELOW_BPM,
            resting_bpm < RESTING_LOW_BPM,
            resting_bpm <= RESTING_HIGH_BPM,
        ],
        ["well below", "below", "in"],
        default="above",
    )
    grades: pd.Series = pd.Series(place, dtype="str") + " the conventional range"
    return grades.where(~np.isnan(resting_bpm))


def narrate(facts: Facts) -> str:
    """Write one local day of heart-rate samples as text."""
    return paragraph(_recorded(facts), _level(facts), _resting(facts), _grade(facts), zone_caution(facts))


def _recorded(facts: Facts) -> str:
    if facts["sample_count"] == "1":
        return (
            f"On {facts['local_date']}, 1 heart-rate sample was recorded, at {facts['first_sample_local']} local time."
        )
    hours = counted(facts["hours_with_samples"], "hour", "hours")
    return (
        f"On {facts['local_date']}, {facts['sample_count']} heart-rate samples were recorded between "
        f"{facts['first_sample_local']} and {facts['last_sample_local']} local time, "
        f"in {hours} of the day ({facts['coverage_percent']} %)."
    )


def _level(facts: Facts) -> str:
    if facts["sample_count"] == "1":
        return f"It was {facts['lowest_bpm']} bpm, which says nothing about rest or the day."
    return (
        f"The samples ranged from {facts['lowest_bpm']} to {facts['highest_bpm']} bpm with a mean of "
        f"{facts['mean_bpm']} bpm; they include rest and activity, and hours with more samples weigh more, "
        "so these figures are not graded."
    )


def _resting(facts: Facts) -> str:
    if facts.has("coverage_reason"):
        return (
            f"A resting heart rate is not given, because the hours of rest may be missing ({facts['coverage_reason']})."
        )
    if not facts.has("resting_bpm"):
        return f"A resting heart rate is not given: {facts['resting_missing_reason']}."
    return f"Resting heart rate, taken as the lowest 30-minute mean of the day, was {facts['resting_bpm']} bpm."


def _grade(facts: Facts) -> str:
    if not facts.has("resting_grade"):
        return ""
    resting = facts.number("resting_bpm")
    sentences = {
        "in the conventional range": "This lies in the conventional adult range of 60–100 bpm.",
        "below the conventional range": (
            f"This is {below(resting, RESTING_LOW_BPM)} the conventional adult range of 60–100 bpm, "
            "which is meant for people awake; the lowest mean of a day often falls in sleep, when rates "
            "are lower."
        ),
        "well below the conventional range": (
            f"This is {below(resting, BRADYCARDIA_BELOW_BPM)} 50 bpm, where a slow heart rate becomes "
            "clinically relevant; it can be usual in sleep and in trained people, but with dizziness, "
            "fainting or breathlessness medical advice should be sought."
        ),
        "above the conventional range": (
            f"This is {above(resting, RESTING_HIGH_BPM)} the conventional adult range of 60–100 bpm; "
            "if it is seen again, or comes with chest pain, breathlessness or fainting, medical advice "
            "should be sought."
        ),
    }
    return sentences[facts["resting_grade"]]


def _bpm(name: str, label: str, description: str, decimals: int) -> Metric:
    return Metric(name, label, description, unit="bpm", decimals=decimals)


METRICS = (
    Metric(
        "sample_count",
        "Heart-rate samples",
        "Samples of the day; what two apps report for the same instant counts once.",
        dtype=pa.int64(),
    ),
    Metric(
        "first_sample_local",
        "First sample, local time",
        "Local clock time of the first sample, HH:MM.",
        dtype=pa.string(),
    ),
    Metric(
        "last_sample_local",
        "Last sample, local time",
        "Local clock time of the last sample, HH:MM.",
        dtype=pa.string(),
    ),
    Metric(
        "hours_with_samples",
        "Hours with samples",
        "Hours of the day, counted from local midnight, that hold at least one sample.",
        unit="h",
        dtype=pa.int64(),
    ),
    _bpm("lowest_bpm", "Lowest heart rate", "Lowest sample of the day.", 0),
    _bpm("mean_bpm", "Mean of the heart-rate samples", "Mean of the samples, each of equal weight.", 1),
    _bpm("highest_bpm", "Highest heart rate", "Highest sample of the day.", 0),
    _bpm(
        "resting_bpm",
        "Resting heart rate (lowest 30-minute mean)",
        "Lowest mean over 30 minutes with at least 3 samples spread over at least 15 minutes.",
        1,
    ),
    Metric(
        "resting_grade",
        "Resting heart rate against 60–100 bpm",
        "In, below (<60 bpm), well below (<50 bpm) or above (>100 bpm) the conventional range.",
        dtype=pa.string(),
    ),
    Metric(
        "resting_missing_reason",
        "Resting heart rate not given",
        "Why there is no resting heart rate although the coverage suffices.",
        dtype=pa.string(),
    ),
)

GUIDELINES = (
    "Resting heart rate of adults: conventional range 60–100 bpm; clinically relevant when below 50 bpm.",
    "Method: lowest 30-minute mean of the day, in a window with at least 3 samples spread over 15 min.",
    "A resting heart rate is given when at least 50 % of the day's hours hold a sample.",
)

PROCESSOR = Processor(
    record_type="heart_rate",
    version="1",
    metrics=METRICS,
    guidelines=GUIDELINES,
    instructions=(
        "Summarise this person's heart rate of one local day for a clinician.",
        "Interpret this day of heart-rate data, above all the resting heart rate, and say what is uncertain.",
        "Describe the resting heart rate and the recorded range of this day from the figures given.",
    ),
    analyse=analyse,
    narrate=narrate,
)
