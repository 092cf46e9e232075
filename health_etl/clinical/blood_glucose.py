"""What a local day of glucose readings says: the processor of `blood_glucose`.

The formulas live in glucose_metrics.py and glucose_events.py, the wording in glucose_narrative.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from health_etl.clinical.base import ClinicalOptions, Metric, Processor
from health_etl.clinical.glucose_events import find_events
from health_etl.clinical.glucose_metrics import (
    RANGE_HIGH_MG_DL,
    RANGE_LOW_MG_DL,
    VERY_HIGH_ABOVE_MG_DL,
    VERY_LOW_BELOW_MG_DL,
    cadence_minutes,
    cv_percent,
    gmi_percent,
    range_names,
    range_percents,
    recorded_share,
    without_conversion_noise,
)
from health_etl.clinical.glucose_narrative import narrate
from health_etl.clinical.samples import Floats, Samples, day_minutes, insights_of_days, samples_of_days

MINIMUM_COVERAGE = 0.70  # share of readings, CGM, Battelino 2019; ASSUMPTION that it serves for one day
SAME_INSTANT_MS = 30_000  # ms; ASSUMPTION: closer readings are one reading that two apps report

# Adults with type 1 or type 2 diabetes, CGM over 14 days, Battelino 2019, doi:10.2337/dci19-0028.
# ASSUMPTION: taken from knowledge of the consensus; for older or high-risk people other targets hold.
IN_RANGE_TARGET_PERCENT = 70.0  # % of readings 70-180 mg/dL, above
BELOW_RANGE_TARGET_PERCENT = 4.0  # % of readings <70 mg/dL, below
VERY_LOW_TARGET_PERCENT = 1.0  # % of readings <54 mg/dL, below
ABOVE_RANGE_TARGET_PERCENT = 25.0  # % of readings >180 mg/dL, below
VERY_HIGH_TARGET_PERCENT = 5.0  # % of readings >250 mg/dL, below
STABLE_CV_PERCENT = 36.0  # %, CV up to this counts as stable, Battelino 2019 (as above)


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the glucose metrics of each local day.

    Coverage is the recorded share of the day: readings × cadence (median spacing), pauses of more than
    45 min not counted, over the length of the day. An event that runs over midnight counts in each day by the
    part that lies in it.
    """
    readings = samples_of_days(rows, days, "glucose_mg_dl", options.app_priority, SAME_INSTANT_MS)
    readings = replace(readings, value=without_conversion_noise(readings.value))
    cadence = cadence_minutes(readings)
    return insights_of_days(
        days,
        described=_described(readings, cadence),
        judged=_shares(readings) | _variability(readings) | _events(readings, cadence),
        coverage=recorded_share(readings, cadence, day_minutes(days)),
        minimum_coverage=MINIMUM_COVERAGE,
        recorded="of the day recorded",
    )


def _described(readings: Samples, cadence: Floats) -> dict[str, pd.Series]:
    lowest, highest = readings.lowest(), readings.highest()
    return {
        "reading_count": pd.Series(readings.count(), dtype="Int64"),
        "first_reading_local": readings.first_clock(),
        "last_reading_local": readings.last_clock(),
        "cadence_minutes": pd.Series(cadence),
        "mean_mg_dl": pd.Series(readings.mean()),
        "sd_mg_dl": pd.Series(readings.sd()),
        "lowest_mg_dl": pd.Series(lowest),
        "lowest_range": pd.Series(range_names(lowest), dtype="str"),
        "highest_mg_dl": pd.Series(highest),
        "highest_range": pd.Series(range_names(highest), dtype="str"),
    }


