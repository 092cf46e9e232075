"""Days of heart-rate samples for tests: built by the minute, analysed, compared, narrated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from health_etl.clinical.common.base import Captions, ClinicalOptions
from health_etl.clinical.heart_rate.processor import PROCESSOR
from health_etl_tests.clinical.heart_rate.heart_facts import captions_of, with_profile, with_trends

DATE = "2025-09-20"
MIDNIGHT_UTC = pd.Timestamp("2025-09-20T05:00Z")  # of that date at -05:00
OPTIONS = ClinicalOptions()


def day_of(
    bpm_at_minute: Mapping[float, int],
    *,
    user: str = "u1",
    app: str = "app.watch",
    offset_minutes: int = -300,
) -> pd.DataFrame:
    """Return samples of the date, each so many minutes after midnight."""
    since_midnight_ms = np.rint(np.array(list(bpm_at_minute), dtype=np.float64) * 60_000).astype(np.int64)
    times = MIDNIGHT_UTC + pd.to_timedelta(since_midnight_ms, unit="ms")
    return pd.DataFrame(
        {
            "user_id": user,
            "local_date": DATE,
            "record_id": f"{user}/{app}",
            "source_app": app,
            "last_modified_utc": MIDNIGHT_UTC,
            "utc_offset_minutes": offset_minutes,
            "time_utc": times.as_unit("ms"),
            "bpm": np.array(list(bpm_at_minute.values()), dtype=np.int64),
        }
    )


def days_of(*users: str, hours: float = 24, **profile: Any) -> pd.DataFrame:
    """Return the date of each person, of so many hours."""
    days = pd.DataFrame(
        {
            "user_id": list(users),
            "local_date": DATE,
            "day_start_utc": MIDNIGHT_UTC,
            "day_end_utc": MIDNIGHT_UTC + pd.Timedelta(hours=hours),
            "utc_offset_minutes": -300,
            "zone_source": "record",
        }
    )
    return with_profile(days, **profile)


def every_ten_minutes(bpm: int = 80, hours: float = 24) -> dict[float, int]:
    """Return what a watch shows that measures every 10 minutes."""
    return dict.fromkeys(range(0, round(hours * 60), 10), bpm)


def every_minute(first: int, count: int, bpm: int) -> dict[float, int]:
    """Return `count` minutes of the same rate from minute `first` of the day on."""
    return dict.fromkeys(range(first, first + count), bpm)


def analysed(bpm_at_minute: Mapping[float, int], hours: float = 24, **profile: Any) -> pd.Series:
    """Return the metrics of one person's day."""
    return PROCESSOR.analyse(day_of(bpm_at_minute), days_of("u1", hours=hours, **profile), OPTIONS).iloc[0]


def insights_with_trends(
    bpm_at_minute: Mapping[float, int], earlier: pd.DataFrame | None = None, **profile: Any
) -> pd.Series:
    """Return metrics and trends of one person's day."""
    metrics = PROCESSOR.analyse(day_of(bpm_at_minute), days_of("u1", **profile), OPTIONS)
    return with_trends(PROCESSOR, metrics, earlier, **profile).iloc[0]


def narrated(
    bpm_at_minute: Mapping[float, int], zone_source: str = "record", seed: str = "", **profile: Any
) -> Captions:
    """Return the three texts of one person's day."""
    return captions_of(
        PROCESSOR, insights_with_trends(bpm_at_minute, **profile), zone_source=zone_source, example_id=seed
    )
