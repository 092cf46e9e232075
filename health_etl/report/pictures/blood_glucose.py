"""Pictures of glucose: one day's readings, and the ambulatory glucose profile of many days or people."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from health_etl.clinical.blood_glucose.processor import SAME_INSTANT_MS
from health_etl.clinical.blood_glucose.thresholds import (
    MAX_SPACING_MINUTES,
    RANGE_HIGH_MG_DL,
    RANGE_LOW_MG_DL,
    REPORT_DAYS,
    VERY_HIGH_ABOVE_MG_DL,
    VERY_LOW_BELOW_MG_DL,
)
from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.samples import samples_of_days
from health_etl.report.axes import MINUTES_PER_DAY, clock_axis, key, plain_axes
from health_etl.report.pictures.base import Drawn, PersonDays, Picture, lists, one_row_per_person, percentiles
from health_etl.report.style import BAND, BAND_WIDE, GOOD, GOOD_EDGE, LINE, MARK, new_figure

SLOTS = 96  # of 15 minutes
SLOT_MINUTES = MINUTES_PER_DAY // SLOTS
SLOT_COLUMN = "glucose_by_slot_mg_dl"
PROFILE_FROM_DAYS = 5  # with fewer days, percentiles say less than the days themselves
AXIS_MG_DL = (40.0, 270.0)  # always shown, so that days can be compared at a glance


def traces(days: list[tuple[Floats, Floats]]) -> Figure:
    """Draw the readings of one or a few days: for each (minutes since local midnight, mg/dL), sorted by time.

    The line breaks where readings are missing; readings out of range are marked.
    """
    figure = new_figure()
    axes = _glucose_axes(figure, np.concatenate([values for _, values in days]))
    for minutes, values in days:
        gaps = np.flatnonzero(np.diff(minutes) > MAX_SPACING_MINUTES) + 1
        for start, end in pairwise([0, *gaps.tolist(), len(minutes)]):
            axes.plot(minutes[start:end], values[start:end], color=str(LINE), linewidth=1.3, solid_joinstyle="round")
        alone = len(minutes) < 2 * len(gaps) + 2
        axes.plot(minutes, values, "o", color=str(LINE), markersize=3.5 if alone else 1.8)
        out = (values < RANGE_LOW_MG_DL) | (values > RANGE_HIGH_MG_DL)
        axes.plot(minutes[out], values[out], "o", color=str(MARK), markersize=3)
    return figure


def profile(by_slot: Floats, wide: bool = True) -> Figure:
    """Draw the ambulatory glucose profile: mg/dL, one row per day (or person), one column per slot of 15 minutes.

    Median, the middle half, and (if `wide`) the middle 90 %; nothing is drawn over slots without a value.
    """
    low, first, median, third, high = percentiles(by_slot, (5, 25, 50, 75, 95))
    figure = new_figure()
    axes = _glucose_axes(figure, np.concatenate([low, high] if wide else [first, third]))
    middle_of_slot = np.arange(SLOTS) * SLOT_MINUTES + SLOT_MINUTES / 2
    if wide:
        axes.fill_between(middle_of_slot, low, high, color=str(BAND_WIDE), linewidth=0)
    axes.fill_between(middle_of_slot, first, third, color=str(BAND), linewidth=0)
    axes.plot(middle_of_slot, median, color=str(LINE), linewidth=2)
    words = [("median", LINE), ("middle half (25–75 %)", BAND)]
    key(axes, [*words, ("middle 90 % (5–95 %)", BAND_WIDE)] if wide else words)
    return figure


def of_person(days: PersonDays) -> Drawn | None:
    """Draw a day's readings, a few days overlaid, or the profile of five or more days."""
    by_slot = lists(days.insights[SLOT_COLUMN], SLOTS)
    with_values = by_slot[~np.isnan(by_slot).all(axis=1)]
    count = len(with_values)
    if count >= PROFILE_FROM_DAYS:
        wanted = "" if count >= REPORT_DAYS else f" A profile should have {REPORT_DAYS} days; this one has {count}."
        return Drawn(
            profile(with_values),
            f"Ambulatory glucose profile of {count} days",
            f"Median, middle half and middle 90 % of the days by time of day, in slots of {SLOT_MINUTES} min.{wanted} "
            f"The green band is {RANGE_LOW_MG_DL:g}–{RANGE_HIGH_MG_DL:g} mg/dL.",
        )
    readings = samples_of_days(days.measurements(), days.insights, "glucose_mg_dl", days.app_priority, SAME_INSTANT_MS)
    if not len(readings.value):
        return None
    minutes = readings.time_ms / 60_000 + readings.utc_offset_minutes
    drawn = [
        ((minutes % MINUTES_PER_DAY)[readings.group == day], readings.value[readings.group == day])
        for day in range(readings.n_groups)
    ]
    return Drawn(
        traces(drawn),
        "Glucose by time of day",
        f"The green band is {RANGE_LOW_MG_DL:g}–{RANGE_HIGH_MG_DL:g} mg/dL; readings outside it are marked. "
        f"The line breaks where readings are more than {MAX_SPACING_MINUTES:g} min apart.",
    )


def of_people(rows: pd.DataFrame, minimum_people: int) -> Drawn | None:
    """Draw the profile over people, each counted once; no extremes, which could identify a person."""
    people = one_row_per_person(rows, lists(rows[SLOT_COLUMN], SLOTS), minimum_people)
    if people is None:
        return None
    return Drawn(profile(people, wide=False), "Glucose by time of day", "Median and middle half of people.")


def _glucose_axes(figure: Figure, shown_mg_dl: Floats) -> Axes:
    axes = plain_axes(figure, "glucose (mg/dL)")
    bottom = min(AXIS_MG_DL[0], float(np.nanmin(shown_mg_dl)) - 5)
    top = max(AXIS_MG_DL[1], float(np.ceil((np.nanmax(shown_mg_dl) + 10) / 10)) * 10)
    axes.set_ylim(bottom, top)
    axes.axhspan(RANGE_LOW_MG_DL, RANGE_HIGH_MG_DL, color=str(GOOD), linewidth=0)
    for bound in (RANGE_LOW_MG_DL, RANGE_HIGH_MG_DL):
        axes.axhline(bound, color=str(GOOD_EDGE), linewidth=1)
    further = [value for value in (350, 400, 500, 600) if value <= top]
    ticks = [VERY_LOW_BELOW_MG_DL, RANGE_LOW_MG_DL, RANGE_HIGH_MG_DL, VERY_HIGH_ABOVE_MG_DL, *further]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    clock_axis(axes)
    return axes


PICTURE = Picture(
    headline=(
        "mean_mg_dl",
        "time_in_range_percent",
        "time_below_range_percent",
        "time_above_range_percent",
        "cv_percent",
        "lowest_mg_dl",
        "highest_mg_dl",
    ),
    of_person=of_person,
    of_people=of_people,
)