def _shares(readings: Samples) -> dict[str, pd.Series]:
    percents = range_percents(readings)
    met = {
        "in_range": percents["in_range"] > IN_RANGE_TARGET_PERCENT,
        "below_range": percents["below_range"] < BELOW_RANGE_TARGET_PERCENT,
        "very_low": percents["very_low"] < VERY_LOW_TARGET_PERCENT,
        "above_range": percents["above_range"] < ABOVE_RANGE_TARGET_PERCENT,
        "very_high": percents["very_high"] < VERY_HIGH_TARGET_PERCENT,
    }
    shares = {f"time_{name}_percent": pd.Series(percent) for name, percent in percents.items()}
    return shares | {f"time_{name}_target": _words(flag, "met", "missed") for name, flag in met.items()}


def _variability(readings: Samples) -> dict[str, pd.Series]:
    cv = cv_percent(readings)
    return {
        "cv_percent": pd.Series(cv),
        "variability": _words(cv <= STABLE_CV_PERCENT, "stable", "unstable"),
        "gmi_percent": pd.Series(gmi_percent(readings.mean())),
    }


def _events(readings: Samples, cadence: Floats) -> dict[str, pd.Series]:
    hypo_1 = find_events(readings, readings.value < RANGE_LOW_MG_DL, cadence)
    hypo_2 = find_events(readings, readings.value < VERY_LOW_BELOW_MG_DL, cadence)
    hyper_1 = find_events(readings, readings.value > RANGE_HIGH_MG_DL, cadence)
    hyper_2 = find_events(readings, readings.value > VERY_HIGH_ABOVE_MG_DL, cadence)
    return {
        "hypo_level1_count": pd.Series(hypo_1.count(), dtype="Int64"),
        "hypo_level2_count": pd.Series(hypo_2.count(), dtype="Int64"),
        "longest_hypo_minutes": pd.Series(hypo_1.longest_minutes()),
        "hyper_level1_count": pd.Series(hyper_1.count(), dtype="Int64"),
        "hyper_level2_count": pd.Series(hyper_2.count(), dtype="Int64"),
        "longest_hyper_minutes": pd.Series(hyper_1.longest_minutes()),
    }


def _words(flags: npt.NDArray[np.bool_], yes: str, no: str) -> pd.Series:
    return pd.Series(np.where(flags, yes, no), dtype="str")


def _percent(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="%", decimals=1)


def _mg_dl(name: str, label: str, description: str, decimals: int) -> Metric:
    return Metric(name, label, description, unit="mg/dL", decimals=decimals)


def _count(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, dtype=pa.int64())


def _minutes(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="min")


def _word(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, dtype=pa.string())


_EVENT = "at least 15 consecutive minutes beyond, ended by 15 minutes back or a gap of more than 45 minutes"

