"""The processor of `active_calories_burned`: wires totals, hours, look-back and texts together.

How overlapping apps become one total is in activity/totals.py, the texts are in narrative.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.active_calories_burned.narrative import ACTIVE_ENERGY, narrate
from health_etl.clinical.active_calories_burned.usual_range import IMPLAUSIBLE_ABOVE_KCAL, USUAL_KCAL, against_usual
from health_etl.clinical.activity.hours import amounts_by_hour, fine_day, hour_metrics, pattern_metrics
from health_etl.clinical.activity.sentences import GUIDELINES
from health_etl.clinical.activity.sources import source_metrics
from health_etl.clinical.activity.totals import daily_totals, insights_of_totals
from health_etl.clinical.activity.trends import complete_total, trend_metrics, trends_of
from health_etl.clinical.common.age import UNDER_ADULT
from health_etl.clinical.common.base import ClinicalOptions, Level, Metric, Processor


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the active-energy metrics of each local day; the total is what was recorded, however little."""
    totals = daily_totals(rows, days, options, ACTIVE_ENERGY)
    fine = fine_day(totals, days, ACTIVE_ENERGY)
    by_hour = amounts_by_hour(fine, days, options, ACTIVE_ENERGY)
    complete = np.where(totals.complete, totals.total, np.nan)
    return insights_of_totals(
        days,
        totals,
        {
            "active_kcal_total": pd.Series(totals.total),
            complete_total(ACTIVE_ENERGY): pd.Series(complete),
            "usual_range_place": against_usual(totals.total, complete, days),
            **hour_metrics(by_hour, fine, ACTIVE_ENERGY),
        },
    )


def look_back(days: pd.DataFrame, earlier: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compare each day with the person's own complete days."""
    del options
    return trends_of(days, earlier, ACTIVE_ENERGY)


PROCESSOR = Processor(
    record_type="active_calories_burned",
    version="2",
    metrics=(
        Metric(
            "active_kcal_total",
            "Active energy",
            "Active energy recorded on the local day, apps merged by time slice as Health Connect does",
            unit="kcal",
            decimals=1,
        ),
        *source_metrics(ACTIVE_ENERGY),
        Metric(
            "usual_range_place",
            f"Active energy against {USUAL_KCAL[0]}–{USUAL_KCAL[1]} kcal a day",
            f"In, below or above what is usual in adults, or above {IMPLAUSIBLE_ABOVE_KCAL} kcal; null unless the day "
            "is complete or the total implausible",
            dtype=pa.string(),
        ),
        Metric(
            complete_total(ACTIVE_ENERGY),
            "Active energy of a complete day",
            "The total, null unless the day is complete; for the look-back",
            unit="kcal",
            decimals=1,
            reported=False,
        ),
        *pattern_metrics(ACTIVE_ENERGY, "Active energy"),
    ),
    guidelines=(
        f"Active energy of adults: about {USUAL_KCAL[0]}–{USUAL_KCAL[1]} kcal a day is usual, more than "
        f"{IMPLAUSIBLE_ABOVE_KCAL} kcal is implausible outside endurance events (assumptions; no guideline sets any).",
        f"The range of adults is not applied to people {UNDER_ADULT}.",
        *GUIDELINES,
    ),
    instructions={
        Level.STATISTICAL: (
            "State the active energy of this day with its unit, and how much of the day it covers.",
            "Summarise the active energy of this day in numbers, with the person's own mean.",
            "Report the figures of active energy of this day and of the days before it.",
        ),
        Level.STRUCTURAL: (
            "Describe how active energy spread over this day and over the week.",
            "Tell when energy was spent in activity on this day, as far as the records show it.",
            "List the patterns of this day's active energy in time, with their limits.",
        ),
        Level.SEMANTIC: (
            "Interpret the active energy of this day and say how complete the figure is.",
            "Say what this day's active energy means and what it cannot tell.",
            "Assess the active energy of this day against what is usual, and name what is uncertain.",
        ),
    },
    analyse=analyse,
    narrate=narrate,
    trends=trend_metrics(ACTIVE_ENERGY, "Active energy a day"),
    carried=(complete_total(ACTIVE_ENERGY),),
    look_back=look_back,
)
