"""Schema changes in exporting apps: which additions a file may have, and which changes quarantine it.

Runs for every field in the schema of every record type, found by walking it; no type is named here.
"""

from __future__ import annotations

from typing import Any

import pytest

from health_etl.avro import decode
from health_etl.avro.decode import DecodedFile
from health_etl.avro.resolution import PRIMITIVE, resolve
from health_etl.reasons import FileRefusedError
from health_etl.record_types import record_types
from health_etl_tests.fuzz.wire import container, encode
from health_etl_tests.support.exports import avro_bytes, memory_lake, plain, put_content
from health_etl_tests.support.pipeline import manifest_of, records_of, update_records
from health_etl_tests.support.schema_changes import (
    Names,
    decode_with,
    every_field,
    every_field_of,
    every_type,
    field_of,
    fields,
    holder,
    records_with,
    refusal,
    schema_of,
    with_reader_schema,
    written_kind,
)


@every_type
def test_what_a_row_cannot_do_without_is_in_every_file(name: str) -> None:
    assert ("metadata", "dataOriginPackageName") in fields(name, may_be_missing=False)
    assert ("metadata", "id") in fields(name, may_be_missing=True)


@every_field_of(may_be_missing=False)
def test_a_missing_field_that_every_row_needs_quarantines_the_file_and_is_named(name: str, path: Names) -> None:
    schema = schema_of(name)
    holder(schema, path)["fields"].remove(field_of(schema, path))
    assert refusal(name, schema) == f"the field {'.'.join(path)} is missing"


@every_field_of(may_be_missing=True)
def test_a_missing_field_that_rows_can_do_without_is_null_or_its_default_and_is_named(name: str, path: Names) -> None:
    schema, expected = schema_of(name), plain(name)
    field = field_of(schema, path)
    holder(schema, path)["fields"].remove(field)
    for place in records_with(expected, path):
        place[path[-1]] = field.get("default")
    assert decode_with(name, schema) == DecodedFile([expected], (f"{'.'.join(path)} is missing",))


@every_field_of(may_be_missing=False)
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
        field_of(schema, path).pop("default", None)
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
def test_a_null_in_any_field_is_read_and_named_and_left_to_the_row(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field = field_of(schema, path)
    field["type"] = ["null", field["type"]]
    drift = (f"{'.'.join(path)} may be null",)
    assert decode_with(name, schema) == DecodedFile([plain(name)], drift)
    for place in records_with(record, path):
        place[path[-1]] = None
    assert decode_with(name, schema, record, plain(name)) == DecodedFile([record, plain(name)], drift)


@every_field_of(may_be_null=False)
def test_a_null_where_a_row_needs_a_value_costs_that_record_only(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name, "without")
    field = field_of(schema, path)
    field["type"] = ["null", field["type"]]
    for place in records_with(record, path):
        place[path[-1]] = None
    lake = memory_lake()
    put_content(lake, name, avro_bytes(name, [plain(name, "with"), record], schema))
    update_records(lake, name)
    total = manifest_of(lake, name).total()
    assert total in {(2, 2, 0, 0), (2, 1, 0, 1)}
    has_substitute = "default" in field or path[-1] == "stage"
    assert (total == (2, 2, 0, 0)) == has_substitute
    assert not records_of(lake, name).query("record_id == 'with'").empty


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


OTHER_MEANINGS = (
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "timestamp-nanos"},
    {"type": "long", "logicalType": "local-timestamp-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    {"type": "int", "logicalType": "date"},
)


@every_field_of("long", "string", "double")
def test_a_logical_type_that_changes_the_value_is_an_incompatible_type(name: str, path: Names) -> None:
    for other in OTHER_MEANINGS:
        schema = schema_of(name)
        field_of(schema, path)["type"] = other
        with pytest.raises(FileRefusedError) as caught:
            resolve(schema, record_types()[name].avro_schema)
        assert caught.value.detail == f"the field {'.'.join(path)} is of an incompatible type ({other['logicalType']})"


@every_field_of("long")
def test_only_a_time_may_be_annotated_as_one(name: str, path: Names) -> None:
    schema = schema_of(name)
    was_nullable = isinstance(field_of(schema, path)["type"], list)
    annotated: Any = {"type": "long", "logicalType": "timestamp-millis"}
    field_of(schema, path)["type"] = ["null", annotated] if was_nullable else annotated
    if path[-1].endswith("EpochMillis"):
        drift = (f"{'.'.join(path)} is annotated as timestamp-millis",)
        assert decode_with(name, schema) == DecodedFile([plain(name)], drift)
    else:
        assert "timestamp-millis" in refusal(name, schema)


@every_field_of("string")
def test_a_text_annotated_as_uuid_is_read_as_it_is_written(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["type"] = {"type": "string", "logicalType": "uuid"}
    for place in records_with(record, path):
        place[path[-1]] = "488486AD-bd43-3db2-b2ef-4ce1de307409"
    file = decode_with(name, schema, record)
    assert file == DecodedFile([record], (f"{'.'.join(path)} is annotated as uuid",))


@every_field_of("long")
def test_an_annotation_on_a_type_that_it_cannot_annotate_is_ignored_as_avro_demands(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["type"] = {"type": "int", "logicalType": "timestamp-millis"}
    for place in records_with(record, path):
        place[path[-1]] = 7
    assert decode_with(name, schema, record) == DecodedFile([record], ())


@every_field
def test_a_default_that_does_not_fit_its_type_is_no_reason_to_refuse_the_values(name: str, path: Names) -> None:
    for default in ("null", None, 7, [], "UNKNOWN"):
        schema = schema_of(name)
        field_of(schema, path)["default"] = default
        content = container(schema, (1, encode(schema_of(name), plain(name))))
        assert decode.decode(content, record_types()[name], None) == DecodedFile([plain(name)], ())


@every_field_of(*PRIMITIVE)
def test_a_logical_type_unknown_to_avro_changes_nothing(name: str, path: Names) -> None:
    schema = schema_of(name)
    field = field_of(schema, path)
    kind = written_kind(field["type"])
    annotated = {"type": kind, "logicalType": "patientMeier"}
    field["type"] = ["null", annotated] if isinstance(field["type"], list) else annotated
    assert decode_with(name, schema) == DecodedFile([plain(name)], ())
