"""Insights to training examples: one JSON line a person, local day and record type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from health_etl.clinical.base import Processor
from health_etl.insights.build import clinical_insights
from health_etl.record_types import record_types

# The columns of an insights table that an example needs besides the metrics.
CONTEXT = (
    "subject",
    "local_date",
    "example_id",
    "instruction",
    "input",
    "output",
    "record_count",
    "quality_score",
    "coverage",
    "source_keys",
)


def lines(rows: pd.DataFrame, processor: Processor, processor_version: str) -> Iterator[str]:
    """Write each row of an insights table as one line of JSON, without the line's end."""
    names = list(rows.columns)
    for values in rows.itertuples(index=False, name=None):
        example = _example(dict(zip(names, values, strict=True)), processor, processor_version)
        yield json.dumps(example, ensure_ascii=False, separators=(", ", ": "))


def columns(processor: Processor) -> Sequence[str]:
    """Return the columns that `lines` needs."""
    return [*CONTEXT, *(metric.name for metric in processor.metrics)]


def _example(row: Mapping[str, Any], processor: Processor, processor_version: str) -> dict[str, Any]:
    return {
        "instruction": row["instruction"],
        "input": row["input"],
        "output": row["output"],
        "metadata": {
            "example_id": row["example_id"],
            "record_type": record_types()[processor.record_type].avro_name,
            "health_domain": record_types()[processor.record_type].domain,
            "subject": row["subject"],
            "local_date": row["local_date"],
            "record_count": int(row["record_count"]),
            "quality_score": _rounded(row["quality_score"]),
            "coverage": _rounded(row["coverage"]),
            "source_keys": list(row["source_keys"]),
            "processor_version": processor_version,
            "clinical_insights": json.loads(clinical_insights(row, processor)),
        },
    }


def _rounded(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 4)
