"""Columns of times and offsets, as the placing of records in local time takes them."""

from __future__ import annotations

from datetime import UTC

import pandas as pd

from health_etl_tests.support.exports import utc

NO_EVIDENCE: list[tuple[str, str, int]] = []


def times(*texts: str) -> pd.Series[pd.Timestamp]:
    return pd.Series(pd.DatetimeIndex([utc(text) for text in texts]).as_unit("ms"))


def evidence(points: list[tuple[str, str, int]]) -> pd.DataFrame:
    """Return evidence from points of (user, time, minutes)."""
    return pd.DataFrame(
        {
            "user_id": pd.Series([user for user, _, _ in points], dtype="str"),
            "time_utc": pd.Series(pd.DatetimeIndex([utc(time) for _, time, _ in points], tz=UTC).as_unit("ms")),
            "utc_offset_minutes": pd.Series([minutes for _, _, minutes in points], dtype="int64"),
        }
    )
