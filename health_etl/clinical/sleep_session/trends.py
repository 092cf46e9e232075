"""Sleep over the look-back: usual duration, mid-sleep, social jetlag, regularity and debt.

The formulas for clock times and regularity are in timing.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.samples import divide
from health_etl.clinical.common.sources import definition, sourced
from health_etl.clinical.common.units import MINUTES_PER_HOUR
from health_etl.clinical.sleep_session.limits import MINUTES_PER_DAY, limit_of
from health_etl.clinical.sleep_session.timing import (
    DAYS_PER_WEEK,
    circular_mean_minutes,
    circular_sd_minutes,
    epochs,
    sleep_corrected_msf_minutes,
    sleep_regularity,
    social_jetlag_minutes,
)

CARRIED = (
    "tst_minutes",
    "sleep_with_naps_minutes",
    "sleep_period_minutes",
    "mid_sleep_minutes",
    "recorded_utc_minutes",
    "asleep_utc_minutes",
)

MINIMUM_NIGHTS = sourced(7, "nights", "everybody", "ASSUMPTION: a week contains every weekday once")
MINIMUM_WORKDAY_NIGHTS = sourced(3, "nights", "adults", "ASSUMPTION: no source sets one; most of a working week")
MINIMUM_FREE_DAY_NIGHTS = sourced(2, "nights", "adults", "ASSUMPTION: no source sets one; one weekend")
MINIMUM_SRI_PAIR_DAYS = sourced(
    5,
    "days of valid pairs of epochs",
    "everybody",
    "ASSUMPTION after Windred 2021, doi:10.1093/sleep/zsab254: five days of epochs that have a partner 24 h apart",
)
DEBT_NIGHTS = sourced(7, "nights", "everybody", "ASSUMPTION: sleep debt is counted over a week")
MINIMUM_DEBT_NIGHTS = sourced(5, "nights", "everybody", "ASSUMPTION: most of the week")
FIRST_FREE_WEEKDAY = sourced(
    5, "weekday, Monday being 0", "adults", "ASSUMPTION: Saturday and Sunday are free days; no record says otherwise"
)
WORKDAYS_PER_WEEK = sourced(5, "days", "adults", "ASSUMPTION: Monday to Friday are workdays")

AXIS_MARGIN_DAYS = definition(2, "days before and after the dates in question that a night can reach in UTC")
BLOCK = definition(256, "nights whose epochs are held in memory at once")


def look_back(days: pd.DataFrame, earlier: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Return the trends of each row of `days`, null below the named minimum of nights.

    - baseline_night_count, mean_tst_minutes, sd_tst_minutes: count, mean and sample SD of the total sleep time over
      the earlier nights of the look-back whose sleep could be assessed; minimum MINIMUM_NIGHTS.
    - timed_night_count, mean_mid_sleep_local, mid_sleep_sd_minutes: mid-sleep over the last LOOK_BACK_DAYS nights,
      this one included (unstaged ones too); minimum MINIMUM_NIGHTS.
    - workday_night_count, free_day_night_count, msw_local, msf_local, social_jetlag_minutes, msf_sc_local: the same
      nights, split by the weekday on which they end; Saturday and Sunday are free days (ASSUMPTION). MSFsc uses
      the sleep period as the MCTQ's sleep duration. Minimum MINIMUM_WORKDAY_NIGHTS and MINIMUM_FREE_DAY_NIGHTS.
    - sri_points, sri_pair_days: regularity over the same nights; see `_regularity`.
    - debt_night_count, sleep_debt_minutes: over the last DEBT_NIGHTS nights, this one included, the sum of what sleep
      with naps falls short of the recommended range; longer sleep on other nights pays nothing back, and nights that
      could not be assessed add nothing. Adults, Hirshkowitz 2015; minimum MINIMUM_DEBT_NIGHTS.
    """
    del options
    nights = _nights(days, earlier)
    n_days = len(days)
    recent = nights[nights["days_before"] < LOOK_BACK_DAYS]
    columns = {
        **_baseline(nights[nights["days_before"] > 0], n_days),
        **_timing(recent, n_days),
        **_regularity(recent, n_days),
        **_debt(days, nights),
    }
    return pd.DataFrame(columns, index=range(n_days)).set_index(days.index)


