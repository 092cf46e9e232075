"""Pictures of the heart rate: one day's samples, and the hours of many days or people."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.samples import samples_of_days
from health_etl.clinical.heart_rate.series import SAME_INSTANT_MS
from health_etl.report.axes import HOURS_PER_DAY, MINUTES_PER_DAY, clock_axis, hour_axis, note, plain_axes
from health_etl.report.pictures.base import Drawn, PersonDays, Picture, lists, one_row_per_person, percentiles
from health_etl.report.style import BAND, BAND_WIDE, LINE, MARK, new_figure

HOUR_COLUMN = "bpm_by_hour"
AXIS_BPM = (40.0, 140.0)  # always shown, so that days can be compared at a glance
HOUR_MINUTES = 60


def day(minutes: Floats, bpm: Floats, resting_bpm: float | None = None) -> Figure:
    """Draw one day: the samples (minutes since local midnight, beats/min), and each hour's range and median."""
    figure = new_figure()
    axes = plain_axes(figure, "heart rate (beats/min)")
    axes.set_ylim(min(AXIS_BPM[0], bpm.min() - 5), max(AXIS_BPM[1], bpm.max() + 5))
    hours = pd.Series(bpm).groupby((minutes // HOUR_MINUTES).astype(np.int64)).agg(["min", "median", "max"])
    starts = hours.index.to_numpy() * HOUR_MINUTES
    height = hours["max"] - hours["min"]
    axes.bar(starts, height, width=HOUR_MINUTES - 6, bottom=hours["min"], align="edge", color=str(BAND_WIDE))
    axes.plot(minutes, bpm, "o", color=str(BAND), markersize=2, markeredgewidth=0)
    axes.hlines(hours["median"], starts, starts + HOUR_MINUTES - 6, color=str(LINE), linewidth=2.4)
    if resting_bpm is not None:
        axes.axhline(resting_bpm, color=str(MARK), linewidth=1, linestyle=(0, (4, 3)))
        note(axes, MINUTES_PER_DAY, resting_bpm, f"resting {resting_bpm:.0f}", str(MARK), align="right", above=False)
    clock_axis(axes)
    return figure


def hours(by_hour: Floats) -> Figure:
    """Draw the hours of the day: median and middle half.

    by_hour: beats/min, one row per day (or person), one column per hour.
    """
    first, median, third = percentiles(by_hour, (25, 50, 75))
    figure = new_figure()
    axes = plain_axes(figure, "heart rate (beats/min)")
    axes.set_ylim(min(AXIS_BPM[0], np.nanmin(first) - 5), max(AXIS_BPM[1] - 20, np.nanmax(third) + 5))
    places = np.arange(HOURS_PER_DAY)
    axes.bar(places + 0.05, third - first, width=0.9, bottom=first, align="edge", color=str(BAND))
    axes.hlines(median, places + 0.05, places + 0.95, color=str(LINE), linewidth=2.4)
    hour_axis(axes)
    return figure


def of_person(days: PersonDays) -> Drawn | None:
    """Draw the samples of one day, or the hours of several."""
    by_hour = lists(days.insights[HOUR_COLUMN], HOURS_PER_DAY)
    with_values = by_hour[~np.isnan(by_hour).all(axis=1)]
    if len(with_values) > 1:
        return Drawn(
            hours(with_values),
            f"Heart rate by hour over {len(with_values)} days",
            "Line: median of the days' hourly means; bar: the middle half of the days.",
        )
    samples = samples_of_days(days.measurements(), days.insights, "bpm", days.app_priority, SAME_INSTANT_MS)
    if not len(samples.value):
        return None
    minutes = (samples.time_ms / 60_000 + samples.utc_offset_minutes) % MINUTES_PER_DAY
    resting = days.insights["resting_bpm"].iloc[int(samples.group[0])]
    return Drawn(
        day(minutes, samples.value, None if pd.isna(resting) else float(resting)),
        "Heart rate over the day",
        "Dots: samples; bar and line: each hour's range and median. An hour without samples is empty.",
    )


def of_people(rows: pd.DataFrame, minimum_people: int) -> Drawn | None:
    """Draw the hours over people, each counted once."""
    people = one_row_per_person(rows, lists(rows[HOUR_COLUMN], HOURS_PER_DAY), minimum_people)
    if people is None:
        return None
    return Drawn(hours(people), "Heart rate by hour", "Median and middle half of people's hourly means.")


PICTURE = Picture(
    headline=("resting_bpm", "lowest_bpm", "mean_bpm", "highest_bpm"), of_person=of_person, of_people=of_people
)
