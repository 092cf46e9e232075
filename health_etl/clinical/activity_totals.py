"""Daily totals of counters that several apps keep at once, such as steps and active energy.

Which quantity is counted, and what its total means for health, belongs to the processor of its type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from health_etl.clinical.base import ClinicalOptions, Facts, Metric
from health_etl.clinical.samples import day_minutes, divide
from health_etl.clinical.text import local_clock_times
from health_etl.core.merge_sources import MergedTotals, merge_by_time_slice

MINIMUM_COVERAGE = 0.70  # share of the local day; ASSUMPTION: no source sets one, 70 % as for CGM reports

MS_PER_MINUTE = 60_000

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """What is counted: its column in the rows, its unit and the decimals its totals are written with."""

    column: str
    unit: str
    decimals: int


@dataclass(frozen=True)
class DayTotals:
    """Totals of many person-days, one element per row of `days`, in its order.

    total: in the quantity's unit, float, NaN where nothing was recorded; coverage: 0 to 1; complete: covered
    well enough and not partial; described: the metrics of `source_metrics`.
    """

    total: Floats
    coverage: Floats
    complete: Bools
    described: dict[str, pd.Series]


def daily_totals(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions, quantity: Quantity) -> DayTotals:
    """Add up each local day, apps merged by time slice as Health Connect does (never summed).

    A record that reaches over midnight gives each day its share pro rata. Records exported before the day
    began say nothing about it and are left out.

    Coverage is the share of the local day that records cover, whichever app they come from; time after the
    export of a record does not count. A day is partial when its last export was made before it ended, or when
    a record that counts in its total ends, inside the day, after its own export.
    """
    records = _records_of_days(rows, days, quantity)
    merged = merge_by_time_slice(
        records, _buckets(days, np.arange(len(days))), options.app_priority, value_column=quantity.column
    )
    coverage = _coverage(records, days)
    partial = _is_partial(records, merged, days)
    total = merged.totals["total"].to_numpy()
    described = {
        "source_totals": _source_totals(records, days, quantity),
        "counted_source_apps": _counted_source_apps(merged, quantity, len(days)),
        "partial_day": pd.Series(partial, dtype="boolean").mask(np.isnan(total)),
        "data_until_local": _last_early_export(records, days).where(partial),
    }
    return DayTotals(total, coverage, (coverage >= MINIMUM_COVERAGE) & ~partial, described)


def source_metrics(quantity: Quantity) -> tuple[Metric, ...]:
    """Return the metrics that tell where a total comes from and whether its day is complete."""
    return (
        Metric(
            "source_totals",
            "Totals of the single apps",
            f"What each app alone counted on the day, in {quantity.unit}; overlapping, not to be added",
            dtype=pa.string(),
        ),
        Metric(
            "counted_source_apps",
            "Apps that the total rests on",
            "Apps whose records count in the merged total, the largest share first",
            dtype=pa.string(),
        ),
        Metric(
            "partial_day",
            "Partial day",
            "Whether the day was still running when its data were exported",
            dtype=pa.bool_(),
        ),
        Metric(
            "data_until_local",
            "Data up to (local time)",
            "Local clock time of the last export before a partial day ended; null for a whole day",
            dtype=pa.string(),
        ),
    )


def incomplete_day(facts: Facts) -> str:
    """Say why a total is not that of a whole day; nothing for a complete one."""
    sentences = []
    if facts.has("data_until_local"):
        sentences.append(
            f"The day was still running at the export: the data reach up to {facts['data_until_local']} "
            "local time, so this is the total of a partial day."
        )
    if facts.has("coverage_reason"):
        sentences.append(
            f"This is too little to judge the day ({facts['coverage_reason']}); what happened in the "
            "unrecorded time is unknown, not zero."
        )
    return " ".join(sentences)


def merged_sources(facts: Facts) -> str:
    """Say how the counts of several apps became one total; nothing for a single app."""
    if "; " not in facts["source_totals"]:
        return ""
    origin = (
        f" and rests on {facts['counted_source_apps'].replace(', ', ' and ')}"
        if facts.has("counted_source_apps")
        else ""
    )
    return (
        f"Several apps counted the same day ({facts['source_totals']}); the total is merged by time, not "
        f"added up{origin}."
    )


def _records_of_days(rows: pd.DataFrame, days: pd.DataFrame, quantity: Quantity) -> pd.DataFrame:
    """Return the rows of the asked days under `group_id`, the position of their day in `days`."""
    keys = ["user_id", "local_date"]
    day = pd.MultiIndex.from_frame(days[keys]).get_indexer(pd.MultiIndex.from_frame(rows[keys]))
    columns = ["record_id", "source_app", "start_utc", "end_utc", "end_utc_offset_minutes"]
    records = rows[[*columns, "last_modified_utc", "fetched_utc", quantity.column]].assign(group_id=day)
    records = records[day >= 0].reset_index(drop=True)
    begun = records["fetched_utc"] > _of_day(days, "day_start_utc", records["group_id"].to_numpy())
    return records[begun].reset_index(drop=True)


def _of_day(days: pd.DataFrame, column: str, day: Ints) -> pd.Series:
    return days[column].iloc[day].reset_index(drop=True)


def _buckets(days: pd.DataFrame, day: Ints) -> pd.DataFrame:
    """Return one bucket per element of `day`: the bounds of that local day, each a group of its own."""
    return pd.DataFrame(
        {
            "group_id": np.arange(len(day)),
            "start_utc": _of_day(days, "day_start_utc", day),
            "end_utc": _of_day(days, "day_end_utc", day),
        }
    )


def _earlier(one: pd.Series, other: pd.Series) -> pd.Series:
    return one.where(one <= other, other)


def _coverage(records: pd.DataFrame, days: pd.DataFrame) -> Floats:
    recorded = records.assign(end_utc=_earlier(records["end_utc"], records["fetched_utc"]))
    merged = merge_by_time_slice(recorded, _buckets(days, np.arange(len(days))))
    return divide(merged.totals["covered_ms"].to_numpy() / MS_PER_MINUTE, day_minutes(days))


def _is_partial(records: pd.DataFrame, merged: MergedTotals, days: pd.DataFrame) -> Bools:
    day = records["group_id"].to_numpy()
    day_end_utc = _of_day(days, "day_end_utc", day)
    early = (records["fetched_utc"] < day_end_utc).to_numpy()
    counts = np.zeros(len(records), dtype=np.bool_)
    counts[merged.contributions["record"]] = True
    unfinished = counts & (records["fetched_utc"] < _earlier(records["end_utc"], day_end_utc)).to_numpy()
    late_exports = np.bincount(day[~early], minlength=len(days))
    partial: Bools = (np.bincount(day[unfinished], minlength=len(days)) > 0) | (late_exports == 0)
    return partial


def _last_early_export(records: pd.DataFrame, days: pd.DataFrame) -> pd.Series:
    """Return the local clock time of each day's last export before its end, null without one."""
    day_end_utc = _of_day(days, "day_end_utc", records["group_id"].to_numpy())
    early = records[records["fetched_utc"] < day_end_utc].sort_values(["group_id", "fetched_utc", "record_id"])
    last = early.drop_duplicates("group_id", keep="last").set_index("group_id")
    clock = local_clock_times(last["fetched_utc"], last["end_utc_offset_minutes"])
    return clock.reindex(range(len(days)))


