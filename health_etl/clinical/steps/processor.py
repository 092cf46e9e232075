"""The processor of `steps`: wires totals, hours, cadence, look-back and texts together.

How overlapping apps become one total is in activity/totals.py, the hours are in activity/hours.py.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.activity.hours import amounts_by_hour, fine_day, hour_metrics, pattern_metrics
from health_etl.clinical.activity.sentences import GUIDELINES
from health_etl.clinical.activity.sources import source_metrics
from health_etl.clinical.activity.totals import daily_totals, insights_of_totals
from health_etl.clinical.activity.trends import complete_total, trend_metrics, trends_of
from health_etl.clinical.common.age import UNDER_ADULT
from health_etl.clinical.common.base import ClinicalOptions, Level, Metric, Processor
from health_etl.clinical.steps.cadence import (
    CADENCE_SOURCE,
    MODERATE_STEPS_PER_MIN,
    VIGOROUS_STEPS_PER_MIN,
    cadence_metrics,
)
from health_etl.clinical.steps.cadence import METRICS as CADENCE_METRICS
from health_etl.clinical.steps.category import (
    CATEGORIES,
    CATEGORY_LOWER_BOUNDS,
    CATEGORY_SOURCE,
    MORTALITY_SOURCE,
    PLATEAU_AGE_YEARS,
    PLATEAU_OLDER_STEPS,
    PLATEAU_YOUNGER_STEPS,
    adults,
    category,
)
from health_etl.clinical.steps.narrative import STEPS, narrate
from health_etl.clinical.steps.still import ACTIVE_HOUR_STEPS, DAYTIME, STILL_MINUTES, active_hours, still_metrics
from health_etl.clinical.steps.still import METRICS as STILL_METRICS


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the step metrics of each local day.

    The total is what was recorded, however little; it is computed in fractions of a step (a record that spans midnight
    is shared out) and rounded half to even at the end. The category needs a complete day and, where an age is
    configured, an adult; so do the bands of cadence.
    """
    totals = daily_totals(rows, days, options, STEPS)
    fine = fine_day(totals, days, STEPS)
    by_hour = amounts_by_hour(fine, days, options, STEPS)
    complete = np.where(totals.complete, totals.total, np.nan)
    return insights_of_totals(
        days,
        totals,
        {
            "steps_total": pd.Series(np.rint(totals.total)).astype("Int64"),
            complete_total(STEPS): pd.Series(complete),
            "activity_category": category(complete).where(adults(days)),
            **hour_metrics(by_hour, fine, STEPS),
            **active_hours(by_hour, fine),
            **still_metrics(fine),
            **cadence_metrics(totals, days, options, STEPS),
        },
    )


def look_back(days: pd.DataFrame, earlier: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compare each day with the person's own complete days, and assign the mean of the last week to its category."""
    del options
    trends = trends_of(days, earlier, STEPS)
    return trends.assign(week_category=category(trends["week_steps"].to_numpy()).where(adults(days)))


def _categories() -> str:
    """Return the categories with their bounds as one text."""
    edges = [f"below {CATEGORY_LOWER_BOUNDS[0]}"]
    edges += [f"{low}–{high - 1}" for low, high in pairwise(CATEGORY_LOWER_BOUNDS)]
    edges.append(f"{CATEGORY_LOWER_BOUNDS[-1]} and more")
    return ", ".join(f"{edge} {name}" for edge, name in zip(edges, CATEGORIES, strict=True))


PROCESSOR = Processor(
    record_type="steps",
    version="2",
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
            f"Activity category ({CATEGORY_SOURCE})",
            "Sedentary to highly active; null unless the day is complete",
            dtype=pa.string(),
        ),
        Metric(
            complete_total(STEPS),
            "Steps of a complete day",
            "The total before rounding, null unless the day is complete; for the look-back",
            unit="steps",
            decimals=1,
            reported=False,
        ),
        *pattern_metrics(STEPS, "Steps"),
        *STILL_METRICS,
        *CADENCE_METRICS,
    ),
    guidelines=(
        f"Daily steps of adults ({CATEGORY_SOURCE}): {_categories()}. The categories describe habits.",
        f"Cadence of adults ({CADENCE_SOURCE}): {MODERATE_STEPS_PER_MIN}–{VIGOROUS_STEPS_PER_MIN - 1} steps/min "
        f"moderate, {VIGOROUS_STEPS_PER_MIN} steps/min and more vigorous.",
        f"Steps and mortality ({MORTALITY_SOURCE}, an association): levels off at {PLATEAU_YOUNGER_STEPS[0]}–"
        f"{PLATEAU_YOUNGER_STEPS[1]} steps a day below {PLATEAU_AGE_YEARS} years, {PLATEAU_OLDER_STEPS[0]}–"
        f"{PLATEAU_OLDER_STEPS[1]} steps a day from {PLATEAU_AGE_YEARS} years on; no threshold.",
        f"Without a step: at least {STILL_MINUTES} min between {DAYTIME} local time. Active hour: at least "
        f"{ACTIVE_HOUR_STEPS} steps. Both are assumptions.",
        f"Categories and cadences of adults are not applied to people {UNDER_ADULT}.",
        *GUIDELINES,
    ),
    instructions={
        Level.STATISTICAL: (
            "State the step figures of this day with their units, and how much of the day they cover.",
            "Summarise the steps of this day in numbers, with the person's own mean.",
            "Report the step statistics of this day and of the days before it.",
        ),
        Level.STRUCTURAL: (
            "Describe how the steps spread over this day and over the week.",
            "Tell when this person walked and when not on this day, as far as the records show it.",
            "List the patterns of this day's steps in time, with their limits.",
        ),
        Level.SEMANTIC: (
            "Interpret the step count of this day and say how complete it is.",
            "Say what this day's steps mean, against which reference, and what they cannot tell.",
            "Describe how active the person was on this day, judging by the recorded steps, and what is uncertain.",
        ),
    },
    analyse=analyse,
    narrate=narrate,
    trends=(
        *trend_metrics(STEPS, "Steps a day"),
        Metric(
            "week_category",
            f"Activity category of the week's mean ({CATEGORY_SOURCE})",
            "Null unless the week has a mean",
            dtype=pa.string(),
        ),
    ),
    carried=(complete_total(STEPS),),
    look_back=look_back,
)
