"""The contract of every record type: described columns, a processor, and fixtures for what it accepts and rejects.

Types are discovered, never listed: a new one fails here until it is complete. Fixtures are lists of Avro records as
JSON (with NaN allowed): fixtures/<type>/quarantine/<reason>.json is rejected, and pass/<reason>.json barely satisfies
the same rule. Those that all types share are made by support/fixtures.py.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from health_etl.clinical import all_processors, processors
from health_etl.clinical.common.base import Level
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl.record_types.common import PROVENANCE_COLUMNS
from health_etl.records.validate import RowReason, is_measured_time, is_zone_offset, row_faults
from health_etl_tests.support.exports import FIXTURES, UPLOADED, memory_lake, plain, put
from health_etl_tests.support.fixtures import Fixture, fixtures
from health_etl_tests.support.metric_days import metric_days
from health_etl_tests.support.pipeline import (
    bring_up_to_date,
    files_of,
    journal_examples,
    manifest_of,
    measurement_rows,
    records_of,
    rejected_of,
    update_records,
)

every_type = pytest.mark.parametrize("record_type", record_types().values(), ids=list(record_types()))


def every_fixture(kind: str) -> pytest.MarkDecorator:
    cases = [fixture for name in record_types() for fixture in fixtures(name, kind)]
    return pytest.mark.parametrize("fixture", cases, ids=[f"{case.record_type}-{case.name}" for case in cases])


def names_of(record_type: RecordType, kind: str) -> set[str]:
    return {fixture.name for fixture in fixtures(record_type.name, kind)}


def enums(schema: Any) -> Iterator[frozenset[str]]:
    """Yield the symbols of every enum in an Avro schema."""
    if isinstance(schema, list):
        for branch in schema:
            yield from enums(branch)
    elif isinstance(schema, Mapping):
        if schema["type"] == "enum":
            yield frozenset(schema["symbols"])
        for field in schema.get("fields", ()):
            yield from enums(field["type"])
        yield from enums(schema.get("items"))


def emptied(value: Any) -> Any:
    """Return a record with NaN in every floating-point field and empty lists: all that Avro lets an app leave out."""
    if isinstance(value, Mapping):
        return {name: emptied(inner) for name, inner in value.items()}
    return [] if isinstance(value, list) else float("nan") if isinstance(value, float) else value


def reasons_of(record_type: RecordType) -> set[str]:
    """Return every reason for which columns and row checks of a type can reject a row of a readable file."""
    reasons = {check.reason for check in record_type.row_checks}
    names = {column.name for column in record_type.columns}
    if any(column.minimum is not None or column.maximum is not None for column in record_type.columns):
        reasons.add(RowReason.OUT_OF_RANGE)
    if any(map(is_measured_time, record_type.columns)):
        reasons.add(RowReason.TIME_IMPLAUSIBLE)
    if "end_utc" in names:
        reasons.add(RowReason.ENDS_BEFORE_START)
    if any(map(is_zone_offset, record_type.columns)):
        reasons.add(RowReason.OFFSET_IMPLAUSIBLE)
    if record_type.unit_rule is not None:
        reasons.add(RowReason.UNIT_SUSPECT)
    # An enum never yields an unknown symbol, so only plain strings can have unknown values.
    closed = set(enums(record_type.avro_schema))
    if any(column.allowed and frozenset(column.allowed) not in closed for column in record_type.columns):
        reasons.add(RowReason.UNKNOWN_VALUE)
    rows = measurement_rows(record_type.name, [emptied(plain(record_type.name))])
    if row_faults(rows, record_type, UPLOADED).str.contains(RowReason.MISSING_VALUE, na=False).any():
        reasons.add(RowReason.MISSING_VALUE)
    return {str(reason) for reason in reasons}


@every_type
def test_every_column_has_a_description(record_type: RecordType) -> None:
    assert [column.name for column in record_type.columns if not column.description.strip()] == []
    names = [column.name for column in record_type.columns]
    assert len(set(names)) == len(names)


@every_type
def test_every_measured_number_has_a_unit(record_type: RecordType) -> None:
    bookkeeping = {column.name for column in PROVENANCE_COLUMNS}
    measured = [column for column in record_type.columns if column.name not in bookkeeping]
    numbers = [column for column in measured if pa.types.is_integer(column.dtype) or pa.types.is_floating(column.dtype)]
    assert [column.name for column in numbers if not column.unit] == []


@every_type
def test_every_time_is_utc_and_says_so(record_type: RecordType) -> None:
    times = [column for column in record_type.columns if pa.types.is_timestamp(column.dtype)]
    assert {(column.dtype.tz, column.unit, column.name.endswith("_utc")) for column in times} == {("UTC", "UTC", True)}


@every_type
def test_every_range_has_a_source(record_type: RecordType) -> None:
    ranged = [column for column in record_type.columns if column.minimum is not None or column.maximum is not None]
    assert [column.name for column in ranged if not column.range_source] == []


@every_type
def test_a_unit_rule_is_about_a_column_that_has_a_unit(record_type: RecordType) -> None:
    if (rule := record_type.unit_rule) is not None:
        assert [column.unit for column in record_type.columns if column.name == rule.column] != [None]
        assert rule.description.strip()


@every_type
def test_every_row_check_has_a_description(record_type: RecordType) -> None:
    assert all(check.reason.isidentifier() and check.description.strip() for check in record_type.row_checks)


@every_type
def test_the_names_of_a_type_are_consistent(record_type: RecordType) -> None:
    words = record_type.avro_name.removesuffix("Record")
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words).removeprefix("_")
    assert record_type.avro_name.endswith("Record")
    assert record_type.name == snake
    assert record_type.avro_schema["name"] == f"Avro{record_type.avro_name}"
    assert record_type.title.strip()
    assert record_type.description.strip()
    assert record_type.domain.isidentifier()
    assert record_type.code_version


@every_type
def test_a_type_is_sorted_by_columns_that_it_has(record_type: RecordType) -> None:
    assert set(record_type.sort_by) <= {column.name for column in record_type.columns}


@every_type
def test_a_type_has_a_processor_with_its_name(record_type: RecordType) -> None:
    processor = processors()[record_type.name]
    assert processor.record_type == record_type.name
    assert processor.version
    assert processor.metrics
    assert all(len(set(processor.instructions[level])) > 1 for level in Level)
    assert processor.guidelines


@every_type
def test_every_metric_of_its_processor_is_documented(record_type: RecordType) -> None:
    metrics = processors()[record_type.name].all_metrics
    assert [metric.name for metric in metrics if not metric.label.strip() or not metric.description.strip()] == []
    assert len({metric.name for metric in metrics}) == len(metrics)
    assert len({metric.label for metric in metrics}) == len(metrics)


def test_there_is_no_processor_without_a_record_type() -> None:
    assert set(processors()) == set(record_types())


@every_type
def test_flattening_gives_the_columns_of_the_type_and_loses_no_record(record_type: RecordType) -> None:
    for fixture in fixtures(record_type.name, "pass") + fixtures(record_type.name, "quarantine"):
        rows = measurement_rows(record_type.name, fixture.records)
        assert list(rows.columns) == [column.name for column in record_type.columns]
        assert set(rows["source_record_number"]) == set(range(len(fixture.records)))


@every_type
def test_a_type_has_a_fixture_that_passes(record_type: RecordType) -> None:
    assert "typical" in names_of(record_type, "pass")


@every_type
def test_a_type_has_a_fixture_for_every_reason_to_reject_a_row_and_for_no_other(record_type: RecordType) -> None:
    assert names_of(record_type, "quarantine") == reasons_of(record_type)


@every_type
def test_a_type_has_a_fixture_that_barely_satisfies_each_of_its_rules(record_type: RecordType) -> None:
    assert reasons_of(record_type) - names_of(record_type, "pass") == set()


def test_there_are_no_fixtures_without_a_record_type() -> None:
    assert {path.name for path in FIXTURES.iterdir() if path.is_dir()} == set(record_types())


@every_fixture("pass")
def test_a_passing_fixture_is_accepted_completely(fixture: Fixture) -> None:
    lake = memory_lake()
    put(lake, fixture.record_type, fixture.records)
    update_records(lake, fixture.record_type)
    assert manifest_of(lake, fixture.record_type).total() == (len(fixture.records), len(fixture.records), 0, 0)
    assert set(records_of(lake, fixture.record_type)["record_id"]) == {
        record["metadata"]["id"] for record in fixture.records
    }


@cache
def taken_in(fixture: Fixture) -> Lake:
    """Return a lake that contains only this fixture, brought up to date; it must not be modified."""
    lake = memory_lake()
    put(lake, fixture.record_type, fixture.records)
    bring_up_to_date(lake)
    return lake


def metrics_with_values(lake: Lake, insights: str) -> set[str]:
    """Return the insights columns that have a value on some day."""
    tables = [manifest.table_key for manifest in Catalogue(lake).insights(insights).values()]
    found = [read_frame(lake, key).notna().any() for key in tables]
    return {str(name) for columns in found for name in columns.index[columns]}


@pytest.fixture(scope="module")
def days_beside_fixtures() -> Lake:
    return metric_days()


@pytest.mark.parametrize("insights", all_processors())
def test_every_declared_metric_has_a_value_in_some_fixture(insights: str, days_beside_fixtures: Lake) -> None:
    lakes = [taken_in(fixture) for name in record_types() for fixture in fixtures(name, "pass")]
    with_values = set().union(*(metrics_with_values(lake, insights) for lake in (*lakes, days_beside_fixtures)))
    assert [metric.name for metric in all_processors()[insights].all_metrics if metric.name not in with_values] == []


@every_fixture("pass")
def test_a_passing_fixture_becomes_training_lines(fixture: Fixture) -> None:
    examples = journal_examples(taken_in(fixture))
    assert examples
    assert all(example["output"].endswith(".") for example in examples)
    lines = {(example["metadata"]["record_type"], example["metadata"]["caption_level"]) for example in examples}
    assert lines == {
        (kind, level) for kind in (record_types()[fixture.record_type].avro_name, DAILY_JOURNAL) for level in Level
    }


@every_fixture("quarantine")
def test_a_quarantine_fixture_is_rejected_for_its_reason_and_good_records_beside_it_are_kept(fixture: Fixture) -> None:
    name, bad = fixture.record_type, copy.deepcopy(fixture.records)
    good = next(other.records for other in fixtures(name, "pass") if other.name == "typical")
    for record in bad:
        record["metadata"]["id"] += " of the bad one"
    lake = memory_lake()
    put(lake, name, [*good, *bad])
    update_records(lake, name)
    assert manifest_of(lake, name).total() == (len(good) + len(bad), len(good), 0, len(bad))
    rejected = rejected_of(lake, name)
    carries = rejected["faults"].str.contains(fixture.name, na=False, regex=False)
    by_record = carries.groupby(rejected["record_id"]).any()
    assert by_record.to_dict() == {record["metadata"]["id"]: True for record in bad}


@every_fixture("quarantine")
def test_a_quarantine_fixture_alone_is_refused_whole_and_its_faults_are_counted(fixture: Fixture) -> None:
    lake = memory_lake()
    put(lake, fixture.record_type, fixture.records)
    update_records(lake, fixture.record_type)
    manifest = manifest_of(lake, fixture.record_type)
    assert manifest.total() == (len(fixture.records), 0, 0, len(fixture.records))
    (file,) = files_of(lake, fixture.record_type)
    assert file.reason == "no_good_rows"
    assert any(fixture.name in fault for fault in file.faults)