def _nights(days: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return this night and the earlier ones of each row of `days`, with `weekday` (Monday is 0)."""
    this = days[list(CARRIED)].reset_index(drop=True).assign(day=range(len(days)), days_before=0)
    columns = ["day", "days_before", *CARRIED]
    nights = pd.concat([this[columns].astype(object), earlier[columns].astype(object)], ignore_index=True)
    numbers = [name for name in columns if not name.endswith("_utc_minutes")]
    nights = nights.assign(**{name: pd.to_numeric(nights[name]) for name in numbers})
    nights = nights.sort_values(["day", "days_before"], ignore_index=True)
    weekdays = pd.to_datetime(days["local_date"], format="%Y-%m-%d").dt.day_of_week.to_numpy(dtype=np.int64)
    day = nights["day"].to_numpy(dtype=np.int64)
    return nights.assign(weekday=(weekdays[day] - nights["days_before"].to_numpy(dtype=np.int64)) % DAYS_PER_WEEK)


def _baseline(nights: pd.DataFrame, n_days: int) -> dict[str, Floats | Integers]:
    assessed = nights[nights["sleep_with_naps_minutes"].notna()]
    day, tst = assessed["day"].to_numpy(dtype=np.int64), assessed["tst_minutes"].to_numpy(dtype=np.float64)
    count = np.bincount(day, minlength=n_days)
    mean = divide(np.bincount(day, weights=tst, minlength=n_days), count)
    squares = np.bincount(day, weights=(tst - mean[day]) ** 2, minlength=n_days)
    enough = count >= MINIMUM_NIGHTS
    return {
        "baseline_night_count": count,
        "mean_tst_minutes": np.where(enough, mean, np.nan),
        "sd_tst_minutes": np.where(enough, np.sqrt(divide(squares, count - 1)), np.nan),
    }


def _timing(nights: pd.DataFrame, n_days: int) -> dict[str, Floats | Integers | pd.Series]:
    timed = nights[nights["mid_sleep_minutes"].notna()]
    free = (timed["weekday"] >= FIRST_FREE_WEEKDAY).to_numpy()
    count, mean, _ = _mid_sleep(timed, n_days)
    workdays, msw, sd_work = _mid_sleep(timed[~free], n_days)
    free_days, msf, sd_free = _mid_sleep(timed[free], n_days)
    day, middle = timed["day"].to_numpy(dtype=np.int64), timed["mid_sleep_minutes"].to_numpy(dtype=np.float64)
    enough = count >= MINIMUM_NIGHTS
    both = (workdays >= MINIMUM_WORKDAY_NIGHTS) & (free_days >= MINIMUM_FREE_DAY_NIGHTS)
    corrected = sleep_corrected_msf_minutes(msf, sd_work, sd_free, WORKDAYS_PER_WEEK)
    return {
        "timed_night_count": count,
        "mean_mid_sleep_local": clock_times(np.where(enough, mean, np.nan)),
        "mid_sleep_sd_minutes": np.where(enough & ~np.isnan(mean), circular_sd_minutes(middle, day, n_days), np.nan),
        "workday_night_count": workdays,
        "free_day_night_count": free_days,
        "msw_local": clock_times(np.where(both, msw, np.nan)),
        "msf_local": clock_times(np.where(both, msf, np.nan)),
        "social_jetlag_minutes": np.where(both, social_jetlag_minutes(msw, msf), np.nan),
        "msf_sc_local": clock_times(np.where(both, corrected, np.nan)),
    }


def _mid_sleep(nights: pd.DataFrame, n_days: int) -> tuple[Integers, Floats, Floats]:
    """Return for each day the number of nights, their circular mean mid-sleep and their mean sleep period."""
    day = nights["day"].to_numpy(dtype=np.int64)
    count = np.bincount(day, minlength=n_days)
    mean = circular_mean_minutes(nights["mid_sleep_minutes"].to_numpy(dtype=np.float64), day, n_days)
    period = np.bincount(day, weights=nights["sleep_period_minutes"].to_numpy(dtype=np.float64), minlength=n_days)
    return count, mean, divide(period, count)


def _regularity(nights: pd.DataFrame, n_days: int) -> dict[str, Floats]:
    """Return sri_points and sri_pair_days, the pairs of epochs in days; minimum MINIMUM_SRI_PAIR_DAYS, MINIMUM_NIGHTS.

    The epochs of a local night (18:00 to 18:00) with a main sleep are valid; whatever is recorded as sleep in it, naps
    included, is asleep, and the rest is wake (ASSUMPTION: a session without stages was slept through, and anyone not
    wearing a device by day is awake). Nights without a main sleep are left out with all their epochs.

    Pairs are 24 elapsed hours apart, not 24 hours by the local clock: a night of 23 or 25 hours or in another zone has
    its own number of epochs, and a clock change counts as the shift of sleep that it is.
    """
    recorded = nights[nights["recorded_utc_minutes"].notna()].reset_index(drop=True)
    index, pairs = np.full(n_days, np.nan), np.zeros(n_days, dtype=np.int64)
    for first in range(0, n_days, BLOCK):
        last = min(first + BLOCK, n_days)
        block = recorded[recorded["day"].between(first, last - 1)]
        found = sleep_regularity(
            _epochs(block, "asleep_utc_minutes", first, last), _epochs(block, "recorded_utc_minutes", first, last)
        )
        index[first:last], pairs[first:last] = found
    count = np.bincount(recorded["day"].to_numpy(dtype=np.int64), minlength=n_days)
    enough = (pairs >= MINIMUM_SRI_PAIR_DAYS * MINUTES_PER_DAY) & (count >= MINIMUM_NIGHTS)
    return {"sri_pair_days": pairs / MINUTES_PER_DAY, "sri_points": np.where(enough, index, np.nan)}


def _epochs(nights: pd.DataFrame, column: str, first: int, last: int) -> Booleans:
    """Return the epochs of the days from first to last (exclusive) that lie in the intervals of the column."""
    nights = nights[nights[column].notna()]  # null for a night without any sleep
    lists = [np.asarray(bounds, dtype=np.float64) for bounds in nights[column]]
    bounds = (np.concatenate(lists) if lists else np.zeros(0)).reshape(-1, 2)
    night = np.repeat(np.arange(len(lists)), [len(each) // 2 for each in lists]).astype(np.int64)
    date_minute = -MINUTES_PER_DAY * nights["days_before"].to_numpy(dtype=np.int64)
    row = nights["day"].to_numpy(dtype=np.int64) - first
    first_minute = -MINUTES_PER_DAY * (LOOK_BACK_DAYS + AXIS_MARGIN_DAYS)
    shape = (last - first, MINUTES_PER_DAY * (LOOK_BACK_DAYS + 2 * AXIS_MARGIN_DAYS))
    return epochs(bounds + date_minute[night][:, np.newaxis], row[night], first_minute, shape)


def _debt(days: pd.DataFrame, nights: pd.DataFrame) -> dict[str, Floats | Integers]:
    assessed = nights[(nights["days_before"] < DEBT_NIGHTS) & nights["sleep_with_naps_minutes"].notna()]
    needed = limit_of(days["reference_ages"], lambda limits: limits.recommended_minutes[0])
    day = assessed["day"].to_numpy(dtype=np.int64)
    short = np.maximum(needed[day] - assessed["sleep_with_naps_minutes"].to_numpy(dtype=np.float64), 0)
    count = np.bincount(day, minlength=len(days))
    debt = np.bincount(day, weights=short, minlength=len(days))
    return {
        "debt_night_count": count,
        "sleep_debt_minutes": np.where((count >= MINIMUM_DEBT_NIGHTS) & ~np.isnan(needed), debt, np.nan),
    }


def clock_times(minutes: Floats) -> pd.Series:
    """Write minutes after midnight as "HH:MM", to the nearest minute; null for NaN."""
    known = ~np.isnan(minutes)
    whole = np.mod(np.rint(np.where(known, minutes, 0)), MINUTES_PER_DAY).astype(np.int64)
    hours, rest = pd.Series(whole // MINUTES_PER_HOUR), pd.Series(whole % MINUTES_PER_HOUR)
    written: pd.Series = hours.astype("str").str.zfill(2) + ":" + rest.astype("str").str.zfill(2)
    return written.where(pd.Series(known))
