"""Pictures of sleep: one night's hypnogram, the nights of a range stacked, and when people sleep."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from health_etl.clinical.common.arrays import Floats
from health_etl.record_types.sleep_session import STAGES
from health_etl.report.axes import MINUTES_PER_DAY, clock_axis, key, plain_axes
from health_etl.report.pictures.base import Drawn, PersonDays, Picture, one_row_per_person
from health_etl.report.style import (
    AWAKE,
    BAND,
    DEEP_SLEEP,
    GRID,
    LIGHT_SLEEP,
    LINE,
    MUTED,
    REM,
    Colour,
    new_figure,
)

EVENING = -360  # min from midnight: a night runs from 18:00 to 18:00
SLOT_MINUTES = 15
SLOTS = MINUTES_PER_DAY // SLOT_MINUTES

# Label and colour of each level, from top to bottom; each of Health Connect's stage codes maps to one of them.
_LEVELS = (("Awake", AWAKE), ("REM", REM), ("Light", LIGHT_SLEEP), ("Deep", DEEP_SLEEP), ("Asleep, no stage", BAND))
_LEVEL_OF_STAGE = {
    "AWAKE": 0,
    "OUT_OF_BED": 0,
    "AWAKE_IN_BED": 0,
    "REM": 1,
    "LIGHT": 2,
    "DEEP": 3,
    "SLEEPING": 4,
    "UNKNOWN": 4,
}
_LEVEL_OF_CODE = tuple(_LEVEL_OF_STAGE[stage] for stage in STAGES)


@dataclass(frozen=True)
class Night:
    """One main sleep: the local date on which the night ends, and its stages in order.

    start_minutes and end_minutes: from local midnight of that date, negative in the evening before; level: index of
    each stage's level in _LEVELS.
    """

    local_date: date
    start_minutes: Floats
    end_minutes: Floats
    level: np.ndarray[tuple[int], np.dtype[np.int64]]


def hypnogram(night: Night) -> Figure:
    """Draw the stages of one night as steps, from awake at the top to deep at the bottom."""
    figure = new_figure(height_inches=2.4)
    axes = plain_axes(figure, "")
    used = [place for place in range(len(_LEVELS)) if place < len(_LEVELS) - 1 or (night.level == place).any()]
    for start, end, level in zip(night.start_minutes, night.end_minutes, night.level.tolist(), strict=True):
        axes.fill_between([start, end], -level - 0.38, -level + 0.38, color=str(_colour(level)), linewidth=0)
    joints = np.flatnonzero(night.start_minutes[1:] - night.end_minutes[:-1] <= 1)
    axes.vlines(
        night.end_minutes[joints], -night.level[joints], -night.level[joints + 1], color=str(MUTED), linewidth=0.7
    )
    axes.set_yticks([-place for place in used], [_LEVELS[place][0] for place in used])
    axes.set_ylim(-used[-1] - 0.6, 0.6)
    first, last = night.start_minutes[0], night.end_minutes[-1]
    clock_axis(axes, np.floor(first / 30) * 30, np.ceil(last / 30) * 30, every_minutes=60)
    return figure


def nights(shown: Sequence[Night], first: date, last: date) -> Figure:
    """Draw the nights that end on `first` to `last`, one per row; a night without a record stays empty."""
    count = (last - first).days + 1
    figure = new_figure(height_inches=1.3 + 0.2 * count)
    axes = plain_axes(figure, "")
    for night in shown:
        place = (night.local_date - first).days
        for level, (_, colour) in enumerate(_LEVELS):
            here = night.level == level
            spans = np.column_stack([night.start_minutes, night.end_minutes - night.start_minutes])[here]
            axes.broken_barh(spans.tolist(), (place - 0.36, 0.72), color=str(colour), linewidth=0)
    _nights_axis(axes, first, count)
    starts = min((night.start_minutes[0] for night in shown), default=EVENING)
    ends = max((night.end_minutes[-1] for night in shown), default=-EVENING)
    clock_axis(axes, np.floor(starts / 60) * 60, np.ceil(ends / 60) * 60, every_minutes=120)
    key(axes, [_LEVELS[level] for level in sorted({int(level) for night in shown for level in night.level})])
    return figure


def asleep_by_clock(percent: Floats) -> Figure:
    """Draw the share of people's nights asleep (%), one value per slot of 15 minutes from 18:00 to 18:00."""
    figure = new_figure(height_inches=2.6)
    axes = plain_axes(figure, "nights asleep (%)")
    axes.stairs(percent, EVENING + np.arange(SLOTS + 1) * SLOT_MINUTES, fill=True, color=str(BAND))
    axes.stairs(percent, EVENING + np.arange(SLOTS + 1) * SLOT_MINUTES, baseline=None, color=str(LINE), linewidth=1.6)
    axes.set_ylim(0, 100)
    clock_axis(axes, EVENING, EVENING + MINUTES_PER_DAY)
    return figure


