"""What the steps of a local day say: the processor of `steps`.

How overlapping apps become one total stands in activity_totals.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

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
from health_etl.clinical.text import counted, paragraph, zone_caution

# Lower bounds, steps/day, healthy adults, pedometer, Tudor-Locke & Bassett 2004,
# doi:10.2165/00007256-200434010-00001.
CATEGORY_LOWER_BOUNDS = (5_000, 7_500, 10_000, 12_500)
CATEGORIES = ("sedentary", "low active", "somewhat active", "active", "highly active")

STEPS = Quantity("steps", "steps", decimals=0)


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the step metrics of each local day.

    Coverage is the share of the local day that records cover up to their export. The total is what was
    recorded, however little; it is computed in fractions of a step (a record over midnight is shared out)
    and rounded half to even at the end. The category, from the unrounded total, needs a complete day.
    """
    totals = daily_totals(rows, days, options, STEPS)
    return insights_of_days(
        days,
        described={"steps_total": pd.Series(np.rint(totals.total)).astype("Int64"), **totals.described},
        judged={"activity_category": _category(totals.total).where(pd.Series(totals.complete))},
        coverage=totals.coverage,
        minimum_coverage=MINIMUM_COVERAGE,
        recorded="of the day recorded",
    )


def _category(total: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pd.Series:
    """Name the activity category of each total; only meaningful where a total exists."""
    place = np.searchsorted(CATEGORY_LOWER_BOUNDS, total, side="right")
    return pd.Series(np.array([*CATEGORIES])[np.minimum(place, len(CATEGORIES) - 1)], dtype="str")


def narrate(facts: Facts) -> str:
    """Write the steps of one local day as text."""
    if not facts.has("steps_total"):
        return paragraph(f"No steps of {facts['local_date']} were recorded before the export.", zone_caution(facts))
    total = counted(facts["steps_total"], "step was", "steps were")
    return paragraph(
        f"On {facts['local_date']}, {total} recorded; the records cover {facts['coverage_percent']} % of the day.",
        merged_sources(facts),
        incomplete_day(facts),
        _graded(facts),
        zone_caution(facts),
    )


def _graded(facts: Facts) -> str:
    if not facts.has("activity_category"):
        return "The day is not put into an activity category."
    return (
        f'A day with this count falls into the category "{facts["activity_category"]}" (Tudor-Locke 2004); '
        "the categories describe habitual activity, of which a single day says little."
    )


PROCESSOR = Processor(
    record_type="steps",
    version="1",
    metrics=(
        Metric(
            "steps_total",
            "Steps",
            "Steps recorded on the local day, apps merged by time slice as Health Connect does",
            unit="steps",
            dtype=pa.int64(),
        ),
        *source_metrics(STEPS),
        Metric(
            "activity_category",
            "Activity category (Tudor-Locke 2004)",
            "Sedentary to highly active; null unless the day is complete",
            dtype=pa.string(),
        ),
    ),
    guidelines=(
        "Daily steps of adults (Tudor-Locke 2004): below 5000 sedentary, 5000–7499 low active, "
        "7500–9999 somewhat active, 10000–12499 active, 12500 and more highly active.",
        "A category needs a complete day: at least 70 % of it recorded, and exported after its end.",
    ),
    instructions=(
        "Summarise the steps of this day.",
        "Describe how active the person was on this day, judging by the recorded steps.",
        "Interpret the step count of this day and say how complete it is.",
    ),
    analyse=analyse,
    narrate=narrate,
)
