"""An invented person's insights, as plain frames: what pictures and page are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from health_etl.clinical.common.base import Level
from health_etl.report.pictures.base import PersonDays

FIRST = date(2025, 9, 15)
OFFSET_MINUTES = -300


def dates(count: int, first: date = FIRST) -> list[str]:
    return [(first + timedelta(days=step)).isoformat() for step in range(count)]


def insights(days: Sequence[str], user_id: str = "anna", **columns: Any) -> pd.DataFrame:
    """Rows of an insights table: what all types share, and the columns given (one value for all, or one a day)."""
    rows = pd.DataFrame(
        {
            "subject": f"subject of {user_id}",
            "user_id": user_id,
            "local_date": list(days),
            "example_id": [f"{user_id}{day}" for day in days],
            "withdrawn": False,
            "retold": False,
            "utc_offset_minutes": OFFSET_MINUTES,
            "zone_source": "record",
            "source_apps": "com.example.watch",
            "record_count": 3,
            "measurement_count": 9,
            "coverage": 0.9,
            "coverage_reason": None,
            "age_years": pd.array([None] * len(days), dtype="Int64"),
            "sex": None,
            "hrmax_bpm": pd.array([None] * len(days), dtype="Int64"),
            "pregnant": False,
            "high_risk_diabetes": False,
        }
    )
    for name, value in columns.items():
        rows[name] = [value] * len(days) if not isinstance(value, list) else value
    return rows


def captions(*texts: str) -> list[dict[str, str]]:
    """The texts of one day, by level, in the order of the levels."""
    return [{"level": level.value, "instruction": "", "output": text} for level, text in zip(Level, texts, strict=True)]


def person_days(rows: pd.DataFrame, earlier: pd.DataFrame | None = None, **measured: Any) -> PersonDays:
    """A person's days; `measured` are the columns of the measurements, with `minute` after local midnight."""
    nothing = rows.iloc[:0]
    return PersonDays(rows, nothing if earlier is None else earlier, lambda: measurements(**measured))


def measurements(minute: Sequence[float] = (), **values: Any) -> pd.DataFrame:
    """Measurements of the first day, at these minutes after local midnight."""
    times = pd.Timestamp(FIRST, tz="UTC") - pd.Timedelta(minutes=OFFSET_MINUTES)
    time_utc = pd.Series(times + pd.to_timedelta(np.asarray(minute, dtype=np.float64), unit="min"))
    return pd.DataFrame(
        {
            "user_id": "anna",
            "local_date": FIRST.isoformat(),
            "utc_offset_minutes": OFFSET_MINUTES,
            "source_app": "com.example.watch",
            "record_id": [f"r{place}" for place in range(len(time_utc))],
            "last_modified_utc": time_utc,
            "time_utc": time_utc,
            **values,
        }
    )
