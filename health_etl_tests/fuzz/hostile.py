"""Exports that are valid except for a hostile schema or one hostile value, which gets them far into a decoder."""

from __future__ import annotations

import bz2
import copy
import lzma
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import cramjam
from backports import zstd

from health_etl.record_types import record_types
from health_etl_tests.fuzz.independent_count import HEADER_MARK, zigzag
from health_etl_tests.fuzz.wire import MARKER, Raw, block, container, encode, header, text
from health_etl_tests.support.exports import BUILDERS, NOON

CANARY = "leakcanary"  # in names and texts of the files; no message of ours may quote it
MAX_LONG, MIN_LONG = 2**63 - 1, -(2**63)
EMPTY = {"type": "record", "name": "Empty", "fields": []}


def schema_of(name: str) -> dict[str, Any]:
    """Return a copy of a type's own schema, to be corrupted."""
    return copy.deepcopy(dict(record_types()[name].avro_schema))


def valid_record(name: str, number: int = 0) -> dict[str, Any]:
    """Return one valid record."""
    return dict(BUILDERS[name](f"{CANARY}-{number}", NOON + timedelta(minutes=number)))


def valid_bytes(name: str, number: int = 0) -> bytes:
    """Return one valid record in Avro encoding."""
    return encode(schema_of(name), valid_record(name, number))


def _named(kind: str, name: str, *types: Any, **more: Any) -> dict[str, Any]:
    fields = [{"name": f"{CANARY}_{number}", "type": inner} for number, inner in enumerate(types)]
    return {"type": kind, "name": name, "fields": fields, **more}


def _laughs(width: int, levels: int) -> Any:
    """Return a schema with few names that stands for `width` to the power of `levels` values."""
    schema: Any = "null"
    for level in range(levels):
        again = schema if isinstance(schema, str) else schema["name"]
        schema = _named("record", f"L{level}", schema, *[again] * (width - 1))
    return schema


def _chain(length: int) -> list[Any]:
    """Return types that reference each other, each one level deeper than the one before."""
    return [_named("record", f"C{n}", f"C{n - 1}" if n else "long") for n in range(length)]


def _wrapped(depth: int) -> Any:
    schema: Any = "null"
    for _ in range(depth):
        schema = {"type": schema}
    return schema


