"""A day of interstitial glucose and the CGM app's records of it, written 3 hours late and always with offset `Z`."""

from __future__ import annotations

import numpy as np

from health_etl.synthetic.apps import CGM, CGM_ZONE_OFFSET_ID, metadata
from health_etl.synthetic.day_plan import DayPlan, ThreeDays
from health_etl.synthetic.local_day import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, MILLIS_PER_SECOND
from health_etl.synthetic.movement import Movement
from health_etl.synthetic.person import GlucoseProfile, Person
from health_etl.synthetic.randomness import BoolArray, FloatArray, IntArray, lag, smooth
from health_etl.synthetic.records import Record, Version

RECORD_TYPE = "BloodGlucoseRecord"
CADENCE_MS = 5 * MILLIS_PER_MINUTE
JITTER_MS = 400  # standard deviation
DELAY_MS = 3 * MILLIS_PER_HOUR  # the app shares readings only once they are too old for dosing
SENSOR_MIN_MG_DL, SENSOR_MAX_MG_DL = 40.0, 400.0  # display range of the simulated sensor
SENSOR_DAYS = 15
WARM_UP_MS = 60 * MILLIS_PER_MINUTE
SIGNAL_LOSS = 0.12  # probability per day
MMOL_L_PER_MG_DL = 1 / 18.0  # the factor that Health Connect uses
SENSOR_NOISE_MG_DL = 1.8  # standard deviation
WANDER_MINUTES = 35.0  # time constant of the variation that meals do not explain
DAWN_HOUR, DAWN_WIDTH_HOURS = 6.5, 2.2
EXERCISE_MEMORY_MINUTES = 50.0
LOW_DEPTH_MG_DL = (55.0, 105.0)
LOW_WIDTH_MINUTES = 24.0
COUNTED_FROM_MS = 1_735_689_600_000  # 2025-01-01 UTC: the origin of the app's reading numbers


def blood_glucose_records(days: ThreeDays, movement: Movement) -> list[Record]:
    """Return the CGM readings of the day, one every 5 minutes except for gaps."""
    person, today = days.person, days.today
    rng = person.rng("cgm", today.day.ordinal)
    times_ms = _reading_times(person, today)
    level = glucose_mg_dl(days, movement)
    shown = np.clip(np.round(level), SENSOR_MIN_MG_DL, SENSOR_MAX_MG_DL)
    modified_ms = times_ms + DELAY_MS + rng.uniform(1_500, 9_000, size=times_ms.size).astype(np.int64)
    modified_ms += np.where(rng.random(times_ms.size) < 0.04, CADENCE_MS, 0)  # delivered with the next reading
    measured_ms = times_ms + np.clip(rng.normal(0, JITTER_MS, size=times_ms.size), -1_500, 1_500).astype(np.int64)
    kept = _kept(person, today, times_ms)
    columns = (times_ms[kept], measured_ms[kept], modified_ms[kept], shown[kept])
    return [
        _record(person, grid, time, modified, value)
        for grid, time, modified, value in zip(*(column.tolist() for column in columns), strict=True)
    ]


