"""Validation of measurement rows. Only marks them; what becomes of rejected rows is decided in partition.py."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyarrow import types as pa_types

from health_etl.record_types import record_types
from health_etl.record_types.base import Column, RecordType, UnitRule
from health_etl.records.local_time import is_valid_offset

if TYPE_CHECKING:
    import pandera.pandas as pa  # slow, so imported where schemas are made: most processes validate nothing

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # no phone recorded health data before; an earlier time means a wrong clock
UPLOAD_GRACE = timedelta(days=2)  # to the end of the day after the upload date

# When the phone processed a record, not when anything was measured.
_HANDLING_TIMES = ("last_modified_utc", "fetched_utc")


class RowReason(StrEnum):
    """Why a measurement row is rejected; record types add reasons of their own with their row checks."""

    MISSING_VALUE = "missing_value"
    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_VALUE = "unknown_value"
    TIME_IMPLAUSIBLE = "time_implausible"
    ENDS_BEFORE_START = "ends_before_start"
    OFFSET_IMPLAUSIBLE = "offset_implausible"
    UNIT_SUSPECT = "unit_suspect"


def temporal_reasons(record_type: RecordType) -> set[str]:
    """Return the reasons that mean a wrong clock."""
    own = {check.reason for check in record_type.row_checks if check.is_temporal}
    return {RowReason.TIME_IMPLAUSIBLE, RowReason.ENDS_BEFORE_START, RowReason.OFFSET_IMPLAUSIBLE, *own}


def row_faults(rows: pd.DataFrame, record_type: RecordType, upload_date: date) -> pd.Series[str]:
    """Return the faults of each row ("column:reason", sorted, joined by "; "); null for a good row.

    `rows` has a unique index and the type's columns. Raises pandera's SchemaErrors only if columns are missing, which
    is a bug in this project and not in the data.
    """
    schema = _schema(record_type.name)
    if not schema.columns.keys() <= set(rows.columns):  # pandera is slow to find that nothing is missing
        schema.validate(rows.head(0), lazy=True)
    faults = pd.Series(None, index=rows.index, dtype="str", name="faults")
    violations = _violations(schema, rows)
    violations |= _implausible_times(record_type, rows, upload_date)
    if record_type.unit_rule is not None:
        _judge_unit(rows, record_type.unit_rule, violations)
    for fault, bad in sorted(violations.items()):
        earlier = faults[bad]
        faults[bad] = (earlier + "; ").fillna("") + fault
    return faults


def _violations(schema: pa.DataFrameSchema, rows: pd.DataFrame) -> dict[str, pd.Series[bool]]:
    """Return the rows that violate each rule, by fault.

    Pandera's own failure report costs a tenth of a millisecond and a few kilobytes per failure: a file with nothing
    but bad rows would take half a minute and gigabytes.
    """
    found = {
        f"{name}:{RowReason.MISSING_VALUE}": rows[name].isna()
        for name, column in schema.columns.items()
        if not column.nullable
    }
    is_incomplete = np.zeros(len(rows), dtype=np.bool_)
    for missing in found.values():
        is_incomplete |= missing.to_numpy()
    for name, column in schema.columns.items():
        for check in column.checks:
            found[f"{name}:{check.error or check.name}"] = _violates(check, rows[name])
    # A rule about several columns says nothing about a row that lacks a value, which is rejected anyway.
    for check in schema.checks:
        found[str(check.error or check.name)] = _violates(check, rows) & ~is_incomplete
    return {fault: bad for fault, bad in found.items() if bad.any()}


def _implausible_times(record_type: RecordType, rows: pd.DataFrame, upload_date: date) -> dict[str, pd.Series[bool]]:
    """Return the rows that violate the rule about the times of measurements, by fault."""
    rule = _time_rule(upload_date)
    times = [column.name for column in record_type.columns if is_measured_time(column)]
    found = {f"{name}:{RowReason.TIME_IMPLAUSIBLE}": _violates(rule, rows[name]) for name in times}
    return {fault: bad for fault, bad in found.items() if bad.any()}


def _judge_unit(rows: pd.DataFrame, rule: UnitRule, violations: dict[str, pd.Series[bool]]) -> None:
    """Note the rows whose unit looks wrong; whether their values are in range no longer matters."""
    suspect = rule.suspects(rows)
    if not suspect.any():
        return
    violations[f"{rule.column}:{RowReason.UNIT_SUSPECT}"] = suspect
    out_of_range = f"{rule.column}:{RowReason.OUT_OF_RANGE}"
    if out_of_range in violations:
        violations[out_of_range] &= ~suspect


def _violates(check: pa.Check, values: pd.DataFrame | pd.Series[Any]) -> pd.Series[bool]:
    """Mark the violations of a rule; the check itself ignores nulls."""
    passed: pd.Series[bool] = check(values).check_output
    return ~passed.astype(bool).reindex(values.index, fill_value=True)


def is_measured_time(column: Column) -> bool:
    """Tell whether a column holds the time of a measurement."""
    return bool(pa_types.is_timestamp(column.dtype)) and column.name not in _HANDLING_TIMES


def is_zone_offset(column: Column) -> bool:
    """Tell whether a column holds a UTC offset written by an app."""
    return column.name.endswith("zone_offset")


@cache
def _schema(name: str) -> pa.DataFrameSchema:
    """Return the rules of a type, except for the one that depends on the upload date: making them takes 10 ms."""
    import pandera.pandas as pa

    record_type = record_types()[name]
    columns = {c.name: pa.Column(None, _checks(c), nullable=c.nullable) for c in record_type.columns}
    return pa.DataFrameSchema(columns, checks=_row_checks(record_type), name=name)


@lru_cache(maxsize=64)
def _time_rule(upload_date: date) -> pa.Check:
    latest = datetime(upload_date.year, upload_date.month, upload_date.day, tzinfo=UTC) + UPLOAD_GRACE
    return _range_check(EARLIEST, latest, RowReason.TIME_IMPLAUSIBLE)


def _checks(column: Column) -> list[pa.Check]:
    import pandera.pandas as pa

    checks = []
    if column.minimum is not None or column.maximum is not None:
        checks.append(_range_check(column.minimum, column.maximum, RowReason.OUT_OF_RANGE))
    if column.allowed is not None:
        checks.append(pa.Check.isin(column.allowed, name=RowReason.UNKNOWN_VALUE, error=RowReason.UNKNOWN_VALUE))
    if is_zone_offset(column):
        checks.append(pa.Check(is_valid_offset, name=RowReason.OFFSET_IMPLAUSIBLE, error=RowReason.OFFSET_IMPLAUSIBLE))
    return checks


def _range_check(minimum: object, maximum: object, reason: RowReason) -> pa.Check:
    import pandera.pandas as pa

    # For built-in checks, pandera reports the error text and not the name.
    if maximum is None:
        return pa.Check.ge(minimum, name=reason, error=reason)
    if minimum is None:
        return pa.Check.le(maximum, name=reason, error=reason)
    return pa.Check.in_range(minimum, maximum, name=reason, error=reason)


def _row_checks(record_type: RecordType) -> list[pa.Check]:
    import pandera.pandas as pa

    checks = [pa.Check(check.passes, name=check.reason) for check in record_type.row_checks]
    if "end_utc" in record_type.arrow_schema.names:
        checks.append(pa.Check(lambda rows: rows["end_utc"] >= rows["start_utc"], name=RowReason.ENDS_BEFORE_START))
    return checks