METRICS = (
    _count("reading_count", "Glucose readings", "Readings of the day; what two apps report alike counts once."),
    _word("first_reading_local", "First reading, local time", "Local clock time of the first reading, HH:MM."),
    _word("last_reading_local", "Last reading, local time", "Local clock time of the last reading, HH:MM."),
    _minutes("cadence_minutes", "Time between readings", "Median spacing of readings, gaps above 45 min left out."),
    _mg_dl("mean_mg_dl", "Mean glucose", "Mean of the readings, each of equal weight.", 1),
    _mg_dl("sd_mg_dl", "Standard deviation of glucose", "Sample standard deviation (n - 1) of the readings.", 1),
    _mg_dl("lowest_mg_dl", "Lowest glucose", "Lowest reading of the day.", 0),
    _word("lowest_range", "Range of the lowest reading", "very low, low, in range, high or very high."),
    _mg_dl("highest_mg_dl", "Highest glucose", "Highest reading of the day.", 0),
    _word("highest_range", "Range of the highest reading", "very low, low, in range, high or very high."),
    _percent("time_in_range_percent", "Time in range 70–180 mg/dL", "Readings of 70 to 180 mg/dL, both included."),
    _word("time_in_range_target", "Time in range against the target", "met or missed: above 70 %."),
    _percent(
        "time_in_tight_range_percent",
        "Time in tight range 70–140 mg/dL",
        "Readings of 70 to 140 mg/dL, both included.",
    ),
    _percent("time_below_range_percent", "Time below 70 mg/dL", "Readings below 70 mg/dL, those below 54 included."),
    _word("time_below_range_target", "Time below 70 mg/dL against the target", "met or missed: below 4 %."),
    _percent("time_low_percent", "Time at 54–69 mg/dL", "Readings of 54 mg/dL or more and below 70 mg/dL."),
    _percent("time_very_low_percent", "Time below 54 mg/dL", "Readings below 54 mg/dL."),
    _word("time_very_low_target", "Time below 54 mg/dL against the target", "met or missed: below 1 %."),
    _percent("time_above_range_percent", "Time above 180 mg/dL", "Readings above 180 mg/dL, above 250 included."),
    _word("time_above_range_target", "Time above 180 mg/dL against the target", "met or missed: below 25 %."),
    _percent("time_high_percent", "Time at 181–250 mg/dL", "Readings above 180 mg/dL and up to 250 mg/dL."),
    _percent("time_very_high_percent", "Time above 250 mg/dL", "Readings above 250 mg/dL."),
    _word("time_very_high_target", "Time above 250 mg/dL against the target", "met or missed: below 5 %."),
    _percent("cv_percent", "Coefficient of variation", "100 × standard deviation / mean."),
    _word("variability", "Glucose variability", "stable: coefficient of variation up to 36 %; else unstable."),
    _percent(
        "gmi_percent",
        "GMI of this day alone, an orientation only",
        "Glucose management indicator 3.31 + 0.02392 × mean; meant for 10 to 14 days (Bergenstal 2018).",
    ),
    _count(
        "hypo_level1_count",
        "Hypoglycaemia events below 70 mg/dL",
        f"Events below 70 mg/dL, level 2 included: {_EVENT}.",
    ),
    _count("hypo_level2_count", "Hypoglycaemia events below 54 mg/dL", f"Events below 54 mg/dL: {_EVENT}."),
    _minutes(
        "longest_hypo_minutes",
        "Longest hypoglycaemia event",
        "Longest event below 70 mg/dL; null without one.",
    ),
    _count(
        "hyper_level1_count",
        "Hyperglycaemia events above 180 mg/dL",
        f"Events above 180 mg/dL, level 2 included: {_EVENT}.",
    ),
    _count("hyper_level2_count", "Hyperglycaemia events above 250 mg/dL", f"Events above 250 mg/dL: {_EVENT}."),
    _minutes(
        "longest_hyper_minutes",
        "Longest hyperglycaemia event",
        "Longest event above 180 mg/dL; null without one.",
    ),
)

GUIDELINES = (
    "Time in range 70–180 mg/dL: target above 70 % for most adults with diabetes (Battelino 2019).",
    "Time in tight range: 70–140 mg/dL (Battelino 2023).",
    "Time below 70 mg/dL: target below 4 %; below 54 mg/dL: target below 1 % (Battelino 2019).",
    "Time above 180 mg/dL: target below 25 %; above 250 mg/dL: target below 5 % (Battelino 2019).",
    "Very low is below 54 mg/dL, low 54–69, high 181–250, very high above 250 mg/dL (Battelino 2023).",
    "A coefficient of variation up to 36 % counts as stable (Battelino 2019).",
    "A low or high event lasts at least 15 min (Battelino 2023).",
    "Targets are meant for at least 14 days, the glucose management indicator (GMI) for 10–14 days.",
    "A day is judged when at least 70 % of it is recorded.",
    "Below 54 mg/dL is clinically significant hypoglycaemia that calls for prompt action.",
)

PROCESSOR = Processor(
    record_type="blood_glucose",
    version="1",
    metrics=METRICS,
    guidelines=GUIDELINES,
    instructions=(
        "Summarise this person's glucose readings of one local day for a clinician.",
        "Interpret this day of glucose data against the usual targets and say what is uncertain.",
        "Describe glucose level, variability and low and high events of this day from the figures given.",
    ),
    analyse=analyse,
    narrate=narrate,
)
