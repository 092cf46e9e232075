"""A day of heart rate: single samples and hourly series from the watch, one series per night from the ring."""

from __future__ import annotations

import numpy as np

from health_etl.synthetic.apps import RING, WATCH, metadata
from health_etl.synthetic.day_plan import DayPlan, ThreeDays
from health_etl.synthetic.local_day import MILLIS_PER_HOUR, MILLIS_PER_MINUTE
from health_etl.synthetic.movement import TRAINING_EFFORT_MET, Movement
from health_etl.synthetic.night import AWAKE, DEEP, EPOCHS_PER_MINUTE, LIGHT, REM, Night
from health_etl.synthetic.person import Person
from health_etl.synthetic.randomness import BoolArray, FloatArray, IntArray, lag, smooth
from health_etl.synthetic.records import Record, Version, interval
from health_etl.synthetic.sleep_session import RING_BLOCK_MS, RingNight

RECORD_TYPE = "HeartRateRecord"
MIN_BPM, MAX_BPM = 36.0, 205.0  # the range that a wrist sensor shows
SINGLE_CADENCE_MS = 10 * MILLIS_PER_MINUTE
# The following are ASSUMPTIONS, in bpm, chosen to resemble an adult's day.
AWAKE_OVER_RESTING_BPM = 15.0
CIRCADIAN_BPM, CIRCADIAN_PEAK_HOUR = 4.0, 16.0
NIGHT_FALL_BPM = 9.0  # from lying down to the nadir before morning
STAGE_BPM = {AWAKE: 6.0, LIGHT: 0.0, DEEP: -1.0, REM: 3.0}
FREE_NIGHT_BPM = 2.0  # late dinners and drinks
AWAKE_NOISE_BPM, ASLEEP_NOISE_BPM, SENSOR_NOISE_BPM = 3.5, 1.5, 1.2
MAX_MET = 11.0  # METs above rest at the maximal heart rate
RECOVERY_MINUTES = 2.0
MAX_HEART_RATE_BPM, MAX_HEART_RATE_SLOPE = 208.0, 0.7  # Tanaka 2001: 208 - 0.7 * age
CONTINUOUS_NIGHT_HOUR = 0.7  # probability that the watch measures continuously for a whole hour of sleep


def heart_rate_records(days: ThreeDays, movement: Movement, ring: RingNight) -> list[Record]:
    """Return the day's heart-rate records from both apps, sorted by start."""
    bpm = day_bpm(days, movement)
    continuous = _continuous_hours(days, movement)
    records = [*_single_samples(days, bpm, continuous), *_hourly_series(days, bpm, continuous)]
    records.append(_ring_series(days, ring))
    return sorted(records, key=lambda record: record.start_ms)


def day_bpm(days: ThreeDays, movement: Movement) -> FloatArray:
    """Return the heart rate in each minute of the local day, bpm, unrounded."""
    person, plan = days.person, days.today
    rng = person.rng("heart rate", plan.day.ordinal)
    minutes_ms = plan.day.minutes_ms
    hours = plan.day.wall_hours(minutes_ms)
    circadian = CIRCADIAN_BPM * np.cos(2 * np.pi * (hours - CIRCADIAN_PEAK_HOUR) / 24)
    effort = np.minimum(lag(movement.active_met, RECOVERY_MINUTES) / MAX_MET, 1.0)
    reserve = MAX_HEART_RATE_BPM - MAX_HEART_RATE_SLOPE * person.age_years - person.resting_bpm
    noise = smooth(rng.normal(size=minutes_ms.size), 6.0) * AWAKE_NOISE_BPM
    bpm = person.resting_bpm + AWAKE_OVER_RESTING_BPM + circadian + effort * reserve + noise
    for night in (plan.night, days.tomorrow.night):
        _overlay_night(bpm, minutes_ms, person, night)
    if plan.nap:
        napping = (minutes_ms >= plan.nap.start_ms) & (minutes_ms < plan.nap.end_ms)
        bpm[napping] -= AWAKE_OVER_RESTING_BPM / 2
    limited: FloatArray = np.clip(bpm, MIN_BPM, MAX_BPM)
    return limited


def night_bpm(person: Person, night: Night) -> FloatArray:
    """Return the heart rate in each minute in bed, bpm: it falls overnight and rises in REM sleep and when awake."""
    rng = person.rng("night heart rate", night.day_ordinal)
    stages = night.stages[::EPOCHS_PER_MINUTE]
    of_stage = np.array([STAGE_BPM[stage] for stage in sorted(STAGE_BPM)])
    fall = NIGHT_FALL_BPM * np.cos(np.linspace(0, 0.85 * np.pi, stages.size)) / 2
    noise = smooth(rng.normal(size=stages.size), 12.0) * ASLEEP_NOISE_BPM
    free = _ends_on_free_day(night) * FREE_NIGHT_BPM
    level = person.resting_bpm + NIGHT_FALL_BPM / 2 + free + rng.normal(0, 1.2)
    return np.clip(level + fall + lag(of_stage[stages], 2.0) + noise, MIN_BPM, MAX_BPM)


def _ends_on_free_day(night: Night) -> bool:
    return (night.day_ordinal - 1) % 7 >= 5


def _overlay_night(bpm: FloatArray, minutes_ms: IntArray, person: Person, night: Night) -> None:
    """Overwrite the minutes of the day that the night covers with the night's heart rate."""
    values = night_bpm(person, night)
    index = (minutes_ms - night.bed_ms) // MILLIS_PER_MINUTE
    covered = (index >= 0) & (index < values.size)
    bpm[covered] = values[index[covered]]


