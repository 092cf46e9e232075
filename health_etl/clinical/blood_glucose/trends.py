"""The look-back of glucose: a 14-day report, ADRR, the person's usual day and the trend.

A report needs 14 days since the first reading and 70 % of the readings of the last 14 days (this day included). It
pools the summaries carried by its days, which gives the same result as the formulas over all readings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.blood_glucose.assessment import assess
from health_etl.clinical.blood_glucose.columns import SLOT_LIST
from health_etl.clinical.blood_glucose.metrics import ea1c_percent, gmi_percent, recorded_share
from health_etl.clinical.blood_glucose.risk import ADRR_DAYS, ADRR_READINGS, adrr, adrr_risks
from health_etl.clinical.blood_glucose.summary import COLUMNS, pool
from health_etl.clinical.blood_glucose.swings import modd, slot_table
from health_etl.clinical.blood_glucose.thresholds import MINIMUM_COVERAGE_PERCENT, MINUTES_PER_DAY, REPORT_DAYS
from health_etl.clinical.blood_glucose.trend_columns import BASELINE_DAYS, TREND_PERCENT_POINTS, TRENDS
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.common.columns import named_where, where_enough
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.samples import divide
from health_etl.clinical.common.units import MINUTES_PER_HOUR, PERCENT

_EVENTS = ("hypo_level1_count", "hypo_level2_count", "hyper_level2_count")
_NUMBERS = (
    *COLUMNS,
    "low_risk_highest",
    "high_risk_highest",
    "recorded_minutes",
    "longest_gap_minutes",
    "leading_gap_minutes",
    "trailing_gap_minutes",
    "time_in_range_percent",
    *_EVENTS,
)
CARRIED = (*_NUMBERS, SLOT_LIST.name)

Columns = dict[str, pd.Series]


def look_back(days: pd.DataFrame, earlier: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Return the trends of each row of `days`: they are declared in trend_columns.py.

    days: analysed rows; earlier: day, days_before and CARRIED of each row's earlier days.
    """
    del options
    known = _known(days, earlier)
    n = len(days)
    report, enough = _report(known[known["days_before"] < REPORT_DAYS], _span_days(known, n), days)
    trend = _trend(known, report["window_time_in_range_percent"], enough, n)
    columns = report | _adrr(known, n) | _usual(days, known, n) | trend
    return pd.DataFrame({metric.name: columns[metric.name] for metric in TRENDS})


