"""Records of counters (steps, active energy) assigned to their local day, and the spans of time that they cover.

The day's total is computed in totals.py, its hours in hours.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import MINUTES_PER_HOUR, SECONDS_PER_MINUTE

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
    """Return the rows of the requested days with `group_id`, the position of their day in `days`.

    Records exported before the day began say nothing about it and are left out.
    """
    keys = ["user_id", "local_date"]
    day = pd.MultiIndex.from_frame(days[keys]).get_indexer(pd.MultiIndex.from_frame(rows[keys]))
    columns = ["record_id", "source_app", "start_utc", "end_utc", "utc_offset_minutes", "end_utc_offset_minutes"]
    records = rows[[*columns, "last_modified_utc", "fetched_utc", quantity.column]].assign(group_id=day)
    records = records[day >= 0].reset_index(drop=True)
    begun = records["fetched_utc"] > of_day(days, "day_start_utc", records["group_id"].to_numpy())
    return records[begun].reset_index(drop=True)


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


def earlier_of(one: pd.Series, other: pd.Series) -> pd.Series:
    """Return the earlier of two times, element by element."""
    return one.where(one <= other, other)


def length_minutes(records: pd.DataFrame) -> Floats:
    """Return the length of each record in minutes."""
    length = records["end_utc"] - records["start_utc"]
    return np.asarray(length.dt.total_seconds(), dtype=np.float64) / SECONDS_PER_MINUTE


def recorded_spans(records: pd.DataFrame) -> pd.DataFrame:
    """Return the records cut off at their export: what comes after it was not yet recorded."""
    return records.assign(end_utc=earlier_of(records["end_utc"], records["fetched_utc"]))


def is_movement_only(records: pd.DataFrame, quantity: Quantity) -> Booleans:
    """Return whether each record's app recorded movement only on that day, so that a gap means that nothing moved.

    Rule: at least two records of the app on the day, none longer than 60 min and none of zero. An app that also
    writes zeros, or sums over longer spans, has no reason to leave a gap, so its gaps are missing data.
    Source: ASSUMPTION, Health Connect does not say which apps do so.
    """
    silent = (length_minutes(records) <= MOVEMENT_RECORD_MINUTES) & (records[quantity.column] > 0).to_numpy()
    pair = [records["group_id"], records["source_app"]]
    grouped = pd.Series(silent).groupby(pair)
    moves: Booleans = (grouped.transform("all") & (grouped.transform("size") > 1)).to_numpy(dtype=np.bool_)
    return moves


def followed_spans(records: pd.DataFrame, quantity: Quantity) -> pd.DataFrame:
    """Return the spans that the records cover: their own up to the export, plus the pauses of movement-only apps.

    A pause is the time between two records of such an app, up to 4 h; longer ones are not covered.
    """
    recorded = recorded_spans(records)
    moves = recorded[is_movement_only(records, quantity)]
    moves = moves.sort_values(["group_id", "source_app", "start_utc", "end_utc", "record_id"])
    pair = ["group_id", "source_app"]
    before = moves.groupby(pair)["end_utc"].cummax().groupby([moves[name] for name in pair]).shift()
    pause = (moves["start_utc"] - before).dt.total_seconds() / (SECONDS_PER_MINUTE * MINUTES_PER_HOUR)
    bridged = ((pause > 0) & (pause <= MOVEMENT_PAUSE_HOURS)).to_numpy(dtype=np.bool_)
    pauses = moves.assign(end_utc=moves["start_utc"], start_utc=before)[bridged]
    return pd.concat([recorded, pauses], ignore_index=True) if len(pauses) else recorded


def since_day_start_minutes(records: pd.DataFrame, days: pd.DataFrame, column: str) -> Floats:
    """Return a time of each record in minutes since its local day began."""
    start = of_day(days, "day_start_utc", records["group_id"].to_numpy())
    elapsed = records[column].reset_index(drop=True) - start
    return np.asarray(elapsed.dt.total_seconds(), dtype=np.float64) / SECONDS_PER_MINUTE
