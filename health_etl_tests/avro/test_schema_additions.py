"""Exporting apps add fields, enum symbols and names that we do not know, and old and new files share a partition."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pytest

from health_etl.avro import decode
from health_etl.avro.decode import DecodedFile
from health_etl.avro.resolution import LOGICAL, resolve
from health_etl.lake.keys import quarantine_key
from health_etl.reasons import FileRefusedError
from health_etl.record_types import by_avro_name, record_types
from health_etl.record_types.base import RecordType
from health_etl.records import partition as records_partition
from health_etl.uploads.listing import TypeListing
from health_etl_tests.support.exports import UPLOADED, avro_bytes, contents, memory_lake, plain, put_content
from health_etl_tests.support.pipeline import files_of, manifest_of, records_of, update_records
from health_etl_tests.support.schema_changes import (
    Names,
    Schema,
    decode_with,
    every_enum,
    every_field,
    every_type,
    field_of,
    holder,
    paths,
    records_with,
    refusal,
    schema_of,
    with_reader_schema,
)


@every_field
def test_an_added_field_is_dropped_and_listed_at_any_depth(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    beside = holder(schema, path)["fields"]
    beside.insert(0, {"name": "trend", "type": ["null", "string"], "default": None})
    for place in records_with(record, path):
        place["trend"] = "rising"
    expected = ".".join((*path[:-1], "trend"))
    assert decode_with(name, schema, record) == DecodedFile([plain(name)], (f"{expected} was added",))


@every_type
def test_an_added_field_may_have_any_type(name: str) -> None:
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
    file = decode_with(name, schema, record)
    added = ("exact", "extras", "grade", "origin", "route", "seal")
    assert file == DecodedFile([plain(name)], tuple(f"{field} was added" for field in added))


@every_type
def test_fields_in_a_different_order_are_read_as_written(name: str) -> None:
    schema = schema_of(name)
    for path in list(paths(schema)):
        holder(schema, path)["fields"].sort(key=lambda field: str(field["name"]), reverse=True)
    assert decode_with(name, schema) == DecodedFile([plain(name)], ())


@every_type
@pytest.mark.parametrize("grown", [False, True], ids=["as_ours", "with_an_added_field"])
def test_names_and_namespace_of_nested_types_are_up_to_the_writer(name: str, grown: bool) -> None:
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
    assert decode_with(name, schema, record) == DecodedFile([plain(name)], ("trend was added",) if grown else ())


@every_type
def test_a_type_defined_once_and_referenced_by_name_is_resolved(name: str) -> None:
    schema, record = schema_of(name), plain(name)
    metadata = field_of(schema, ("metadata",))["type"]
    schema["fields"].insert(0, {"name": "formerMetadata", "type": metadata})
    field_of(schema, ("metadata",))["type"] = metadata["name"]
    record["formerMetadata"] = record["metadata"]
    assert decode_with(name, schema, record) == DecodedFile([plain(name)], ("formerMetadata was added",))


def test_a_field_with_a_default_may_be_missing() -> None:
    for name in record_types():
        knowing = with_reader_schema(name, lambda ours: ours["fields"].append(optional("trend", "string")))
        older = decode_with(name, schema_of(name), record_type=knowing)
        assert older == DecodedFile([{**plain(name), "trend": None}], ("trend is missing",))
        newer = schema_of(name)
        newer["fields"].append({"name": "trend", "type": "string"})
        found = decode_with(name, newer, {**plain(name), "trend": "rising"}, record_type=knowing)
        assert found == DecodedFile([{**plain(name), "trend": "rising"}], ())


def optional(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None}


@every_enum
def test_an_unknown_enum_symbol_is_read_as_unknown_and_reported_without_quoting_it(name: str, path: Names) -> None:
    schema, record = schema_of(name), plain(name)
    field_of(schema, path)["type"]["symbols"].append("patientMeier")
    for place in records_with(record, path):
        place[path[-1]] = "patientMeier"
    file = decode_with(name, schema, record, plain(name, "r2"))
    assert {place[path[-1]] for place in records_with(file.records[0], path)} == {"UNKNOWN"}
    assert file.records[1] == plain(name, "r2")
    assert file.drift == (f"{'.'.join(path)} has unknown symbols",)


@every_enum
def test_enum_symbols_that_the_writer_lacks_change_nothing(name: str, path: Names) -> None:
    schema = schema_of(name)
    enum = field_of(schema, path)["type"]
    used = {place[path[-1]] for place in records_with(plain(name), path)}
    enum["symbols"] = sorted(used)
    del enum["default"]
    assert decode_with(name, schema) == DecodedFile([plain(name)], ())


@every_enum
def test_a_string_in_place_of_an_enum_quarantines_the_file(name: str, path: Names) -> None:
    schema = schema_of(name)
    field_of(schema, path)["type"] = "string"
    assert refusal(name, schema) == f"the field {'.'.join(path)} is of an incompatible type (string)"


def added(*names: str) -> tuple[str, ...]:
    """Return what is shown for added fields with these names."""
    ours = schema_of("steps")
    written = copy.deepcopy(ours)
    written["fields"] += [{"name": name, "type": "long"} for name in names]
    return tuple(line.removesuffix(" was added") for line in resolve(written, ours).drift)


def test_only_well_formed_names_of_added_fields_are_shown() -> None:
    longest = "a" * 64
    assert added("floors", longest, "_own") == ("_own", longest, "floors")
    foreign = ["a" * 65, "Frau Meier", "<script>", "9lives", "", "naïve", "line\n", "110 mg/dL"]
    for name in foreign:
        assert added(name) == ("1 other difference",)
        assert added("floors", name) == ("floors", "1 other difference")
    assert added(*foreign, "floors") == ("floors", "8 other differences")


def test_at_most_20_added_fields_are_shown() -> None:
    names = [f"f{number:02}" for number in range(25)]
    assert added(*names[:20]) == tuple(names[:20])
    assert added(*names) == (*names[:20], "5 other differences")
    assert added(*names, "Frau Meier") == (*names[:20], "6 other differences")


def test_only_avro_s_own_type_names_are_shown_for_a_union() -> None:
    ours = schema_of("steps")
    written = copy.deepcopy(ours)
    field_of(written, ("count",))["type"] = ["null", "string", {"type": "string", "logicalType": "uuid"}, "Meier"]
    with pytest.raises(FileRefusedError) as caught:
        resolve(written, ours)
    assert (
        caught.value.detail == "the field count is of an incompatible type (an unknown type or null or string or uuid)"
    )


@every_type
def test_files_of_old_and_new_writers_are_accepted_side_by_side(name: str) -> None:
    newer, shrunk = schema_of(name), schema_of(name)
    newer["fields"].insert(1, optional("trend", "string"))
    shrunk["fields"].pop()
    lake = memory_lake()
    put_content(lake, name, avro_bytes(name, [plain(name, "old")]))
    put_content(lake, name, avro_bytes(name, [{**plain(name, "new"), "trend": "rising"}], newer))
    refused_key = put_content(lake, name, avro_bytes(name, [plain(name, "shrunk")], shrunk))
    update_records(lake, name)
    files = files_of(lake, name)
    outcomes = {(file.counts, file.reason, file.drift) for file in files}
    assert outcomes == {
        ((1, 1, 0, 0), None, ()),
        ((1, 1, 0, 0), None, ("trend was added",)),
        ((0, 0, 0, 0), "schema_incompatible", ()),
    }
    assert {file.key for file in files if file.reason} == {refused_key}
    assert quarantine_key(refused_key) in contents(lake, "quarantine/")
    rows = records_of(lake, name)
    assert set(rows["record_id"]) == {"old", "new"}
    assert alike(rows, "old", "new")


@every_type
def test_files_from_before_and_after_renaming_all_fields_give_equal_rows_in_one_partition(name: str) -> None:
    schema, record = schema_of(name), plain(name, "new")
    knowing = with_reader_schema(name, lambda ours: [give_alias(ours, path) for path in paths(ours)])
    for path in sorted(paths(schema), key=len, reverse=True):
        field_of(schema, path)["name"] = renamed_field(path)
        for place in list(records_with(record, path)):
            place[renamed_field(path)] = place.pop(path[-1])
    lake = memory_lake()
    put_content(lake, name, avro_bytes(name, [plain(name, "old")]))
    put_content(lake, name, avro_bytes(name, [record], schema))
    records_partition.update(lake, knowing, UPLOADED, TypeListing(lake, knowing).uploads(UPLOADED))
    manifest = manifest_of(lake, name)
    assert manifest.total() == (2, 2, 0, 0)
    assert {file.drift for file in files_of(lake, name)} == {()}
    assert alike(records_of(lake, name), "old", "new")


def give_alias(schema: Schema, path: Names) -> None:
    field_of(schema, path)["aliases"] = [renamed_field(path)]


def renamed_field(path: Names) -> str:
    return f"{path[-1]}Renamed"


def alike(rows: pd.DataFrame, one: str, other: str) -> bool:
    """Tell whether two records hold the same measurements."""
    own = ["record_id", "source_key"]
    halves = [rows[rows["record_id"] == name].drop(columns=own).reset_index(drop=True) for name in (one, other)]
    return len(halves[0]) > 0 and halves[0].equals(halves[1])


def resolving_reads(monkeypatch: pytest.MonkeyPatch, files: Mapping[Path, RecordType]) -> int:
    """Return how many of these files need Avro's schema resolution, which more than doubles the decoding time."""
    found = 0
    read = fastavro.block_reader

    def counting(*arguments: Any, reader_schema: Any = None) -> Any:
        nonlocal found
        found += reader_schema is not None
        return read(*arguments, reader_schema=reader_schema)

    monkeypatch.setattr(fastavro, "block_reader", counting)
    for path, record_type in files.items():
        assert decode.decode(path.read_bytes(), record_type, None).records
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


def test_every_logical_type_that_the_decoder_converts_is_listed() -> None:
    converted = {name.partition("-")[2] for name in fastavro.read.LOGICAL_READERS}
    assert converted <= LOGICAL.keys()
