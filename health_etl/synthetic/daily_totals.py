"""Daily totals of steps and active energy: one record per app and local day, rewritten at every sync.

The record ends at midnight even in its first version, so exports made before midnight hold a record that ends later.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from health_etl.synthetic.apps import RING, WATCH, App, metadata
from health_etl.synthetic.day_plan import DayPlan, ThreeDays
from health_etl.synthetic.local_day import MILLIS_PER_MINUTE
from health_etl.synthetic.movement import Movement
from health_etl.synthetic.randomness import FloatArray, IntArray
from health_etl.synthetic.records import Record, Version, interval

STEPS, ACTIVE_CALORIES_BURNED = "StepsRecord", "ActiveCaloriesBurnedRecord"
RING_DAY_STARTS_HOUR = 4.0
RING_STEP_SHARE = (0.62, 0.97)  # of the watch's count: a finger moves less than a wrist; ASSUMPTION

Total = tuple[str, Callable[[float], int | float]]
STEP_COUNT: Total = ("count", round)
KILOCALORIES: Total = ("energyInKilocalories", lambda kcal: float(round(kcal)))


def steps_records(days: ThreeDays, movement: Movement) -> list[Record]:
    """Return the day's step totals from watch and ring, which count the same walks."""
    day = days.today.day
    rng = days.person.rng("ring steps", day.ordinal)
    walked = movement.steps.astype(np.float64)
    counted = walked * rng.uniform(*RING_STEP_SHARE)
    watch = _daily_total(days, WATCH, STEPS, day.start_ms, walked, STEP_COUNT)
    ring_start_ms = day.at(RING_DAY_STARTS_HOUR)
    ring = _daily_total(days, RING, STEPS, ring_start_ms, counted, STEP_COUNT, client_prefix="ring:daily_steps_")
    return [*watch, *ring]


def active_calories_burned_records(days: ThreeDays, movement: Movement) -> list[Record]:
    """Return the ring's total of active energy for the day."""
    start_ms = days.today.day.at(RING_DAY_STARTS_HOUR)
    return _daily_total(
        days,
        RING,
        ACTIVE_CALORIES_BURNED,
        start_ms,
        movement.active_kcal,
        KILOCALORIES,
        client_prefix="ring:daily_active_calories_",
    )


def _daily_total(
    days: ThreeDays,
    app: App,
    record_type: str,
    start_ms: int,
    per_minute: FloatArray,
    total: Total,
    client_prefix: str | None = None,
) -> list[Record]:
    """Return the record, with one version per sync at which the total had grown; nothing for a total of 0."""
    person, plan = days.person, days.today
    field, as_written = total
    client_record_id = None
    if client_prefix is not None:
        client_record_id = client_prefix + person.record_id("ring day", str(plan.day.ordinal))
    span = interval(start_ms, plan.day.last_ms, person.zone)
    versions: list[Version] = []
    so_far: int | float = 0
    syncs_ms, totals = _totals_at_syncs(days, app, start_ms, per_minute)
    for sync_ms, amount in zip(syncs_ms.tolist(), totals.tolist(), strict=True):
        if as_written(amount) <= so_far:
            continue
        so_far = as_written(amount)
        meta = metadata(app, person, record_type, sync_ms, client_record_id=client_record_id, start_ms=start_ms)
        versions.append(Version(sync_ms, {"metadata": meta, **span, field: so_far}))
    return [Record(start_ms, plan.day.last_ms, tuple(versions))] if versions else []


def _totals_at_syncs(days: ThreeDays, app: App, start_ms: int, per_minute: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the app's syncs of the day and the first of the next day, with the total by each of them."""
    plan: DayPlan = days.today
    today_ms = plan.ring_syncs_ms if app is RING else plan.watch_syncs_ms
    next_ms = days.ring_sync(plan.day.end_ms) if app is RING else days.watch_sync(plan.day.end_ms)
    syncs_ms = np.append(today_ms[(today_ms > start_ms) & (today_ms < plan.day.end_ms)], next_ms)
    counted = np.where(plan.day.minutes_ms >= start_ms, per_minute, 0.0)
    running_total = np.concatenate(([0.0], np.cumsum(counted)))
    minute = np.minimum((syncs_ms - plan.day.start_ms) // MILLIS_PER_MINUTE, counted.size)
    return syncs_ms, running_total[minute]
