"""Daily totals of counters that several apps keep in parallel, such as steps and active energy.

Which quantity is counted, and what its total means for health, belongs to the processor of its record type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.activity.records import (
    Quantity,
    Spans,
    day_buckets,
    followed_spans,
    recorded_spans,
    records_of_days,
)
from health_etl.clinical.activity.sources import counted_source_apps, movement_only_apps, source_totals
from health_etl.clinical.common.arrays import Booleans, Floats
from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.common.columns import named
from health_etl.clinical.common.samples import MS_PER_MINUTE, day_minutes, divide
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.text import coverage_reasons, local_clock_times
from health_etl.clinical.common.units import HOURS_PER_DAY
from health_etl.days.merge_sources import MergedTotals, covered_ms, epoch_ms, merge_by_time_slice

MINIMUM_COVERAGE = sourced(
    0.70, "share of the local day", "everybody", "ASSUMPTION: no source sets one; 70 % as for CGM reports"
)
MOVEMENT_MINIMUM_HOURS = sourced(
    10, "h", "adults", "Troiano 2008, doi:10.1249/mss.0b013e31815a51b3: a valid day has 10 h or more of wear"
)
MOVEMENT_MINIMUM_COVERAGE = MOVEMENT_MINIMUM_HOURS / HOURS_PER_DAY

BY_RECORDS = "the records"
BY_MOVEMENT = "records of movement with the pauses between them"
RECORDED = "of the day recorded"
FOLLOWED = "of the day followed by records of movement"


@dataclass(frozen=True)
class DayTotals:
    """Totals of many person-days, one element per row of `days`, in its order.

    total: in the quantity's unit, float, NaN where nothing was recorded; coverage: 0 to 1; coverage_reason: text, null
    when coverage suffices; partial: whether the day was still running at the export; complete: sufficiently covered
    and not partial; described: the metrics of `source_metrics`; records: the underlying records, with `group_id` the
    position of the day.
    """

    total: Floats
    coverage: Floats
    coverage_reason: pd.Series
    partial: Booleans
    complete: Booleans
    described: dict[str, pd.Series]
    records: pd.DataFrame


def daily_totals(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions, quantity: Quantity) -> DayTotals:
    """Add up each local day, apps merged by time slice as Health Connect does (never summed).

    Formula: in each slice of time the top-ranked record counts, pro rata; a record that spans midnight is shared
    between the two days. Unit: that of the quantity. Population: everybody. Source: Android's
    PriorityRecordsAggregator. Minimal coverage: none for the total, which is what was recorded; for the completeness
    of a day see `coverage_of_days`.

    A day is partial when its last export was made before it ended, or when a record that counts towards its total
    ends, within the day, after that record's own export.
    """
    records = records_of_days(rows, days, quantity)
    merged = merge_by_time_slice(
        records, day_buckets(days, np.arange(len(days))), options.app_priority, value_column=quantity.column
    )
    movement_apps = movement_only_apps(records, quantity, len(days))
    coverage, reason, rule = coverage_of_days(records, days, quantity, movement_apps.notna().to_numpy())
    partial = _is_partial(records, merged, days)
    total = merged.totals["total"].to_numpy()
    described = {
        "source_totals": source_totals(records, days, quantity),
        "counted_source_apps": counted_source_apps(merged, quantity, len(days)),
        "movement_only_apps": movement_apps,
        "coverage_rule": rule.mask(np.isnan(total)),
        "partial_day": pd.Series(partial, dtype="boolean").mask(np.isnan(total)),
        "data_until_local": _last_early_export(records, days).where(partial),
    }
    complete = reason.isna().to_numpy() & ~partial
    return DayTotals(total, coverage, reason, partial, complete, described, records)


def coverage_of_days(
    records: pd.DataFrame, days: pd.DataFrame, quantity: Quantity, has_movement_app: Booleans
) -> tuple[Floats, pd.Series, pd.Series]:
    """Return each day's covered share, why it is too little (text, null if it suffices), and the rule of coverage.

    Formula: the time covered by records of any app, up to their export. Where that is below 70 % and a movement-only
    app, whose records cover little by design, took part, the pauses of up to 4 h between its records count as well.
    Unit: share of the local day. Population: everybody. Source: ASSUMPTION; for movement only Troiano 2008.
    Minimal coverage: 70 % of the day recorded, or 10 of 24 h covered by a movement-only app.
    """
    recorded = _share(recorded_spans(records), days)
    followed = _share(followed_spans(records, quantity), days)
    by_movement = has_movement_app & (recorded < MINIMUM_COVERAGE)
    reason = coverage_reasons(recorded, MINIMUM_COVERAGE, RECORDED)
    movement_reason = coverage_reasons(followed, MOVEMENT_MINIMUM_COVERAGE, FOLLOWED)
    rule = named(by_movement.astype(np.int64), (BY_RECORDS, BY_MOVEMENT))
    return np.where(by_movement, followed, recorded), reason.mask(pd.Series(by_movement), movement_reason), rule


def insights_of_totals(days: pd.DataFrame, totals: DayTotals, metrics: dict[str, pd.Series]) -> pd.DataFrame:
    """Return one row per row of `days`, in its order: the metrics, coverage and coverage_reason."""
    coverage = {"coverage": pd.Series(totals.coverage), "coverage_reason": totals.coverage_reason}
    columns = {name: days[name] for name in ("user_id", "local_date")} | metrics | totals.described | coverage
    return pd.DataFrame({name: values.array for name, values in columns.items()})


def _share(spans: Spans, days: pd.DataFrame) -> Floats:
    start_ms, end_ms = epoch_ms(days["day_start_utc"]), epoch_ms(days["day_end_utc"])
    covered = covered_ms(spans.day, spans.start_ms, spans.end_ms, start_ms, end_ms)
    return divide(covered / MS_PER_MINUTE, day_minutes(days))


def _is_partial(records: pd.DataFrame, merged: MergedTotals, days: pd.DataFrame) -> Booleans:
    day, fetched_ms = records["group_id"].to_numpy(), epoch_ms(records["fetched_utc"])
    day_end_ms = epoch_ms(days["day_end_utc"])[day]
    counts = np.zeros(len(records), dtype=np.bool_)
    counts[merged.contributions["record"]] = True
    unfinished = counts & (fetched_ms < np.minimum(epoch_ms(records["end_utc"]), day_end_ms))
    late_exports = np.bincount(day[fetched_ms >= day_end_ms], minlength=len(days))
    partial: Booleans = (np.bincount(day[unfinished], minlength=len(days)) > 0) | (late_exports == 0)
    return partial


def _last_early_export(records: pd.DataFrame, days: pd.DataFrame) -> pd.Series:
    """Return the local clock time of each day's last export before the day ended, null without one."""
    day_end_ms = epoch_ms(days["day_end_utc"])[records["group_id"].to_numpy()]
    names = ["group_id", "fetched_utc", "record_id", "end_utc_offset_minutes"]
    early = records.loc[epoch_ms(records["fetched_utc"]) < day_end_ms, names]
    last = early.sort_values(names[:-1]).drop_duplicates("group_id", keep="last").set_index("group_id")
    clock_times = local_clock_times(last["fetched_utc"], last["end_utc_offset_minutes"])
    return clock_times.reindex(range(len(days)))
