"""A file is decoded completely, resolved against our schema, or refused with a reason; nothing else ever happens."""

from __future__ import annotations

import copy
import hashlib
import io
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import fastavro
import pytest

from health_etl.avro import decode
from health_etl.avro.codecs import CODECS
from health_etl.avro.decode import DecodedFile
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl.synthetic.avro_schemas import WRITER_SCHEMAS
from health_etl_tests.support.exports import (
    BUILDERS,
    NOON,
    Record,
    avro_bytes,
    blood_glucose,
    heart_rate,
    plain,
    sleep_session,
    steps,
)

GLUCOSE = record_types()["blood_glucose"]
STEPS = record_types()["steps"]
SLEEP = record_types()["sleep_session"]
HEART_RATE = record_types()["heart_rate"]

Schema = dict[str, Any]


def refused(content: bytes, record_type: RecordType = GLUCOSE, content_hash: str | None = None) -> FileReason:
    with pytest.raises(FileRefusedError) as caught:
        decode.to_table(decode.decode(content, record_type, content_hash).records, record_type)
    return caught.value.reason


def schema_of(record_type: RecordType) -> Schema:
    return copy.deepcopy(dict(record_type.avro_schema))


def field_of(schema: Schema, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(field for field in schema["fields"] if field["name"] == name)
    return found


def optional(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None}


def decoded(record_type: RecordType, records: list[Record], schema: Schema, codec: str = "deflate") -> DecodedFile:
    return decode.decode(avro_bytes(record_type.name, records, schema, codec), record_type, None)


@pytest.mark.parametrize("name", sorted(record_types()))
def test_records_written_with_our_schema_are_read_as_written(name: str) -> None:
    record = plain(name)
    found = decode.decode(avro_bytes(name, [record]), record_types()[name], None)
    assert found == DecodedFile([record], ())


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_the_phone_s_field_order_and_namespace_read_the_same(name: str) -> None:
    record = BUILDERS[name]()
    record_type = record_types()[name]
    assert decoded(record_type, [record], dict(WRITER_SCHEMAS[record_type.avro_name])) == DecodedFile([record], ())


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_of_the_specification_is_read(codec: str) -> None:
    assert len(decoded(STEPS, [steps("a"), steps("b")], schema_of(STEPS), codec).records) == 2


def test_an_added_optional_field_is_dropped_and_named() -> None:
    schema = schema_of(GLUCOSE)
    schema["fields"] += [optional("trend", "string"), optional("calibrated", "boolean")]
    found = decoded(GLUCOSE, [{**blood_glucose(), "trend": "rising", "calibrated": True}], schema)
    assert found == DecodedFile([blood_glucose()], ("calibrated was added", "trend was added"))


def test_files_written_with_one_schema_have_it_resolved_once() -> None:
    schema = schema_of(GLUCOSE)
    schema["fields"].append(optional("trend", "string"))
    files = [decoded(GLUCOSE, [{**blood_glucose(name), "trend": "rising"}], schema) for name in "abc"]
    assert files == [DecodedFile([blood_glucose(name)], ("trend was added",)) for name in "abc"]
    assert files[0].drift is files[1].drift is files[2].drift  # of one resolution


def test_a_schema_that_does_not_fit_is_refused_in_every_file() -> None:
    schema = schema_of(STEPS)
    field_of(schema, "count")["type"] = "string"
    content = avro_bytes("steps", [{**steps(), "count": "7"}], schema)
    assert [refused(content, STEPS) for _ in range(3)] == [FileReason.SCHEMA_INCOMPATIBLE] * 3


def test_an_added_field_in_the_metadata_is_named_too() -> None:
    schema = schema_of(GLUCOSE)
    field_of(schema, "metadata")["type"]["fields"].append(optional("recordingMethod", "string"))
    found = decoded(GLUCOSE, [blood_glucose()], schema)
    assert found.records == [blood_glucose()]
    assert found.drift == ("metadata.recordingMethod was added",)


def test_fields_in_a_different_order_are_read_by_name() -> None:
    schema = schema_of(STEPS)
    schema["fields"].reverse()
    field_of(schema, "metadata")["type"]["fields"].reverse()
    assert decoded(STEPS, [steps()], schema) == DecodedFile([steps()], ())


def test_an_unknown_symbol_of_an_enum_becomes_unknown() -> None:
    schema = schema_of(GLUCOSE)
    field_of(schema, "specimenSource")["type"]["symbols"].append("SWEAT")
    found = decoded(GLUCOSE, [{**blood_glucose(), "specimenSource": "SWEAT"}, blood_glucose("g2")], schema)
    assert [record["specimenSource"] for record in found.records] == ["UNKNOWN", "INTERSTITIAL_FLUID"]


@pytest.mark.parametrize("knows_awake_in_bed", [True, False])
def test_sleep_stages_read_with_and_without_awake_in_bed(knows_awake_in_bed: bool) -> None:
    schema = schema_of(SLEEP)
    stages = field_of(schema, "stages")["type"]["items"]
    enum = stages["fields"][2]["type"]
    if not knows_awake_in_bed:
        enum["symbols"] = [symbol for symbol in enum["symbols"] if symbol != "AWAKE_IN_BED"]
        del enum["default"]
    written_stages = (("AWAKE_IN_BED" if knows_awake_in_bed else "AWAKE", 10), ("REM", 30))
    found = decoded(SLEEP, [sleep_session(stages=written_stages)], schema)
    assert [stage["stage"] for stage in found.records[0]["stages"]] == [written_stages[0][0], "REM"]


def test_an_integer_is_read_into_a_floating_point_field() -> None:
    schema = schema_of(GLUCOSE)
    field_of(schema, "levelInMilligramsPerDeciliter")["type"] = "int"
    found = decoded(GLUCOSE, [blood_glucose(mg_dl=101)], schema)
    assert found.records[0]["levelInMilligramsPerDeciliter"] == 101.0


def test_a_java_string_is_a_string() -> None:
    schema = schema_of(STEPS)
    field_of(schema, "metadata")["type"]["fields"][0]["type"] = {"type": "string", "avro.java.string": "String"}
    assert decoded(STEPS, [steps()], schema) == DecodedFile([steps()], ())


def _without_the_level(schema: Schema, record: Record) -> None:
    schema["fields"].remove(field_of(schema, "levelInMilligramsPerDeciliter"))
    del record["levelInMilligramsPerDeciliter"]


def _level_as_text(schema: Schema, record: Record) -> None:
    field_of(schema, "levelInMilligramsPerDeciliter")["type"] = "string"
    record["levelInMilligramsPerDeciliter"] = "110"


def _level_as_a_decimal(schema: Schema, record: Record) -> None:
    schema_type = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}
    field_of(schema, "levelInMilligramsPerDeciliter")["type"] = schema_type
    record["levelInMilligramsPerDeciliter"] = b"\x2a\xf8"


