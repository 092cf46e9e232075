"""Synthetic people: where they live, how they sleep and move, how their glucose behaves.

What happens on a given day belongs in day_plan.py and the signal modules. The figures below make the data plausible and
varied; nothing clinical is concluded from them, and each is an ASSUMPTION.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np

from health_etl.synthetic.randomness import stream

TIME_ZONES = (
    "America/Bogota",  # -05:00 all year
    "Africa/Lagos",  # +01:00 all year
    "America/New_York",  # changes its clocks
    "Europe/Berlin",  # changes its clocks
    "Asia/Kolkata",  # an offset that is not a whole hour
    "Australia/Sydney",  # changes its clocks in the opposite direction
)
DEFLATE_EVERY = 10  # one person in ten has a phone that compresses its exports
DEFLATE_OFFSET = 2  # the second of each ten
ID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "sample.health-etl.github.io")


class Sport(StrEnum):
    """What a person does on training days."""

    WALKING = "walking"
    RUNNING = "running"
    CYCLING = "cycling"


@dataclass(frozen=True)
class GlucoseProfile:
    """How a person's interstitial glucose behaves."""

    name: str
    fasting_mg_dl: float
    dawn_rise_mg_dl: float  # early-morning rise above the level at night
    rise_mg_dl_per_g: float  # peak rise per gram of carbohydrate eaten
    peak_minutes: float  # from a meal to the glucose peak
    wander_mg_dl: float  # standard deviation of the variation that meals do not explain
    fall_mg_dl_per_met: float  # fall per sustained MET above rest
    lows_per_day: float  # expected number of dips from too much insulin


GLUCOSE_PROFILES = (
    GlucoseProfile("type 2 diabetes, diet", 118.0, 16.0, 1.05, 70.0, 8.0, 4.0, 0.0),  # ASSUMPTION
    GlucoseProfile("no diabetes", 88.0, 5.0, 0.50, 45.0, 5.0, 1.5, 0.0),  # ASSUMPTION
    GlucoseProfile("prediabetes", 101.0, 9.0, 0.72, 55.0, 6.0, 2.0, 0.0),  # ASSUMPTION
    GlucoseProfile("type 1 diabetes", 128.0, 24.0, 2.1, 75.0, 22.0, 6.0, 1.2),  # ASSUMPTION
    GlucoseProfile("no diabetes", 92.0, 4.0, 0.42, 42.0, 5.0, 1.5, 0.0),  # ASSUMPTION
)


@dataclass(frozen=True)
class Person:
    """A synthetic person. Hours are local wall-clock hours."""

    person_id: str
    seed: int
    index: int
    zone: ZoneInfo
    age_years: int
    weight_kg: float
    resting_bpm: float
    rmssd_ms: float  # typical value of a night
    work_wake_hour: float
    free_wake_hour: float
    work_sleep_hours: float
    free_sleep_hours: float
    naps_on_free_days: bool
    steps_per_work_day: float
    steps_per_free_day: float
    sport: Sport
    training_weekdays: tuple[int, ...]  # Monday is 0
    glucose: GlucoseProfile
    cgm_serial: int
    cgm_phase_ms: int  # when the sensor measures within its 5 minutes
    codec: str

    def rng(self, purpose: str, day_ordinal: int) -> np.random.Generator:
        """Return the person's random generator for one purpose on one day."""
        return stream(self.seed, self.index, purpose, day_ordinal)

    def record_id(self, *identity: str) -> str:
        """Return the platform's id of a record; the same identity gives the same id in every export."""
        return str(uuid.uuid5(ID_NAMESPACE, "|".join((str(self.seed), self.person_id, *identity))))


def invent_person(seed: int, index: int, person_id: str, *, naps_on_free_days: bool | None = None) -> Person:
    """Create the person with that index (1, 2, …), who does not depend on other people with the same seed."""
    rng = stream(seed, index, "person")
    age_years = int(rng.integers(24, 74))
    work_wake_hour = float(np.clip(rng.normal(6.6, 0.5), 5.5, 8.0))
    work_sleep_hours = float(np.clip(rng.normal(7.1, 0.5), 5.8, 8.2))
    steps = float(np.clip(rng.lognormal(np.log(7_800), 0.3), 3_000, 15_000))
    drawn_naps = bool(rng.random() < 0.4)
    return Person(
        person_id=person_id,
        seed=seed,
        index=index,
        zone=ZoneInfo(TIME_ZONES[(index - 1) % len(TIME_ZONES)]),
        age_years=age_years,
        weight_kg=float(np.clip(rng.normal(76, 13), 48, 125)),
        resting_bpm=float(np.clip(rng.normal(57, 6), 44, 74)),
        rmssd_ms=float(np.clip(62 - 0.6 * age_years + rng.normal(0, 7), 14, 85)),
        work_wake_hour=work_wake_hour,
        free_wake_hour=work_wake_hour + float(rng.uniform(0.7, 2.0)),
        work_sleep_hours=work_sleep_hours,
        free_sleep_hours=work_sleep_hours + float(rng.uniform(0.2, 1.2)),
        naps_on_free_days=drawn_naps if naps_on_free_days is None else naps_on_free_days,
        steps_per_work_day=steps,
        steps_per_free_day=steps * float(rng.uniform(0.65, 1.35)),
        sport=list(Sport)[int(rng.integers(0, 3))],
        training_weekdays=tuple(sorted(rng.choice(7, size=int(rng.integers(1, 4)), replace=False).tolist())),
        glucose=GLUCOSE_PROFILES[(index - 1) % len(GLUCOSE_PROFILES)],
        cgm_serial=int(rng.integers(100_000_000, 999_999_999)),
        cgm_phase_ms=int(rng.integers(0, 300_000)),
        codec="deflate" if index % DEFLATE_EVERY == DEFLATE_OFFSET else "null",
    )
