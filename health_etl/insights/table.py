"""Columns of the insights tables: what every type shares, then the metrics of its processor."""

from __future__ import annotations

import pyarrow as pa

from health_etl.clinical.base import Processor
from health_etl.record_types.base import UTC_TIMESTAMP, Column

IDENTITY = (
    Column("subject", pa.string(), "Keyed pseudonym of the person; the only name that training data use"),
    Column("user_id", pa.string(), "The person; never leaves the lake"),
    Column("local_date", pa.string(), "The person's local day, YYYY-MM-DD"),
    Column(
        "withdrawn",
        pa.bool_(),
        "The day lost its last measurement (a record moved or its offset became known); nothing else is filled",
    ),
)

CONTEXT = (
    Column("day_start_utc", UTC_TIMESTAMP, "Start of the local day or night", "UTC", nullable=True),
    Column("day_end_utc", UTC_TIMESTAMP, "End of the local day or night", "UTC", nullable=True),
    Column("utc_offset_minutes", pa.int64(), "UTC offset at the start of the day", "min", nullable=True),
    Column(
        "zone_source",
        pa.string(),
        "Where the offset came from, the least certain of the day",
        nullable=True,
        allowed=("record", "other_sources", "default"),
    ),
    Column("source_apps", pa.string(), "Apps whose records count, comma separated", nullable=True),
    Column("record_count", pa.int64(), "Health Connect records", "records", nullable=True),
    Column("measurement_count", pa.int64(), "Measurements in them", "measurements", nullable=True),
    Column("source_keys", pa.list_(pa.string()), "Raw objects, with the subject for the person", nullable=True),
    Column("quality_score", pa.float64(), "Mean quality of the source files", "0-1", nullable=True),
    Column("coverage", pa.float64(), "Share of the day that is recorded", "0-1", nullable=True),
    Column("coverage_reason", pa.string(), "Why coverage does not suffice", nullable=True),
)

TEXT = (
    Column("example_id", pa.string(), "Stable id of the training example", nullable=True),
    Column("instruction", pa.string(), "What the example asks", nullable=True),
    Column("input", pa.string(), "The figures that the text may use", nullable=True),
    Column("output", pa.string(), "The text", nullable=True),
)


def columns(processor: Processor) -> tuple[Column, ...]:
    """Return the columns of a processor's insights table, in order."""
    return (*IDENTITY, *CONTEXT, *(metric.column() for metric in processor.metrics), *TEXT)


def schema(processor: Processor) -> pa.Schema:
    """Return the Arrow schema of a processor's insights table."""
    return pa.schema([pa.field(c.name, c.dtype, nullable=c.nullable) for c in columns(processor)])
