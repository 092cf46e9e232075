"""The person's earlier days beside each day, for baselines and trends. What is compared belongs to the types."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from health_etl.clinical.sources import sourced

LOOK_BACK_DAYS = sourced(
    28, "days", "everybody", "ASSUMPTION: four weeks hold every weekday four times and two CGM reports of 14 days"
)


def earlier_days(days: pd.DataFrame, history: pd.DataFrame, carried: Sequence[str]) -> pd.DataFrame:
    """Return the days of `history` that lie 1 to LOOK_BACK_DAYS days before each row of `days`.

    days: subject, local_date (YYYY-MM-DD). history: the same columns and `carried`, each subject and day once.
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