def of_person(days: PersonDays) -> Drawn | None:
    """Draw the hypnogram of one night, or the nights of a range."""
    found = [night for row in days.insights.to_dict("records") if (night := _night(row)) is not None]
    if not found:
        return None
    read = "Stages as estimated by the device; a gap is time recorded without a stage, or not recorded."
    if len(days.insights) == 1:
        return Drawn(hypnogram(found[0]), "Hypnogram of the main sleep", read)
    first, last = (date.fromisoformat(days.insights["local_date"].iloc[place]) for place in (0, -1))
    return Drawn(
        nights(found, first, last),
        "Main sleep night by night",
        f"{read} Each night is dated by the day on which it ends.",
    )


def of_people(rows: pd.DataFrame, minimum_people: int) -> Drawn | None:
    """Draw when people sleep, each counted once."""
    asleep = np.array([_asleep(row) for row in rows.to_dict("records")], dtype=np.float64).reshape(len(rows), SLOTS)
    people = one_row_per_person(rows, asleep, minimum_people)
    if people is None:
        return None
    return Drawn(
        asleep_by_clock(np.nanmean(people, axis=0)),
        "Asleep by time of night",
        "Share of nights in which people slept, naps included; each person counts once.",
    )


def _night(row: Mapping[Hashable, Any]) -> Night | None:
    start, end, codes = (
        np.array(row[name] if row[name] is not None else [], dtype=np.float64)
        for name in ("stage_start_minutes", "stage_end_minutes", "stage_codes")
    )
    if not len(start):
        return None
    bed_time = str(row["bed_time_local"])
    minute = int(bed_time[:2]) * 60 + int(bed_time[3:5])
    begins = minute - MINUTES_PER_DAY if minute >= EVENING + MINUTES_PER_DAY else minute
    level = np.array(_LEVEL_OF_CODE)[codes.astype(np.int64)]
    return Night(date.fromisoformat(str(row["local_date"])), begins + start, begins + end, level)


def _asleep(row: Mapping[Hashable, Any]) -> Floats:
    """Return the percentage of each slot of the local night spent asleep; NaN where no main sleep is recorded."""
    times = row["asleep_utc_minutes"]
    if times is None or np.size(times) == 0:
        return np.full(SLOTS, np.nan)
    local = np.array(times, dtype=np.float64) + float(row["utc_offset_minutes"]) - EVENING
    edges = np.arange(SLOTS + 1) * SLOT_MINUTES
    starts, ends = local[0::2, None], local[1::2, None]
    overlap = np.minimum(ends, edges[1:]) - np.maximum(starts, edges[:-1])
    share: Floats = np.clip(overlap, 0, None).sum(axis=0) / SLOT_MINUTES * 100
    return share


def _nights_axis(axes: Axes, first: date, count: int) -> None:
    days = [date.fromordinal(first.toordinal() + place) for place in range(count)]
    step = max(1, -(-count // 31))
    axes.set_yticks(range(0, count, step), [f"{day:%a} {day.day} {day:%b}" for day in days[::step]])
    axes.set_ylim(count - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=str(GRID), linewidth=0.8)


def _colour(level: int) -> Colour:
    return _LEVELS[level][1]


PICTURE = Picture(
    headline=("tst_minutes", "tib_minutes", "se_percent", "waso_minutes", "mid_sleep_local"),
    of_person=of_person,
    of_people=of_people,
)
