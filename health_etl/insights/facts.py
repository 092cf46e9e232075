"""Rows of an insights table as facts: every value in the form in which the input and the texts write it.

The wording around the values belongs to texts.py and the processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from health_etl.clinical.common.age import age_band
from health_etl.clinical.common.base import Facts, Metric, Narrator
from health_etl.days.source_labels import labelled


def all_facts(rows: pd.DataFrame, processor: Narrator) -> list[Facts]:
    """Return the facts of every row, each number written with its metric's decimals, and sources by their labels."""
    rows = with_labels(rows, processor)
    reported = [metric for metric in processor.all_metrics if metric.reported]
    written = {metric.name: _written(rows[metric.name], metric) for metric in reported}
    written |= _context(rows)
    values = {metric.name: rows[metric.name].tolist() for metric in reported}
    names, metric_names = list(written), list(values)
    return [
        Facts(
            values=dict(zip(metric_names, row_values, strict=True)),
            written={name: text for name, text in zip(names, row_texts, strict=True) if text is not None},
            seed=seed,
        )
        for seed, row_values, row_texts in zip(
            rows["example_id"], zip(*values.values(), strict=True), zip(*written.values(), strict=True), strict=True
        )
    ]


def with_labels(rows: pd.DataFrame, processor: Narrator) -> pd.DataFrame:
    """Return rows with the label of every source that has no package name, as texts show it."""
    words = [m.name for m in processor.all_metrics if m.reported and pa.types.is_string(m.dtype)]
    return labelled(rows, ["source_apps", *words])


def clinical_insights(row: Mapping[str, Any], processor: Narrator) -> dict[str, bool | str | int | float | None]:
    """Return a row's reported metrics, each rounded as it is written; None where the day has no value."""
    reported = [metric for metric in processor.all_metrics if metric.reported]
    return {m.name: _rounded(row[m.name], m) if pd.notna(row[m.name]) else None for m in reported}


def _context(rows: pd.DataFrame) -> dict[str, list[str | None]]:
    return {
        "local_date": rows["local_date"].tolist(),
        "utc_offset": [_offset(value) if pd.notna(value) else None for value in rows["utc_offset_minutes"]],
        "zone_source": _text_or_none(rows["zone_source"]),
        "source_apps": _text_or_none(rows["source_apps"]),
        "record_count": _number(rows["record_count"], 0),
        "measurement_count": _number(rows["measurement_count"], 0),
        "coverage_percent": _number(rows["coverage"] * 100, 0),
        "coverage_reason": _text_or_none(rows["coverage_reason"]),
        "age_band": _text_or_none(age_band(rows["age_years"])),
        "sex": _text_or_none(rows["sex"]),
        "pregnant": _if_true(rows["pregnant"]),
        "high_risk_diabetes": _if_true(rows["high_risk_diabetes"]),
    }


def _if_true(values: pd.Series[Any]) -> list[str | None]:
    return ["yes" if pd.notna(value) and bool(value) else None for value in values]


def _written(values: pd.Series[Any], metric: Metric) -> list[str | None]:
    if pa.types.is_boolean(metric.dtype):
        return [None if pd.isna(value) else "yes" if value else "no" for value in values]
    if pa.types.is_string(metric.dtype):
        return _text_or_none(values)
    return _number(values, metric.decimals)


def _number(values: pd.Series[Any], decimals: int) -> list[str | None]:
    # Adding zero turns -0.0 into 0.0.
    return [None if pd.isna(value) else f"{round(float(value), decimals) + 0.0:.{decimals}f}" for value in values]


def _text_or_none(values: pd.Series[Any]) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]


def _offset(minutes: float) -> str:
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(int(minutes)), 60)
    return f"UTC{sign}{hours:02d}:{rest:02d}"


def _rounded(value: Any, metric: Metric) -> bool | str | int | float:
    if pa.types.is_boolean(metric.dtype):
        return bool(value)
    if pa.types.is_string(metric.dtype):
        return str(value)
    return round(float(value)) if metric.decimals == 0 else round(float(value), metric.decimals) + 0.0
