"""Exporting apps change: what a file may have more than we know, and which changes quarantine it.

For every record type and every field of its schema, found by walking it; no type is named here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pytest

from health_etl.core import avro, records_partition
from health_etl.core.avro import DecodedFile
from health_etl.core.avro_resolution import LOGICAL, PRIMITIVE, resolve
from health_etl.core.listing import list_partition
from health_etl.core.reasons import FileReason, FileRefusedError
from health_etl.record_types import by_avro_name, record_types
from health_etl.record_types.base import RecordType
from health_etl_tests.exports import UPLOADED, Record, avro_bytes, contents, memory_lake, plain, put_content
from health_etl_tests.pipeline import manifest_of, records_of, update_records

Schema = dict[str, Any]
Names = tuple[str, ...]


def schema_of(name: str) -> Schema:
    return copy.deepcopy(dict(record_types()[name].avro_schema))


def record_inside(schema: Any) -> Schema | None:
    """The record that a schema is, may be, or is a list of."""
    if isinstance(schema, list):
        return next((found for branch in schema if (found := record_inside(branch))), None)
    if not isinstance(schema, dict):
        return None
    return record_inside(schema["items"]) if schema["type"] == "array" else schema if "fields" in schema else None


def paths(schema: Any, prefix: Names = ()) -> Iterator[Names]:
    """Every field of a schema, nested ones as the names that lead to them."""
    inside = record_inside(schema)
    for field in inside["fields"] if inside else ():
        yield (*prefix, field["name"])
        yield from paths(field["type"], (*prefix, field["name"]))


def holder(schema: Schema, path: Names) -> Schema:
    """The record in a schema that directly has the field at a path; its fields are open to change."""
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
    """The dictionaries of a decoded record that hold the field at a path; of a list every one."""
    if isinstance(value, list):
        for element in value:
            yield from records_with(element, path)
    elif value is not None and len(path) == 1:
        yield value
    elif value is not None:
        yield from records_with(value[path[0]], path[1:])


def written_kind(schema: Any) -> str:
    """The kind of a field's value, without the null that may stand in its place."""
    branches = schema if isinstance(schema, list) else [schema]
    (value,) = (branch for branch in branches if branch != "null")
    return str(value["type"] if isinstance(value, dict) else value)


def every_field_of(*kinds: str, may_be_null: bool | None = None) -> pytest.MarkDecorator:
    """The fields of every type; only those of these kinds, and those that may or may not be null, when told."""
    cases = []
    for name in sorted(record_types()):
        for path in paths(record_types()[name].avro_schema):
            kind = field_of(schema_of(name), path)["type"]
            if may_be_null in (None, isinstance(kind, list)) and (not kinds or written_kind(kind) in kinds):
                cases.append(pytest.param(name, path, id=f"{name}-{'.'.join(path)}"))
    return pytest.mark.parametrize(("name", "path"), cases)


every_type = pytest.mark.parametrize("name", sorted(record_types()))
every_field = every_field_of()
every_enum = every_field_of("enum")


def decoded(name: str, schema: Schema, *records: Record, record_type: RecordType | None = None) -> DecodedFile:
    content = avro_bytes(name, records or [plain(name)], schema)
    file = avro.decode(content, record_type or record_types()[name], None)
    avro.to_table(file.records, record_types()[name])
    return file


def refused(name: str, schema: Schema, *records: Record, record_type: RecordType | None = None) -> str:
    with pytest.raises(FileRefusedError) as caught:
        decoded(name, schema, *records, record_type=record_type)
    assert caught.value.reason == FileReason.SCHEMA_INCOMPATIBLE
    return caught.value.detail


def reading(name: str, change: Callable[[Schema], object]) -> RecordType:
    """The record type with its reader's schema changed."""
    schema = schema_of(name)
    change(schema)
    return replace(record_types()[name], avro_schema=schema)


@every_type
def test_every_field_that_we_read_is_one_that_every_exporter_writes(name: str) -> None:
    fields = [field_of(schema_of(name), path) for path in paths(schema_of(name))]
    assert [field["name"] for field in fields if "default" in field] == []


