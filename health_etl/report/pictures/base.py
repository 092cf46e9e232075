"""The types that pictures are made of, and array helpers. Each picture lives in the module of its record type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from health_etl.clinical.common.arrays import Floats


@dataclass(frozen=True)
class Drawn:
    """A figure, with a title for what it shows and a note on how to read it."""

    figure: Figure
    title: str
    note: str = ""


@dataclass(frozen=True)
class PersonDays:
    """Local days of one person.

    insights: rows of the type's insights table, one per day, sorted by local_date. earlier: the same for the preceding
    days that baselines look back on. measurements: reads the days' measurements, with local_date and
    utc_offset_minutes.
    """

    insights: pd.DataFrame
    earlier: pd.DataFrame
    measurements: Callable[[], pd.DataFrame]
    app_priority: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """How a record type is drawn.

    of_person(days) -> the picture of one person's day or days; None where nothing can be drawn.
    of_people(rows, minimum_people) -> the picture of many people's days, from rows of the insights table; None where
    it would be based on fewer than minimum_people people. It shows medians and quartiles over people.
    headline: names of the metrics that a reader wants to see first.
    """

    headline: tuple[str, ...]
    of_person: Callable[[PersonDays], Drawn | None]
    of_people: Callable[[pd.DataFrame, int], Drawn | None]


def lists(column: pd.Series, length: int) -> Floats:
    """Return a column of lists as rows of an array; NaN where a list or an element is missing.

    Raises ValueError for a list of another length.
    """
    empty = [np.nan] * length
    found = [empty if value is None or np.ndim(value) == 0 else value for value in column]
    return np.array(found, dtype=np.float64).reshape(len(column), length)


def one_row_per_person(rows: pd.DataFrame, values: Floats, minimum_people: int) -> Floats | None:
    """Return the mean over each person's days, one row per person, so that each person counts once.

    rows: person-days with user_id; values: one row per person-day. A column in which fewer than minimum_people people
    have a value becomes NaN; None where no column is left.
    """
    means = pd.DataFrame(values).groupby(rows["user_id"].to_numpy()).mean().to_numpy(dtype=np.float64)
    enough = (~np.isnan(means)).sum(axis=0) >= minimum_people
    return np.where(enough, means, np.nan) if enough.any() else None


def percentiles(values: Floats, wanted: tuple[float, ...]) -> Floats:
    """Return percentiles of each column, one row per percentile; NaN for a column without values."""
    result = np.full((len(wanted), values.shape[1]), np.nan)
    filled = ~np.isnan(values).all(axis=0)
    if filled.any():
        result[:, filled] = np.nanpercentile(values[:, filled], wanted, axis=0)
    return result
