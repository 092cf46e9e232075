"""The processor of `blood_glucose`: wires formulas, look-back and texts together.

The formulas are in the modules beside this one, the look-back in trends.py, the wording in narrative.py.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from health_etl.clinical.blood_glucose.assessment import assess
from health_etl.clinical.blood_glucose.columns import METRICS
from health_etl.clinical.blood_glucose.day import (
    GlucoseDay,
    event_counts,
    extremes,
    longest_events,
    meals,
    pauses,
    times_of_day,
)
from health_etl.clinical.blood_glucose.guidelines import GUIDELINES, INSTRUCTIONS
from health_etl.clinical.blood_glucose.meals import Marks
from health_etl.clinical.blood_glucose.metrics import recorded_minutes, recorded_share
from health_etl.clinical.blood_glucose.narrative import narrate
from health_etl.clinical.blood_glucose.summary import summarise, without_conversion_noise
from health_etl.clinical.blood_glucose.swings import mage, slot_lists, slot_means
from health_etl.clinical.blood_glucose.targets import target_groups
from health_etl.clinical.blood_glucose.thresholds import MINIMUM_COVERAGE_PERCENT
from health_etl.clinical.blood_glucose.trend_columns import TRENDS
from health_etl.clinical.blood_glucose.trends import CARRIED, look_back
from health_etl.clinical.common.arrays import Booleans
from health_etl.clinical.common.base import ClinicalOptions, Processor
from health_etl.clinical.common.samples import Measurements, Samples, insights_of_days
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import PERCENT

SAME_INSTANT_MS = sourced(
    30_000, "ms", "people with two apps", "ASSUMPTION: closer readings are one reading reported by two apps"
)


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the glucose metrics of each local day.

    Coverage is the recorded share of the day: readings × cadence (median spacing), divided by the length of the day.
    An event that spans midnight counts in each day with the part that lies in it.
    """
    measurements = Measurements.of_days(rows, days, "glucose_mg_dl")

    def samples_of(selected: Booleans | None = None) -> Samples:
        found = measurements.samples(options.app_priority, SAME_INSTANT_MS, selected)
        return replace(found, value=without_conversion_noise(found.value))

    day, marks = GlucoseDay(samples_of(), days), Marks.of(rows)
    summary = summarise(day.readings)
    groups = target_groups(days)
    minutes = recorded_minutes(day.readings, day.cadence)
    described = {name: summary[name] for name in summary.columns} | {
        "reading_count": pd.Series(day.readings.count(), dtype="Int64"),
        "target_group": groups,
        "cadence_minutes": pd.Series(day.cadence),
        "recorded_minutes": pd.Series(minutes),
        "glucose_by_slot_mg_dl": slot_lists(slot_means(day.readings)),
    }
    described |= extremes(day) | pauses(day) | longest_events(day)
    described |= times_of_day(day, marks, samples_of) | meals(marks, samples_of)
    excursions = pd.Series(mage(day.readings, day.readings.sd()))
    return insights_of_days(
        days,
        described=described,
        assessed=assess(summary, groups) | event_counts(day) | {"mage_mg_dl": excursions},
        coverage=recorded_share(minutes, day.expected_minutes),
        minimum_coverage=MINIMUM_COVERAGE_PERCENT / PERCENT,
        recorded="of the day recorded",
    )


PROCESSOR = Processor(
    record_type="blood_glucose",
    version="2",
    metrics=METRICS,
    guidelines=GUIDELINES,
    instructions=INSTRUCTIONS,
    analyse=analyse,
    narrate=narrate,
    trends=TRENDS,
    carried=CARRIED,
    look_back=look_back,
)
