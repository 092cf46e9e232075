"""Pictures of heart-rate variability: the nights against the person's own baseline, and people's nights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from health_etl.clinical.common.arrays import Floats
from health_etl.report.axes import date_axis, days_since, plain_axes
from health_etl.report.pictures.base import Drawn, PersonDays, Picture, one_row_per_person, percentiles
from health_etl.report.style import BAND, BAND_WIDE, GROUND, LINE, MARK, MUTED, new_figure

NIGHT, LN_RMSSD = "mean_rmssd_ms", "ln_rmssd"
BASELINE, LOW, HIGH = "baseline_ln_rmssd", "band_low_rmssd_ms", "band_high_rmssd_ms"


def baseline_band(
    dates: Sequence[date],
    night_ms: Floats,
    comparable: Sequence[bool],
    baseline_ms: Floats,
    low_ms: Floats,
    high_ms: Floats,
) -> Figure:
    """Draw nights (RMSSD in ms, sorted by date) over each night's baseline and band, NaN where there was none.

    comparable: false for a night that was recorded too sparsely to be compared; it is drawn hollow.
    """
    figure = new_figure(height_inches=2.8)
    axes = plain_axes(figure, "RMSSD (ms)")
    places = np.array(days_since(dates, dates[0]))
    edges = np.column_stack([places - 0.5, places + 0.5])
    for (left, right), low, high, middle in zip(edges, low_ms, high_ms, baseline_ms, strict=True):
        axes.fill_between([left, right], low, high, color=str(BAND_WIDE), linewidth=0)
        axes.hlines(middle, left, right, color=str(BAND), linewidth=2)
    is_comparable = np.array(comparable, dtype=np.bool_)
    outside = is_comparable & ((night_ms < low_ms) | (night_ms > high_ms))
    axes.plot(places, np.where(is_comparable, night_ms, np.nan), color=str(LINE), linewidth=1)
    axes.plot(places[is_comparable], night_ms[is_comparable], "o", color=str(LINE), markersize=5)
    axes.plot(places[outside], night_ms[outside], "o", color=str(MARK), markersize=6)
    axes.plot(
        places[~is_comparable],
        night_ms[~is_comparable],
        "o",
        markersize=5,
        color=str(MUTED),
        markerfacecolor=str(GROUND),
    )
    lowest, highest = np.nanmin([night_ms, low_ms]), np.nanmax([night_ms, high_ms])
    axes.set_ylim(max(0.0, lowest - 8), highest + 8)
    date_axis(axes, dates, "night that ends on")
    return figure


def spread(dates: Sequence[date], by_date: Floats) -> Figure:
    """Draw people's nights (RMSSD in ms, one row per person, one column per date): median and middle half."""
    first, median, third = percentiles(by_date, (25, 50, 75))
    figure = new_figure(height_inches=2.6)
    axes = plain_axes(figure, "RMSSD (ms)")
    places = np.array(days_since(dates, dates[0]), dtype=np.float64)
    axes.bar(places, third - first, width=0.5, bottom=first, color=str(BAND))
    axes.hlines(median, places - 0.25, places + 0.25, color=str(LINE), linewidth=2.4)
    axes.set_ylim(0, np.nanmax(third) * 1.15)
    date_axis(axes, dates, "night that ends on")
    return figure


def of_person(days: PersonDays) -> Drawn | None:
    """Draw the nights, with those before them, against the person's own baseline."""
    found = pd.concat([days.earlier, days.insights], ignore_index=True)
    found = found[found[NIGHT].notna()].sort_values("local_date", ignore_index=True)
    if found.empty:
        return None
    dates = [date.fromisoformat(day) for day in found["local_date"]]
    night, low, high = (found[name].to_numpy(dtype=np.float64) for name in (NIGHT, LOW, HIGH))
    baseline = np.exp(found[BASELINE].to_numpy(dtype=np.float64))
    comparable = found[LN_RMSSD].notna().tolist()
    has_band = not np.isnan(baseline).all()
    if len(dates) == 1 and not has_band:
        return None
    band = (
        "Line and band: the person's own baseline as it stood before each night; nights outside the band are marked. "
        if has_band
        else "There are too few nights for a baseline yet. "
    )
    return Drawn(
        baseline_band(dates, night, comparable, baseline, low, high),
        "RMSSD by night against the person's own baseline" if has_band else "RMSSD by night",
        f"{band}An open dot is a night recorded too little to be compared.",
    )


def of_people(rows: pd.DataFrame, minimum_people: int) -> Drawn | None:
    """Draw people's nights by date; only dates with enough people."""
    table = rows.pivot_table(index="user_id", columns="local_date", values=NIGHT, aggfunc="mean", dropna=False)
    people = one_row_per_person(table.reset_index(), table.to_numpy(dtype=np.float64), minimum_people)
    if people is None:
        return None
    enough = np.flatnonzero(~np.isnan(people).all(axis=0))
    dates = [date.fromisoformat(day) for day in table.columns[enough]]
    return Drawn(spread(dates, people[:, enough]), "RMSSD by night", "Median and middle half of people.")


PICTURE = Picture(headline=(NIGHT, LOW, HIGH, "run_nights"), of_person=of_person, of_people=of_people)
