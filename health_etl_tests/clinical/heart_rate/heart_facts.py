"""Helpers of the heart-rate and RMSSD tests: the profile columns of days, their look-back, and their facts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from health_etl.clinical.common.age import age_band
from health_etl.clinical.common.base import Captions, ClinicalOptions, Facts, Metric, Processor

_WHOLE = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:[.:]\d+)?(?![A-Za-z0-9_])")


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


def facts_of(
    processor: Processor, insight: pd.Series, zone_source: str = "record", seed: str = "", age_years: int | None = None
) -> Facts:
    """Return the facts of one analysed day with trends, as the insights write them."""
    reported = [metric for metric in processor.all_metrics if metric.reported and pd.notna(insight[metric.name])]
    written = {metric.name: _written(insight[metric.name], metric) for metric in reported}
    written |= {
        "local_date": insight["local_date"],
        "utc_offset": "UTC-05:00",
        "zone_source": zone_source,
        "source_apps": "app.watch",
        "coverage_percent": f"{insight['coverage'] * 100:.0f}",
    }
    if pd.notna(insight["coverage_reason"]):
        written["coverage_reason"] = insight["coverage_reason"]
    if age_years is not None:
        written["age_band"] = age_band(pd.Series([age_years])).iloc[0]
    return Facts({metric.name: insight[metric.name] for metric in reported}, written, seed)


def input_of(processor: Processor, facts: Facts) -> str:
    """Return what a text may take its numbers from."""
    metrics = [m for m in processor.all_metrics if m.reported and facts.has(m.name)]
    lines = [f"{m.label}: {facts[m.name]} {m.unit or ''}" for m in metrics]
    context = [facts[name] for name in ("local_date", "coverage_percent")]
    context += [facts["coverage_reason"]] if facts.has("coverage_reason") else []
    return "\n".join([*context, *lines, *processor.guidelines])


def numbers(text: str) -> set[str]:
    """Return the numbers and clock times of a text, as written."""
    return set(_WHOLE.findall(text))


def ungrounded(processor: Processor, facts: Facts) -> dict[str, set[str]]:
    """Narrate; return by level the numbers that neither the input holds nor a named rule gives."""
    captions = processor.narrate(facts)
    known = numbers(input_of(processor, facts)) | {derived.value for derived in facts.derived}
    return {level: numbers(text) - known for level, text in captions.items() if numbers(text) - known}


def captions_of(processor: Processor, insight: pd.Series, **context: Any) -> Captions:
    """Return the three texts of one analysed day with trends."""
    return processor.narrate(facts_of(processor, insight, **context))


def _written(value: Any, metric: Metric) -> str:
    if pa.types.is_string(metric.dtype):
        return str(value)
    return f"{round(float(value), metric.decimals) + 0.0:.{metric.decimals}f}"
