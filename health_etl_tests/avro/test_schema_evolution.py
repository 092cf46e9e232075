"""Schema changes in exporting apps: which additions a file may have, and which changes quarantine it.

Runs for every field in the schema of every record type, found by walking it; no type is named here.
"""

from __future__ import annotations

from typing import Any

import pytest

from health_etl.avro.decode import DecodedFile
from health_etl.avro.resolution import PRIMITIVE, resolve
from health_etl.reasons import FileRefusedError
from health_etl.record_types import record_types
from health_etl_tests.support.exports import plain
from health_etl_tests.support.schema_changes import (
    Names,
    decode_with,
    every_field,
    every_field_of,
    every_type,
    field_of,
    holder,
    paths,
    records_with,
    refusal,
    schema_of,
    with_reader_schema,
    written_kind,
)


@every_type
def test_every_field_that_we_read_is_written_by_every_exporter(name: str) -> None:
    fields = [field_of(schema_of(name), path) for path in paths(schema_of(name))]
    assert [field["name"] for field in fields if "default" in field] == []


@every_field
def test_a_missing_field_quarantines_the_file_and_is_named(name: str, path: Names) -> None:
    schema = schema_of(name)
    holder(schema, path)["fields"].remove(field_of(schema, path))
    assert refusal(name, schema) == f"the field {'.'.join(path)} is missing"


@every_field
def test_a_renamed_field_quarantines_the_file_and_only_our_name_is_shown(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["name"] = "patientMeier"
    for place in records_with(record, path):
        place["patientMeier"] = place.pop(path[-1])
    assert refusal(name, schema, record) == f"the field {'.'.join(path)} is missing"


@every_field
def test_a_renamed_field_is_read_if_our_schema_has_an_alias(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["name"] = "formerName"
    for place in records_with(record, path):
        place["formerName"] = place.pop(path[-1])
    knowing = with_reader_schema(name, lambda ours: field_of(ours, path).update(aliases=["otherName", "formerName"]))
    assert decode_with(name, schema, record, record_type=knowing) == DecodedFile([plain(name)], ())


@every_field
def test_a_field_under_two_names_at_once_quarantines_the_file(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    holder(schema, path)["fields"].append({"name": "formerName", "type": ["null", "string"]})
    knowing = with_reader_schema(name, lambda ours: field_of(ours, path).update(aliases=["formerName"]))
    detail = refusal(name, schema, record, record_type=knowing)
    assert detail == f"the field {'.'.join(path)} is present twice, under its name and under an alias"


@every_field
def test_a_field_of_an_incompatible_type_quarantines_the_file_and_is_named(name: str, path: Names) -> None:
    others: list[tuple[str, Any, Any]] = [
        ("boolean", "boolean", True),
        ("map", {"type": "map", "values": "string"}, {"patientMeier": "110"}),
    ]
    for shown, kind, value in others:
        schema, record = schema_of(name), plain(name)
        field_of(schema, path)["type"] = kind
        for place in records_with(record, path):
            place[path[-1]] = value
        assert refusal(name, schema, record) == f"the field {'.'.join(path)} is of an incompatible type ({shown})"


@every_field
def test_a_union_with_an_incompatible_branch_is_read_until_a_value_has_it(name: str, path: Names) -> None:
    schema = schema_of(name)
    field = field_of(schema, path)
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    field["type"] = [*branches, "boolean"]
    assert decode_with(name, schema) == DecodedFile([plain(name)], ())
    record = plain(name)
    for place in records_with(record, path):
        place[path[-1]] = True
    assert refusal(name, schema, record) == f"a value of the field {'.'.join(path)} does not have the required type"


@every_field_of(may_be_null=False)
def test_a_null_in_a_required_field_quarantines_the_file(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field = field_of(schema, path)
    field["type"] = ["null", field["type"]]
    assert decode_with(name, schema) == DecodedFile([plain(name)], ())
    for place in records_with(record, path):
        place[path[-1]] = None
    assert refusal(name, schema, record) == f"a value of the field {'.'.join(path)} does not have the required type"


@every_field_of(may_be_null=True)
def test_a_field_that_is_no_longer_nullable_is_read(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field = field_of(schema, path)
    (field["type"],) = (branch for branch in field["type"] if branch != "null")
    filled = {"string": "text", "long": 1, "record": {"manufacturer": None, "model": None, "type": None}}
    for place in records_with(record, path):
        place[path[-1]] = place[path[-1]] or filled[written_kind(field["type"])]
    assert decode_with(name, schema, record) == DecodedFile([record], ())


@every_field_of("long", "double")
def test_a_narrower_number_is_read_without_loss(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field = field_of(schema, path)
    kind = written_kind(field["type"])
    narrower = {"long": (("int", 2**31 - 1),), "double": (("int", -7), ("long", 2**53 - 1), ("float", 0.5))}
    for written, value in narrower[kind]:
        field["type"] = written
        for place in records_with(record, path):
            place[path[-1]] = value
        file = decode_with(name, schema, record)
        read = [place[path[-1]] for place in records_with(file.records[0], path)]
        assert set(read) == {value}
        assert {type(found) for found in read} == {int if kind == "long" else float}


@every_field_of("long", "string")
def test_a_value_with_a_logical_type_has_an_incompatible_type(name: str, path: Names) -> None:
    schema = schema_of(name)
    field = field_of(schema, path)
    kind = written_kind(field["type"])
    logical = {"long": "timestamp-micros", "string": "uuid"}[kind]
    field["type"] = {"type": kind, "logicalType": logical}
    with pytest.raises(FileRefusedError) as caught:
        resolve(schema, record_types()[name].avro_schema)
    assert caught.value.detail == f"the field {'.'.join(path)} is of an incompatible type ({logical})"


@every_field_of(*PRIMITIVE)
def test_a_logical_type_unknown_to_avro_changes_nothing(name: str, path: Names) -> None:
    schema = schema_of(name)
    field = field_of(schema, path)
    kind = written_kind(field["type"])
    annotated = {"type": kind, "logicalType": "patientMeier"}
    field["type"] = ["null", annotated] if isinstance(field["type"], list) else annotated
    assert decode_with(name, schema) == DecodedFile([plain(name)], ())
