"""The provenance of a day's total: what each app counted on its own, and which apps the merged total is based on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.activity.records import Quantity, day_buckets, is_movement_only
from health_etl.clinical.common.arrays import Integers
from health_etl.clinical.common.base import Metric
from health_etl.days.listed import listed
from health_etl.days.merge_sources import MergedTotals, merge_by_time_slice


def source_metrics(quantity: Quantity) -> tuple[Metric, ...]:
    """Return the metrics that say where a total comes from and whether its day is complete."""
    return (
        Metric(
            "source_totals",
            "Totals of the single apps",
            f"What each app alone counted on the day, in {quantity.unit}; overlapping, so not to be added up",
            dtype=pa.string(),
        ),
        Metric(
            "counted_source_apps",
            "Apps that the total rests on",
            "Apps that contribute to the merged total, largest share first",
            dtype=pa.string(),
        ),
        Metric(
            "movement_only_apps",
            "Apps that recorded movement only",
            "Apps whose records of the day are short and never zero, so that a pause means that nothing moved",
            dtype=pa.string(),
        ),
        Metric(
            "coverage_rule",
            "What covers the day",
            "The records alone, or also the pauses of apps that recorded movement only",
            dtype=pa.string(),
        ),
        Metric(
            "partial_day",
            "Partial day",
            "Whether the day was still in progress when its data were exported",
            dtype=pa.bool_(),
        ),
        Metric(
            "data_until_local",
            "Data up to (local time)",
            "Local clock time of the last export before a partial day ended; null for a whole day",
            dtype=pa.string(),
        ),
    )


def movement_only_apps(records: pd.DataFrame, quantity: Quantity, n_days: int) -> pd.Series:
    """Return the names of each day's movement-only apps; null where there are none."""
    moving = np.flatnonzero(is_movement_only(records, quantity))
    found = records.iloc[moving[np.unique(records["pair"].to_numpy()[moving], return_index=True)[1]]]
    return _joined(found["group_id"].to_numpy(), found["source_app"], n_days, ", ")


def source_totals(records: pd.DataFrame, days: pd.DataFrame, quantity: Quantity) -> pd.Series:
    """Return what each app counted on its own, largest first: "app.one: 3933 steps; app.two: 2517 steps"."""
    _, first = np.unique(records["pair"].to_numpy(), return_index=True)
    pairs = records[["group_id", "source_app"]].iloc[first].reset_index(drop=True)
    alone = records.assign(group_id=records["pair"])
    merged = merge_by_time_slice(alone, day_buckets(days, pairs["group_id"].to_numpy()), value_column=quantity.column)
    totals = pairs.assign(total=merged.totals["total"])
    totals = totals[totals["total"].notna()]
    # The pairs are sorted by app, and so are equal totals.
    totals = totals.iloc[np.lexsort((-totals["total"], totals["group_id"]))].reset_index(drop=True)
    written = totals["source_app"] + ": " + _written(totals["total"], quantity) + f" {quantity.unit}"
    return _joined(totals["group_id"].to_numpy(), written, len(days), "; ")


def counted_source_apps(merged: MergedTotals, quantity: Quantity, n_days: int) -> pd.Series:
    """Return the names of the apps that contribute to each day's total, largest share first; null where none does."""
    shares = merged.by_source()  # sorted by app
    shares = shares.iloc[np.lexsort((-shares["total"], shares["bucket"]))]
    # An app that fills only the last millisecond of a day has no visible part in the total.
    shares = shares[np.round(shares["total"], quantity.decimals) > 0].reset_index(drop=True)
    return _joined(shares["bucket"].to_numpy(), shares["source_app"], n_days, ", ")


def _written(values: pd.Series, quantity: Quantity) -> pd.Series:
    return pd.Series(np.char.mod(f"%.{quantity.decimals}f", values.to_numpy()), dtype="str")


def _joined(day: Integers, parts: pd.Series, n_days: int, separator: str) -> pd.Series:
    """Join the parts of each day, in their order, all but the first few only counted; days without parts are null."""
    joined = pd.Series([None] * n_days, dtype="str")
    if len(parts):
        found = listed(pd.DataFrame({"day": day, "part": parts.to_numpy()}), ["day"], "part", separator)
        joined.loc[found.index] = found
    return joined