@every_field
def test_a_field_that_is_gone_quarantines_the_file_and_is_named(name: str, path: Names) -> None:
    schema = schema_of(name)
    holder(schema, path)["fields"].remove(field_of(schema, path))
    assert refused(name, schema) == f"the field {'.'.join(path)} is missing"


@every_field
def test_a_field_of_another_name_quarantines_the_file_and_only_our_name_is_told(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["name"] = "patientMeier"
    for place in records_with(record, path):
        place["patientMeier"] = place.pop(path[-1])
    assert refused(name, schema, record) == f"the field {'.'.join(path)} is missing"


@every_field
def test_a_field_of_another_name_is_read_where_our_schema_knows_the_old_one(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["name"] = "formerName"
    for place in records_with(record, path):
        place["formerName"] = place.pop(path[-1])
    knowing = reading(name, lambda ours: field_of(ours, path).update(aliases=["otherName", "formerName"]))
    assert decoded(name, schema, record, record_type=knowing) == DecodedFile([plain(name)], ())


@every_field
def test_a_field_under_two_names_at_once_quarantines_the_file(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    holder(schema, path)["fields"].append({"name": "formerName", "type": ["null", "string"]})
    knowing = reading(name, lambda ours: field_of(ours, path).update(aliases=["formerName"]))
    detail = refused(name, schema, record, record_type=knowing)
    assert detail == f"the field {'.'.join(path)} is there twice, under its name and an older one"


@every_field
@pytest.mark.parametrize("kind", ["boolean", {"type": "map", "values": "string"}], ids=["boolean", "map"])
def test_a_field_of_another_type_quarantines_the_file_and_is_named(name: str, path: Names, kind: Any) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["type"] = kind
    for place in records_with(record, path):
        place[path[-1]] = True if kind == "boolean" else {"patientMeier": "110"}
    shown = kind if isinstance(kind, str) else "map"
    assert refused(name, schema, record) == f"the field {'.'.join(path)} is of another type ({shown})"


@every_field
def test_a_field_that_may_be_something_else_besides_is_read_while_it_is_not(name: str, path: Names) -> None:
    schema = schema_of(name)
    field = field_of(schema, path)
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    field["type"] = [*branches, "boolean"]
    assert decoded(name, schema) == DecodedFile([plain(name)], ())
    record = plain(name)
    for place in records_with(record, path):
        place[path[-1]] = True
    assert refused(name, schema, record) == f"a value of the field {'.'.join(path)} is of another type"


@every_field_of(may_be_null=False)
def test_a_null_where_we_allow_none_quarantines_the_file_and_breaks_nothing(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field = field_of(schema, path)
    field["type"] = ["null", field["type"]]
    assert decoded(name, schema) == DecodedFile([plain(name)], ())
    for place in records_with(record, path):
        place[path[-1]] = None
    assert refused(name, schema, record) == f"a value of the field {'.'.join(path)} is of another type"


@every_field_of(may_be_null=True)
def test_a_field_that_is_never_null_any_more_is_read(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field = field_of(schema, path)
    (field["type"],) = (branch for branch in field["type"] if branch != "null")
    filled = {"string": "text", "long": 1, "record": {"manufacturer": None, "model": None, "type": None}}
    for place in records_with(record, path):
        place[path[-1]] = place[path[-1]] or filled[written_kind(field["type"])]
    assert decoded(name, schema, record) == DecodedFile([record], ())


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
        file = decoded(name, schema, record)
        read = [place[path[-1]] for place in records_with(file.records[0], path)]
        assert set(read) == {value}
        assert {type(found) for found in read} == {int if kind == "long" else float}


@every_field_of("long", "string")
def test_a_number_or_text_that_means_something_else_is_of_another_type(name: str, path: Names) -> None:
    schema = schema_of(name)
    field = field_of(schema, path)
    kind = written_kind(field["type"])
    logical = {"long": "timestamp-micros", "string": "uuid"}[kind]
    field["type"] = {"type": kind, "logicalType": logical}
    with pytest.raises(FileRefusedError) as caught:
        resolve(schema, record_types()[name].avro_schema)
    assert caught.value.detail == f"the field {'.'.join(path)} is of another type ({logical})"


@every_field_of(*PRIMITIVE)
def test_a_meaning_that_avro_does_not_know_changes_nothing(name: str, path: Names) -> None:
    schema = schema_of(name)
    field = field_of(schema, path)
    kind = written_kind(field["type"])
    told = {"type": kind, "logicalType": "patientMeier"}
    field["type"] = ["null", told] if isinstance(field["type"], list) else told
    assert decoded(name, schema) == DecodedFile([plain(name)], ())


@every_field
def test_an_added_field_is_left_out_and_listed_wherever_it_stands(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    beside = holder(schema, path)["fields"]
    beside.insert(0, {"name": "trend", "type": ["null", "string"], "default": None})
    for place in records_with(record, path):
        place["trend"] = "rising"
    expected = ".".join((*path[:-1], "trend"))
    assert decoded(name, schema, record) == DecodedFile([plain(name)], (expected,))


@every_type
def test_what_was_added_may_be_of_any_shape(name: str) -> None:
    schema, record = schema_of(name), plain(name)
    place = {"type": "record", "name": "Place", "fields": [{"name": "lat", "type": "double"}]}
    schema["fields"] += [
        {"name": "route", "type": {"type": "array", "items": place}},
        {"name": "origin", "type": ["null", "Place"]},
        {"name": "extras", "type": {"type": "map", "values": "bytes"}},
        {"name": "grade", "type": {"type": "enum", "name": "Grade", "symbols": ["A"]}},
        {"name": "seal", "type": {"type": "fixed", "name": "Seal", "size": 2}},
        {"name": "exact", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4}},
    ]
    record |= {"route": [{"lat": 1.0}], "origin": None, "extras": {"a": b""}, "grade": "A", "seal": b"ab"}
    record["exact"] = b"\x01"
    file = decoded(name, schema, record)
    assert file == DecodedFile([plain(name)], ("exact", "extras", "grade", "origin", "route", "seal"))


@every_type
def test_fields_in_another_order_are_read_as_they_are(name: str) -> None:
    schema = schema_of(name)
    for path in list(paths(schema)):
        holder(schema, path)["fields"].sort(key=lambda field: str(field["name"]), reverse=True)
    assert decoded(name, schema) == DecodedFile([plain(name)], ())


@every_type
@pytest.mark.parametrize("grown", [False, True], ids=["as_ours", "with_an_added_field"])
def test_the_names_of_nested_types_and_their_namespace_are_the_writer_s_own(name: str, grown: bool) -> None:
    def renamed(schema: Any) -> Any:
        if isinstance(schema, list):
            return [renamed(branch) for branch in schema]
        if not isinstance(schema, dict):
            return schema
        found = {key: renamed(value) if key in ("type", "items", "fields") else value for key, value in schema.items()}
        is_field = schema.get("type") not in ("record", "enum")
        return found if is_field else {**found, "name": f"org.example.v2.{schema['name']}V2"}

    schema = renamed(schema_of(name))
    schema["name"] = f"org.example.v2.{record_types()[name].avro_name}"
    record = plain(name)
    if grown:
        schema["fields"].append({"name": "trend", "type": "string"})
        record["trend"] = "rising"
    assert decoded(name, schema, record) == DecodedFile([plain(name)], ("trend",) if grown else ())


@every_type
def test_a_type_that_the_writer_defines_once_and_names_later_is_found(name: str) -> None:
    schema, record = schema_of(name), plain(name)
    metadata = field_of(schema, ("metadata",))["type"]
    schema["fields"].insert(0, {"name": "formerMetadata", "type": metadata})
    field_of(schema, ("metadata",))["type"] = metadata["name"]
    record["formerMetadata"] = record["metadata"]
    assert decoded(name, schema, record) == DecodedFile([plain(name)], ("formerMetadata",))


def test_a_field_that_our_schema_gives_a_default_may_be_missing() -> None:
    for name in record_types():
        knowing = reading(name, lambda ours: ours["fields"].append(optional("trend", "string")))
        older = decoded(name, schema_of(name), record_type=knowing)
        assert older == DecodedFile([{**plain(name), "trend": None}], ())
        newer = schema_of(name)
        newer["fields"].append({"name": "trend", "type": "string"})
        found = decoded(name, newer, {**plain(name), "trend": "rising"}, record_type=knowing)
        assert found == DecodedFile([{**plain(name), "trend": "rising"}], ())


def optional(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None}


@every_enum
def test_a_word_that_we_do_not_know_is_read_as_unknown_and_told_without_repeating_it(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["type"]["symbols"].append("patientMeier")
    for place in records_with(record, path):
        place[path[-1]] = "patientMeier"
    file = decoded(name, schema, record, plain(name, "r2"))
    assert {place[path[-1]] for place in records_with(file.records[0], path)} == {"UNKNOWN"}
    assert file.records[1] == plain(name, "r2")
    assert file.added_fields == (f"{'.'.join(path)} (unknown symbols)",)


@every_enum
def test_words_that_the_writer_does_not_have_yet_change_nothing(name: str, path: Names) -> None:
    schema = schema_of(name)
    enum = field_of(schema, path)["type"]
    used = {place[path[-1]] for place in records_with(plain(name), path)}
    enum["symbols"] = sorted(used)
    del enum["default"]
    assert decoded(name, schema) == DecodedFile([plain(name)], ())


@every_enum
def test_text_in_place_of_a_closed_list_of_words_quarantines_the_file(name: str, path: Names) -> None:
    schema = schema_of(name)
    field_of(schema, path)["type"] = "string"
    assert refused(name, schema) == f"the field {'.'.join(path)} is of another type (string)"


def added(*names: str) -> tuple[str, ...]:
    """What is told of fields of these names that a writer added."""
    ours = schema_of("steps")
    written = copy.deepcopy(ours)
    written["fields"] += [{"name": name, "type": "long"} for name in names]
    return resolve(written, ours).added_fields


def test_only_plain_names_of_added_fields_are_told() -> None:
    longest = "a" * 64
    assert added("floors", longest, "_own") == ("_own", longest, "floors")
    foreign = ["a" * 65, "Frau Meier", "<script>", "9lives", "", "naïve", "line\n", "110 mg/dL"]
    for name in foreign:
        assert added(name) == ("1 other field",)
        assert added("floors", name) == ("floors", "1 other field")
    assert added(*foreign, "floors") == ("floors", "8 other fields")


def test_no_more_than_20_added_fields_are_told() -> None:
    names = [f"f{number:02}" for number in range(25)]
    assert added(*names[:20]) == tuple(names[:20])
    assert added(*names) == (*names[:20], "5 other fields")
    assert added(*names, "Frau Meier") == (*names[:20], "6 other fields")


def test_of_a_field_that_may_be_many_things_only_avro_s_own_words_are_told() -> None:
    ours = schema_of("steps")
    written = copy.deepcopy(ours)
    field_of(written, ("count",))["type"] = ["null", "string", {"type": "string", "logicalType": "uuid"}, "Meier"]
    with pytest.raises(FileRefusedError) as caught:
        resolve(written, ours)
    assert caught.value.detail == "the field count is of another type (an unknown one or null or string or uuid)"


@every_type
def test_old_and_new_writers_are_taken_in_side_by_side(name: str) -> None:
    newer, shrunk = schema_of(name), schema_of(name)
    newer["fields"].insert(1, optional("trend", "string"))
    shrunk["fields"].pop()
    lake = memory_lake()
    put_content(lake, name, avro_bytes(name, [plain(name, "old")]))
    put_content(lake, name, avro_bytes(name, [{**plain(name, "new"), "trend": "rising"}], newer))
    refused_key = put_content(lake, name, avro_bytes(name, [plain(name, "shrunk")], shrunk))
    update_records(lake, name)
    manifest = manifest_of(lake, name)
    told = {(file.counts, file.reason, file.added_fields) for file in manifest.files}
    assert told == {
        ((1, 1, 0, 0), None, ()),
        ((1, 1, 0, 0), None, ("trend",)),
        ((0, 0, 0, 0), "schema_incompatible", ()),
    }
    assert {file.key for file in manifest.files if file.reason} == {refused_key}
    assert any(refused_key.rpartition("/")[2] in key for key in contents(lake, "quarantine/"))
    rows = records_of(lake, name)
    assert set(rows["record_id"]) == {"old", "new"}
    assert alike(rows, "old", "new")


@every_type
def test_both_sides_of_a_renaming_of_all_fields_give_equal_rows_in_one_partition(name: str) -> None:
    schema, record = schema_of(name), plain(name, "new")
    knowing = reading(name, lambda ours: [give_alias(ours, path) for path in paths(ours)])
    for path in sorted(paths(schema), key=len, reverse=True):
        field_of(schema, path)["name"] = renamed_field(path)
        for place in list(records_with(record, path)):
            place[renamed_field(path)] = place.pop(path[-1])
    lake = memory_lake()
    put_content(lake, name, avro_bytes(name, [plain(name, "old")]))
    put_content(lake, name, avro_bytes(name, [record], schema))
    records_partition.update(lake, knowing, UPLOADED, list_partition(lake, knowing, UPLOADED))
    manifest = manifest_of(lake, name)
    assert manifest.total() == (2, 2, 0, 0)
    assert {file.added_fields for file in manifest.files} == {()}
    assert alike(records_of(lake, name), "old", "new")


def give_alias(schema: Schema, path: Names) -> None:
    field_of(schema, path)["aliases"] = [renamed_field(path)]


def renamed_field(path: Names) -> str:
    return f"{path[-1]}Renamed"


def alike(rows: pd.DataFrame, one: str, other: str) -> bool:
    """Say whether two records hold the same measurements."""
    own = ["record_id", "source_key"]
    halves = [rows[rows["record_id"] == name].drop(columns=own).reset_index(drop=True) for name in (one, other)]
    return len(halves[0]) > 0 and halves[0].equals(halves[1])


def resolving_reads(monkeypatch: pytest.MonkeyPatch, files: Mapping[Path, RecordType]) -> int:
    """How many of these files are read through Avro's resolution, which costs more than twice the decoding."""
    found = 0
    read = fastavro.block_reader

    def counting(*arguments: Any, reader_schema: Any = None) -> Any:
        nonlocal found
        found += reader_schema is not None
        return read(*arguments, reader_schema=reader_schema)

    monkeypatch.setattr(fastavro, "block_reader", counting)
    for path, record_type in files.items():
        assert avro.decode(path.read_bytes(), record_type, None).records
    return found


def exports_in(folder: Path) -> dict[Path, RecordType]:
    return {path: by_avro_name()[path.name.partition("_")[0].lower()] for path in sorted(folder.glob("*.avro"))}


def test_the_shipped_exports_are_read_without_resolution(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = exports_in(checkout / "data" / "sample")
    assert len({record_type.name for record_type in files.values()}) == len(record_types())
    assert resolving_reads(monkeypatch, files) == 0


def test_the_real_exports_are_read_without_resolution(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = exports_in(shared / "samples")
    assert len(files) == 18
    assert resolving_reads(monkeypatch, files) == 0


@every_type
def test_a_changed_schema_is_read_through_resolution(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = schema_of(name)
    schema["fields"].append({"name": "trend", "type": "string"})
    path = tmp_path / "grown.avro"
    path.write_bytes(avro_bytes(name, [{**plain(name), "trend": "rising"}], schema))
    assert resolving_reads(monkeypatch, {path: record_types()[name]}) == 1


def test_every_meaning_that_the_decoder_would_turn_into_another_value_is_known() -> None:
    converted = {name.partition("-")[2] for name in fastavro.read.LOGICAL_READERS}
    assert converted <= LOGICAL
