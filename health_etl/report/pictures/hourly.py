"""Amounts by hour of the local day, and by day: the pictures that steps and active energy share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from health_etl.clinical.common.arrays import Floats
from health_etl.report.axes import HOURS_PER_DAY, date_axis, days_since, hour_axis, plain_axes
from health_etl.report.pictures.base import Drawn, PersonDays, lists, one_row_per_person, percentiles
from health_etl.report.style import BAND, GRID, INK, LINE, MUTED, new_figure


def by_hour(amounts: Floats, y_label: str) -> Figure:
    """Draw one day: the amount of each of its 24 hours; an hour without a record (NaN) is grey."""
    figure = new_figure(height_inches=2.6)
    axes = plain_axes(figure, y_label)
    for hour in np.flatnonzero(np.isnan(amounts)).tolist():
        axes.axvspan(hour, hour + 1, color=str(GRID), linewidth=0)
    axes.bar(np.arange(HOURS_PER_DAY) + 0.08, np.nan_to_num(amounts), width=0.84, align="edge", color=str(LINE))
    axes.set_ylim(0, max(1.0, float(np.nanmax(amounts)) * 1.1))
    hour_axis(axes)
    return figure


def by_day(dates: Sequence[date], totals: Floats, partial: Sequence[bool], y_label: str) -> Figure:
    """Draw the total of each day (sorted by date); a partial day is drawn hollow."""
    figure = new_figure(height_inches=2.6)
    axes = plain_axes(figure, y_label)
    places = days_since(dates, dates[0])
    for place, total, is_partial in zip(places, totals, partial, strict=True):
        face = "none" if is_partial else str(LINE)
        axes.bar(place, total, width=0.7, facecolor=face, edgecolor=str(LINE), linewidth=1.2)
        axes.annotate(
            f"{total:,.0f}",
            (place, total),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=str(MUTED if is_partial else INK),
        )
    axes.set_ylim(0, max(1.0, float(np.nanmax(totals)) * 1.15))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    date_axis(axes, dates, "local day")
    return figure


def over_people(amounts: Floats, y_label: str) -> Figure:
    """Draw the hours over people (rows): median as a bar, the middle half as a whisker."""
    first, median, third = percentiles(amounts, (25, 50, 75))
    figure = new_figure(height_inches=2.6)
    axes = plain_axes(figure, y_label)
    places = np.arange(HOURS_PER_DAY)
    axes.bar(places + 0.08, np.nan_to_num(median), width=0.84, align="edge", color=str(BAND))
    axes.vlines(places + 0.5, first, third, color=str(LINE), linewidth=1.6)
    axes.set_ylim(0, max(1.0, float(np.nanmax(third)) * 1.1))
    hour_axis(axes)
    return figure


def person(days: PersonDays, what: str, unit: str, hour_column: str, total_column: str) -> Drawn | None:
    """Draw the hours of one day, or the totals of several."""
    insights = days.insights[days.insights[total_column].notna()]
    if len(insights) > 1:
        dates = [date.fromisoformat(day) for day in insights["local_date"]]
        partial = insights["partial_day"].fillna(False).astype(bool).tolist()
        note = "A hollow bar is a day that was not over when it was exported." if any(partial) else ""
        totals = insights[total_column].to_numpy(dtype=np.float64)
        return Drawn(by_day(dates, totals, partial, f"{what} ({unit}/day)"), f"{_title(what)} by day", note)
    hours = lists(insights[hour_column], HOURS_PER_DAY)
    if not len(hours) or np.isnan(hours).all():
        return None
    return Drawn(
        by_hour(hours[0], f"{what} ({unit}/h)"),
        f"{_title(what)} by hour",
        "Where several apps recorded the same time, it counts once. A grey hour has no record.",
    )


def people(rows: pd.DataFrame, minimum_people: int, what: str, unit: str, hour_column: str) -> Drawn | None:
    """Draw the hours over people, each counted once."""
    found = one_row_per_person(rows, lists(rows[hour_column], HOURS_PER_DAY), minimum_people)
    if found is None:
        return None
    return Drawn(
        over_people(found, f"{what} ({unit}/h)"), f"{_title(what)} by hour", "Median and middle half of people."
    )


def _title(what: str) -> str:
    return what[:1].upper() + what[1:]
