"""Columns with one value per person-day: words and clock times by code, and values kept only where they are known.

What the words mean belongs to the processor of a record type.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from health_etl.clinical.common.arrays import Booleans, Integers
from health_etl.clinical.common.units import HOURS_PER_DAY, MINUTES_PER_HOUR

UNKNOWN = -1  # the code of a null, the place of a row that belongs to no requested day


def day_places(rows: pd.DataFrame, days: pd.DataFrame, person: str = "user_id") -> Integers:
    """Return the position in `days` of the day (person, local_date) of each row, UNKNOWN for other days."""
    people, dates = days[person].drop_duplicates(), days["local_date"].drop_duplicates()
    asked = np.asarray(_codes(days[person], people) * len(dates) + _codes(days["local_date"], dates))
    user, date = _codes(rows[person], people), _codes(rows["local_date"], dates)
    order = np.argsort(asked)
    wanted = np.where((user < 0) | (date < 0), UNKNOWN, user * len(dates) + date)
    nearest = np.searchsorted(asked[order], wanted)
    place = np.append(order, UNKNOWN)[nearest]
    return np.where(np.append(asked, UNKNOWN)[place] == wanted, place, UNKNOWN).astype(np.int64)


def named(code: Integers, names: Sequence[str]) -> pd.Series:
    """Return the name that each code stands for, null where it is UNKNOWN. The names, constants, are kept in memory."""
    return pd.Series(_text_array(tuple(names)).take(code, allow_fill=True))


def named_where(code: Integers, names: Sequence[str], known: Booleans) -> pd.Series:
    """Return the name that each code stands for, null where it is not known."""
    return named(np.where(known, code, UNKNOWN), names)


def clock_times(minute_of_day: Integers) -> pd.Series:
    """Write minutes since local midnight as "HH:MM", null where they are UNKNOWN."""
    return named(minute_of_day, _clock_names())


def where_enough(metric: pd.Series, enough: Booleans) -> pd.api.extensions.ExtensionArray:
    """Return the values of a metric, one per day in order, null on the days that are not enough."""
    values: pd.api.extensions.ExtensionArray = metric.array
    found: pd.api.extensions.ExtensionArray = values.take(
        np.where(enough, np.arange(len(enough)), UNKNOWN), allow_fill=True
    )
    return found


def _codes(values: pd.Series, names: pd.Series) -> Integers:
    place = pc.index_in(pa.array(values, pa.large_string()), value_set=pa.array(names, pa.large_string()))
    codes: Integers = place.fill_null(UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


@cache
def _text_array(names: tuple[str, ...]) -> pd.api.extensions.ExtensionArray:
    return pd.array([*names], dtype="str")


@cache
def _clock_names() -> tuple[str, ...]:
    return tuple(f"{hour:02d}:{minute:02d}" for hour in range(HOURS_PER_DAY) for minute in range(MINUTES_PER_HOUR))
