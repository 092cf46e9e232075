"""Rows of an insights table as facts: every value in the form in which the input and the texts write it.

The wording around the values belongs to texts.py and the processors.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.common.age import age_band
from health_etl.clinical.common.base import Facts, Metric, Narrator
from health_etl.days.source_labels import labelled

Figure = bool | str | int | float | None


def all_facts(rows: pd.DataFrame, processor: Narrator) -> list[Facts]:
    """Return the facts of every row, each number written with its metric's decimals, and sources by their labels."""
    rows = with_labels(rows, processor)
    columns = {metric.name: (metric, rows[metric.name]) for metric in processor.reported}
    written = {name: _written(column, metric) for name, (metric, column) in columns.items()} | _context(rows)
    values = [column.tolist() for _, column in columns.values()]
    names, metric_names = list(written), list(columns)
    return [
        Facts(
            values=dict(zip(metric_names, row_values, strict=True)),
            written={name: text for name, text in zip(names, row_texts, strict=True) if text is not None},
            seed=seed,
        )
        for seed, row_values, row_texts in zip(
            rows["example_id"], zip(*values, strict=True), zip(*written.values(), strict=True), strict=True
        )
    ]


def with_labels(rows: pd.DataFrame, processor: Narrator) -> pd.DataFrame:
    """Return rows with the label of every source that has no package name, as texts show it."""
    words = [metric.name for metric in processor.reported if pa.types.is_string(metric.dtype)]
    return labelled(rows, ["source_apps", *words])


def clinical_insights(rows: pd.DataFrame, processor: Narrator) -> list[dict[str, Figure]]:
    """Return the reported metrics of every row, each rounded as it is written; None where the day has no value."""
    names = [metric.name for metric in processor.reported]
    columns = [_figures(rows[metric.name], metric) for metric in processor.reported]
    return [dict(zip(names, figures, strict=True)) for figures in zip(*columns, strict=True)]


def _context(rows: pd.DataFrame) -> dict[str, list[str | None]]:
    return {
        "local_date": rows["local_date"].tolist(),
        "utc_offset": [None if math.isnan(value) else _offset(value) for value in _floats(rows["utc_offset_minutes"])],
        "zone_source": _text_or_none(rows["zone_source"]),
        "source_apps": _text_or_none(rows["source_apps"]),
        "record_count": _number(rows["record_count"], 0),
        "measurement_count": _number(rows["measurement_count"], 0),
        "coverage_percent": _number(rows["coverage"] * 100, 0),
        "coverage_reason": _text_or_none(rows["coverage_reason"]),
        "age_band": _text_or_none(age_band(rows["age_years"])),
        "sex": _text_or_none(rows["sex"]),
        "pregnant": ["yes" if value else None for value in _or_none(rows["pregnant"])],
        "high_risk_diabetes": ["yes" if value else None for value in _or_none(rows["high_risk_diabetes"])],
    }


def _written(values: pd.Series[Any], metric: Metric) -> list[str | None]:
    if pa.types.is_boolean(metric.dtype):
        return [None if value is None else "yes" if value else "no" for value in _or_none(values)]
    if pa.types.is_string(metric.dtype):
        return _text_or_none(values)
    return _number(values, metric.decimals)


def _figures(values: pd.Series[Any], metric: Metric) -> list[Any]:
    if pa.types.is_boolean(metric.dtype):
        return [None if value is None else bool(value) for value in _or_none(values)]
    if pa.types.is_string(metric.dtype):
        return _text_or_none(values)
    if metric.decimals == 0:  # infinity stays as it is, and makes no line
        return [
            None if math.isnan(value) else round(value) if math.isfinite(value) else value for value in _floats(values)
        ]
    return [None if math.isnan(value) else round(value, metric.decimals) + 0.0 for value in _floats(values)]


def _number(values: pd.Series[Any], decimals: int) -> list[str | None]:
    form, minus_zero = f".{decimals}f", f"{-0.0:.{decimals}f}"
    texts = [None if math.isnan(value) else format(value, form) for value in _floats(values)]
    return [minus_zero[1:] if text == minus_zero else text for text in texts]


def _text_or_none(values: pd.Series[Any]) -> list[str | None]:
    return [None if value is None else str(value) for value in _or_none(values)]


def _floats(values: pd.Series[Any]) -> list[float]:
    """Return numbers, nan where there is none."""
    numbers: list[float] = values.to_numpy(dtype=np.float64, na_value=np.nan).tolist()
    return numbers


def _or_none(values: pd.Series[Any]) -> list[Any]:
    """Return values of any kind, None where there is none."""
    missing = values.isna().tolist()
    return [None if is_missing else value for value, is_missing in zip(values.tolist(), missing, strict=True)]


def _offset(minutes: float) -> str:
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(int(minutes)), 60)
    return f"UTC{sign}{hours:02d}:{rest:02d}"
