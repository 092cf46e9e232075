"""What the active energy of a local day says: the processor of `active_calories_burned`.

How overlapping apps become one total stands in activity_totals.py. No threshold with a source exists for
active energy, so nothing is graded here.
"""

from __future__ import annotations

import pandas as pd

from health_etl.clinical.activity_totals import (
    MINIMUM_COVERAGE,
    Quantity,
    daily_totals,
    incomplete_day,
    merged_sources,
    source_metrics,
)
from health_etl.clinical.base import ClinicalOptions, Facts, Metric, Processor
from health_etl.clinical.samples import insights_of_days
from health_etl.clinical.text import paragraph, zone_caution

ACTIVE_ENERGY = Quantity("active_kcal", "kcal", decimals=1)


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the active-energy metrics of each local day.

    Coverage is the share of the local day that records cover up to their export. The total is what was
    recorded, however little.
    """
    totals = daily_totals(rows, days, options, ACTIVE_ENERGY)
    return insights_of_days(
        days,
        described={"active_kcal_total": pd.Series(totals.total), **totals.described},
        judged={},
        coverage=totals.coverage,
        minimum_coverage=MINIMUM_COVERAGE,
        recorded="of the day recorded",
    )


def narrate(facts: Facts) -> str:
    """Write the active energy of one local day as text."""
    if not facts.has("active_kcal_total"):
        return paragraph(
            f"No active energy of {facts['local_date']} was recorded before the export.", zone_caution(facts)
        )
    return paragraph(
        f"On {facts['local_date']}, {facts['active_kcal_total']} kcal of active energy were recorded; the "
        f"records cover {facts['coverage_percent']} % of the day.",
        merged_sources(facts),
        incomplete_day(facts),
        "Active energy is an estimate by the device or app.",
        zone_caution(facts),
    )


PROCESSOR = Processor(
    record_type="active_calories_burned",
    version="1",
    metrics=(
        Metric(
            "active_kcal_total",
            "Active energy",
            "Active energy recorded on the local day, apps merged by time slice as Health Connect does",
            unit="kcal",
            decimals=1,
        ),
        *source_metrics(ACTIVE_ENERGY),
    ),
    guidelines=("A day is judged only when at least 70 % of it is recorded.",),
    instructions=(
        "Summarise the active energy of this day.",
        "Describe how much active energy was recorded on this day.",
        "State the active energy of this day and say how complete the figure is.",
    ),
    analyse=analyse,
    narrate=narrate,
)
