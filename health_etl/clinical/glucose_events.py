"""Low and high glucose events over grouped readings. Pure; the thresholds live in glucose_metrics.py.

Definition (Battelino 2023, doi:10.1016/S2213-8587(22)00319-9): an event starts with the first of at
least 15 consecutive minutes beyond the threshold, ends with at least 15 consecutive minutes back, and is cut
by a gap of more than 45 minutes. Its duration leaves the minutes of recovery out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from health_etl.clinical.glucose_metrics import LONGEST_SPACING_MINUTES
from health_etl.clinical.samples import MS_PER_MINUTE, Booleans, Floats, Integers, Samples

EVENT_MINUTES = 15.0  # min beyond to start and back to end an event, CGM, Battelino 2023 (as above)
CLOCK_TOLERANCE = 0.2  # share of the cadence by which 15 min may be missed; ASSUMPTION, sensor clocks jitter


@dataclass(frozen=True)
class GlucoseEvents:
    """Events in order of group and time: three arrays of one length.

    start_ms: first reading beyond, UTC epoch milliseconds; duration_minutes: from there to the last reading
    beyond plus the cadence for which that reading stands.
    """

    group: Integers
    start_ms: Integers
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


def find_events(readings: Samples, beyond: Booleans, cadence_minutes: Floats) -> GlucoseEvents:
    """Find the events of each group.

    beyond: one flag a reading, true beyond the threshold; cadence_minutes: one number per group. A run of
    readings lasts from its first to its last reading plus one cadence, so 15 min are three readings at
    5 min and one at 15 min. A group without cadence (NaN) has no events.
    """
    fresh = _segment_starts(readings)
    starts = np.flatnonzero(fresh | _changes(beyond))
    ends = np.append(starts[1:], len(beyond))[: len(starts)] - 1
    cadence = cadence_minutes[readings.group[starts]]
    minutes = (readings.time_ms[ends] - readings.time_ms[starts]) / MS_PER_MINUTE + cadence
    long_enough = minutes >= EVENT_MINUTES - CLOCK_TOLERANCE * cadence

    # An episode runs from one recovery (or gap) to the next; it holds one event if a run in it triggers one.
    episode = np.cumsum(fresh[starts] | (~beyond[starts] & long_enough))
    triggers = np.flatnonzero(beyond[starts] & long_enough)
    episodes, first = np.unique(episode[triggers], return_index=True)
    first_run = triggers[first]
    runs_beyond = np.flatnonzero(beyond[starts])
    last_run = runs_beyond[np.searchsorted(episode[runs_beyond], episodes, side="right") - 1]

    start_ms = readings.time_ms[starts[first_run]]
    duration = (readings.time_ms[ends[last_run]] - start_ms) / MS_PER_MINUTE + cadence[last_run]
    return GlucoseEvents(readings.group[starts[first_run]], start_ms, duration, readings.n_groups)


def _segment_starts(readings: Samples) -> Booleans:
    """Flag the first reading of each group and each reading after a gap."""
    gap_ms = LONGEST_SPACING_MINUTES * MS_PER_MINUTE
    fresh = np.ones(len(readings.group), dtype=np.bool_)
    fresh[1:] = (np.diff(readings.group) != 0) | (np.diff(readings.time_ms) > gap_ms)
    return fresh


def _changes(flags: Booleans) -> Booleans:
    """Flag each element that differs from the one before it."""
    changed = np.ones(len(flags), dtype=np.bool_)
    changed[1:] = flags[1:] != flags[:-1]
    return changed
