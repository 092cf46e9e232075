"""Collected insights on an invented person's steps: what a page is made from."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from health_etl.clinical.common.base import Captions, Facts, Metric, Processor
from health_etl.report.collect import Collected, Period
from health_etl_tests.report.person import FIRST, captions, insights, person_days

HOUR_LIST = pa.list_(pa.float64())
DAY = Period(FIRST, FIRST)


def processor(name: str) -> Processor:
    """A processor with the metrics that the pictures of activity use."""

    def narrate(_: Facts) -> Captions:
        return {}

    metrics = {
        "steps": (
            Metric("steps_total", "Steps", "", unit="steps"),
            Metric("activity_category", "Category", "", dtype=pa.string()),
            Metric("partial_day", "Partial day", "", dtype=pa.bool_()),
            Metric("steps_by_hour", "Steps by hour", "", dtype=HOUR_LIST, reported=False),
        ),
        "active_calories_burned": (
            Metric("active_kcal_total", "Active energy", "", unit="kcal", decimals=1),
            Metric("partial_day", "Partial day", "", dtype=pa.bool_()),
        ),
    }
    return Processor(name, "2", metrics[name], (), {}, lambda *_: pd.DataFrame(), narrate)


def steps(days: list[str], **columns: object) -> Collected:
    given = {
        "steps_total": 8123,
        "activity_category": "somewhat active",
        "partial_day": False,
        "steps_by_hour": [[340.0] * 24 for _ in days],
        "captions": [captions(f"{day} in numbers", f"{day} in time", f"{day} in meaning") for day in days],
    }
    return Collected(processor("steps"), person_days(insights(days, **{**given, **columns})), "2025-09-17")
