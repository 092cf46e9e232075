"""Whatever a writer changes in its schema, within Avro's rules, is read like the decoder's own resolution reads it.

The oracle reads every file in the slow, plain way: with a schema in which everything may be null and null is the
default, from a file that has no annotations. Ours takes shortcuts.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from typing import Any

import fastavro
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from health_etl.avro import decode
from health_etl.avro.codecs import CODECS
from health_etl.record_types import record_types
from health_etl_tests.support import hypothesis_profiles
from health_etl_tests.support.exports import SYNC_MARKER, Record, plain
from health_etl_tests.support.pipeline import measurement_rows
from health_etl_tests.support.schema_changes import (
    Names,
    Schema,
    field_of,
    fields,
    holder,
    paths,
    records_with,
    schema_of,
)

profile = hypothesis_profiles.active_profile()

Change = Callable[[Schema, list[Record], Names], None]


def _nullable(schema: Schema, records: list[Record], path: Names) -> None:
    field = field_of(schema, path)
    if not isinstance(field["type"], list):
        field["type"] = ["null", field["type"]]
        for place in records_with(records[0], path):
            place[path[-1]] = None


def _null_last(schema: Schema, _: list[Record], path: Names) -> None:
    field = field_of(schema, path)
    field["type"] = [field["type"], "null"] if not isinstance(field["type"], list) else field["type"][::-1]


def _missing(schema: Schema, records: list[Record], path: Names) -> None:
    fields_there = holder(schema, path)["fields"]
    fields_there.remove(field_of(schema, path))
    for record in records:
        for place in records_with(record, path):
            del place[path[-1]]


def _added(schema: Schema, records: list[Record], path: Names) -> None:
    beside = holder(schema, path)["fields"]
    if not any(field["name"] == "trend" for field in beside):
        beside.insert(0, {"name": "trend", "type": ["long", "string"]})
        for record in records:
            for place in records_with(record, path):
                place["trend"] = "rising"


def _reordered(schema: Schema, _: list[Record], path: Names) -> None:
    holder(schema, path)["fields"].reverse()


def _annotated(schema: Schema, _: list[Record], path: Names) -> None:
    field = field_of(schema, path)
    if field["type"] == "long" and path[-1].endswith("EpochMillis"):
        field["type"] = {"type": "long", "logicalType": "timestamp-millis"}
    elif field["type"] == "string":
        field["type"] = {"type": "string", "logicalType": "example-id"}


def _as_bytes(schema: Schema, records: list[Record], path: Names) -> None:
    field = field_of(schema, path)
    if field["type"] == "string":
        field["type"] = "bytes"
        for record in records:
            for place in records_with(record, path):
                place[path[-1]] = place[path[-1]].encode()


def _narrower(schema: Schema, records: list[Record], path: Names) -> None:
    field = field_of(schema, path)
    if field["type"] in ("long", "double"):
        field["type"] = "int"
        for record in records:
            for place in records_with(record, path):
                place[path[-1]] = 7


def _with_another_symbol(schema: Schema, _: list[Record], path: Names) -> None:
    field = field_of(schema, path)
    if isinstance(field["type"], dict) and field["type"]["type"] == "enum":
        field["type"] = {**field["type"], "symbols": ["NEW", *field["type"]["symbols"]]}


ANYWHERE: tuple[Change, ...] = (
    _nullable,
    _null_last,
    _added,
    _reordered,
    _annotated,
    _as_bytes,
    _narrower,
    _with_another_symbol,
)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, Schema, list[Record], str]:
    """Return a type, its schema after some changes, records that fit it, and a codec."""
    name = draw(st.sampled_from(sorted(record_types())))
    schema, records = schema_of(name), [plain(name, "one"), plain(name, "two")]
    for path in paths(schema):
        field_of(schema, path).pop("default", None)
    for change in draw(st.lists(st.sampled_from(ANYWHERE), max_size=4)):
        change(schema, records, draw(st.sampled_from(list(paths(schema_of(name))))))
    for path in draw(st.lists(st.sampled_from(list(fields(name, may_be_missing=True))), max_size=3)):
        if path in set(paths(schema)):
            _missing(schema, records, path)
    return name, schema, records, draw(st.sampled_from(CODECS))


@profile
@given(written())
def test_any_schema_that_avro_allows_is_read_as_avro_reads_it(case: tuple[str, Schema, list[Record], str]) -> None:
    name, schema, records, codec = case
    found = decode.decode(_file(schema, records, codec), record_types()[name], None)
    oracle = fastavro.reader(io.BytesIO(_file(_bare(schema), records, "null")), _lenient(schema_of(name))[1])
    expected = measurement_rows(name, list(oracle))
    assert_frame_equal(measurement_rows(name, found.records), expected)


def _file(schema: Schema, records: list[Record], codec: str) -> bytes:
    buffer = io.BytesIO()
    fastavro.writer(buffer, fastavro.parse_schema(copy.deepcopy(schema)), records, codec, sync_marker=SYNC_MARKER)
    return buffer.getvalue()


def _lenient(schema: Any) -> Any:
    """Return our schema with null allowed everywhere, and the default."""
    if isinstance(schema, list):
        return ["null", *(_lenient(branch)[1] for branch in schema if branch != "null")]
    if not isinstance(schema, Mapping):
        return ["null", schema]
    if "fields" in schema:
        inner = [{**field, "type": _lenient(field["type"]), "default": None} for field in schema["fields"]]
        return ["null", {**schema, "fields": inner}]
    return ["null", {**schema, "items": _lenient(schema["items"])} if "items" in schema else dict(schema)]


def _bare(schema: Any) -> Any:
    """Return a writer's schema without logical types."""
    if isinstance(schema, list):
        return [_bare(branch) for branch in schema]
    if not isinstance(schema, Mapping):
        return schema
    bare = {key: _bare(value) if key in ("type", "items") else value for key, value in schema.items()}
    bare.pop("logicalType", None)
    return {**bare, "fields": [_bare(field) for field in schema["fields"]]} if "fields" in schema else bare
