"""A day's total compared with the person's own complete days. What the comparison means belongs to the record types."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.activity.records import Quantity
from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.base import Metric
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS, by_days_before, mean_of_known, sd_of_known
from health_etl.clinical.common.sources import definition, sourced

BASELINE_MINIMUM_DAYS = sourced(7, "days", "everybody", "ASSUMPTION: a week contains workdays and days off")
USUAL_SD = sourced(2, "SD", "everybody", "convention: about one value in twenty lies outside by chance")
WEEK_DAYS = definition(7, "days of a week")
WEEK_MINIMUM_DAYS = sourced(4, "days", "everybody", "ASSUMPTION: more than half of a week")
WORKDAYS_MINIMUM = sourced(5, "days", "everybody", "ASSUMPTION: as many as a week has")
WEEKEND_MINIMUM = sourced(2, "days", "everybody", "ASSUMPTION: as many as a week has")
SATURDAY = definition(5, "Saturday, counted from Monday = 0; weekends are Saturday and Sunday")

USUAL = "within the person's usual range"
ABOVE = "above the person's usual range"
BELOW = "below the person's usual range"


def complete_total(quantity: Quantity) -> str:
    """Return the name of the metric that holds the total of complete days only."""
    return f"complete_day_{quantity.column}"


def trends_of(days: pd.DataFrame, earlier: pd.DataFrame, quantity: Quantity) -> pd.DataFrame:
    """Return the trends of each day, from complete days only; each is defined in its own function."""
    name = complete_total(quantity)
    totals = by_days_before(days[name], earlier, name)
    return pd.DataFrame(
        against_baseline(totals, quantity) | week_means(totals, quantity) | weekly_pattern(totals, days, quantity)
    )


def against_baseline(totals: Floats, quantity: Quantity) -> dict[str, pd.Series]:
    """Place the day's total in the person's own range.

    totals: column n holds the total n days before, NaN unless that day is complete. Formula: mean and SD (n - 1) of
    the earlier days of the look-back; usual is within 2 SD of the mean, both ends included. Unit: that of the
    quantity. Population: this person only. Source: ASSUMPTION, see the constants. Minimal coverage: 7 complete
    earlier days, and a complete day today; else null.
    """
    known = (~np.isnan(totals[:, 1:])).sum(axis=1)
    mean = mean_of_known(totals[:, 1:], BASELINE_MINIMUM_DAYS)
    sd = sd_of_known(totals[:, 1:], BASELINE_MINIMUM_DAYS)
    deviation = totals[:, 0] - mean
    outside = np.abs(deviation) > USUAL_SD * sd
    place = np.select([outside & (deviation > 0), outside], [ABOVE, BELOW], default=USUAL)
    return {
        "baseline_days": pd.Series(known, dtype="Int64"),
        f"baseline_{quantity.column}": pd.Series(mean),
        f"baseline_sd_{quantity.column}": pd.Series(sd),
        "against_baseline": pd.Series(place, dtype="str").where(~np.isnan(deviation)),
    }


def week_means(totals: Floats, quantity: Quantity) -> dict[str, pd.Series]:
    """Return the trend: the mean of the last 7 days, this one included, and of the look-back before them.

    totals: as above. Unit: that of the quantity. Population: this person only. Source: ASSUMPTION. Minimal coverage:
    4 complete days of the last 7, else null; 7 complete days for the time before.
    """
    week = totals[:, :WEEK_DAYS]
    return {
        "week_days": pd.Series((~np.isnan(week)).sum(axis=1), dtype="Int64"),
        f"week_{quantity.column}": pd.Series(mean_of_known(week, WEEK_MINIMUM_DAYS)),
        f"before_week_{quantity.column}": pd.Series(mean_of_known(totals[:, WEEK_DAYS:], BASELINE_MINIMUM_DAYS)),
    }


def weekly_pattern(totals: Floats, days: pd.DataFrame, quantity: Quantity) -> dict[str, pd.Series]:
    """Return the means of workdays (Monday to Friday) and of weekends over the look-back and this day.

    totals: as above. Unit: that of the quantity. Population: this person only. Source: ASSUMPTION: whether someone
    works on Saturdays is unknown. Minimal coverage: 5 complete workdays and 2 complete weekend days, else both null.
    """
    weekday = pd.to_datetime(days["local_date"], format="%Y-%m-%d").dt.day_of_week.to_numpy()
    of_column = (weekday[:, None] - np.arange(totals.shape[1])[None, :]) % WEEK_DAYS
    workdays = np.where(of_column < SATURDAY, totals, np.nan)
    weekends = np.where(of_column >= SATURDAY, totals, np.nan)
    work, free = mean_of_known(workdays, WORKDAYS_MINIMUM), mean_of_known(weekends, WEEKEND_MINIMUM)
    both = ~np.isnan(work) & ~np.isnan(free)
    return {
        "workday_count": pd.Series((~np.isnan(workdays)).sum(axis=1), dtype="Int64"),
        "weekend_day_count": pd.Series((~np.isnan(weekends)).sum(axis=1), dtype="Int64"),
        f"workday_{quantity.column}": pd.Series(np.where(both, work, np.nan)),
        f"weekend_{quantity.column}": pd.Series(np.where(both, free, np.nan)),
    }


def trend_metrics(quantity: Quantity, what: str) -> tuple[Metric, ...]:
    """Return the columns of `trends_of`."""

    def amount(name: str, label: str, description: str) -> Metric:
        return Metric(
            f"{name}_{quantity.column}", f"{what}, {label}", description, unit=quantity.unit, decimals=quantity.decimals
        )

    def days(name: str, label: str) -> Metric:
        return Metric(name, label, "Complete days that the means are based on", unit="days", dtype=pa.int64())

    window = f"the {LOOK_BACK_DAYS} days before"
    return (
        days("baseline_days", f"Complete days among {window}"),
        amount("baseline", f"mean of {window}", f"Mean of the complete days, at least {BASELINE_MINIMUM_DAYS}"),
        amount("baseline_sd", f"SD of {window}", f"Sample SD of the complete days, at least {BASELINE_MINIMUM_DAYS}"),
        Metric(
            "against_baseline",
            f"The day against the person's usual range (mean ± {USUAL_SD} SD)",
            "Within, above or below; null without a complete day and a baseline",
            dtype=pa.string(),
        ),
        days("week_days", f"Complete days among the last {WEEK_DAYS}"),
        amount("week", f"mean of the last {WEEK_DAYS} days", f"Complete days, at least {WEEK_MINIMUM_DAYS}"),
        amount("before_week", "mean of the look-back before them", f"Complete days, at least {BASELINE_MINIMUM_DAYS}"),
        days("workday_count", "Complete workdays in the look-back"),
        days("weekend_day_count", "Complete days of weekends in the look-back"),
        amount("workday", "mean of workdays", f"Monday to Friday, at least {WORKDAYS_MINIMUM} complete days"),
        amount("weekend", "mean of weekends", f"Saturday and Sunday, at least {WEEKEND_MINIMUM} complete days"),
    )
