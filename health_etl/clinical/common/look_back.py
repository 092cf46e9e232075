"""Each day next to the person's earlier days, for baselines and trends. What is compared is up to the record types."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_etl.clinical.common.sources import sourced

LOOK_BACK_DAYS = sourced(
    28, "days", "everybody", "ASSUMPTION: four weeks contain every weekday four times and two 14-day CGM reports"
)


def earlier_days(days: pd.DataFrame, history: pd.DataFrame, carried: Sequence[str]) -> pd.DataFrame:
    """Return the days of `history` that lie 1 to LOOK_BACK_DAYS days before each row of `days`.

    days: subject, local_date (YYYY-MM-DD). history: the same columns and `carried`, each subject and day at most once.
    Returns day (position in `days`), days_before and `carried`, sorted by day and days_before.
    """
    asked = pd.DataFrame(
        {"day": range(len(days)), "subject": days["subject"].to_numpy(), "date": _dates(days["local_date"])}
    )
    known = history[["subject", *carried]].assign(date=_dates(history["local_date"]))
    pairs = asked.merge(known, on="subject", suffixes=("", "_earlier"))
    pairs["days_before"] = (pairs["date"] - pairs["date_earlier"]).dt.days
    pairs = pairs[pairs["days_before"].between(1, LOOK_BACK_DAYS)]
    return pairs.sort_values(["day", "days_before"], ignore_index=True)[["day", "days_before", *carried]]


def _dates(local_dates: pd.Series) -> pd.Series:
    return pd.to_datetime(local_dates, format="%Y-%m-%d").reset_index(drop=True)


def by_days_before(today: pd.Series, earlier: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """Return a metric for each day and its look-back: one row per day, column n holding the value n days before.

    today: one value per day, in order; earlier: as returned by earlier_days. NaN where a day has no value.
    """
    table = np.full((len(today), LOOK_BACK_DAYS + 1), np.nan)
    table[:, 0] = today.to_numpy(dtype=np.float64, na_value=np.nan)
    place = (earlier["day"].to_numpy(dtype=np.int64), earlier["days_before"].to_numpy(dtype=np.int64))
    table[place] = earlier[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return table


def mean_of_known(table: npt.NDArray[np.float64], needed: int) -> npt.NDArray[np.float64]:
    """Return the mean of each row's known values; NaN for a row with fewer than `needed` of them."""
    known = ~np.isnan(table)
    count = known.sum(axis=1)
    mean = np.where(known, table, 0.0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count >= max(needed, 1), mean, np.nan)


def sd_of_known(table: npt.NDArray[np.float64], needed: int) -> npt.NDArray[np.float64]:
    """Return the sample standard deviation (n - 1) of each row's known values; NaN with fewer than `needed`."""
    known = ~np.isnan(table)
    count = known.sum(axis=1)
    deviation = np.where(known, table - mean_of_known(table, 1)[:, None], 0.0)
    sd = np.sqrt((deviation * deviation).sum(axis=1) / np.maximum(count - 1, 1))
    return np.where(count >= max(needed, 2), sd, np.nan)