@pytest.mark.parametrize("change", [_without_the_level, _level_as_text, _level_as_a_decimal])
def test_a_removed_or_retyped_field_makes_the_file_incompatible(change: Callable[[Schema, Record], None]) -> None:
    schema, record = schema_of(GLUCOSE), blood_glucose()
    change(schema, record)
    assert refused(avro_bytes("blood_glucose", [record], schema)) == FileReason.SCHEMA_INCOMPATIBLE


def test_a_file_without_bytes_is_empty() -> None:
    assert refused(b"") == FileReason.EMPTY


def test_a_file_without_records_is_empty() -> None:
    assert refused(avro_bytes("blood_glucose", [])) == FileReason.EMPTY


@pytest.mark.parametrize("content", [b"Obj", b"PK\x03\x04", b"{}", b"\0" * 500], ids=["short", "zip", "json", "zeros"])
def test_a_file_that_does_not_start_like_avro_is_not_avro(content: bytes) -> None:
    assert refused(content) == FileReason.NOT_AVRO


def test_a_file_of_the_wrong_type_is_refused_and_the_detail_names_both_types() -> None:
    with pytest.raises(FileRefusedError, match="holds StepsRecord, but its folder says BloodGlucoseRecord") as caught:
        decode.decode(avro_bytes("steps", [steps()]), GLUCOSE, None)
    assert caught.value.reason == FileReason.WRONG_TYPE


def test_a_file_of_an_unknown_type_is_refused_without_quoting_its_name() -> None:
    schema = {"type": "record", "name": "PatientMeier", "fields": [{"name": "x", "type": "long"}]}
    with pytest.raises(FileRefusedError) as caught:
        decode.decode(avro_bytes("steps", [{"x": 1}], schema), STEPS, None)
    assert caught.value.reason == FileReason.WRONG_TYPE
    assert "Meier" not in caught.value.detail


def test_a_file_that_does_not_contain_records_has_the_wrong_type() -> None:
    buffer = io.BytesIO()
    fastavro.writer(buffer, {"type": "array", "items": "long"}, [[1, 2]])
    assert refused(buffer.getvalue()) == FileReason.WRONG_TYPE


@pytest.mark.parametrize("digest", [hashlib.sha256, hashlib.md5, hashlib.sha1])
@pytest.mark.parametrize("length", [8, 16, 32])
def test_the_hash_in_the_name_may_be_any_of_three_and_truncated(digest: Callable[..., Any], length: int) -> None:
    content = avro_bytes("steps", [steps()])
    assert decode.decode(content, STEPS, digest(content, usedforsecurity=False).hexdigest()[:length])


def test_a_hash_that_does_not_match_the_content_refuses_the_file() -> None:
    content = avro_bytes("steps", [steps()])
    assert refused(content, STEPS, decode.content_digest(content + b"x")[:8]) == FileReason.HASH_MISMATCH


def test_a_file_over_the_size_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = avro_bytes("steps", [steps()])
    monkeypatch.setattr(decode, "MAX_FILE_BYTES", len(content))
    assert decode.decode(content, STEPS, None)
    monkeypatch.setattr(decode, "MAX_FILE_BYTES", len(content) - 1)
    assert refused(content, STEPS) == FileReason.TOO_LARGE


