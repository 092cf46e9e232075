"""Person-days of glucose for the tests of the glucose processor: rows, days, look-back and facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from health_etl.clinical.blood_glucose.processor import PROCESSOR
from health_etl.clinical.common.base import Captions, ClinicalOptions
from health_etl.clinical.common.look_back import earlier_days
from health_etl_tests.clinical.facts import facts_of

DATE = "2025-09-20"
OFFSET_MINUTES = -300
OPTIONS = ClinicalOptions()
FULL_DAY = 288  # readings at 5 min
PROFILE: dict[str, Any] = {"age_years": None, "sex": None, "pregnant": False, "high_risk_diabetes": False}


def midnight_utc(date: str = DATE) -> pd.Timestamp:
    return pd.Timestamp(date, tz="UTC") - pd.Timedelta(minutes=OFFSET_MINUTES)


def day_of(
    glucose: Iterable[float],
    *,
    step_min: float = 5,
    first_min: float = 0,
    user: str = "u1",
    app: str = "com.dexcom.stelo",
    offset_minutes: int = OFFSET_MINUTES,
    date: str = DATE,
    relation: str = "UNKNOWN",
    meal: str = "UNKNOWN",
) -> pd.DataFrame:
    """Readings of the date at an even spacing, the first so many minutes after midnight."""
    values = [float(value) for value in glucose]
    minutes = first_min + step_min * np.arange(len(values))
    times = midnight_utc(date) + pd.to_timedelta(minutes, unit="min")
    return pd.DataFrame(
        {
            "user_id": user,
            "local_date": date,
            "record_id": [f"{user}/{app}/{date}/{minute}/{relation}" for minute in minutes],
            "source_app": app,
            "last_modified_utc": times,
            "utc_offset_minutes": offset_minutes,
            "time_utc": times.as_unit("ms"),
            "glucose_mg_dl": values,
            "relation_to_meal": relation,
            "meal_type": meal,
        }
    )


def days_of(*users: str, hours: float = 24, dates: Sequence[str] = (DATE,), **profile: Any) -> pd.DataFrame:
    """Each date as a day of each of these people, from its midnight at -05:00."""
    pairs = [(user, date) for user in users for date in dates]
    start = [midnight_utc(date) for _, date in pairs]
    days = pd.DataFrame(
        {
            "user_id": [user for user, _ in pairs],
            "local_date": [date for _, date in pairs],
            "day_start_utc": pd.to_datetime(pd.Series(start, dtype="datetime64[ms, UTC]")),
            "utc_offset_minutes": OFFSET_MINUTES,
            "zone_source": "record",
        }
    )
    days["day_end_utc"] = days["day_start_utc"] + pd.Timedelta(hours=hours)
    values = PROFILE | profile
    days["age_years"] = pd.array([values["age_years"]] * len(days), dtype="Int64")
    days["sex"] = pd.array([values["sex"]] * len(days), dtype="str")
    days["hrmax_bpm"] = pd.array([None] * len(days), dtype="Int64")
    for name in ("pregnant", "high_risk_diabetes"):
        days[name] = pd.array([values[name]] * len(days), dtype="boolean")
    return days


def analysed(rows: pd.DataFrame, hours: float = 24, options: ClinicalOptions = OPTIONS, **profile: Any) -> pd.Series:
    """Metrics of the one person-day in the rows."""
    return PROCESSOR.analyse(rows, days_of("u1", hours=hours, **profile), options).iloc[0]


def insights_with_trends(rows: pd.DataFrame, **profile: Any) -> pd.DataFrame:
    """Every person-day of the rows, analysed and looked back upon, in order of person and date."""
    who = rows[["user_id", "local_date"]].drop_duplicates().sort_values(["user_id", "local_date"], ignore_index=True)
    dates = sorted(who["local_date"].unique())
    days = days_of(*sorted(who["user_id"].unique()), dates=dates, **profile).merge(who)
    return with_trends(days.merge(PROCESSOR.analyse(rows, days, OPTIONS), on=["user_id", "local_date"]))


def with_trends(insights: pd.DataFrame) -> pd.DataFrame:
    """Add the trends to analysed days, each looking back on the others, as the pipeline does."""
    insights = insights.assign(subject=insights["user_id"])
    earlier = earlier_days(insights, insights, PROCESSOR.carried)
    assert PROCESSOR.look_back is not None
    trends = PROCESSOR.look_back(insights, earlier, OPTIONS)
    return pd.concat([insights, trends], axis=1)


def narrated(rows: pd.DataFrame, zone_source: str = "record", seed: str = "", **profile: Any) -> Captions:
    """The texts of the last person-day in the rows."""
    last = insights_with_trends(rows, **profile).iloc[-1]
    return PROCESSOR.narrate(facts_of(PROCESSOR, last, zone_source=zone_source, example_id=seed))


def days_from(date: str, count: int) -> list[str]:
    """That date and the days after it."""
    return [str(day.date()) for day in pd.date_range(date, periods=count)]


def month_of(
    mean: float = 120,
    spread: float = 30,
    *,
    days: int = 28,
    seed: int = 7,
    user: str = "u1",
    from_date: str = "2025-09-01",
) -> pd.DataFrame:
    """Full days of readings that run like a body's: a daily wave, meals, noise."""
    random = np.random.default_rng(seed)
    time = np.arange(FULL_DAY) / FULL_DAY * 2 * np.pi
    frames = []
    for date in days_from(from_date, days):
        wave = mean + spread * np.sin(time - 1.5 + random.normal(0, 0.2)) + random.normal(0, spread / 4, FULL_DAY)
        frames.append(day_of(np.clip(np.round(wave), 40, 400), user=user, date=date))
    return pd.concat(frames, ignore_index=True)
