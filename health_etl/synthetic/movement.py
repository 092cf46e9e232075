"""A person's true movement on a day: steps and energy, minute by minute, before any app counts them.

The energy figures are ASSUMPTIONS close to the Compendium of Physical Activities, meant to make the data plausible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from health_etl.synthetic.day_plan import DayPlan
from health_etl.synthetic.local_day import MILLIS_PER_MINUTE
from health_etl.synthetic.person import Person, Sport
from health_etl.synthetic.randomness import FloatArray, IntArray

MAX_STEPS_PER_MINUTE = 185
TYPICAL_ERRAND_STEPS = 230.0  # steps of one short walk around the house, office or shop
KCAL_PER_KG_HOUR = 1.0  # 1 MET, by definition about 1 kcal/kg/h
WALKING_MET_PER_CADENCE = 2.3 / 105  # METs above rest per step/min; 105 steps/min is a brisk walk; ASSUMPTION
SPORT_CADENCE = {Sport.WALKING: 112, Sport.RUNNING: 162, Sport.CYCLING: 0}  # steps/min; ASSUMPTION
SPORT_MET = {Sport.WALKING: 3.0, Sport.RUNNING: 8.3, Sport.CYCLING: 5.8}  # METs above rest; ASSUMPTION
TRAINING_EFFORT_MET = 2.8  # METs above rest from which the watch detects a workout
TRAINING_HOUR = 17.6


@dataclass(frozen=True)
class Movement:
    """Arrays with one value per minute of the local day; `active_met` is METs above rest."""

    steps: IntArray
    active_met: FloatArray
    active_kcal: FloatArray


def simulate_movement(person: Person, plan: DayPlan) -> Movement:
    """Return the person's movement on that day; there is none in bed."""
    rng = person.rng("movement", plan.day.ordinal)
    minutes_ms = plan.day.minutes_ms
    up = ~plan.in_bed(minutes_ms)
    if plan.nap:
        up &= (minutes_ms < plan.nap.start_ms) | (minutes_ms >= plan.nap.end_ms)
    cadence = _walks(person, plan, rng)
    sport_met = np.zeros(minutes_ms.size)
    if plan.day.date.weekday() in person.training_weekdays:
        first = _minute(plan, plan.day.at(TRAINING_HOUR + float(rng.normal(0, 0.4))))
        training = slice(first, first + int(rng.integers(25, 55)))
        cadence[training] = SPORT_CADENCE[person.sport]
        sport_met[training] = SPORT_MET[person.sport]
    noisy = np.round(cadence * rng.normal(1, 0.06, size=cadence.size))
    steps = np.where(up, np.clip(noisy, 0, MAX_STEPS_PER_MINUTE), 0).astype(np.int64)
    active_met = np.where(up, np.maximum(steps * WALKING_MET_PER_CADENCE, sport_met), 0.0)
    kcal = active_met * KCAL_PER_KG_HOUR * person.weight_kg / 60
    return Movement(steps, active_met, kcal)


def _minute(plan: DayPlan, epoch_ms: int) -> int:
    return (epoch_ms - plan.day.start_ms) // MILLIS_PER_MINUTE


def _walks(person: Person, plan: DayPlan, rng: np.random.Generator) -> FloatArray:
    """Return steps per minute from errands, the commute and the walk after lunch."""
    typical = person.steps_per_free_day if plan.day.is_free else person.steps_per_work_day
    wanted = typical * rng.lognormal(0, 0.22)
    errands = max(8, round(0.5 * wanted / TYPICAL_ERRAND_STEPS))
    rise, bed = _minute(plan, plan.night.rise_ms), _minute(plan, plan.bed_ms)
    starts = np.concatenate((rng.uniform(rise, bed, size=errands), _long_walk_starts(plan, rng)))
    ways = starts.size - errands
    way_length = np.clip(0.4 * wanted / ways / 104, 4, 60)
    lengths = np.concatenate((rng.uniform(1, 6, size=errands), np.full(ways, way_length)))
    cadences = np.concatenate((rng.uniform(40, 92, size=errands), rng.uniform(97, 113, size=ways)))
    size = plan.day.minutes_ms.size
    change = np.zeros(size + 1)
    first = np.clip(starts, 0, size).astype(np.int64)
    np.add.at(change, first, cadences)
    np.add.at(change, np.minimum(first + np.ceil(lengths).astype(np.int64), size), -cadences)
    return np.clip(np.cumsum(change)[:size], 0, 125)


def _long_walk_starts(plan: DayPlan, rng: np.random.Generator) -> FloatArray:
    """Return when longer walks begin, in minutes of the day: commute and lunch on work days, outings on days off."""
    hours = (11.0, 16.0) if plan.day.is_free else (8.3, 13.1, 17.2)
    return np.array([_minute(plan, plan.day.at(hour + float(rng.normal(0, 0.4)))) for hour in hours], dtype=float)