def test_a_file_over_the_record_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = avro_bytes("steps", [steps(f"s{n}") for n in range(11)])
    monkeypatch.setattr(decode, "MAX_RECORDS", 11)
    assert len(decode.decode(content, STEPS, None).records) == 11
    monkeypatch.setattr(decode, "MAX_RECORDS", 10)
    assert refused(content, STEPS) == FileReason.TOO_MANY_RECORDS


def test_a_small_file_that_expands_to_a_quarter_of_a_gigabyte_is_refused() -> None:
    record = {**sleep_session(), "notes": "a" * (256 * 1024 * 1024)}
    buffer = io.BytesIO()
    schema = fastavro.parse_schema(schema_of(SLEEP))
    fastavro.writer(buffer, schema, [record], codec="deflate", codec_compression_level=1)
    assert buffer.tell() < 2 * 1024 * 1024
    assert refused(buffer.getvalue(), SLEEP) == FileReason.DECOMPRESSION_BOMB


def series(codec: str) -> bytes:
    """Return a file of several blocks."""
    records = [heart_rate(f"h{n}", NOON + timedelta(hours=n), (60, 61, 62)) for n in range(20)]
    buffer = io.BytesIO()
    marker = b"0123456789abcdef"
    schema = fastavro.parse_schema(schema_of(HEART_RATE))
    fastavro.writer(buffer, schema, records, codec=codec, sync_interval=500, sync_marker=marker)
    return buffer.getvalue()


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_truncated_anywhere_is_refused_or_consists_of_whole_blocks(codec: str) -> None:
    content = series(codec)
    whole = decode.decode(content, HEART_RATE, None).records
    for cut in range(len(content)):
        try:
            found = decode.decode(content[:cut], HEART_RATE, None).records
        except FileRefusedError as error:
            assert error.reason in {FileReason.EMPTY, FileReason.NOT_AVRO, FileReason.UNREADABLE}  # noqa: PT017
        else:
            assert content[:cut].endswith(b"0123456789abcdef"), "a block is complete up to its marker"
            assert found == whole[: len(found)]


def test_a_file_truncated_after_a_block_does_not_match_the_hash_in_its_name() -> None:
    content = series("deflate")
    cut = content.rindex(b"0123456789abcdef", 0, -16) + 16
    assert len(decode.decode(content[:cut], HEART_RATE, None).records) < 20
    assert refused(content[:cut], HEART_RATE, decode.content_digest(content)[:8]) == FileReason.HASH_MISMATCH


def damaged(content: bytes) -> Iterator[bytes]:
    """Yield copies of the content, each with one byte replaced by some other values."""
    chance = random.Random(20250921)
    for position, byte in enumerate(content):
        for value in {chance.randrange(256), byte ^ 0x80, byte ^ 0x01, 0xFF} - {byte}:
            yield content[:position] + bytes([value]) + content[position + 1 :]


@pytest.mark.parametrize("codec", CODECS)
def test_a_damaged_file_is_read_or_refused_and_raises_nothing_else(codec: str) -> None:
    for content in damaged(avro_bytes("heart_rate", [heart_rate("h1"), heart_rate("h2")], codec=codec)):
        with suppress(FileRefusedError):
            decode.to_table(decode.decode(content, HEART_RATE, None).records, HEART_RATE)


def test_a_refusal_explains_itself_in_one_sentence_without_showing_content() -> None:
    content = avro_bytes("steps", [steps("secret-record-id", app="com.secret.app")], codec="null")
    for cut in range(100, len(content), 7):
        with pytest.raises(FileRefusedError) as caught:
            decode.decode(content[:cut], STEPS, None)
        assert caught.value.detail
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("count", [2**63, -(2**63) - 1, "many", [1]])
def test_a_value_that_no_column_can_hold_refuses_the_file(count: object) -> None:
    with pytest.raises(FileRefusedError) as caught:
        decode.to_table([steps("s1"), {**steps("s2"), "count": count}], STEPS)
    assert caught.value.reason == FileReason.SCHEMA_INCOMPATIBLE
    assert str(count) not in caught.value.detail


def test_the_largest_integers_keep_every_digit() -> None:
    table = decode.to_table([steps(count=2**63 - 1), steps(count=-(2**63)), steps(count=2**53 + 1)], STEPS)
    assert table["count"].to_pylist() == [2**63 - 1, -(2**63), 2**53 + 1]


def test_decoded_records_become_an_arrow_table_with_nested_columns() -> None:
    table = decode.to_table([sleep_session(), sleep_session("n2", stages=())], SLEEP)
    assert table.num_rows == 2
    assert [len(stages) for stages in table["stages"].to_pylist()] == [3, 0]
    assert table["metadata"].to_pylist()[0]["id"] == "n1"
    assert table["startTimeEpochMillis"].to_pylist() == [sleep_session()["startTimeEpochMillis"]] * 2
