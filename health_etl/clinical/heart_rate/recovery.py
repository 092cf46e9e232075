"""Heart-rate recovery after the hardest exercise bout of a day, where samples are close enough together."""

from __future__ import annotations

import numpy as np

from health_etl.clinical.common.arrays import Floats, Integers
from health_etl.clinical.common.samples import MS_PER_MINUTE, Samples
from health_etl.clinical.common.sources import definition, sourced
from health_etl.clinical.heart_rate.series import Stretches

COLE_SOURCE = "Cole 1999"
SHETLER_SOURCE = "Shetler 2001"
FIRST_RECOVERY_MINUTES = definition(1, "minute after exercise at which recovery is read")
SECOND_RECOVERY_MINUTES = definition(2, "minutes after exercise at which recovery is read")
COLE_AT_MOST_BPM = sourced(
    12,
    "bpm",
    "adults after a maximal exercise test",
    "Cole 1999, doi:10.1056/NEJM199910283411804: 12 or less is abnormal",
)
SHETLER_BELOW_BPM = sourced(
    22, "bpm", "men after a maximal exercise test", "Shetler 2001, doi:10.1016/S0735-1097(01)01652-7: less is abnormal"
)
EFFORT_SHARE = sourced(
    0.9, "share of the bout's peak", "adults", "ASSUMPTION: the effort ends with the last sample that reaches it"
)
TOLERANCE_MS = sourced(10_000, "ms", "everybody", "ASSUMPTION: a sample this close to the minute represents it")


def recovery(samples: Samples, bouts: Stretches, minutes: int) -> Floats:
    """Return by how many bpm the rate fell within `minutes` of the end of the effort in each day's hardest bout.

    Formula: the rate at the end of the effort (the last sample of the bout at 90 % or more of its peak) minus the
    sample nearest to `minutes` later, at most 10 s away. Unit: bpm. Population: adults; the cut-offs (12 bpm or less
    after 1 min, Cole 1999; less than 22 after 2 min, Shetler 2001) apply after a maximal test, so nothing is graded
    here. Minimal coverage: such a sample, else NaN. The hardest bout has the highest peak, the first of equals.
    """
    fall = np.full(samples.n_groups, np.nan)
    hardest = _hardest(bouts)
    if not len(hardest.group):
        return fall
    axis, origin, span = _axis(samples)
    place = hardest.start_ms - origin + hardest.group * span
    start = np.searchsorted(axis, place, side="left")
    after = np.searchsorted(axis, place + (hardest.minutes * MS_PER_MINUTE).astype(np.int64), side="left")
    end = _end_of_effort(samples, start, after)
    later = _nearest(axis, axis[end] + minutes * MS_PER_MINUTE)
    off = np.abs(axis[later] - axis[end] - minutes * MS_PER_MINUTE)
    known = (samples.group[later] == hardest.group) & (off <= TOLERANCE_MS)
    fall[hardest.group[known]] = (samples.value[end] - samples.value[later])[known]
    return fall


def _hardest(bouts: Stretches) -> Stretches:
    ranked = np.lexsort((bouts.start_ms, -bouts.peak, bouts.group))
    _, place = np.unique(bouts.group[ranked], return_index=True)
    mask = np.zeros(len(bouts.group), dtype=np.bool_)
    mask[ranked[place]] = True
    return bouts.only(mask)


def _axis(samples: Samples) -> tuple[Integers, int, int]:
    """Put the samples of all days on one ascending axis, in ms: time - origin + group * span."""
    origin = int(samples.time_ms.min())
    span = int(samples.time_ms.max()) - origin + MS_PER_MINUTE * (SECOND_RECOVERY_MINUTES + 1)
    return samples.time_ms - origin + samples.group * span, origin, span


def _end_of_effort(samples: Samples, start: Integers, after: Integers) -> Integers:
    """Return the index of the last sample in each [start, after) at 90 % or more of the highest one."""
    bounds = np.column_stack((start, after)).ravel()
    peak = np.maximum.reduceat(np.append(samples.value, 0.0), bounds)[::2]
    inside = np.zeros(len(samples.value) + 1)
    inside[start] = peak
    inside[after] -= peak
    needed = np.cumsum(inside)[:-1] * EFFORT_SHARE
    hard = np.where(samples.value >= needed, np.arange(len(samples.value)), 0)
    return np.maximum.reduceat(np.append(hard, 0), bounds)[::2].astype(np.int64)


def _nearest(axis: Integers, wanted: Integers) -> Integers:
    right = np.clip(np.searchsorted(axis, wanted), 1, len(axis) - 1)
    left = right - 1
    return np.where(wanted - axis[left] <= axis[right] - wanted, left, right).astype(np.int64)