def _source_totals(records: pd.DataFrame, days: pd.DataFrame, quantity: Quantity) -> pd.Series:
    """Write what each app alone counted: "app.one 3933 steps; app.two 2517 steps", the largest first."""
    pair = ["group_id", "source_app"]
    pairs = records[pair].drop_duplicates().sort_values(pair, ignore_index=True)
    alone = records.assign(group_id=records.groupby(pair, sort=True).ngroup())
    merged = merge_by_time_slice(alone, _buckets(days, pairs["group_id"].to_numpy()), value_column=quantity.column)
    totals = pairs.assign(total=merged.totals["total"])
    totals = totals[totals["total"].notna()].sort_values(
        ["group_id", "total", "source_app"], ascending=[True, False, True], ignore_index=True
    )
    written = totals["source_app"] + " " + _written(totals["total"], quantity) + f" {quantity.unit}"
    return _joined(totals["group_id"].to_numpy(), written, len(days), "; ")


def _counted_source_apps(merged: MergedTotals, quantity: Quantity, n_days: int) -> pd.Series:
    shares = merged.by_source().sort_values(
        ["bucket", "total", "source_app"], ascending=[True, False, True], ignore_index=True
    )
    # An app that fills the last millisecond of a day has no part in the total that anybody could see.
    shares = shares[np.round(shares["total"], quantity.decimals) > 0].reset_index(drop=True)
    return _joined(shares["bucket"].to_numpy(), shares["source_app"], n_days, ", ")


def _written(values: pd.Series, quantity: Quantity) -> pd.Series:
    return pd.Series(np.char.mod(f"%.{quantity.decimals}f", values.to_numpy()), dtype="str")


def _joined(day: Ints, parts: pd.Series, n_days: int, separator: str) -> pd.Series:
    """Join the parts of each day, in their order; days without parts are null. `day` ascends."""
    joined = pd.Series([None] * n_days, dtype="str")
    place = pd.Series(day).groupby(day).cumcount().to_numpy()
    for position in range(int(place.max(initial=-1)) + 1):  # as often as one day has apps, a handful
        here = place == position
        added = parts[here].set_axis(day[here])
        joined.loc[added.index] = added if position == 0 else joined.loc[added.index] + separator + added
    return joined
