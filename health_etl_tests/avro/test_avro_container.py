"""A container that lies about its counts, lengths or schema is refused before anything is decoded."""

from __future__ import annotations

import json
import tracemalloc
from functools import cache
from typing import Any

import pytest

from health_etl.avro.bounds import MAX_SCHEMA_DEPTH
from health_etl.avro.codecs import CODECS
from health_etl.avro.container import inspect_container
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl_tests.fuzz.hostile import PACKERS, snappy
from health_etl_tests.support.exports import SYNC_MARKER, avro_bytes, steps

MANY = 100_000


def varint(number: int) -> bytes:
    """Encode a zigzag variable-length integer, as in the Avro specification."""
    rest = (number << 1) ^ (number >> 63)
    written = bytearray()
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*written, rest])


def text(content: bytes) -> bytes:
    return varint(len(content)) + content


def container(schema: Any, *blocks: tuple[int, bytes], codec: bytes = b"null") -> bytes:
    header = varint(2) + text(b"avro.schema") + text(json.dumps(schema).encode()) + text(b"avro.codec") + text(codec)
    written = b"".join(varint(count) + text(block) + SYNC_MARKER for count, block in blocks)
    return b"Obj\x01" + header + b"\x00" + SYNC_MARKER + written


def record_of(*types: Any) -> dict[str, Any]:
    fields = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(types)]
    return {"type": "record", "name": "R", "fields": fields}


def refused(content: bytes, most: int = MANY) -> FileReason:
    with pytest.raises(FileRefusedError) as caught:
        inspect_container(content, most)
    return caught.value.reason


@pytest.mark.parametrize("codec", CODECS)
def test_a_valid_file_yields_its_schema_and_record_count(codec: str) -> None:
    content = avro_bytes("steps", [steps(f"s{n}") for n in range(1_000)], codec=codec)
    found = inspect_container(content, MANY)
    assert found.record_count == 1_000
    assert found.writer_schema["name"] == record_types()["steps"].avro_schema["name"]


def test_the_records_of_all_blocks_are_counted() -> None:
    assert inspect_container(container(record_of("long"), (2, b"\x02\x04"), (1, b"\x06")), MANY).record_count == 3


@pytest.mark.parametrize("count", [-1, 4, 2**62])
def test_a_block_that_claims_more_records_than_its_bytes_can_hold_is_unreadable(count: int) -> None:
    assert refused(container(record_of("long"), (count, b"\x02\x04\x06"))) == FileReason.UNREADABLE


def test_too_many_records_are_refused_by_their_declared_count() -> None:
    content = container(record_of("long"), (3, b"\x02\x04\x06"), (3, b"\x02\x04\x06"))
    assert refused(content, most=5) == FileReason.TOO_MANY_RECORDS


@pytest.mark.parametrize("length", [-1, 2**40])
def test_a_block_whose_length_is_wrong_is_unreadable(length: int) -> None:
    content = container(record_of("long")) + varint(1) + varint(length) + b"\x02" + SYNC_MARKER
    assert refused(content) == FileReason.UNREADABLE


def test_a_block_without_its_marker_is_unreadable() -> None:
    content = container(record_of("long"), (1, b"\x02"))
    assert refused(content[:-1] + b"?") == FileReason.UNREADABLE
    assert refused(content[:-1]) == FileReason.UNREADABLE


def test_a_number_that_does_not_end_is_unreadable() -> None:
    assert refused(container(record_of("long")) + b"\xff" * 30) == FileReason.UNREADABLE


@pytest.mark.parametrize("codec", [b"zstd", b"lz4", b"Snappy", b"\xff\xfe"])
def test_an_unsupported_codec_is_refused_as_such(codec: bytes) -> None:
    assert refused(container(record_of("long"), (1, b"\x02"), codec=codec)) == FileReason.CODEC_UNSUPPORTED


