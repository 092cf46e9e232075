"""Columns of the insights tables: those that all share, then the processor's metrics, then its texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from health_etl.clinical.common.base import Narrator
from health_etl.errors import PermanentError
from health_etl.record_types.base import UTC_TIMESTAMP, Column

IDENTITY = (
    Column("subject", pa.string(), "Keyed pseudonym of the person"),
    Column("user_id", pa.string(), "The person; never leaves the lake"),
    Column("local_date", pa.string(), "The person's local day, YYYY-MM-DD"),
    Column("example_id", pa.string(), "Stable id of the person's day in this table"),
    Column(
        "withdrawn",
        pa.bool_(),
        "The day lost its last measurement (a record moved, or its offset became known); all other columns are null",
    ),
    Column(
        "retold",
        pa.bool_(),
        "The upload changed not this day but one that it looks back on: measured before, narrated again",
    ),
)

PROFILE = (
    Column(
        "age_years",
        pa.int64(),
        "Age reached in the calendar year of the day, where a profile states it",
        "a",
        nullable=True,
    ),
    Column("sex", pa.string(), "Sex, where a profile states it", nullable=True, allowed=("female", "male")),
    Column("hrmax_bpm", pa.int64(), "Maximal heart rate, where a profile states it", "bpm", nullable=True),
    Column("pregnant", pa.bool_(), "The profile says so", nullable=True),
    Column("high_risk_diabetes", pa.bool_(), "The profile says so", nullable=True),
)

CONTEXT = (
    Column("day_start_utc", UTC_TIMESTAMP, "Start of the local day or night", "UTC", nullable=True),
    Column("day_end_utc", UTC_TIMESTAMP, "End of the local day or night", "UTC", nullable=True),
    Column("utc_offset_minutes", pa.int64(), "UTC offset at the start of the day", "min", nullable=True),
    Column(
        "zone_source",
        pa.string(),
        "Where the offset came from: the least certain source of the day",
        nullable=True,
        allowed=("record", "other_sources", "default"),
    ),
    Column(
        "source_apps",
        pa.string(),
        "Apps whose records were used, separated by commas; an id for those that have no package name",
        nullable=True,
    ),
    Column("record_count", pa.int64(), "Health Connect records", "records", nullable=True),
    Column("measurement_count", pa.int64(), "Measurements in them", "measurements", nullable=True),
    Column("source_keys", pa.list_(pa.string()), "Keys of the raw objects; never leave the lake", nullable=True),
    Column("source_files", pa.list_(pa.string()), "Keyed pseudonyms of the raw objects, sorted", nullable=True),
    Column("quality_score", pa.float64(), "Mean quality of the source files", "0-1", nullable=True),
    Column("coverage", pa.float64(), "Share of the day that is recorded", "0-1", nullable=True),
    Column("coverage_reason", pa.string(), "Why coverage is insufficient", nullable=True),
)

DERIVED = pa.struct([("value", pa.string()), ("rule", pa.string()), ("of", pa.list_(pa.string()))])
CAPTION = pa.struct(
    [("level", pa.string()), ("instruction", pa.string()), ("output", pa.string()), ("derived", pa.list_(DERIVED))]
)

TEXT = (
    Column("input", pa.string(), "The figures that the texts may use", nullable=True),
    Column(
        "captions",
        pa.list_(CAPTION),
        "The texts by level: the instruction, the output, and the numbers derived from the input",
        nullable=True,
    ),
)


def day_columns(processor: Narrator) -> tuple[Column, ...]:
    """Return the columns of what was measured on the day itself, in order."""
    return (*IDENTITY, *PROFILE, *CONTEXT, *(metric.column() for metric in processor.metrics))


def columns(processor: Narrator) -> tuple[Column, ...]:
    """Return the columns of a processor's insights table, in order."""
    return (*day_columns(processor), *(metric.column() for metric in processor.trends), *TEXT)


def schema(processor: Narrator) -> pa.Schema:
    """Return the Arrow schema of a processor's insights table."""
    return arrow_schema(columns(processor))


def day_schema(processor: Narrator) -> pa.Schema:
    """Return the Arrow schema of what was measured on the day itself."""
    return arrow_schema(day_columns(processor))


def check_computed(processor: Narrator, computed: Iterable[str], declared: Iterable[str]) -> None:
    """Raise PermanentError unless the computed columns are exactly the declared ones, in any order."""
    computed, declared = set(computed), set(declared)
    faults = [
        f"{fault}: {', '.join(sorted(names))}"
        for fault, names in (
            ("declares but does not compute", declared - computed),
            ("computes but does not declare", computed - declared),
        )
        if names
    ]
    if faults:
        raise PermanentError(f"The processor {processor.name} {'; it '.join(faults)}. Make metrics and code agree.")


def arrow_schema(columns_of_table: Sequence[Column]) -> pa.Schema:
    """Return columns as an Arrow schema."""
    return pa.schema([pa.field(c.name, c.dtype, nullable=c.nullable) for c in columns_of_table])
