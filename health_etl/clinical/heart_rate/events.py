"""Stretches of high and low heart rate: exercise, fast and slow rates at rest, and those that could be either.

Heart-rate records say nothing about movement. Rest is inferred by an explicit rule (`inferred_rest`) and labelled so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats
from health_etl.clinical.common.columns import named
from health_etl.clinical.common.samples import Samples
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import PERCENT
from health_etl.clinical.heart_rate.resting import BRADYCARDIA_BELOW_BPM, RESTING_HIGH_BPM
from health_etl.clinical.heart_rate.series import Stretches, stretches

SUSTAINED_MINUTES = sourced(15, "min", "everybody", "ASSUMPTION: a shorter stretch is stairs, a fright or an artefact")
URGENT_ABOVE_BPM = sourced(
    150,
    "bpm",
    "adults at rest",
    "ASSUMPTION after ACLS 2020, doi:10.1161/CIR.0000000000000916: below it a fast rhythm seldom causes symptoms",
)
URGENT_MINUTES = sourced(10, "min", "everybody", "ASSUMPTION: long enough to rule out a sensor artefact")
BRIDGED_MINUTES = sourced(
    2, "min", "everybody", "ASSUMPTION: a minute on the other side of a limit does not end a stretch"
)
BOUT_FLOOR_PERCENT = sourced(
    64,
    "% of HRmax",
    "adults",
    "ASSUMPTION after ACSM 2011, doi:10.1249/MSS.0b013e318213fefb: moderate intensity starts here",
)
BOUT_DEFAULT_FLOOR_BPM = sourced(
    120, "bpm", "adults without age and HRmax", "ASSUMPTION: 64 % of HRmax at an age of 30 years (Tanaka 2001)"
)
BOUT_MINUTES = sourced(10, "min", "adults", "ASSUMPTION: the bout of older activity guidelines (WHO 2010)")
BOUT_BRIDGED_MINUTES = sourced(5, "min", "adults", "ASSUMPTION: pauses of interval training are part of the bout")
MAX_BOUT_MINUTES = sourced(240, "min", "adults", "ASSUMPTION: exercise rarely lasts longer; fever and fast rhythms do")

FLOOR_FROM_HRMAX = f"{BOUT_FLOOR_PERCENT} % of HRmax"
FLOOR_DEFAULT = "adult default, neither age nor HRmax configured"


def inferred_rest(found: Stretches) -> Booleans:
    """Return whether the person was probably at rest during each stretch.

    Formula: more than half of it lies between 00:00 and 06:00 local, or it lasts more than 240 min. Population:
    adults. Source: ASSUMPTION: heart-rate records hold no movement, so night work and very long exercise are
    mistaken for rest, and a fast rhythm by day for exercise. Minimal coverage: that of the stretch.
    """
    at_night: Booleans = found.night_minutes() * 2 > found.minutes
    return at_night | (found.minutes > MAX_BOUT_MINUTES)


def bout_floor(hrmax_bpm: Floats) -> tuple[Floats, pd.Series]:
    """Return the rate from which a sustained elevation counts as exercise, bpm, and where that floor comes from.

    Formula: 64 % of HRmax, rounded up, else 120 bpm. Unit: bpm. Population: adults.
    Source: ACSM 2011 (moderate intensity); the default is an ASSUMPTION. Minimal coverage: none.
    """
    known = ~np.isnan(hrmax_bpm)
    floor = np.where(known, np.ceil(BOUT_FLOOR_PERCENT * hrmax_bpm / PERCENT), BOUT_DEFAULT_FLOOR_BPM)
    return floor, named(known.astype(np.int64), (FLOOR_DEFAULT, FLOOR_FROM_HRMAX))


def exercise_bouts(series: Samples, floor_bpm: Floats) -> Stretches:
    """Return the exercise bouts: at least 10 min at or above the floor (bpm), not at inferred rest.

    Pauses of up to 5 min below the floor are part of a bout. Population: adults. Source: ASSUMPTION, see the
    constants; other reasons for a high rate by day (heat, stress, a fast rhythm) look the same. Minimal coverage: 3
    samples at most 15 min apart.
    """
    found = stretches(series, series.value >= floor_bpm[series.group], BOUT_MINUTES, BOUT_BRIDGED_MINUTES)
    return found.only(~inferred_rest(found))


@dataclass(frozen=True)
class Sustained:
    """Sustained rates of the days. `at_rest` is inferred; those in `open_` may be rest or activity."""

    high_at_rest: Stretches
    high_open: Stretches
    urgent_at_rest: Stretches
    urgent_open: Stretches
    low: Stretches


def sustained(series: Samples, bouts: Stretches) -> Sustained:
    """Return the sustained high and low rates.

    Formula: above 100 bpm for at least 15 min; above 150 bpm for at least 10 min (urgent at rest); below 50 bpm for
    at least 15 min, which implies rest. One minute on the other side is bridged. A stretch above 100 bpm that overlaps
    an exercise bout is part of the bout and left out; one above 150 bpm is kept as open, since a fast rhythm by day
    looks like exercise. Unit: bpm, min. Population: adults. Source: the constants; rest as in
    inferred_rest. Minimal coverage: 3 samples at most 15 min apart.
    """
    high = stretches(series, series.value > RESTING_HIGH_BPM, SUSTAINED_MINUTES, BRIDGED_MINUTES)
    urgent = stretches(series, series.value > URGENT_ABOVE_BPM, URGENT_MINUTES, BRIDGED_MINUTES)
    low = stretches(series, series.value < BRADYCARDIA_BELOW_BPM, SUSTAINED_MINUTES, BRIDGED_MINUTES)
    rest, urgent_rest = inferred_rest(high), inferred_rest(urgent)
    return Sustained(
        high_at_rest=high.only(rest),
        high_open=high.only(~rest & ~_touches(high, bouts, len(series.value))),
        urgent_at_rest=urgent.only(urgent_rest),
        urgent_open=urgent.only(~urgent_rest),
        low=low,
    )


def _touches(found: Stretches, bouts: Stretches, sample_count: int) -> Booleans:
    """Return which stretches share a sample with a bout."""
    steps = np.zeros(sample_count + 1, dtype=np.int64)
    np.add.at(steps, bouts.first, 1)
    np.add.at(steps, bouts.last + 1, -1)
    before = np.concatenate(([0], np.cumsum(np.cumsum(steps[:-1]))))
    shared: Booleans = before[found.last + 1] > before[found.first]
    return shared


def event_metrics(series: Samples, hrmax_bpm: Floats) -> tuple[dict[str, pd.Series], Stretches]:
    """Return the metrics of bouts and sustained rates of each day, and the bouts.

    Counts and minutes are null for a day whose samples are nowhere close enough, for long enough, to show one.
    """
    floor, floor_source = bout_floor(hrmax_bpm)
    bouts = exercise_bouts(series, floor)
    found = sustained(series, bouts)
    longest = bouts.longest()
    metrics = {
        "bout_floor_bpm": pd.Series(floor),
        "bout_floor_source": floor_source,
        **_count_and_minutes("bout", bouts, _could_show(series, BOUT_MINUTES)),
        "longest_bout_start_local": longest.start_clock(),
        "longest_bout_minutes": longest.of_day(longest.minutes),
        "longest_bout_peak_bpm": longest.of_day(longest.peak),
    }
    for name, kind, least in (
        ("high_at_rest", found.high_at_rest, SUSTAINED_MINUTES),
        ("high_open", found.high_open, SUSTAINED_MINUTES),
        ("urgent_at_rest", found.urgent_at_rest, URGENT_MINUTES),
        ("urgent_open", found.urgent_open, URGENT_MINUTES),
        ("low_at_rest", found.low, SUSTAINED_MINUTES),
    ):
        metrics |= _count_and_minutes(name, kind, _could_show(series, least))
        metrics[f"{name}_start_local"] = kind.longest().start_clock()
    for name, kind in (("urgent_at_rest", found.urgent_at_rest), ("urgent_open", found.urgent_open)):
        worst = kind.longest()
        metrics[f"{name}_peak_bpm"] = worst.of_day(worst.peak)
    by_day = found.low.minutes - found.low.night_minutes()
    low_by_day = np.bincount(found.low.group, weights=by_day, minlength=series.n_groups).astype(np.float64)
    metrics["low_at_rest_day_minutes"] = pd.Series(low_by_day).where(metrics["low_at_rest_count"].notna())
    return metrics, bouts


def _could_show(series: Samples, least_minutes: float) -> Booleans:
    """Return the days whose samples could show a stretch of `least_minutes` at all."""
    every = np.ones(len(series.value), dtype=np.bool_)
    shown: Booleans = stretches(series, every, least_minutes, bridged_minutes=0).count() > 0
    return shown


def _count_and_minutes(name: str, found: Stretches, enough: Booleans) -> dict[str, pd.Series]:
    """Return count and minutes of the stretches; null where the samples could not show one."""
    shown = pd.Series(enough)
    return {
        f"{name}_count": pd.Series(found.count(), dtype="Int64").where(shown),
        f"{name}_minutes": pd.Series(found.total_minutes()).where(shown),
    }
