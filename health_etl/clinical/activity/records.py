"""Records of counters (steps, active energy) assigned to their local day, and the spans of time that they cover.

The day's total is computed in totals.py, its hours in hours.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.columns import day_places
from health_etl.clinical.common.samples import MS_PER_MINUTE
from health_etl.clinical.common.sources import definition, sourced
from health_etl.clinical.common.units import MINUTES_PER_HOUR, SECONDS_PER_MINUTE
from health_etl.days.merge_sources import epoch_ms

MS_PER_SECOND = definition(1_000, "milliseconds per second")

MOVEMENT_RECORD_MINUTES = sourced(
    60, "min", "apps that record movement only", "ASSUMPTION: a walk; longer records sum over idle time as well"
)
MOVEMENT_PAUSE_HOURS = sourced(
    4, "h", "apps that record movement only", "ASSUMPTION: anyone awake and carrying the device walks within this time"
)


@dataclass(frozen=True)
class Quantity:
    """What is counted: its column in the rows, its unit, and the decimals with which totals are written."""

    column: str
    unit: str
    decimals: int

    @property
    def total(self) -> str:
        """Name of the metric that holds the day's total."""
        return f"{self.column}_total"


def records_of_days(rows: pd.DataFrame, days: pd.DataFrame, quantity: Quantity) -> pd.DataFrame:
    """Return the rows of the requested days with `group_id`, the position of their day in `days`, and `pair`.

    `pair` numbers the pairs of day and app, in order. Records exported before the day began say nothing about it and
    are left out.
    """
    day = day_places(rows, days)
    fetched_ms = epoch_ms(rows["fetched_utc"])
    began_ms = np.append(epoch_ms(days["day_start_utc"]), 0)[day]
    begun = np.flatnonzero((day >= 0) & (fetched_ms > began_ms))
    columns = ["record_id", "source_app", "start_utc", "end_utc", "utc_offset_minutes", "end_utc_offset_minutes"]
    records = rows[[*columns, "last_modified_utc", "fetched_utc", quantity.column]].iloc[begun].reset_index(drop=True)
    app, names = pd.factorize(records["source_app"], sort=True)
    _, pair = np.unique(day[begun] * max(len(names), 1) + app, return_inverse=True)
    return records.assign(group_id=day[begun], pair=pair)


def of_day(days: pd.DataFrame, column: str, day: Integers) -> pd.Series:
    """Return a column of `days`, looked up by position."""
    return days[column].iloc[day].reset_index(drop=True)


def day_buckets(days: pd.DataFrame, day: Integers) -> pd.DataFrame:
    """Return one bucket per element of `day`: the bounds of that local day, each a group of its own."""
    return pd.DataFrame(
        {
            "group_id": np.arange(len(day)),
            "start_utc": of_day(days, "day_start_utc", day),
            "end_utc": of_day(days, "day_end_utc", day),
        }
    )


def length_minutes(records: pd.DataFrame) -> Floats:
    """Return the length of each record in minutes."""
    return minutes_of(epoch_ms(records["end_utc"]) - epoch_ms(records["start_utc"]))


def minutes_of(ms: Integers) -> Floats:
    """Return milliseconds in minutes."""
    return ms / MS_PER_SECOND / SECONDS_PER_MINUTE


@dataclass(frozen=True)
class Spans:
    """Spans of time on days: arrays of one length. day: position in `days`; bounds in ms since 1970, UTC."""

    day: Integers
    start_ms: Integers
    end_ms: Integers

    @classmethod
    def of(cls, records: pd.DataFrame) -> Spans:
        """Return the span of each record."""
        return cls(records["group_id"].to_numpy(), epoch_ms(records["start_utc"]), epoch_ms(records["end_utc"]))


def recorded_spans(records: pd.DataFrame) -> Spans:
    """Return the spans of the records cut off at their export: what comes after it was not yet recorded."""
    whole = Spans.of(records)
    return replace(whole, end_ms=np.minimum(whole.end_ms, epoch_ms(records["fetched_utc"])))


def is_movement_only(records: pd.DataFrame, quantity: Quantity) -> Booleans:
    """Return whether each record's app recorded movement only on that day, so that a gap means that nothing moved.

    Rule: at least two records of the app on the day, none longer than 60 min and none of zero. An app that also
    writes zeros, or sums over longer spans, has no reason to leave a gap, so its gaps are missing data.
    Source: ASSUMPTION, Health Connect does not say which apps do so.
    """
    silent = (length_minutes(records) <= MOVEMENT_RECORD_MINUTES) & (records[quantity.column] > 0).to_numpy()
    pair = records["pair"].to_numpy()
    count = np.bincount(pair)
    moves: Booleans = ((np.bincount(pair, weights=silent) == count) & (count > 1))[pair]
    return moves


def followed_spans(records: pd.DataFrame, quantity: Quantity) -> Spans:
    """Return the spans that the records cover: their own up to the export, plus the pauses of movement-only apps.

    A pause is the time between two records of such an app, up to 4 h; longer ones are not covered.
    """
    recorded = recorded_spans(records)
    moves = np.flatnonzero(is_movement_only(records, quantity))
    if not len(moves):
        return recorded
    pair = records["pair"].to_numpy()
    moves = moves[np.lexsort((recorded.end_ms[moves], recorded.start_ms[moves], pair[moves]))]
    pair, start, end = pair[moves], recorded.start_ms[moves], recorded.end_ms[moves]
    shift = pair * (int(end.max() - end.min()) + 1)  # one axis for all pairs
    ended = np.maximum.accumulate(end + shift)[:-1] - shift[:-1]
    pause_ms = start[1:] - ended
    longest_ms = MOVEMENT_PAUSE_HOURS * MINUTES_PER_HOUR * MS_PER_MINUTE
    bridged = (np.diff(pair) == 0) & (pause_ms > 0) & (pause_ms <= longest_ms)
    return Spans(
        np.concatenate([recorded.day, recorded.day[moves][1:][bridged]]),
        np.concatenate([recorded.start_ms, ended[bridged]]),
        np.concatenate([recorded.end_ms, start[1:][bridged]]),
    )


def since_day_start_minutes(day: Integers, time_ms: Integers, days: pd.DataFrame) -> Floats:
    """Return times in minutes since their local day began."""
    return minutes_of(time_ms - epoch_ms(days["day_start_utc"])[day])
