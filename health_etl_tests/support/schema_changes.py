"""Helpers for tests that change a writer's schema, for every field of every record type, and read the result."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from health_etl.avro import decode
from health_etl.avro.decode import DecodedFile
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl_tests.support.exports import Record, avro_bytes, plain

Schema = dict[str, Any]
Names = tuple[str, ...]


def schema_of(name: str) -> Schema:
    return copy.deepcopy(dict(record_types()[name].avro_schema))


def record_inside(schema: Any) -> Schema | None:
    """Return the record schema inside an optional, a list or a plain schema; None if there is none."""
    if isinstance(schema, list):
        return next((found for branch in schema if (found := record_inside(branch))), None)
    if not isinstance(schema, dict):
        return None
    return record_inside(schema["items"]) if schema["type"] == "array" else schema if "fields" in schema else None


def paths(schema: Any, prefix: Names = ()) -> Iterator[Names]:
    """Yield the path of every field of a schema, including nested ones."""
    inside = record_inside(schema)
    for field in inside["fields"] if inside else ():
        yield (*prefix, field["name"])
        yield from paths(field["type"], (*prefix, field["name"]))


def holder(schema: Schema, path: Names) -> Schema:
    """Return the record schema that directly contains the field at a path, to be modified in place."""
    inside = record_inside(schema)
    for name in path[:-1]:
        assert inside is not None
        inside = record_inside(next(field["type"] for field in inside["fields"] if field["name"] == name))
    assert inside is not None
    return inside


def field_of(schema: Schema, path: Names) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in holder(schema, path)["fields"] if f["name"] == path[-1])
    return found


def records_with(value: Any, path: Names) -> Iterator[dict[str, Any]]:
    """Yield the dictionaries of a decoded record that contain the field at a path, one per list element."""
    if isinstance(value, list):
        for element in value:
            yield from records_with(element, path)
    elif value is not None and len(path) == 1:
        yield value
    elif value is not None:
        yield from records_with(value[path[0]], path[1:])


def written_kind(schema: Any) -> str:
    """Return the kind of a field's value, ignoring null."""
    branches = schema if isinstance(schema, list) else [schema]
    (value,) = (branch for branch in branches if branch != "null")
    return str(value["type"] if isinstance(value, dict) else value)


def fields(
    name: str, *kinds: str, may_be_null: bool | None = None, may_be_missing: bool | None = None
) -> Iterator[Names]:
    """Yield the fields of a type, optionally only of these kinds, only (not) nullable ones, or those that files may
    (not) lack: the nullable ones and those with a default.
    """
    for path in paths(record_types()[name].avro_schema):
        field = field_of(schema_of(name), path)
        is_nullable = isinstance(field["type"], list)
        can_be_missing = is_nullable or "default" in field
        if (
            may_be_null in (None, is_nullable)
            and may_be_missing in (None, can_be_missing)
            and (not kinds or written_kind(field["type"]) in kinds)
        ):
            yield path


FieldTest = Callable[[str, Names], None]


def every_field_of(
    *kinds: str, may_be_null: bool | None = None, may_be_missing: bool | None = None
) -> Callable[[FieldTest], Callable[[str], None]]:
    """Turn a test of one field into one test per type, which tries all such fields and reports every failure."""
    chosen = {"may_be_null": may_be_null, "may_be_missing": may_be_missing}

    def for_all_fields(test: FieldTest) -> Callable[[str], None]:
        @pytest.mark.parametrize("name", [n for n in sorted(record_types()) if any(fields(n, *kinds, **chosen))])
        def for_fields(name: str) -> None:
            failures: list[BaseException] = []
            for path in fields(name, *kinds, **chosen):
                try:
                    test(name, path)
                except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - raised below, all at once
                    failure.add_note(f"the field is {'.'.join(path)}")
                    failures.append(failure)
            if failures:
                raise BaseExceptionGroup(f"fails for {len(failures)} fields of {name}", failures)

        for_fields.__name__, for_fields.__doc__ = test.__name__, test.__doc__
        return for_fields

    return for_all_fields


every_type = pytest.mark.parametrize("name", sorted(record_types()))
every_field = every_field_of()
every_enum = every_field_of("enum")


def decode_with(name: str, schema: Schema, *records: Record, record_type: RecordType | None = None) -> DecodedFile:
    content = avro_bytes(name, records or [plain(name)], schema)
    file = decode.decode(content, record_type or record_types()[name], None)
    decode.to_table(file.records, record_types()[name])
    return file


def refusal(name: str, schema: Schema, *records: Record, record_type: RecordType | None = None) -> str:
    with pytest.raises(FileRefusedError) as caught:
        decode_with(name, schema, *records, record_type=record_type)
    assert caught.value.reason == FileReason.SCHEMA_INCOMPATIBLE
    return caught.value.detail


def with_reader_schema(name: str, change: Callable[[Schema], object]) -> RecordType:
    """Return the record type with a modified reader's schema."""
    schema = schema_of(name)
    change(schema)
    return replace(record_types()[name], avro_schema=schema)