def glucose_mg_dl(days: ThreeDays, movement: Movement) -> FloatArray:
    """Return interstitial glucose at the day's reading times, mg/dL, neither rounded nor clipped."""
    person, yesterday, today = days.person, days.yesterday, days.today
    rng = person.rng("glucose", today.day.ordinal)
    profile = person.glucose
    times_ms = _reading_times(person, today)
    hours = today.day.wall_hours(times_ms)
    dawn = profile.dawn_rise_mg_dl * np.exp(-0.5 * ((hours - DAWN_HOUR) / DAWN_WIDTH_HOURS) ** 2)
    meals_ms = np.concatenate((yesterday.meals_ms, today.meals_ms))
    meals_g = np.concatenate((yesterday.meals_g, today.meals_g))
    eaten: FloatArray = (meal_response(profile, times_ms[:, None] - meals_ms[None, :]) * meals_g).sum(axis=1)
    effort = lag(movement.active_met, EXERCISE_MEMORY_MINUTES) * profile.fall_mg_dl_per_met
    minute = np.minimum((times_ms - today.day.start_ms) // MILLIS_PER_MINUTE, effort.size - 1)
    wander = _wander(person, yesterday, today) * profile.wander_mg_dl
    lows = _lows(profile, times_ms, rng)
    noise = rng.normal(0, SENSOR_NOISE_MG_DL, size=times_ms.size)
    return profile.fasting_mg_dl + dawn + eaten - effort[minute] + wander + noise - lows


def meal_response(profile: GlucoseProfile, since_meal_ms: IntArray) -> FloatArray:
    """Return the rise (mg/dL per gram of carbohydrate) at that time after a meal; 0 before it."""
    x = np.maximum(since_meal_ms, 0) / MILLIS_PER_MINUTE / profile.peak_minutes
    rise: FloatArray = profile.rise_mg_dl_per_g * x**2 * np.exp(2 * (1 - x))
    return rise


def _reading_times(person: Person, plan: DayPlan) -> IntArray:
    """Return the sensor's measurement times on that day, epoch ms; all days share one 5-minute grid."""
    first = plan.day.start_ms + (person.cgm_phase_ms - plan.day.start_ms) % CADENCE_MS
    return np.arange(first, plan.day.end_ms, CADENCE_MS, dtype=np.int64)


def _wander(person: Person, yesterday: DayPlan, today: DayPlan) -> FloatArray:
    """Return autocorrelated noise of unit variance, continuous with the day before."""
    white = [
        person.rng("glucose wander", plan.day.ordinal).normal(size=_reading_times(person, plan).size)
        for plan in (yesterday, today)
    ]
    noise = smooth(np.concatenate(white), WANDER_MINUTES * MILLIS_PER_MINUTE / CADENCE_MS)
    return noise[white[0].size :]


def _lows(profile: GlucoseProfile, times_ms: IntArray, rng: np.random.Generator) -> FloatArray:
    """Return how far dips pull the glucose down, mg/dL; they occur at night and in the late afternoon."""
    count = int(rng.poisson(profile.lows_per_day))
    hours = np.where(rng.random(count) < 0.5, rng.uniform(2, 5, count), rng.uniform(15.5, 18.5, count))
    depth = rng.uniform(*LOW_DEPTH_MG_DL, size=count)
    minutes = (times_ms - times_ms[0]) / MILLIS_PER_MINUTE
    shape = np.exp(-0.5 * ((minutes[:, None] - 60 * hours[None, :]) / LOW_WIDTH_MINUTES) ** 2)
    total: FloatArray = (shape * depth).sum(axis=1)
    return total


def _kept(person: Person, plan: DayPlan, times_ms: IntArray) -> BoolArray:
    """Tell which readings exist: none during the warm-up of a new sensor or while the signal is lost."""
    rng = person.rng("cgm gaps", plan.day.ordinal)
    lost_from_ms = plan.day.start_ms + rng.uniform(0, 22) * MILLIS_PER_HOUR
    lost_ms = rng.uniform(15, 110) * MILLIS_PER_MINUTE if rng.random() < SIGNAL_LOSS else 0.0
    kept = (times_ms < lost_from_ms) | (times_ms >= lost_from_ms + lost_ms)
    if plan.day.ordinal % SENSOR_DAYS == person.index % SENSOR_DAYS:
        new_sensor_ms = plan.day.at(19.5)
        kept &= (times_ms < new_sensor_ms) | (times_ms >= new_sensor_ms + WARM_UP_MS)
    return kept


def _record(person: Person, grid_ms: int, time_ms: int, modified_ms: int, mg_dl: float) -> Record:
    reading = f"{person.cgm_serial}{(grid_ms - COUNTED_FROM_MS) // MILLIS_PER_SECOND:09d}"
    row = {
        "metadata": metadata(CGM, person, RECORD_TYPE, modified_ms, client_record_id=reading),
        "timeEpochMillis": time_ms,
        "zoneOffsetId": CGM_ZONE_OFFSET_ID,
        "levelInMilligramsPerDeciliter": mg_dl * MMOL_L_PER_MG_DL / MMOL_L_PER_MG_DL,
        "specimenSource": "INTERSTITIAL_FLUID",
        "mealType": "UNKNOWN",
        "relationToMeal": "UNKNOWN",
    }
    return Record(time_ms, time_ms, (Version(modified_ms, row),))
