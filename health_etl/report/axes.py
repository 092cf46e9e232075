"""Axes that several pictures share: clock times, hours, dates. Every axis carries its unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from health_etl.report.style import GRID, INK, MUTED, Colour

MINUTES_PER_DAY = 1440
HOURS_PER_DAY = 24
MAX_DATE_LABELS = 15


def plain_axes(figure: Figure, y_label: str) -> Axes:
    """Add a single set of axes to a figure: horizontal grid, no frame."""
    axes = figure.add_subplot()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(str(MUTED))
    axes.grid(axis="y", color=str(GRID), linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=str(MUTED), labelsize=9, length=0, pad=4)
    axes.tick_params(axis="x", length=3, color=str(MUTED))
    axes.set_ylabel(y_label, color=str(INK), fontsize=9)
    return axes


def clock_axis(
    axes: Axes, first_minute: float = 0, last_minute: float = MINUTES_PER_DAY, every_minutes: int = 180
) -> None:
    """Label an x axis in minutes since local midnight with clock times; negative minutes are the evening before."""
    start = int(np.ceil(first_minute / every_minutes)) * every_minutes
    ticks = np.arange(start, last_minute + 1, every_minutes)
    axes.set_xlim(first_minute, last_minute)
    axes.set_xticks(ticks, [_clock(int(tick), last_minute) for tick in ticks])
    axes.set_xlabel("local time", color=str(INK), fontsize=9)


def hour_axis(axes: Axes) -> None:
    """Label an x axis of hours of the day with clock times; hour h spans h to h + 1."""
    axes.set_xlim(0, HOURS_PER_DAY)
    ticks = range(0, HOURS_PER_DAY + 1, 3)
    axes.set_xticks(list(ticks), [f"{tick:02d}:00" for tick in ticks])
    axes.set_xlabel("local time", color=str(INK), fontsize=9)


def date_axis(axes: Axes, dates: Sequence[date], label: str) -> None:
    """Label an x axis in days since the first of `dates` (sorted) with dates; only every nth where there are many."""
    length = (dates[-1] - dates[0]).days
    step = max(1, -(-(length + 1) // MAX_DATE_LABELS))
    ticks = list(range(0, length + 1, step))
    shown = [date.fromordinal(dates[0].toordinal() + tick) for tick in ticks]
    axes.set_xlim(-0.6, length + 0.6)
    axes.set_xticks(ticks, [f"{day.day} {day:%b}" for day in shown])
    axes.set_xlabel(label, color=str(INK), fontsize=9)


def days_since(dates: Sequence[date], first: date) -> list[int]:
    """Return the position of each date on a date axis that starts at `first`."""
    return [(day - first).days for day in dates]


def note(axes: Axes, x: float, y: float, text: str, color: str, align: str = "left", above: bool = True) -> None:
    """Label a line or band directly, in place of a legend."""
    shift = 3 if above else -3
    axes.annotate(
        text,
        (x, y),
        xytext=(-3 if align == "right" else 3, shift),
        textcoords="offset points",
        color=color,
        fontsize=8.5,
        ha=align,
        va="bottom" if above else "top",
    )


def key(axes: Axes, words: Sequence[tuple[str, Colour]]) -> None:
    """Write a colour key above the axes: each word after a patch of its colour."""
    x = 0.0
    for word, colour in words:
        axes.plot([x + 0.006], [1.06], "s", color=str(colour), markersize=7, transform=axes.transAxes, clip_on=False)
        axes.text(x + 0.018, 1.06, word, transform=axes.transAxes, color=str(INK), fontsize=8.5, va="center")
        x += 0.04 + 0.0095 * len(word)


def _clock(minute: int, last_minute: float) -> str:
    hour = minute // 60
    return "24:00" if minute == MINUTES_PER_DAY == last_minute else f"{hour % HOURS_PER_DAY:02d}:{minute % 60:02d}"
