"""The definition of a record type: columns, limits, checks, day. The types themselves have a module each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

UTC_TIMESTAMP = pa.timestamp("ms", tz="UTC")


class DayAnchor(StrEnum):
    """Which local day a measurement belongs to."""

    INSTANT = "instant"  # the local date of time_utc
    NIGHT = "night"  # the local date on which the night (18:00 to 18:00) of time_utc ends
    END = "end"  # the local date of the night (18:00 to 18:00) in which end_utc lies
    SPAN = "span"  # every local date that start_utc..end_utc overlaps


@dataclass(frozen=True)
class Column:
    """One column of a table, with its meaning, unit and limits.

    `minimum` and `maximum` are inclusive; `range_source` says where they come from.
    """

    name: str
    dtype: pa.DataType
    description: str
    unit: str | None = None
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    range_source: str | None = None
    expected: bool = True  # False: many apps leave it empty, so nulls do not lower a file's quality

    @property
    def limits(self) -> str | None:
        """The limits in words: "20 to 600", "at least 0", "at most 24"; None without limits."""
        if self.minimum is None and self.maximum is None:
            return None
        if self.maximum is None:
            return f"at least {self.minimum:g}"
        return f"at most {self.maximum:g}" if self.minimum is None else f"{self.minimum:g} to {self.maximum:g}"


@dataclass(frozen=True)
class RowCheck:
    """A rule about several columns of a measurement row; `passes` returns a boolean per row, true for good rows.

    `is_temporal` means that a violation is a clock fault, which lowers the temporal part of the file's quality.
    """

    reason: str
    description: str
    passes: Callable[[pd.DataFrame], pd.Series[bool]]
    is_temporal: bool = False


@dataclass(frozen=True)
class UnitRule:
    """How to recognise that an app wrote a column in another unit; `suspects` marks the measurement rows of such apps.

    A unit is judged over all rows of an app in a file, never by one value: `suspects` gets whole files.
    """

    column: str
    description: str
    suspects: Callable[[pd.DataFrame], pd.Series[bool]]


@dataclass(frozen=True)
class RecordType:
    """One Health Connect record type.

    `avro_schema` is the reader's schema. `flatten` turns decoded records (one row per record, nested columns named as
    in Avro) into measurement rows with `columns`; every record keeps at least one row.
    """

    name: str
    avro_name: str
    title: str
    description: str
    domain: str
    avro_schema: Mapping[str, Any]
    columns: tuple[Column, ...]
    flatten: Callable[[pa.Table], pa.Table]
    day_anchor: DayAnchor
    code_version: str
    row_checks: tuple[RowCheck, ...] = ()
    unit_rule: UnitRule | None = None
    reject_whole_record: bool = False  # one bad measurement makes the rest of its record untrustworthy
    sort_by: tuple[str, ...] = field(default=("time_utc",))

    @cached_property
    def avro_schema_text(self) -> str:
        """The reader's schema as JSON."""
        return json.dumps(self.avro_schema)

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The schema of the records table, in column order."""
        return pa.schema([pa.field(c.name, c.dtype, nullable=c.nullable) for c in self.columns])