# Types of fields that a writer adds at the end of a record.
HOSTILE_FIELDS: Mapping[str, list[Any]] = {
    "list of nulls": [{"type": "array", "items": "null"}],
    "list of empty records by name": [EMPTY, {"type": "array", "items": "Empty"}],
    "list of records of nulls": [{"type": "array", "items": _named("record", "N", "null", "null")}],
    "list of fixed of no bytes": [{"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}],
    "list of fixed of no bytes by name": [{"type": "fixed", "name": "F", "size": 0}, {"type": "array", "items": "F"}],
    "list without items": [{"type": "array"}],
    "list with values": [{"type": "array", "values": "long"}],
    "list of records whose fields are a number": [{"type": "array", "items": {"type": "record", "name": "Q"}}],
    "list of what is wrapped often": [{"type": "array", "items": _wrapped(400)}],
    "fields that are a number": [{"type": "record", "name": "Q", "fields": 7}],
    "fields that are numbers": [{"type": "array", "items": {"type": "record", "name": "Q", "fields": [7]}}],
    "fields of a null": [[{"type": "null", "fields": 5}, "long"]],
    "error that contains itself": [_named("error", "E", "E")],
    "request that contains itself": [_named("request", "E", "E")],
    "union that contains itself": [_named("record", "U", ["null", "U"])],
    "list that contains itself": [_named("record", "A", {"type": "array", "items": "A"})],
    "map that contains itself": [_named("record", "M", {"type": "map", "values": "M"})],
    "two that contain each other": [_named("record", "X", _named("record", "Y", ["null", "X"]))],
    "few names for many values": [_laughs(20, 8)],
    "few names for many bytes": [_named("record", "B", *["long"] * 30), *["B"] * 30],
    "long chain of names": _chain(40),
    "very long chain of names": _chain(3000),
    "many nulls": ["null"] * 2000,
    "some nulls": ["null"] * 300,
    "deep": [_wrapped(11)],
    "symbols that are a number": [{"type": "enum", "name": "S", "symbols": 7}],
    "symbols that are a text": [{"type": "enum", "name": "S", "symbols": "abc"}],
    "symbols of no kind": [{"type": "enum", "name": "S"}],
    "many symbols": [{"type": "enum", "name": "S", "symbols": [f"S{n}" for n in range(20_000)]}],
    "huge fixed": [{"type": "fixed", "name": "F", "size": 2**62}],
    "fixed of a negative size": [{"type": "fixed", "name": "F", "size": -1}],
    "fixed of no size": [{"type": "fixed", "name": "F"}],
    "fixed whose size is a list": [{"type": "fixed", "name": "F", "size": [1]}],
    "map of nulls": [{"type": "map", "values": "null"}],
    "union of many": [["null", *({"type": "fixed", "name": f"F{n}", "size": 1} for n in range(3000))]],
    "union of nothing": [[]],
    "union in a union": [[["null", "long"], "string"]],
    "unknown name": [f"{CANARY}_type"],
    "true for a type": [True],
    "number for a type": [7],
    "null for a type": [None],
    "type that is nothing": [{"type": None}],
    "decimal without bounds": [{"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 10**12}],
    "decimal of no precision": [{"type": "bytes", "logicalType": "decimal", "precision": 0}],
    "date": [{"type": "int", "logicalType": "date"}],
    "time": [{"type": "long", "logicalType": "timestamp-millis"}],
    "uuid": [{"type": "string", "logicalType": "uuid"}],
    "name twice": [_named("record", "T", "long"), _named("record", "T", "string")],
    "name in two namespaces": [
        _named("record", "T", "long", namespace="a"),
        _named("record", "T", "string", namespace="b"),
        {"type": "array", "items": "a.T"},
    ],
    "the writer's own name again": [{"type": "enum", "name": "AvroMetadata", "symbols": ["A"]}],
}

# Additional attributes of the whole record's schema.
HOSTILE_ATTRIBUTES: Mapping[str, Mapping[str, Any]] = {
    "said to be parsed": {"__fastavro_parsed": True},
    "said to be parsed, with a name that contains itself": {
        "__fastavro_parsed": True,
        "__named_schemas": {"E": _named("record", "E", "E")},
    },
    "namespace that is a number": {"namespace": 7},
    "namespace": {"namespace": f"org.{CANARY}"},
    "aliases that are a number": {"aliases": 7},
    "aliases": {"aliases": [CANARY]},
    "name that is a number": {"name": 7},
    "long text": {"doc": "x" * 300_000},
    "logical type": {"logicalType": "timestamp-millis"},
    "logical type that is a list": {"logicalType": [1]},
}

# Types that one of our fields may be written with instead.
HOSTILE_TYPES: tuple[Any, ...] = (
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "local-timestamp-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "int", "logicalType": "date"},
    {"type": "bytes", "logicalType": "decimal", "precision": 1, "scale": 400},
    {"type": "string", "logicalType": "uuid"},
    {"type": {"type": {"type": "long"}}},
    [{"type": "null", "fields": 5}, "long"],
    ["null", "boolean", "int", "long", "float", "double", "bytes", "string"],
    ["long", "long"],
    [],
    "bytes",
    "float",
    {"type": "map", "values": "long"},
    {"type": "array", "items": "long"},
    {"type": "fixed", "name": "F", "size": 8},
)


def with_fields(name: str, types: list[Any], tail: bytes, records: int = 1) -> bytes:
    """Return valid records, each followed by these bytes as fields of these types."""
    schema = schema_of(name)
    schema["fields"] += [{"name": f"{CANARY}_x{number}", "type": inner} for number, inner in enumerate(types)]
    payload = b"".join(valid_bytes(name, number) + tail for number in range(records))
    return container(schema, (records, payload))


def hostile_field(rng: random.Random, name: str) -> bytes:
    """Add a field of a hostile type to valid records."""
    tails = (b"", b"\x00", bytes(40), zigzag(2**40) + b"\x00", zigzag(MIN_LONG) + bytes(4), rng.randbytes(9))
    types = HOSTILE_FIELDS[rng.choice(sorted(HOSTILE_FIELDS))]
    return with_fields(name, types, rng.choice(tails), rng.choice([1, 1, 2, 400]))


def hostile_attribute(rng: random.Random, name: str) -> bytes:
    """Write valid records under a schema with additional attributes."""
    schema = {**schema_of(name), **HOSTILE_ATTRIBUTES[rng.choice(sorted(HOSTILE_ATTRIBUTES))]}
    records = rng.randint(1, 30)
    return container(schema, (records, b"".join(valid_bytes(name, number) for number in range(records))))


def hostile_type(rng: random.Random, name: str) -> bytes:
    """Declare a different type for one field; the bytes stay the same or occasionally fit the new type."""
    schema = schema_of(name)
    holder = schema["fields"] if rng.random() < 0.7 else schema["fields"][0]["type"]["fields"]
    field = rng.choice(holder)
    field["type"] = rng.choice(HOSTILE_TYPES)
    field[rng.choice(["name", "default", "order", "aliases"])] = rng.choice([7, None, field["name"], [], {}])
    lies = [b"", b"\x00", zigzag(MAX_LONG), zigzag(MIN_LONG), text(b"\x7f" * 9), rng.randbytes(8)]
    records = rng.randint(1, 9)
    payload = b"".join(_encode_with_lie(rng, name, number, lies) for number in range(records))
    return container(schema, (records, payload))


def lie_in_value(rng: random.Random, name: str) -> bytes:
    """Corrupt one value of valid records: a list count, a text length, a union branch or a number."""
    lies = [
        *(zigzag(lie) for lie in (1, 2, -1, -2, 5, 63, 10**4, 10**9, MAX_LONG, MIN_LONG)),
        *(zigzag(-lie) + zigzag(rng.choice([0, 1, 10**9])) for lie in (1, 2, 10**4)),
        b"\xff" * 12,
        b"\x80" * 9 + b"\x00",
        text(b"\xff\xfe" * 9),
        text(b"\xed\xa0\x80"),
        text(bytes(9)),
        text(CANARY.encode() * 2000),
    ]
    records = rng.randint(1, 30)
    spoiled = rng.randrange(records)
    payload = b"".join(
        _encode_with_lie(rng, name, number, lies) if number == spoiled else valid_bytes(name, number)
        for number in range(records)
    )
    return _packed(schema_of(name), records, payload, rng.choice(["null", "deflate"]))


def list_bomb(rng: random.Random, name: str) -> bytes:
    """Let few bytes stand for a long list, or for a long text if the type has no list."""
    count = rng.choice([10**4, 10**5, 2 * 10**6, 4 * 10**6]) + rng.randrange(1000)
    records, codec = rng.choice([1, 1, 3]), rng.choice(["deflate", "xz"])
    if _list_of(name):
        return long_list(name, count, records, codec)
    record = valid_record(name)
    record["metadata"]["clientRecordId"] = Raw(zigzag(1) + text(b"a" * count))
    return _packed(schema_of(name), records, encode(schema_of(name), record) * records, codec)


def long_list(name: str, count: int, records: int = 1, codec: str = "deflate") -> bytes:
    """Return records of a type that has a list, each with that many elements of zeros in it."""
    record, field = valid_record(name), _list_of(name)[0]
    element = bytes(len(field["type"]["items"]["fields"]))
    record[field["name"]] = Raw(zigzag(count) + element * count + b"\x00")
    return _packed(schema_of(name), records, encode(schema_of(name), record) * records, codec)


def _list_of(name: str) -> list[dict[str, Any]]:
    return [field for field in schema_of(name)["fields"] if _is_list(field["type"])]


def hostile_stream(rng: random.Random, name: str) -> bytes:
    """Put valid records in a stream that is followed by another, demands much memory, or is mislabelled."""
    good = b"".join(valid_bytes(name, number) for number in range(5))
    codec = rng.choice(sorted(PACKERS))
    behind = rng.choice([b"", _zeros(codec), PACKERS[codec](b""), PACKERS[codec](good), b"\x00" * 4, rng.randbytes(7)])
    stream = PACKERS[codec](good) + behind
    if codec == "xz" and rng.random() < 0.4:
        stream = _demand_memory(good)
    return container(schema_of(name), (5, stream), codec=codec.encode())


def odd_header(rng: random.Random, name: str) -> bytes:
    """Write unusual headers: repeated keys, no codec, several blocks, keys that are not UTF-8."""
    schema = container(schema_of(name))
    own = schema[len(HEADER_MARK) + 1 : -len(MARKER) - 1]
    entries = [(b"avro.codec", b"null"), (b"avro.codec", b"deflate"), (b"avro.schema", b"{}"), (b"", b"")]
    entries += [
        (b"\xff\xfe", b"x"),
        (b"x", b"\xff\xfe"),
        (CANARY.encode(), rng.randbytes(20)),
        (b"avro.codec", b"Null"),
    ]
    more = [text(key) + text(value) for key, value in rng.sample(entries, k=rng.randint(1, 3))]
    parts = [zigzag(2) + own, *(zigzag(1) + one for one in more)]
    if rng.random() < 0.5:
        parts = [zigzag(-1) + zigzag(len(one)) + one for one in more] + [zigzag(-2) + zigzag(len(own)) + own]
    records = rng.randint(1, 9)
    payload = b"".join(valid_bytes(name, number) for number in range(records))
    return HEADER_MARK + b"".join(parts) + b"\x00" + MARKER + block(records, payload)


def join_files(rng: random.Random, name: str) -> bytes:
    """Append one complete file to another, or put a header without blocks before the blocks of a valid file."""
    one = container(schema_of(name), (1, valid_bytes(name, rng.randrange(99))))
    other = rng.choice(sorted(record_types()))
    two = container(schema_of(other), (1, valid_bytes(other, rng.randrange(99))))
    return rng.choice(
        [one + two, one + block(0, b"") + block(1, valid_bytes(name)), header([]) + two, one[4:], one + one]
    )


def _encode_with_lie(rng: random.Random, name: str, number: int, lies: list[bytes]) -> bytes:
    record = valid_record(name, number)
    holder, key = rng.choice(list(_places(record)))
    holder[key] = Raw(rng.choice(lies))
    return encode(schema_of(name), record)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def _is_list(schema: Any) -> bool:
    return isinstance(schema, dict) and schema["type"] == "array"


def _packed(schema: Any, records: int, payload: bytes, codec: str) -> bytes:
    packed = payload if codec == "null" else PACKERS[codec](payload)
    return container(schema, (records, packed), codec=codec.encode())


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(6, wbits=-15)
    return packer.compress(content) + packer.flush()


def _xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)


def snappy(content: bytes) -> bytes:
    """Return a block as Avro packs it with snappy: followed by the checksum of its content."""
    return bytes(cramjam.snappy.compress_raw(content)) + zlib.crc32(content).to_bytes(4, "big")


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "bzip2": bz2.compress,
    "deflate": _deflated,
    "snappy": snappy,
    "xz": _xz,
    "zstandard": zstd.compress,
}


@cache
def _zeros(codec: str) -> bytes:
    return PACKERS[codec](bytes(10**7)) * 30  # concatenated streams: 300 MB if all are read


def _demand_memory(content: bytes) -> bytes:
    """Return an xz stream whose header demands a dictionary of 4 GiB."""
    stream = bytearray(_xz(content))
    at = stream.index(b"\x21\x01") + 2  # the LZMA2 filter, the size of its properties, the dictionary
    stream[at] = 40
    end = 12 + (stream[12] + 1) * 4
    stream[end - 4 : end] = zlib.crc32(stream[12 : end - 4]).to_bytes(4, "little")
    return bytes(stream)
