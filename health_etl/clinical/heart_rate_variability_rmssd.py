"""What a night of RMSSD samples says: the processor of `heart_rate_variability_rmssd`.

No population grade: RMSSD hangs on age and method and is compared with the person's own baseline only.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.base import ClinicalOptions, Facts, Metric, Processor
from health_etl.clinical.samples import Floats, Samples, insights_of_days, samples_of_days
from health_etl.clinical.text import counted, paragraph, zone_caution

SAMPLE_MINUTES = 5.0  # min behind one sample, short-term HRV standard, doi:10.1161/01.CIR.93.5.1043
LONGEST_SPACING_MINUTES = 45.0  # min; ASSUMPTION: a longer pause between samples is a gap
NIGHT_MINUTES = 420.0  # min, least sleep recommended for adults, doi:10.1016/j.sleh.2014.12.010
MINIMUM_COVERAGE = 0.50  # share of a 7-hour night; ASSUMPTION
PLATFORM_CAP_MS = 200.0  # ms, largest value that Health Connect stores, HeartRateVariabilityRmssdRecord
SAME_INSTANT_MS = 30_000  # ms; ASSUMPTION: closer samples are one sample that two apps report


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the RMSSD metrics of each night (18:00 to 18:00 local, named after the date on which it ends).

    Coverage is the recorded time as a share of a night of 7 hours, at most 1. The night's value is the mean
    of its samples: nothing is interpolated, and no sample stands for a gap.
    """
    samples = samples_of_days(rows, days, "rmssd_ms", options.app_priority, SAME_INSTANT_MS)
    mean = samples.mean()
    return insights_of_days(
        days,
        described={
            "sample_count": pd.Series(samples.count(), dtype="Int64"),
            "first_sample_local": samples.first_clock(),
            "last_sample_local": samples.last_clock(),
            "mean_rmssd_ms": pd.Series(mean),
            "lowest_rmssd_ms": pd.Series(samples.lowest()),
            "highest_rmssd_ms": pd.Series(samples.highest()),
            "capped_count": pd.Series(samples.count_where(samples.value >= PLATFORM_CAP_MS), dtype="Int64"),
        },
        judged={"ln_rmssd": pd.Series(ln_rmssd(mean))},
        coverage=np.minimum(recorded_minutes(samples) / NIGHT_MINUTES, 1.0),
        minimum_coverage=MINIMUM_COVERAGE,
        recorded="of a 7-hour night recorded",
    )


def ln_rmssd(mean_rmssd_ms: Floats) -> Floats:
    """Return the natural logarithm of a night's mean RMSSD in ms: the scale on which baselines are kept.

    Plews 2012, doi:10.1007/s00421-012-2354-4.
    """
    return np.log(mean_rmssd_ms)


def recorded_minutes(samples: Samples) -> Floats:
    """Return the minutes of heartbeats behind the samples of each group.

    A sample stands for its spacing (the group's median, gaps above 45 min left out), but for no more than the
    5 minutes that it measured, as a lone sample does; so a pause adds nothing.
    """
    spacing = samples.median_spacing_minutes(LONGEST_SPACING_MINUTES)
    minutes: Floats = samples.count().astype(np.float64) * np.fmin(spacing, SAMPLE_MINUTES)
    return minutes


def narrate(facts: Facts) -> str:
    """Write one night of RMSSD samples as text."""
    return paragraph(_recorded(facts), _level(facts), _capped(facts), _comparison(facts), zone_caution(facts))


def _recorded(facts: Facts) -> str:
    if facts["sample_count"] == "1":
        return (
            f"For the night that ended on {facts['local_date']}, 1 RMSSD sample was recorded, "
            f"at {facts['first_sample_local']} local time."
        )
    return (
        f"For the night that ended on {facts['local_date']}, {facts['sample_count']} RMSSD samples were "
        f"recorded between {facts['first_sample_local']} and {facts['last_sample_local']} local time, "
        f"{facts['coverage_percent']} % of a 7-hour night; the samples do not say whether the person slept."
    )


def _level(facts: Facts) -> str:
    if facts["sample_count"] == "1":
        return f"It was {facts['mean_rmssd_ms']} ms."
    return (
        f"RMSSD averaged {facts['mean_rmssd_ms']} ms, between {facts['lowest_rmssd_ms']} and "
        f"{facts['highest_rmssd_ms']} ms."
    )


def _capped(facts: Facts) -> str:
    if facts["capped_count"] == "0":
        return ""
    samples = counted(facts["capped_count"], "sample stands", "samples stand")
    return (
        f"Of these, {samples} at the platform's cap of 200 ms; higher values cannot be stored, so the mean "
        "may be too low."
    )


def _comparison(facts: Facts) -> str:
    if facts.has("coverage_reason"):
        return (
            f"This is too little for a night's value ({facts['coverage_reason']}), so ln RMSSD is left out "
            "and the night should not enter the person's own baseline, which any comparison needs."
        )
    return (
        f"The night's ln RMSSD is {facts['ln_rmssd']}. RMSSD differs with age, person and method, so it is "
        "not graded against other people: whether this night is usual can be said only against the "
        "person's own baseline, which needs at least 3 valid nights within 7 days."
    )


def _ms(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="ms", decimals=1)


METRICS = (
    Metric(
        "sample_count",
        "RMSSD samples",
        "Samples of the night; what two apps report alike counts once.",
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
    _ms("mean_rmssd_ms", "Mean RMSSD of the night", "Mean of the night's samples, each of equal weight."),
    _ms("lowest_rmssd_ms", "Lowest RMSSD", "Lowest sample of the night."),
    _ms("highest_rmssd_ms", "Highest RMSSD", "Highest sample of the night."),
    Metric(
        "capped_count",
        "Samples at the cap of 200 ms",
        "Samples at the largest value that Health Connect stores: the true value may be higher.",
        dtype=pa.int64(),
    ),
    Metric("ln_rmssd", "ln RMSSD", "Natural logarithm of the night's mean RMSSD in ms.", decimals=2),
)

GUIDELINES = (
    "RMSSD is compared with the person's own baseline: 7-day mean of ln RMSSD, 3 valid nights or more.",
    "A night's value needs samples over at least 50 % of a 7-hour night.",
    "Health Connect stores RMSSD up to 200 ms.",
)

PROCESSOR = Processor(
    record_type="heart_rate_variability_rmssd",
    version="1",
    metrics=METRICS,
    guidelines=GUIDELINES,
    instructions=(
        "Summarise this person's heart rate variability (RMSSD) of one night for a clinician.",
        "Interpret this night of RMSSD samples and say what a comparison would need.",
        "Describe the RMSSD of this night from the figures given, without grading it against other people.",
    ),
    analyse=analyse,
    narrate=narrate,
)
