"""The timing of sleep over several nights: clock arithmetic, mid-sleep, social jetlag, regularity.

Which nights are compared, and how many are needed, is decided in trends.py.
"""

from __future__ import annotations

import numpy as np

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.samples import divide
from health_etl.clinical.common.sources import definition
from health_etl.clinical.sleep_session.limits import MINUTES_PER_DAY

SRI_SCALE = definition(100, "half the length of the scale of the sleep regularity index, from −100 to 100")
DAYS_PER_WEEK = definition(7, "days in a week")
NO_DIRECTION = definition(
    1e-9, "a mean vector this short has no direction: the times are spread evenly around the clock"
)

SRI_SOURCE = "Phillips 2017, doi:10.1038/s41598-017-03171-4"
JETLAG_SOURCE = "Wittmann 2006, doi:10.1080/07420520500545979"


def shorter_arc_minutes(start: Floats, end: Floats) -> Floats:
    """Return the signed distance from one clock time to another along the shorter arc of the clock, in minutes.

    Formula: ((end − start + 720) mod 1440) − 720, so from −720 (half a day either way) to below 720. Clock times
    are minutes after midnight. 23:00 to 01:00 is +120. Everybody; Wittmann 2006, as implemented by R's mctq.
    """
    half_day = MINUTES_PER_DAY / 2
    return np.mod(end - start + half_day, MINUTES_PER_DAY) - half_day


def social_jetlag_minutes(msw: Floats, msf: Floats) -> Floats:
    """Return |MSF − MSW| along the shorter arc of the clock, in minutes.

    msw, msf: mid-sleep on workdays and on free days, minutes after midnight. Adults with a working week;
    Wittmann 2006, doi:10.1080/07420520500545979. Minimal coverage: see trends.py.
    """
    return np.abs(shorter_arc_minutes(msw, msf))


def sleep_corrected_msf_minutes(msf: Floats, sd_work: Floats, sd_free: Floats, workdays: float) -> Floats:
    """Return MSFsc, mid-sleep on free days corrected for catch-up sleep, in minutes after midnight.

    Formula: MSF − (SDf − SDweek)/2 where SDf > SDw, else MSF; SDweek = (SDw·workdays + SDf·(7 − workdays))/7.
    msf: minutes after midnight; sd_work, sd_free: length of the sleep period in minutes on work and free days;
    workdays: per week. Adults who sleep without an alarm on free days; Wittmann 2006, as implemented by R's mctq.
    """
    sd_week = (sd_work * workdays + sd_free * (DAYS_PER_WEEK - workdays)) / DAYS_PER_WEEK
    caught_up = np.where(sd_free > sd_work, (sd_free - sd_week) / 2, 0.0)
    return np.mod(msf - caught_up, MINUTES_PER_DAY)


def circular_mean_minutes(minutes: Floats, group: Integers, n_groups: int) -> Floats:
    """Return the mean clock time of each group in minutes after midnight, [0, 1440).

    Formula: the direction of the sum of unit vectors, atan2(Σ sin, Σ cos), so that 23:30 and 00:30 give 00:00. NaN
    for a group without times, or whose times balance out around the clock. Everybody; Mardia 1972, circular mean.
    """
    angle = minutes * (2 * np.pi / MINUTES_PER_DAY)
    sine = np.bincount(group, weights=np.sin(angle), minlength=n_groups)
    cosine = np.bincount(group, weights=np.cos(angle), minlength=n_groups)
    count = np.bincount(group, minlength=n_groups)
    mean = np.mod(np.arctan2(sine, cosine) * (MINUTES_PER_DAY / (2 * np.pi)), MINUTES_PER_DAY)
    return np.where(np.hypot(sine, cosine) > NO_DIRECTION * count, mean, np.nan)


def circular_sd_minutes(minutes: Floats, group: Integers, n_groups: int) -> Floats:
    """Return the spread of clock times about their circular mean, in minutes.

    Formula: sample SD (n − 1) of the shorter arcs to the circular mean; needs two times. Everybody; the SD of
    mid-sleep is a plain measure of regularity (Fischer 2021, doi:10.1093/sleep/zsab103).
    """
    mean = circular_mean_minutes(minutes, group, n_groups)
    arc = shorter_arc_minutes(mean[group], minutes)
    squares = np.bincount(group, weights=arc * arc, minlength=n_groups)
    return np.sqrt(divide(squares, np.bincount(group, minlength=n_groups) - 1))


def sleep_regularity(asleep: Booleans, valid: Booleans) -> tuple[Floats, Integers]:
    """Return the sleep regularity index of each row, and how many pairs of epochs it rests on.

    asleep, valid: one row per person, one column per epoch of a minute; an epoch that is not valid was not recorded.
    Formula: SRI = −100 + 200/P · Σ same, over the P pairs of valid epochs 24 hours (1440 columns) apart, `same` being
    1 where both are asleep or both awake; with nothing missing P = M·(N − 1). From −100 to 100 points, NaN
    without a pair. Everybody; Phillips 2017, doi:10.1038/s41598-017-03171-4. Published cut-offs depend on
    the pipeline, so it is reported and not graded. Minimal coverage: see trends.py.
    """
    both = valid[:, MINUTES_PER_DAY:] & valid[:, :-MINUTES_PER_DAY]
    same = both & (asleep[:, MINUTES_PER_DAY:] == asleep[:, :-MINUTES_PER_DAY])
    pairs = both.sum(axis=1, dtype=np.int64)
    return -SRI_SCALE + 2 * SRI_SCALE * divide(same.sum(axis=1, dtype=np.int64), pairs), pairs


def epochs(bounds: Floats, row: Integers, first_minute: int, shape: tuple[int, int]) -> Booleans:
    """Return which epochs of a minute lie in the given intervals.

    bounds: two columns, start and end of each interval in minutes; row: the row that it belongs to; first_minute: the
    minute of the first column. An epoch is inside if its midpoint is: for whole minutes, exactly those from start to
    end. Intervals may overlap and may extend beyond the columns.
    """
    edges = np.clip(np.ceil(bounds - 1 / 2).astype(np.int64) - first_minute, 0, shape[1])
    steps = np.zeros((shape[0], shape[1] + 1), dtype=np.int16)
    np.add.at(steps, (row, edges[:, 0]), 1)
    np.add.at(steps, (row, edges[:, 1]), -1)
    return np.asarray(np.cumsum(steps, axis=1, dtype=np.int16)[:, :-1] > 0)