def _known(days: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return each day and its earlier days, newest first: day, days_before and CARRIED as floats and lists."""
    own = days[list(CARRIED)].assign(day=np.arange(len(days)), days_before=0)
    known = pd.concat([_floats(own), _floats(earlier)], ignore_index=True)
    return known.sort_values(["day", "days_before"], kind="stable", ignore_index=True)


def _floats(rows: pd.DataFrame) -> pd.DataFrame:
    numbers = {name: rows[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in _NUMBERS}
    keys = {name: rows[name].to_numpy(dtype=np.int64) for name in ("day", "days_before")}
    return pd.DataFrame(keys | numbers | {SLOT_LIST.name: rows[SLOT_LIST.name].astype("object").to_numpy()})


def _span_days(known: pd.DataFrame, n: int) -> Integers:
    """Return the number of days from the first known reading to this day, both included, at most REPORT_DAYS."""
    read = known[known["reading_count"] > 0]
    oldest = np.zeros(n, dtype=np.int64)
    np.maximum.at(oldest, read["day"].to_numpy(), read["days_before"].to_numpy() + 1)
    return np.minimum(oldest, REPORT_DAYS)


def _report(window: pd.DataFrame, span_days: Integers, days: pd.DataFrame) -> tuple[Columns, Booleans]:
    day, n = window["day"].to_numpy(), len(days)
    summary = pool(window, day, n)
    share = recorded_share(_sum(day, window["recorded_minutes"], n), np.full(n, float(REPORT_DAYS * MINUTES_PER_DAY)))
    enough = (span_days >= REPORT_DAYS) & (share * PERCENT >= MINIMUM_COVERAGE_PERCENT)
    figures = {
        "window_mean_mg_dl": summary["mean_mg_dl"],
        "window_sd_mg_dl": summary["sd_mg_dl"],
        "window_gmi_percent": pd.Series(gmi_percent(summary)),
        "window_ea1c_percent": pd.Series(ea1c_percent(summary)),
        **{f"window_{name}": column for name, column in assess(summary, days["target_group"].astype("str")).items()},
        "modd_mg_dl": pd.Series(_modd(window, n)),
        **_events(window, n),
    }
    described = {
        "window_days": _count_per_day(day[window["reading_count"].to_numpy() > 0], n),
        "window_coverage_percent": pd.Series(PERCENT * share),
        "window_longest_gap_hours": pd.Series(_longest_gap_hours(window, n)),
        "window_reason": _reasons(span_days, share, enough),
    }
    return described | {name: pd.Series(where_enough(column, enough)) for name, column in figures.items()}, enough


def _events(window: pd.DataFrame, n: int) -> Columns:
    """Sum the events of the assessed days; null where no day was assessed."""
    rows = window[window[_EVENTS[0]].notna()]
    day = rows["day"].to_numpy()
    assessed_days = np.bincount(day, minlength=n)
    sums = {f"window_{name}": pd.Series(_sum(day, rows[name], n)).where(assessed_days > 0) for name in _EVENTS}
    return {name: column.astype("Int64") for name, column in sums.items()} | {
        "window_judged_days": _count_per_day(day, n)
    }


def _modd(window: pd.DataFrame, n: int) -> Floats:
    day, before = window["day"].to_numpy(), window["days_before"].to_numpy()
    pairs = np.flatnonzero((np.diff(day) == 0) & (np.diff(before) == 1))
    return modd(slot_table(window[SLOT_LIST.name]), pairs, day[pairs], n)


def _longest_gap_hours(window: pd.DataFrame, n: int) -> Floats:
    """Return the longest stretch without a reading: inside the days, and from one day with readings to the next."""
    day, before = window["day"].to_numpy(), window["days_before"].to_numpy()
    longest = np.full(n, np.nan)
    np.fmax.at(longest, day, window["longest_gap_minutes"].to_numpy())
    joined = np.diff(day) == 0
    empty_days = np.diff(before) - 1
    across = window["leading_gap_minutes"].to_numpy()[:-1] + window["trailing_gap_minutes"].to_numpy()[1:]
    across = across + MINUTES_PER_DAY * empty_days
    np.fmax.at(longest, day[:-1][joined], across[joined])
    return longest / MINUTES_PER_HOUR


def _reasons(span_days: Integers, share: Floats, enough: Booleans) -> pd.Series:
    """Return why there is no report; null where there is one."""
    percent = np.rint(share * PERCENT).astype("int64")
    written = pd.Series(percent.astype("str"), dtype="str")
    short = (share * PERCENT < MINIMUM_COVERAGE_PERCENT) & (percent >= MINIMUM_COVERAGE_PERCENT)
    written = ("not quite " + written).where(short, written)
    span = pd.Series(span_days.astype("str"), dtype="str")
    reason = (
        span
        + f" of {REPORT_DAYS} days since the first known reading, "
        + written
        + f" % of the readings of {REPORT_DAYS} days, {MINIMUM_COVERAGE_PERCENT} % needed"
    )
    return reason.where(~enough)


def _adrr(known: pd.DataFrame, n: int) -> Columns:
    month = known[(known["days_before"] < LOOK_BACK_DAYS) & (known["reading_count"] >= ADRR_READINGS)]
    day = month["day"].to_numpy()
    pluralise = np.bincount(day, minlength=n)
    ranges = adrr(month["low_risk_highest"].to_numpy(), month["high_risk_highest"].to_numpy(), day, n)
    index = np.where(pluralise >= ADRR_DAYS, ranges, np.nan)
    return {"adrr_days": _count_per_day(day, n), "adrr": pd.Series(index), "adrr_risk": adrr_risks(index)}


def _usual(days: pd.DataFrame, known: pd.DataFrame, n: int) -> Columns:
    """Compare the day with the assessed days before it."""
    rows = known[(known["days_before"] > 0) & known["time_in_range_percent"].notna()]
    day, value = rows["day"].to_numpy(), rows["mean_mg_dl"]
    found = np.bincount(day, minlength=n)
    mean = divide(_sum(day, value, n), found)
    squares = np.bincount(day, weights=(value.to_numpy() - mean[day]) ** 2, minlength=n)
    in_range = divide(_sum(day, rows["time_in_range_percent"], n), found)
    enough = found >= BASELINE_DAYS
    mean, spread = np.where(enough, mean, np.nan), np.where(enough, np.sqrt(divide(squares, found - 1)), np.nan)
    own = days["mean_mg_dl"].to_numpy(dtype=np.float64, na_value=np.nan)
    code = np.where(own > mean + spread, 0, np.where(own < mean - spread, 1, 2))
    assessed_day = days["time_in_range_percent"].notna().to_numpy()
    return {
        "baseline_days": _count_per_day(day, n),
        "baseline_mean_mg_dl": pd.Series(mean),
        "baseline_sd_mg_dl": pd.Series(spread),
        "baseline_in_range_percent": pd.Series(np.where(enough, in_range, np.nan)),
        "mean_against_baseline": named_where(code, ("above", "below", "within"), enough & assessed_day),
    }


def _trend(known: pd.DataFrame, in_range: pd.Series, enough: Booleans, n: int) -> Columns:
    """Compare the report's time in range with that of the 14 days before, where both have enough readings."""
    rows = known[(known["days_before"] >= REPORT_DAYS) & (known["days_before"] < 2 * REPORT_DAYS)]
    day = rows["day"].to_numpy()
    summary = pool(rows, day, n)
    share = recorded_share(_sum(day, rows["recorded_minutes"], n), np.full(n, float(REPORT_DAYS * MINUTES_PER_DAY)))
    recorded = share * PERCENT >= MINIMUM_COVERAGE_PERCENT
    percent = divide(PERCENT * summary["in_range_count"].to_numpy(), summary["reading_count"].to_numpy())
    percent = np.where(recorded & enough, percent, np.nan)
    change = in_range.to_numpy() - percent
    code = np.where(np.abs(change) < TREND_PERCENT_POINTS, 0, np.where(change > 0, 1, 2))
    return {
        "previous_time_in_range_percent": pd.Series(percent),
        "time_in_range_trend": named_where(code, ("similar", "higher", "lower"), ~np.isnan(change)),
    }


def _sum(day: Integers, values: pd.Series, n: int) -> Floats:
    return np.bincount(day, weights=np.nan_to_num(values.to_numpy()), minlength=n).astype(np.float64)


def _count_per_day(day: Integers, n: int) -> pd.Series:
    return pd.Series(np.bincount(day, minlength=n), dtype="Int64")
