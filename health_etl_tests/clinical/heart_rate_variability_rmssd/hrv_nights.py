"""Nights of RMSSD for tests: built sample by sample, analysed, compared, narrated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from health_etl.clinical.common.base import Captions, ClinicalOptions
from health_etl.clinical.heart_rate_variability_rmssd.processor import PROCESSOR
from health_etl_tests.clinical.heart_rate.heart_facts import captions_of, earlier_of, with_profile, with_trends

DATE = "2025-09-20"
NIGHT_START_UTC = pd.Timestamp("2025-09-19T23:00Z")  # 18:00 of the day before at -05:00
FIRST_MIN = 300  # 23:00 local
RING = "com.ouraring.oura"
OPTIONS = ClinicalOptions()
SAMPLED = "mean of the night's samples"
STATED = "the one value that the app states for the night"


def night_of(
    rmssd: Iterable[float],
    *,
    step_min: float = 5,
    first_min: float = FIRST_MIN,
    user: str = "u1",
    app: str = RING,
) -> pd.DataFrame:
    """Return samples of the night at an even spacing, the first so many minutes after 18:00."""
    values = [float(value) for value in rmssd]
    minutes = first_min + step_min * np.arange(len(values))
    times = NIGHT_START_UTC + pd.to_timedelta(minutes, unit="min")
    return pd.DataFrame(
        {
            "user_id": user,
            "local_date": DATE,
            "record_id": [f"{user}/{app}/{minute}" for minute in minutes],
            "source_app": app,
            "last_modified_utc": times,
            "utc_offset_minutes": -300,
            "time_utc": times.as_unit("ms"),
            "rmssd_ms": values,
        }
    )


def nights_of(*users: str) -> pd.DataFrame:
    """Return the night of each person."""
    return with_profile(
        pd.DataFrame(
            {
                "user_id": list(users),
                "local_date": DATE,
                "day_start_utc": NIGHT_START_UTC,
                "day_end_utc": NIGHT_START_UTC + pd.Timedelta(hours=24),
                "utc_offset_minutes": -300,
                "zone_source": "record",
            }
        )
    )


def analysed(rows: pd.DataFrame, options: ClinicalOptions = OPTIONS) -> pd.Series:
    """Return the metrics of one person's night."""
    return PROCESSOR.analyse(rows, nights_of("u1"), options).iloc[0]


def nights_before(
    ln_rmssd: Mapping[int, float | None], *, rule: str = SAMPLED, source: str = RING
) -> dict[int, dict[str, Any]]:
    """Return what is carried of earlier nights, by nights before."""
    return {
        before: {"ln_rmssd": value, "night_rule": rule, "night_source": source} for before, value in ln_rmssd.items()
    }


def insights_with_trends(rows: pd.DataFrame, history: Mapping[int, Mapping[str, Any]] | None = None) -> pd.Series:
    """Return metrics and trends of one person's night."""
    earlier = earlier_of(PROCESSOR, [history or {}]).astype({"ln_rmssd": "float64"})
    return with_trends(PROCESSOR, PROCESSOR.analyse(rows, nights_of("u1"), OPTIONS), earlier).iloc[0]


def narrated(rows: pd.DataFrame, history: Mapping[int, Mapping[str, Any]] | None = None, **context: Any) -> Captions:
    """Return the three texts of one person's night."""
    return captions_of(PROCESSOR, insights_with_trends(rows, history), **context)
