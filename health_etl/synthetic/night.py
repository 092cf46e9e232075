"""A person's true night: when they lie down and get up, and the true sleep stages in between.

How the apps score it belongs in sleep_session.py. Cycle lengths and shares are ASSUMPTIONS within the range that sleep
laboratories report for adults: four to six cycles of about 95 minutes, deep sleep early, REM sleep late.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from health_etl.synthetic.local_day import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, LocalDay
from health_etl.synthetic.person import Person

EPOCH_MS = 30_000
EPOCHS_PER_MINUTE = MILLIS_PER_MINUTE // EPOCH_MS
CYCLE_MINUTES = 95.0
AWAKE, LIGHT, DEEP, REM = range(4)
STAGE_NAMES = ("AWAKE", "LIGHT", "DEEP", "REM")
DEEP_SHARES = (0.34, 0.24, 0.14, 0.07, 0.03, 0.0)  # of each cycle
REM_SHARES = (0.08, 0.17, 0.25, 0.32, 0.34, 0.34)  # of each cycle

Stages = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Night:
    """One night: `stages` holds one code (AWAKE … REM) per 30 seconds from lying down to getting up."""

    day_ordinal: int  # of the day on which it ends
    bed_ms: int
    stages: Stages

    @property
    def rise_ms(self) -> int:
        """When the person gets up, epoch ms."""
        return self.bed_ms + self.stages.size * EPOCH_MS


def sleep_night(person: Person, day: LocalDay) -> Night:
    """Return the night that ends on the morning of that day."""
    rng = person.rng("night", day.ordinal)
    if day.is_free:
        wake_hour = person.free_wake_hour + rng.normal(0, 0.5)
        asleep_hours = person.free_sleep_hours + rng.normal(0, 0.6)
    else:
        wake_hour = person.work_wake_hour + rng.normal(0, 0.15)
        asleep_hours = person.work_sleep_hours + rng.normal(0, 0.5)
    rise_ms = day.at(float(np.clip(wake_hour, 5.0, 11.0)))
    in_bed_hours = float(np.clip(asleep_hours, 4.5, 10.0)) + 0.5
    epochs = round(in_bed_hours * MILLIS_PER_HOUR / EPOCH_MS)
    return Night(day.ordinal, rise_ms - epochs * EPOCH_MS, draw_stages(epochs, rng))


def draw_stages(epochs: int, rng: np.random.Generator) -> Stages:
    """Draw the stages of a night of that many 30-second epochs."""
    codes = [AWAKE]
    minutes = [float(rng.gamma(2.5, 5.0)) + 2.0]  # sleep latency
    for deep_share, rem_share in zip(DEEP_SHARES, REM_SHARES, strict=True):
        length = max(60.0, rng.normal(CYCLE_MINUTES, 10.0))
        deep = length * deep_share * rng.uniform(0.7, 1.3)
        rem = length * rem_share * rng.uniform(0.7, 1.3)
        light = length - deep - rem
        before_deep = light * rng.uniform(0.25, 0.5)
        wake = rng.exponential(4.0) if rng.random() < 0.6 else 0.0
        codes += [LIGHT, DEEP, LIGHT, REM, AWAKE]
        minutes += [before_deep, deep, light - before_deep, rem, wake]
    lengths = np.round(np.array(minutes) * EPOCHS_PER_MINUTE).astype(np.int64)
    drawn = np.repeat(np.array(codes, dtype=np.int8), lengths)
    stages = np.full(epochs, LIGHT, dtype=np.int8)
    stages[: min(epochs, drawn.size)] = drawn[:epochs]
    stages[-int(rng.integers(4, 20)) :] = AWAKE  # lies awake before getting up
    return stages
