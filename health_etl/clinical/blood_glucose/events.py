"""Low and high glucose events over grouped readings. Their thresholds are in thresholds.py.

Definition (Battelino 2023, doi:10.1016/S2213-8587(22)00319-9): an event starts with the first of at
least 15 consecutive minutes beyond the threshold, ends with at least 15 consecutive minutes back within it, and is
cut off by a gap of more than 45 minutes. Its duration excludes the minutes of recovery.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from health_etl.clinical.blood_glucose.metrics import stretch_starts
from health_etl.clinical.blood_glucose.thresholds import (
    CLOCK_TOLERANCE,
    EVENT_MINUTES,
    EXTENDED_HYPER_MINUTES,
    EXTENDED_HYPER_WITHIN_MINUTES,
    EXTENDED_HYPO_MINUTES,
)
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.samples import MS_PER_MINUTE, Samples


@dataclass(frozen=True)
class GlucoseEvents:
    """Events in order of group and time: three arrays of one length.

    start: index of the first reading beyond the threshold; duration_minutes: from there to the last reading beyond
    it, plus the cadence that this reading represents.
    """

    group: Integers
    start: Integers
    duration_minutes: Floats
    n_groups: int

    def count(self) -> Integers:
        """Return the number of events of each group."""
        return np.bincount(self.group, minlength=self.n_groups).astype(np.int64)

    def longest_minutes(self) -> Floats:
        """Return the duration of the longest event of each group, NaN for a group without events."""
        longest = np.full(self.n_groups, np.nan)
        np.fmax.at(longest, self.group, self.duration_minutes)
        return longest

    def longest_start(self) -> Integers:
        """Return the index of the reading that starts the longest event of each group (the first of equals).

        -1 for a group without events.
        """
        order = np.lexsort((self.start, -self.duration_minutes, self.group))
        groups, first = np.unique(self.group[order], return_index=True)
        place = np.full(self.n_groups, -1, dtype=np.int64)
        place[groups] = self.start[order][first]
        return place

    def longer_than(self, minutes: float) -> GlucoseEvents:
        """Return the events longer than `minutes`."""
        kept = self.duration_minutes > minutes
        return GlucoseEvents(self.group[kept], self.start[kept], self.duration_minutes[kept], self.n_groups)


def find_events(readings: Samples, beyond: Booleans, cadence_minutes: Floats) -> GlucoseEvents:
    """Find the events of each group.

    beyond: one flag per reading, true beyond the threshold; cadence_minutes: one number per group. A run of
    readings lasts from its first to its last reading plus one cadence, so 15 min are three readings at a cadence of
    5 min and one at 15 min. A group without a cadence (NaN) has no events. Population: people with diabetes on
    CGM. Source: Battelino 2023. Coverage: 70 % of readings.
    """
    runs = _runs(readings, beyond, cadence_minutes)
    return _events(readings, runs, runs.beyond & runs.long_enough)


def extended_hypo(hypo: GlucoseEvents) -> GlucoseEvents:
    """Return the events below 70 mg/dL that last more than 120 min. Source: Battelino 2023, as for find_events."""
    return hypo.longer_than(EXTENDED_HYPO_MINUTES)


def extended_hyper(
    readings: Samples, above_range: Booleans, very_high: Booleans, cadence_minutes: Floats
) -> GlucoseEvents:
    """Find extended hyperglycaemia: above 250 mg/dL for at least 90 cumulative min within 120 min.

    above_range, very_high: flags of the readings above 180 and above 250 mg/dL. An event ends with 15 min of
    180 mg/dL or less, or a gap, and lasts from the first to the last reading above 250 mg/dL in between. Population:
    people with diabetes on CGM. Source: Battelino 2023. Coverage: 70 % of readings.
    """
    stretches = _runs(readings, above_range, cadence_minutes)
    stretch_of_reading = np.repeat(stretches.episode, stretches.ends - stretches.starts + 1)
    places = np.flatnonzero(very_high & ~np.isnan(cadence_minutes[readings.group]))
    cadence = cadence_minutes[readings.group[places]]
    episode = stretch_of_reading[places]

    # Minutes above 250 mg/dL up to each reading, less those up to the start of its window, inside its stretch.
    window_ms = EXTENDED_HYPER_WITHIN_MINUTES * MS_PER_MINUTE
    span_ms = int(np.ptp(readings.time_ms)) + 2 * window_ms if len(places) else 0
    key = (readings.time_ms[places] - readings.time_ms.min(initial=0)) + episode * span_ms
    total = np.concatenate(([0.0], np.cumsum(cadence)))
    reach_ms = window_ms - ((1 - CLOCK_TOLERANCE) * cadence * MS_PER_MINUTE).astype(np.int64)
    since = np.searchsorted(key, key - reach_ms, side="left")
    minutes = total[1:] - total[since]
    long_enough = minutes >= EXTENDED_HYPER_MINUTES - CLOCK_TOLERANCE * cadence

    episodes = np.unique(episode[long_enough])
    first = places[np.searchsorted(episode, episodes, side="left")]
    last = places[np.searchsorted(episode, episodes, side="right") - 1]
    duration = (readings.time_ms[last] - readings.time_ms[first]) / MS_PER_MINUTE
    duration += cadence_minutes[readings.group[first]]
    return GlucoseEvents(readings.group[first], first, duration, readings.n_groups)


@dataclass(frozen=True)
class _Runs:
    """Runs of consecutive readings all beyond the threshold or all within; a recovery or a gap ends an episode."""

    starts: Integers
    ends: Integers
    beyond: Booleans
    long_enough: Booleans
    cadence: Floats
    episode: Integers


def _runs(readings: Samples, beyond: Booleans, cadence_minutes: Floats) -> _Runs:
    fresh = stretch_starts(readings)
    starts = np.flatnonzero(fresh | _changes(beyond))
    ends = np.append(starts[1:], len(beyond))[: len(starts)] - 1
    cadence = cadence_minutes[readings.group[starts]]
    minutes = (readings.time_ms[ends] - readings.time_ms[starts]) / MS_PER_MINUTE + cadence
    long_enough = minutes >= EVENT_MINUTES - CLOCK_TOLERANCE * cadence
    episode = np.cumsum(fresh[starts] | (~beyond[starts] & long_enough))
    return _Runs(starts, ends, beyond[starts], long_enough, cadence, episode)


def _events(readings: Samples, runs: _Runs, triggers: Booleans) -> GlucoseEvents:
    """Turn each episode that contains a trigger into an event, from its first trigger to its last run beyond."""
    places = np.flatnonzero(triggers)
    episodes, first = np.unique(runs.episode[places], return_index=True)
    first_run = places[first]
    runs_beyond = np.flatnonzero(runs.beyond)
    last_run = runs_beyond[np.searchsorted(runs.episode[runs_beyond], episodes, side="right") - 1]

    start = runs.starts[first_run]
    duration = (readings.time_ms[runs.ends[last_run]] - readings.time_ms[start]) / MS_PER_MINUTE
    return GlucoseEvents(readings.group[start], start, duration + runs.cadence[last_run], readings.n_groups)


def _changes(flags: Booleans) -> Booleans:
    """Flag each element that differs from the one before it."""
    changed = np.ones(len(flags), dtype=np.bool_)
    changed[1:] = flags[1:] != flags[:-1]
    return changed