@pytest.mark.parametrize("schema", ["long", ["null", "long"], {"type": "array", "items": "long"}, {"type": "map"}])
def test_a_file_that_does_not_contain_records_has_the_wrong_type(schema: Any) -> None:
    assert refused(container(schema)) == FileReason.WRONG_TYPE


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "record", "name": "R"},
        {"type": "record", "name": "R", "fields": ["long"]},
        {"type": "record", "name": "R", "fields": [{"name": "f"}]},
        record_of({"name": "no type"}),
        record_of({"type": "enum", "name": "E", "symbols": [1]}),
        record_of(7),
    ],
)
def test_a_malformed_schema_is_unreadable(schema: Any) -> None:
    assert refused(container(schema)) == FileReason.UNREADABLE


def _nested(depth: int) -> Any:
    schema: Any = "long"
    for number in range(depth):
        schema = {"type": "record", "name": f"R{number}", "fields": [{"name": "f", "type": schema}]}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        _nested(MAX_SCHEMA_DEPTH + 1),
        record_of(["null", "R"]),
        record_of(["null", "name.space.R"]),
        record_of({"type": "array", "items": "null"}),
        record_of({"type": "array", "items": {"type": "record", "name": "Empty", "fields": []}}),
        record_of({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
    ],
    ids=["deep", "contains itself", "contains itself by its full name", "nulls", "empty records", "empty bytes"],
)
def test_a_schema_that_would_make_a_decoder_run_away_is_refused(schema: Any) -> None:
    assert refused(container(schema)) == FileReason.SCHEMA_REFUSED


def test_a_schema_as_deep_as_ours_is_read() -> None:
    for record_type in record_types().values():
        assert inspect_container(container(dict(record_type.avro_schema)), MANY).record_count == 0


def test_a_header_larger_than_the_limit_is_refused() -> None:
    schema = {**record_of("long"), "doc": "x" * 300_000}
    assert refused(container(schema)) == FileReason.SCHEMA_REFUSED


MUCH = 300 * 1024 * 1024


@cache
def bomb(codec: str) -> bytes:
    """Return a block of a few kilobytes or megabytes that stands for 300 MiB."""
    return PACKERS[codec](bytes(MUCH))


@pytest.mark.parametrize("codec", sorted(PACKERS))
def test_a_block_that_expands_beyond_the_limits_is_refused_in_little_memory(codec: str) -> None:
    content = container(record_of("string"), (1, bomb(codec)), codec=codec.encode())
    tracemalloc.start()
    try:
        assert refused(content) == FileReason.DECOMPRESSION_BOMB
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024 + 2 * len(content)
    finally:
        tracemalloc.stop()


def test_a_snappy_block_that_lies_about_its_size_is_refused_before_it_is_expanded() -> None:
    honest = snappy(b"\x02")
    for declared in (b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x04"):
        content = container(record_of("long"), (1, declared + honest[1:]), codec=b"snappy")
        assert refused(content) == FileReason.DECOMPRESSION_BOMB
    assert refused(container(record_of("long"), (1, b"\x02" + honest[1:]), codec=b"snappy")) == FileReason.UNREADABLE


@pytest.mark.parametrize("block", [b"", b"\x00", b"\x00" * 4, b"\x00" * 5, snappy(b"\x02")[:-1] + b"?"])
def test_a_snappy_block_without_its_right_checksum_is_unreadable(block: bytes) -> None:
    assert refused(container(record_of("long"), (1, block), codec=b"snappy")) == FileReason.UNREADABLE


def test_a_zstandard_frame_that_demands_gigabytes_for_its_window_is_unreadable() -> None:
    frame = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00"
    assert refused(container(record_of("long"), (1, frame), codec=b"zstandard")) == FileReason.UNREADABLE


@pytest.mark.parametrize("codec", sorted(set(PACKERS) - {"deflate", "snappy"}))
def test_a_second_stream_in_a_block_is_not_read(codec: str) -> None:
    pack = PACKERS[codec]
    assert refused(container(record_of("long"), (1, pack(b"\x02") + pack(b"\x04")), codec=codec.encode())) == (
        FileReason.UNREADABLE
    )
