"""A day's pattern by hour and minute, from fine-grained records only: longer records would smear it out evenly.

What the pattern means belongs to the record types.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.activity.records import (
    Quantity,
    Spans,
    followed_spans,
    length_minutes,
    of_day,
    since_day_start_minutes,
)
from health_etl.clinical.activity.totals import MOVEMENT_MINIMUM_HOURS, DayTotals
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.base import ClinicalOptions, Metric
from health_etl.clinical.common.columns import UNKNOWN, clock_times, named_where
from health_etl.clinical.common.samples import day_minutes
from health_etl.clinical.common.sources import definition, sourced
from health_etl.clinical.common.text import clock_time
from health_etl.clinical.common.units import HOURS_PER_DAY, MINUTES_PER_HOUR
from health_etl.days.merge_sources import merge_by_time_slice

FINE_MINUTES = sourced(
    15, "min", "everybody", "ASSUMPTION: four records an hour locate movement within it; longer ones blur a break"
)
HOUR_MINIMUM_SHARE = sourced(0.5, "share of the hour", "everybody", "ASSUMPTION: a smaller part does not represent it")
MINUTES_PER_DAY = HOURS_PER_DAY * MINUTES_PER_HOUR
NIGHT_HOURS = definition((0, 6), "hours of the night by the local clock")
MORNING_HOURS = definition((6, 12), "hours of the morning by the local clock")
AFTERNOON_HOURS = definition((12, 18), "hours of the afternoon by the local clock")
EVENING_HOURS = definition((18, 24), "hours of the evening by the local clock")
PARTS = {
    "night": NIGHT_HOURS,
    "morning": MORNING_HOURS,
    "afternoon": AFTERNOON_HOURS,
    "evening": EVENING_HOURS,
}

COARSE = f"no record is {FINE_MINUTES} min long or shorter"
THIN = f"records of at most {FINE_MINUTES} min follow less than {MOVEMENT_MINIMUM_HOURS} h of the day"
RUNNING = "the day was still running at the export"


@dataclass(frozen=True)
class FineDay:
    """Fine-grained records of many days on a grid of minutes since local midnight: arrays with one row per day.

    records: the fine-grained records; moving: whether a record above zero touches the minute; followed: whether the
    records cover the minute, moving or not; clock_minute: what the local clock showed; reason: why there is no
    pattern, null where there is one.
    """

    records: pd.DataFrame
    moving: Booleans
    followed: Booleans
    clock_minute: Integers
    transition_minute: Floats  # since midnight, when the clock changed; the day's length where it did not
    reason: pd.Series


def fine_day(totals: DayTotals, days: pd.DataFrame, quantity: Quantity) -> FineDay:
    """Map records of at most 15 min onto the minutes of their day.

    A pattern needs at least 10 h of the day covered by such records (Troiano 2008: a valid day of wear) and a day
    that was over when it was exported.
    """
    records = totals.records[length_minutes(totals.records) <= FINE_MINUTES].reset_index(drop=True)
    followed = minutes_touched(followed_spans(records, quantity), days)
    moving = minutes_touched(Spans.of(records[records[quantity.column] > 0]), days)
    transition = _transition_minutes(totals.records, days)
    fine_count = np.bincount(records["group_id"], minlength=len(days))
    reason = fineness_reason(totals, fine_count, followed.sum(axis=1), COARSE, THIN)
    return FineDay(records, moving, followed, _clock_minutes(days, transition, followed.shape[1]), transition, reason)


def fineness_reason(
    totals: DayTotals, fine_count: Integers, followed_minutes: Integers, coarse: str, thin: str
) -> pd.Series:
    """Return why records are too coarse for a pattern; null where they are fine enough, or nothing was recorded."""
    enough = followed_minutes >= MOVEMENT_MINIMUM_HOURS * MINUTES_PER_HOUR
    code = np.select([fine_count == 0, totals.partial, ~enough], [0, 1, 2], default=UNKNOWN)
    return named_where(code, (coarse, RUNNING, thin), ~np.isnan(totals.total))


def minutes_touched(spans: Spans, days: pd.DataFrame) -> Booleans:
    """Return which minutes since local midnight the spans touch: one row per day, as wide as the longest day."""
    minutes = day_minutes(days)
    width = int(np.ceil(minutes.max(initial=MINUTES_PER_DAY)))
    start = np.floor(since_day_start_minutes(spans.day, spans.start_ms, days))
    stop = np.maximum(np.ceil(since_day_start_minutes(spans.day, spans.end_ms, days)), start + 1)
    first, last = (np.clip(edge, 0, np.ceil(minutes)[spans.day]).astype(np.int64) for edge in (start, stop))
    edges = np.zeros((len(days), width + 1), dtype=np.int32)
    np.add.at(edges, (spans.day, first), 1)
    np.add.at(edges, (spans.day, last), -1)
    touched: Booleans = edges.cumsum(axis=1, dtype=np.int32)[:, :-1] > 0
    return touched


def amounts_by_hour(fine: FineDay, days: pd.DataFrame, options: ClinicalOptions, quantity: Quantity) -> Floats:
    """Return the amount that fine-grained records hold in each of the 24 clock hours, apps merged by time slice.

    An hour that the clocks repeat holds both passes; one that they skip, or that is less than half covered, is NaN.
    """
    buckets, clock_hour = _hour_pieces(fine, days)
    merged = merge_by_time_slice(fine.records, buckets, options.app_priority, value_column=quantity.column)
    place = (buckets["group_id"].to_numpy(), clock_hour)
    amounts = np.zeros((len(days), HOURS_PER_DAY))
    np.add.at(amounts, place, merged.totals["total"].fillna(0.0).to_numpy())
    return np.where(_known_hours(fine, days), amounts, np.nan)


def hour_metrics(by_hour: Floats, fine: FineDay, quantity: Quantity) -> dict[str, pd.Series]:
    """Return the hourly pattern of each day: the amount in known hours, the busiest hour and the parts of the day.

    Formula: sums over the local clock hours; a part of the day is given when all of its hours are known; the earliest
    of equal hours is the busiest; none where nothing moved. Unit: that of the quantity. Population: everybody.
    Source: ASSUMPTION, see the constants. Minimal coverage: see `fine_day`.
    """
    enough = fine.reason.isna() & pd.Series(fine.followed.any(axis=1))
    known = ~np.isnan(by_hour)
    filled = np.where(known, by_hour, 0.0)
    busiest, most = filled.argmax(axis=1), filled.max(axis=1)
    moved = enough & pd.Series(most > 0)
    name = quantity.column
    numbers = {
        f"{name}_in_known_hours": pd.Series(filled.sum(axis=1)).where(enough),
        "known_hours": pd.Series(known.sum(axis=1), dtype="Int64").where(enough),
        f"busiest_hour_{name}": pd.Series(most).where(moved),
    }
    parts = {
        f"{part}_{name}": pd.Series(by_hour[:, first:last].sum(axis=1)).where(enough)
        for part, (first, last) in PARTS.items()
    }
    words = {
        "busiest_hour_local": clock_times(np.where(moved, busiest * MINUTES_PER_HOUR, UNKNOWN)),
        "pattern_missing_reason": fine.reason,
    }
    whole = {key: written(values, quantity) for key, values in (numbers | parts).items() if key != "known_hours"}
    lists = {f"{name}_by_hour": pd.Series(by_hour.tolist(), dtype="object")}
    return numbers | whole | words | lists


def written(values: pd.Series, quantity: Quantity) -> pd.Series:
    """Return amounts in the data type of their quantity: whole numbers where it has no decimals."""
    return values.round().astype("Int64") if quantity.decimals == 0 else values


def clock_at(fine: FineDay, minute: Integers) -> pd.Series:
    """Return the local clock time of one minute of each day, "HH:MM"."""
    return clock_times(fine.clock_minute[np.arange(len(minute)), minute] % MINUTES_PER_DAY)


def pattern_metrics(quantity: Quantity, what: str) -> tuple[Metric, ...]:
    """Return the columns of `hour_metrics`."""
    unit, decimals = quantity.unit, quantity.decimals
    dtype = pa.int64() if decimals == 0 else pa.float64()

    def amount(name: str, label: str, description: str) -> Metric:
        return Metric(name, label, description, unit=unit, decimals=decimals, dtype=dtype)

    name = quantity.column
    fine = f"records of at most {FINE_MINUTES} min"
    return (
        Metric(
            "pattern_missing_reason",
            "No hourly pattern because",
            "Why there is no hourly pattern; null where there is one",
            dtype=pa.string(),
        ),
        Metric(
            "known_hours", "Hours with a known amount", f"Hours at least half covered by {fine}", "h", 0, pa.int64()
        ),
        amount(f"{name}_in_known_hours", f"{what} in these hours", f"Sum of the known hours, from {fine}"),
        Metric("busiest_hour_local", "Busiest hour from (local time)", "Start of the hour", dtype=pa.string()),
        amount(f"busiest_hour_{name}", f"{what} in the busiest hour", "Largest amount of a known hour"),
        *(
            amount(
                f"{part}_{name}",
                f"{what} of the {part} ({clock_time(first)}–{clock_time(last)})",
                f"Sum of these hours of the local clock; null unless all are known, from {fine}",
            )
            for part, (first, last) in PARTS.items()
        ),
        Metric(
            f"{name}_by_hour",
            f"{what} by hour",
            f"{HOURS_PER_DAY} hours of the local clock, from {fine}; NaN where unknown",
            unit=unit,
            decimals=decimals,
            dtype=pa.list_(pa.float64()),
            reported=False,
        ),
    )


def _transition_minutes(records: pd.DataFrame, days: pd.DataFrame) -> Floats:
    """Return when the clock changed: the first record whose offset differs from the one the day began with."""
    transition = day_minutes(days)
    changed = (transition != MINUTES_PER_DAY)[records["group_id"].to_numpy()]
    began = days["utc_offset_minutes"].to_numpy()[records["group_id"].to_numpy()]
    moved = Spans.of(records[changed & (records["utc_offset_minutes"].to_numpy() != began)])
    np.minimum.at(transition, moved.day, since_day_start_minutes(moved.day, moved.start_ms, days))
    return transition


def _clock_minutes(days: pd.DataFrame, transition: Floats, width: int) -> Integers:
    minute = np.arange(width)
    shift = (MINUTES_PER_DAY - day_minutes(days)).astype(np.int64)
    shown: Integers = minute + np.where(minute >= transition[:, None], shift[:, None], 0)
    return shown


def _hour_pieces(fine: FineDay, days: pd.DataFrame) -> tuple[pd.DataFrame, Integers]:
    """Split each day into hours since midnight, and at the clock change; return the buckets and their clock hours."""
    length, width = day_minutes(days), fine.clock_minute.shape[1]
    edge = np.arange(-(-width // MINUTES_PER_HOUR))[None, :] * float(MINUTES_PER_HOUR)
    start, stop = (np.minimum(at, length[:, None]) for at in (edge, edge + MINUTES_PER_HOUR))
    cut = np.clip(fine.transition_minute[:, None], start, stop)
    first = np.stack([start, cut], axis=2)
    last = np.stack([cut, stop], axis=2)
    kept = last > first
    day = np.nonzero(kept)[0]
    midnight = of_day(days, "day_start_utc", day)
    buckets = pd.DataFrame(
        {
            "group_id": day,
            "start_utc": midnight + pd.to_timedelta(first[kept], unit="min"),
            "end_utc": midnight + pd.to_timedelta(last[kept], unit="min"),
        }
    )
    minute = np.ceil(first[kept]).astype(np.int64).clip(max=width - 1)
    hour = fine.clock_minute[day, minute] // MINUTES_PER_HOUR
    return buckets, np.clip(hour, 0, HOURS_PER_DAY - 1)


def _known_hours(fine: FineDay, days: pd.DataFrame) -> Booleans:
    """Return which clock hours are covered for at least half of their minutes."""
    exists = np.arange(fine.clock_minute.shape[1]) < day_minutes(days)[:, None]
    hour = np.clip(fine.clock_minute // MINUTES_PER_HOUR, 0, HOURS_PER_DAY - 1)
    cell = np.arange(len(days))[:, None] * HOURS_PER_DAY + hour
    cells = len(days) * HOURS_PER_DAY
    followed = np.bincount(cell[fine.followed & exists], minlength=cells)
    minutes = np.bincount(cell[exists], minlength=cells)
    known: Booleans = (minutes > 0) & (followed >= HOUR_MINIMUM_SHARE * minutes)
    return known.reshape(len(days), HOURS_PER_DAY)
