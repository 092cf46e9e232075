"""The course of a person's day: night, meals, nap, syncs, exports. Sensor data belong in the signal modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from health_etl.synthetic.local_day import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, LocalDay
from health_etl.synthetic.night import Night, sleep_night
from health_etl.synthetic.person import Person
from health_etl.synthetic.randomness import BoolArray, FloatArray, IntArray

MEAL_HOURS = (12.6, 19.0)  # lunch and dinner; breakfast follows getting up
MEAL_CARBOHYDRATES_G = (46.0, 58.0, 64.0)  # breakfast, lunch, dinner; ASSUMPTION
SNACK_CARBOHYDRATES_G = 22.0  # ASSUMPTION
MISSED_MORNING_EXPORT = 0.08  # probability
REPEATED_EXPORT = 0.10  # probability: the person taps the button twice


@dataclass(frozen=True)
class Nap:
    """An afternoon nap; epoch ms."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class DayPlan:
    """One local day of a person; `night` ends on its morning. All times are epoch ms, ascending."""

    day: LocalDay
    night: Night
    bed_ms: int  # when the next night begins
    nap: Nap | None
    meals_ms: IntArray
    meals_g: FloatArray  # carbohydrate
    watch_syncs_ms: IntArray
    ring_syncs_ms: IntArray
    exports_ms: tuple[int, ...]

    def in_bed(self, epoch_ms: IntArray) -> BoolArray:
        """Tell at which of these instants of the day the person is in bed for the night."""
        before_rising = (epoch_ms >= self.night.bed_ms) & (epoch_ms < self.night.rise_ms)
        return before_rising | (epoch_ms >= self.bed_ms)


@dataclass(frozen=True)
class ThreeDays:
    """A day with its neighbours: yesterday's dinner and tomorrow's first sync affect it."""

    person: Person
    yesterday: DayPlan
    today: DayPlan
    tomorrow: DayPlan

    def watch_sync(self, epoch_ms: IntArray | int) -> IntArray:
        """Return when the watch syncs what it recorded by each of these instants, which lie before tomorrow."""
        return _next(self.today.watch_syncs_ms, self.tomorrow.watch_syncs_ms, epoch_ms)

    def ring_sync(self, epoch_ms: IntArray | int) -> IntArray:
        """Return when the ring syncs what it recorded by each of these instants, which lie before tomorrow."""
        return _next(self.today.ring_syncs_ms, self.tomorrow.ring_syncs_ms, epoch_ms)


def _next(today_ms: IntArray, tomorrow_ms: IntArray, epoch_ms: IntArray | int) -> IntArray:
    syncs = np.concatenate((today_ms, tomorrow_ms))
    return np.asarray(syncs[np.searchsorted(syncs, epoch_ms)])


def simulate_days(person: Person, first_day: date, days: int) -> Iterator[ThreeDays]:
    """Yield that many days of the person's life, in order."""
    calendar = (LocalDay(first_day + timedelta(days=n), person.zone) for n in range(-1, days + 2))
    nights = ((day, sleep_night(person, day)) for day in calendar)
    plans = (plan_day(person, day, night, after.bed_ms) for (day, night), (_, after) in pairwise(nights))
    for (yesterday, today), (_, tomorrow) in pairwise(pairwise(plans)):
        yield ThreeDays(person, yesterday, today, tomorrow)


def plan_day(person: Person, day: LocalDay, night: Night, bed_ms: int) -> DayPlan:
    """Return the plan of one day between two nights."""
    rng = person.rng("plan", day.ordinal)
    meals_ms, meals_g = _meals(day, night, rng)
    exports_ms = _exports(day, night, bed_ms, rng)
    return DayPlan(
        day=day,
        night=night,
        bed_ms=bed_ms,
        nap=_nap(person, day, rng),
        meals_ms=meals_ms,
        meals_g=meals_g,
        watch_syncs_ms=_syncs(night, bed_ms, exports_ms, 12, rng),
        ring_syncs_ms=_syncs(night, bed_ms, exports_ms, 5, rng),
        exports_ms=exports_ms,
    )


def _meals(day: LocalDay, night: Night, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Return meal times and grams of carbohydrate; meals are larger and later on days off."""
    breakfast_ms = night.rise_ms + int(rng.uniform(25, 80)) * MILLIS_PER_MINUTE
    later_ms = [day.at(hour + 0.4 * day.is_free + rng.normal(0, 0.4)) for hour in MEAL_HOURS]
    portion = rng.lognormal(0.08 * day.is_free, 0.25, size=3)
    times, grams = [breakfast_ms, *later_ms], list(np.array(MEAL_CARBOHYDRATES_G) * portion)
    if rng.random() < (0.6 if day.is_free else 0.4):
        times.append(day.at(float(rng.uniform(15.0, 17.0))))
        grams.append(SNACK_CARBOHYDRATES_G * float(rng.lognormal(0, 0.3)))
    return np.array(times, dtype=np.int64), np.array(grams)


def _nap(person: Person, day: LocalDay, rng: np.random.Generator) -> Nap | None:
    start_ms, minutes = day.at(float(rng.uniform(13.8, 15.2))), int(rng.integers(35, 75))
    if not (day.is_free and person.naps_on_free_days):
        return None
    return Nap(start_ms, start_ms + minutes * MILLIS_PER_MINUTE)


def _exports(day: LocalDay, night: Night, bed_ms: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Return when the person exports, epoch ms: after getting up and in the evening."""
    morning_ms = night.rise_ms + int(rng.uniform(30, 75) * MILLIS_PER_MINUTE)
    evening_ms = min(day.at(20.0) + int(rng.uniform(0, 75) * MILLIS_PER_MINUTE), bed_ms - MILLIS_PER_HOUR // 2)
    repeat_ms = evening_ms + int(rng.uniform(1.5, 4.0) * MILLIS_PER_MINUTE)
    exports = [] if rng.random() < MISSED_MORNING_EXPORT else [morning_ms]
    exports.append(evening_ms)
    if rng.random() < REPEATED_EXPORT:
        exports.append(repeat_ms)
    return tuple(exports)


def _syncs(night: Night, bed_ms: int, exports_ms: tuple[int, ...], count: int, rng: np.random.Generator) -> IntArray:
    """Return when an app writes its records: after getting up, now and then during the day, before each export."""
    morning_ms = night.rise_ms + rng.uniform(5, 25) * MILLIS_PER_MINUTE
    by_day_ms = rng.uniform(morning_ms, bed_ms, size=count)
    before_export_ms = np.array(exports_ms) - rng.uniform(2, 25, size=len(exports_ms)) * MILLIS_PER_MINUTE
    return np.unique(np.concatenate(([morning_ms], by_day_ms, before_export_ms)).astype(np.int64))