def _continuous_hours(days: ThreeDays, movement: Movement) -> BoolArray:
    """Tell for each hour of the local day whether the watch measures every minute of it."""
    plan = days.today
    rng = days.person.rng("continuous hours", plan.day.ordinal)
    in_bed = plan.in_bed(plan.day.minutes_ms).reshape(-1, 60).mean(axis=1)
    trained = (movement.active_met.reshape(-1, 60) >= TRAINING_EFFORT_MET).sum(axis=1) >= 10
    asleep = (in_bed > 0.9) & (rng.random(in_bed.size) < CONTINUOUS_NIGHT_HOUR)
    continuous: BoolArray = trained | asleep
    return continuous


def _is_worn(plan: DayPlan, times_ms: IntArray, rng: np.random.Generator) -> BoolArray:
    """Tell at which times the watch is worn: not while it charges in the evening."""
    off_ms = plan.day.at(float(rng.uniform(18.8, 20.5)))
    on_ms = off_ms + int(rng.uniform(30, 80)) * MILLIS_PER_MINUTE
    return (times_ms < off_ms) | (times_ms >= on_ms)


def _single_samples(days: ThreeDays, bpm: FloatArray, continuous: BoolArray) -> list[Record]:
    person, plan = days.person, days.today
    rng = person.rng("single samples", plan.day.ordinal)
    first_ms = plan.day.start_ms + int(rng.integers(0, SINGLE_CADENCE_MS))
    times_ms = np.arange(first_ms, plan.day.end_ms - 1_000, SINGLE_CADENCE_MS, dtype=np.int64)
    times_ms += rng.integers(-40, 41, size=times_ms.size)
    times_ms = np.clip(times_ms, plan.day.start_ms, plan.day.last_ms)
    hour = (times_ms - plan.day.start_ms) // MILLIS_PER_HOUR
    times_ms = times_ms[~continuous[hour] & _is_worn(plan, times_ms, rng)]
    values = _measure(bpm, times_ms, plan, rng)
    modified = days.watch_sync(times_ms)
    return [
        _watch_record(person, time, time, sync, [(time, value)])
        for time, value, sync in zip(times_ms.tolist(), values.tolist(), modified.tolist(), strict=True)
    ]


def _hourly_series(days: ThreeDays, bpm: FloatArray, continuous: BoolArray) -> list[Record]:
    person, plan = days.person, days.today
    rng = person.rng("hourly series", plan.day.ordinal)
    records = []
    for hour in np.flatnonzero(continuous).tolist():
        start_ms = plan.day.start_ms + hour * MILLIS_PER_HOUR
        end_ms = start_ms + MILLIS_PER_HOUR - 1
        times_ms = np.arange(start_ms, end_ms, MILLIS_PER_MINUTE, dtype=np.int64)
        times_ms = times_ms[rng.random(times_ms.size) < 0.97]
        values = _measure(bpm, times_ms, plan, rng)
        samples = list(zip(times_ms.tolist(), values.tolist(), strict=True))
        records.append(_watch_record(person, start_ms, end_ms, int(days.watch_sync(end_ms)), samples))
    return records


def _measure(bpm: FloatArray, times_ms: IntArray, plan: DayPlan, rng: np.random.Generator) -> IntArray:
    """Return the sensor's readings at these times of the day, whole bpm."""
    minute = (times_ms - plan.day.start_ms) // MILLIS_PER_MINUTE
    noisy = bpm[minute] + rng.normal(0, SENSOR_NOISE_BPM, size=times_ms.size)
    return np.round(np.clip(noisy, MIN_BPM, MAX_BPM)).astype(np.int64)


def _ring_series(days: ThreeDays, ring: RingNight) -> Record:
    """Return the ring's heart rate for the night: a single record with one sample per 5 minutes."""
    person, night = days.person, days.today.night
    times_ms = ring.start_ms + np.arange(ring.blocks.size, dtype=np.int64) * RING_BLOCK_MS
    bpm = night_bpm(person, night)[(times_ms - night.bed_ms) // MILLIS_PER_MINUTE]
    samples = list(zip(times_ms.tolist(), np.round(bpm).astype(np.int64).tolist(), strict=True))
    modified_ms = int(days.ring_sync(ring.end_ms))
    meta = metadata(RING, person, RECORD_TYPE, modified_ms, client_record_id=f"ring:{ring.session_id}")
    return _record(person, meta, ring.start_ms, ring.end_ms, modified_ms, samples)


def _watch_record(
    person: Person, start_ms: int, end_ms: int, modified_ms: int, samples: list[tuple[int, int]]
) -> Record:
    meta = metadata(WATCH, person, RECORD_TYPE, modified_ms, start_ms=start_ms)
    return _record(person, meta, start_ms, end_ms, modified_ms, samples)


def _record(
    person: Person,
    meta: dict[str, object],
    start_ms: int,
    end_ms: int,
    modified_ms: int,
    samples: list[tuple[int, int]],
) -> Record:
    row = {
        "metadata": meta,
        **interval(start_ms, end_ms, person.zone),
        "samples": [{"timeEpochMillis": time, "beatsPerMinute": bpm} for time, bpm in samples],
    }
    return Record(start_ms, end_ms, (Version(modified_ms, row),))
