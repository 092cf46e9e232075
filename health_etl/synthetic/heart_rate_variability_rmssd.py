"""A night of RMSSD and the ring's records of it, one per 5 minutes of sleep."""

from __future__ import annotations

import numpy as np

from health_etl.synthetic.apps import RING, metadata
from health_etl.synthetic.day_plan import ThreeDays
from health_etl.synthetic.local_day import utc_text, zone_offset_id
from health_etl.synthetic.night import AWAKE, DEEP, LIGHT, REM
from health_etl.synthetic.person import Person
from health_etl.synthetic.randomness import FloatArray, smooth
from health_etl.synthetic.records import Record, Version
from health_etl.synthetic.sleep_session import RING_BLOCK_MS, RingNight

RECORD_TYPE = "HeartRateVariabilityRmssdRecord"
MIN_RMSSD_MS, MAX_RMSSD_MS = 5.0, 195.0
# The following are ASSUMPTIONS about the natural logarithm of RMSSD.
STAGE_LN_RMSSD = {AWAKE: -0.10, LIGHT: 0.0, DEEP: 0.12, REM: -0.08}
RISE_THROUGH_NIGHT = 0.30
NIGHT_TO_NIGHT_SD, WITHIN_NIGHT_SD = 0.12, 0.26
FREE_NIGHT = -0.10  # late dinners and drinks
TRAINING_DAY_BEFORE = -0.08
NIGHTS_REMEMBERED = 3.0  # how long a good or bad spell lasts
LOST_SAMPLE = 0.02  # probability


def heart_rate_variability_records(days: ThreeDays, ring: RingNight) -> list[Record]:
    """Return the ring's RMSSD samples of the night that ends on the day."""
    person = days.person
    rng = person.rng("lost rmssd", days.today.day.ordinal)
    values = np.round(np.clip(night_rmssd_ms(days, ring), MIN_RMSSD_MS, MAX_RMSSD_MS))
    times_ms = ring.start_ms + np.arange(values.size, dtype=np.int64) * RING_BLOCK_MS
    kept = rng.random(values.size) >= LOST_SAMPLE
    modified_ms = int(days.ring_sync(ring.end_ms))
    return [
        _record(person, ring.session_id, time, modified_ms, value)
        for time, value in zip(times_ms[kept].tolist(), values[kept].tolist(), strict=True)
    ]


def night_rmssd_ms(days: ThreeDays, ring: RingNight) -> FloatArray:
    """Return RMSSD for each 5 minutes of the night, ms, neither rounded nor clipped."""
    person, day = days.person, days.today.day
    rng = person.rng("rmssd", day.ordinal)
    trained = days.yesterday.day.date.weekday() in person.training_weekdays
    of_stage = np.array([STAGE_LN_RMSSD[stage] for stage in sorted(STAGE_LN_RMSSD)])
    ln_rmssd = (
        np.log(person.rmssd_ms)
        + _spell(person, day.ordinal)
        + FREE_NIGHT * day.is_free
        + TRAINING_DAY_BEFORE * trained
        + of_stage[ring.blocks]
        + RISE_THROUGH_NIGHT * np.linspace(-0.5, 0.5, ring.blocks.size)
        + smooth(rng.normal(size=ring.blocks.size), 2.0) * WITHIN_NIGHT_SD
    )
    rmssd_ms: FloatArray = np.exp(ln_rmssd)
    return rmssd_ms


def _spell(person: Person, ordinal: int) -> float:
    """Return this night's deviation from the person's usual ln RMSSD, correlated with the nights before."""
    nights = range(ordinal - 9, ordinal + 1)
    white = np.array([person.rng("rmssd spell", night).normal() for night in nights])
    return float(smooth(white, NIGHTS_REMEMBERED)[-1] * NIGHT_TO_NIGHT_SD)


def _record(person: Person, session_id: str, time_ms: int, modified_ms: int, rmssd_ms: float) -> Record:
    sample = f"ring:{session_id} {utc_text(time_ms)}"
    row = {
        "metadata": metadata(RING, person, RECORD_TYPE, modified_ms, client_record_id=sample),
        "timeEpochMillis": time_ms,
        "zoneOffsetId": zone_offset_id(time_ms, person.zone),
        "heartRateVariabilityRmssd": rmssd_ms,
    }
    return Record(time_ms, time_ms, (Version(modified_ms, row),))
