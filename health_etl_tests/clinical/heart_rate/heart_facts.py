"""Helpers of the heart-rate and RMSSD tests: the profile columns of days, their look-back, and their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from health_etl.clinical.common.base import Captions, ClinicalOptions, Processor
from health_etl_tests.clinical.facts import facts_of


def with_profile(
    days: pd.DataFrame,
    *,
    age_years: int | None = None,
    hrmax_bpm: int | None = None,
    pregnant: bool = False,
) -> pd.DataFrame:
    """Add what a person's profile says to every row of days."""
    return days.assign(
        age_years=pd.Series([age_years] * len(days), index=days.index, dtype="Int64"),
        sex=pd.Series([None] * len(days), index=days.index, dtype="str"),
        hrmax_bpm=pd.Series([hrmax_bpm] * len(days), index=days.index, dtype="Int64"),
        pregnant=pregnant,
        high_risk_diabetes=False,
    )


def earlier_of(processor: Processor, carried: Sequence[Mapping[int, Mapping[str, Any]]]) -> pd.DataFrame:
    """Return the look-back of days: for each day the carried values by days before."""
    rows = [
        {"day": day, "days_before": before, **values}
        for day, history in enumerate(carried)
        for before, values in sorted(history.items())
    ]
    frame = pd.DataFrame(rows, columns=["day", "days_before", *processor.carried])
    return frame.astype({"day": "int64", "days_before": "int64"})


def with_trends(
    processor: Processor, analysed: pd.DataFrame, earlier: pd.DataFrame | None = None, **profile: Any
) -> pd.DataFrame:
    """Add the trends to analysed days; without `earlier` there is no earlier day."""
    assert processor.look_back is not None
    given = with_profile(analysed, **profile)
    known = earlier_of(processor, [{}] * len(analysed)) if earlier is None else earlier
    trends = processor.look_back(given, known, ClinicalOptions())
    assert set(trends.columns) == {metric.name for metric in processor.trends}
    assert len(trends) == len(analysed)
    return pd.concat([analysed.reset_index(drop=True), trends], axis=1)


def captions_of(processor: Processor, insight: pd.Series, **context: Any) -> Captions:
    """Return the three texts of one analysed day with trends."""
    return processor.narrate(facts_of(processor, insight, **context))
