"""Damaged and hostile variants of valid exports, reproducible from a seed. The expected outcomes are in the tests."""

from __future__ import annotations

import copy
import io
import json
import lzma
import math
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import fastavro

from health_etl.record_types import record_types
from health_etl_tests.fuzz import hostile, seeds
from health_etl_tests.fuzz.independent_count import HEADER_MARK, Layout, layout, zigzag
from health_etl_tests.fuzz.seeds import Make, Mutant
from health_etl_tests.support.exports import BUILDERS, NOON, Record

MAX_LONG = 2**63 - 1
SAMPLES = Path(__file__).resolve().parents[2] / "data" / "sample"


@dataclass(frozen=True)
class Original:
    """A valid export of several blocks, with the offsets of everything in it."""

    name: str
    content: bytes
    layout: Layout


def originals(name: str) -> list[Original]:
    """Return valid exports of a type: small and large, in several blocks, compressed or not; the last is shipped."""
    return [*(_original(name, count, codec) for count in (1, 7, 40) for codec in ("null", "deflate")), _sample(name)]


def mutants(name: str, wanted: int) -> list[Mutant[bytes]]:
    """Return that many different variants of a type's exports, evenly distributed over the kinds of damage."""
    return seeds.mutants(f"files/{name}", kinds_of(name), wanted)


def kinds_of(name: str) -> Mapping[str, Make[bytes]]:
    """Return the kinds of damage, each of them to one export of this type."""
    return {kind: partial(_damaged, damage, name) for kind, damage in KINDS.items()}


def _damaged(damage: Damage, name: str, rng: random.Random) -> bytes | None:
    return damage(rng, rng.choice(originals(name)))


def encoded(records: list[Any], schema: Any, codec: str = "null", sync_interval: int = 500) -> bytes:
    """Encode records as an Avro container of several blocks."""
    file = io.BytesIO()
    parsed = fastavro.parse_schema(copy.deepcopy(schema))
    fastavro.writer(file, parsed, records, codec=codec, sync_interval=sync_interval, sync_marker=b"0123456789abcdef")
    return file.getvalue()


@cache
def _original(name: str, count: int, codec: str) -> Original:
    build: Callable[..., Record] = BUILDERS[name]
    records = [build(f"record-{number}", NOON + timedelta(minutes=number)) for number in range(count)]
    content = encoded(records, record_types()[name].avro_schema, codec)
    return Original(name, content, layout(content))


@cache
def _sample(name: str) -> Original:
    content = min(SAMPLES.glob(f"{record_types()[name].avro_name}_*.avro")).read_bytes()
    return Original(name, content, layout(content))


def _cut_at_edge(rng: random.Random, file: Original) -> bytes | None:
    """Truncate at the beginning or end of a block, of its payload or of its marker, or a byte beside."""
    block = rng.choice(file.layout.blocks)
    cut = rng.choice((block.start, block.payload_at, block.payload_end, block.end)) + rng.choice((-1, 0, 1))
    return file.content[:cut] if cut < len(file.content) else None


def _flip_bits(rng: random.Random, content: bytes, first: int, last: int, max_flips: int = 4) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, max_flips)):
        changed[rng.randrange(first, last)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _flip_header(rng: random.Random, file: Original) -> bytes:
    return _flip_bits(rng, file.content, 0, file.layout.header_end)


def _flip_payload(rng: random.Random, file: Original) -> bytes:
    block = rng.choice(file.layout.blocks)
    return _flip_bits(rng, file.content, block.payload_at, block.payload_end)


def _flip_frame(rng: random.Random, file: Original) -> bytes:
    block = rng.choice(file.layout.blocks)
    first, last = rng.choice([(block.start, block.payload_at), (block.payload_end, block.end)])
    return _flip_bits(rng, file.content, first, last, 1)


def _flip_many(rng: random.Random, file: Original) -> bytes:
    return _flip_bits(rng, file.content, 0, len(file.content), 64)


def _cut(rng: random.Random, file: Original) -> bytes:
    return file.content[: rng.randrange(len(file.content))]


def _appended(rng: random.Random, file: Original) -> bytes:
    return file.content + rng.randbytes(rng.randint(1, 40))


def _zeroed(rng: random.Random, file: Original) -> bytes:
    start = rng.randrange(len(file.content))
    size = rng.randint(1, 64)
    return file.content[:start] + bytes(len(file.content[start : start + size])) + file.content[start + size :]


def _rearranged(rng: random.Random, file: Original) -> bytes:
    """Remove, repeat and reorder blocks; the result may be valid again."""
    pieces = [file.content[block.start : block.end] for block in file.layout.blocks]
    chosen = rng.choices(pieces, k=rng.randint(0, len(pieces) + 2))
    return file.content[: file.layout.header_end] + b"".join(chosen)


def _spliced_same(rng: random.Random, file: Original) -> bytes:
    return _spliced(rng, file, rng.choice(originals(file.name)))


def _spliced_other(rng: random.Random, file: Original) -> bytes:
    return _spliced(rng, file, rng.choice(originals(rng.choice(sorted(record_types())))))


def _spliced(rng: random.Random, file: Original, other: Original) -> bytes:
    """Insert a block of another file, sometimes with a wrong sync marker."""
    block = rng.choice(other.layout.blocks)
    piece = other.content[block.start : block.end]
    if rng.random() < 0.3:
        piece = piece[:-16] + rng.randbytes(16)
    at = rng.choice([file.layout.header_end, *(own.end for own in file.layout.blocks)])
    return file.content[:at] + piece + file.content[at:]


def _other_codec(rng: random.Random, file: Original) -> bytes | None:
    old = next((codec for codec in (b"\x08null", b"\x0edeflate") if codec in file.content), None)
    new = rng.choice([b"null", b"deflate", b"bzip2", b"xz", b"snappy", b"zstandard", b"lz4", b"", rng.randbytes(5)])
    return file.content.replace(old, zigzag(len(new)) + new, 1) if old else None


def _lying_count(rng: random.Random, file: Original) -> bytes:
    block = rng.choice(file.layout.blocks)
    lie = rng.choice([0, -1, block.records + 1, block.records - 1, 10**6, 10**12, MAX_LONG, -(2**63)])
    return file.content[: block.start] + zigzag(lie) + file.content[block.length_at :]


def _lying_length(rng: random.Random, file: Original) -> bytes:
    block = rng.choice(file.layout.blocks)
    size = block.payload_end - block.payload_at
    lie = rng.choice([0, -1, size + 1, size - 1, size * 2, 10**9, MAX_LONG, -(2**63)])
    return file.content[: block.length_at] + zigzag(lie) + file.content[block.payload_at :]


def _lying_payload(rng: random.Random, file: Original) -> bytes:
    """Overwrite some bytes of a payload with a number, possibly a list count or a text length."""
    block = rng.choice(file.layout.blocks)
    at = rng.randrange(block.payload_at, block.payload_end)
    lie = zigzag(rng.choice([-1, -(10**6), 10**5, 10**9, MAX_LONG, rng.getrandbits(40)]))
    changed = bytearray(file.content)
    changed[at : min(at + len(lie), block.payload_end)] = lie[: block.payload_end - at]
    return bytes(changed)


def _broken_text(rng: random.Random, file: Original) -> bytes | None:
    at = file.content.find(b"record-", file.layout.header_end)
    if at < 0:
        return None
    return file.content[:at] + bytes([rng.choice([0xFF, 0xC0, 0xED])]) + rng.randbytes(2) + file.content[at + 3 :]


def _recompressed(rng: random.Random, file: Original) -> bytes | None:
    """Replace a payload by something that expands: a bomb, a second stream, a truncated stream."""
    size = rng.choice([10**5, 10**7, 3 * 10**8 if rng.random() < 0.05 else 10**6])
    codec, pack = rng.choice(sorted(_PACKERS.items()))
    packed = _bomb(codec, size)
    packed = rng.choice([packed, packed + packed, packed[: len(packed) // 2], pack(rng.randbytes(2000))])
    head = _with_codec(file.content[: file.layout.header_end], codec.encode())
    if head is None:
        return None
    return head + zigzag(rng.choice([1, 1000, 99_999])) + zigzag(len(packed)) + packed + file.layout.sync


def _with_codec(head: bytes, codec: bytes) -> bytes | None:
    old = next((found for found in (b"\x08null", b"\x0edeflate") if found in head), None)
    return head.replace(old, zigzag(len(codec)) + codec, 1) if old else None


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(content) + packer.flush()


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    **hostile.PACKERS,
    "deflate": _deflated,
    "xz": lzma.compress,
}


@cache
def _bomb(codec: str, size: int) -> bytes:
    return _PACKERS[codec](bytes(size))


def _hostile_schema(rng: random.Random, file: Original) -> bytes:
    """Put another schema before the blocks: deep, recursive, endless, broken, or just different."""
    depth = rng.choice([5, 13, 500, 5000])
    nested: Any = "long"
    for level in range(min(depth, 100)):
        nested = {"type": "record", "name": f"R{level}", "fields": [{"name": "f", "type": nested}]}
    name = f"Avro{record_types()[file.name].avro_name}"

    def of(*types: Any) -> Any:
        return {"type": "record", "name": name, "fields": [{"name": f"f{n}", "type": t} for n, t in enumerate(types)]}

    schemas: list[Any] = [
        of(nested),
        of({"type": "array", "items": "null"}),
        of({"type": "array", "items": {"type": "record", "name": "E", "fields": []}}),
        of({"type": "map", "values": "null"}),
        of(name),
        of(["null", name]),
        of({"type": "enum", "name": "En", "symbols": [f"S{n}" for n in range(rng.choice([1, 5000]))]}),
        of({"type": "fixed", "name": "F", "size": rng.choice([-1, 10**6, 10**15])}),
        of(["null"] * rng.choice([2, 500])),
        of({"type": "array", "items": of("long")}),
        of(*["boolean"] * 2000),
        {"type": name},
        [],
        "string",
        None,
        {"type": "record", "name": 7, "fields": [{"name": None, "type": 1}]},
        {"type": "record", "name": name, "fields": rng.choice([None, {}, [1], [{"name": "x"}], []])},
    ]
    texts = [json.dumps(schema).encode() for schema in schemas]
    texts += [b"[" * depth, b'{"type":' * depth, rng.randbytes(30), b" " * 300_000 + b"{}", b""]
    text = rng.choice(texts)
    entries = zigzag(1) + zigzag(11) + b"avro.schema" + zigzag(len(text)) + text + b"\x00"
    payload = bytes(rng.choice([0, 50, 5000]))
    count = rng.choice([0, 1, 5000, 99_999])
    blocks = zigzag(count) + zigzag(len(payload)) + payload + file.layout.sync
    return HEADER_MARK + entries + file.layout.sync + blocks


def _drifted_schema(rng: random.Random, file: Original) -> bytes | None:
    """Write the records with a field added, removed, renamed or retyped."""
    schema = copy.deepcopy(dict(record_types()[file.name].avro_schema))
    build: Callable[..., Record] = BUILDERS[file.name]
    records = [build(f"record-{n}", NOON + timedelta(minutes=n)) for n in range(rng.randint(1, 9))]
    fields = schema["fields"]
    number = rng.randrange(len(fields))
    old = fields[number]["name"]
    change = rng.choice(["added", "removed", "renamed", "retyped", "reordered"])
    if change == "added":
        fields.append({"name": f"more_{rng.randrange(99)}", "type": ["null", "string"], "default": None})
    elif change == "removed":
        del fields[number]
    elif change == "reordered":
        rng.shuffle(fields)
    else:
        fields[number] = {"name": old if change == "retyped" else f"{old}X", "type": "string"}
        for record in records:
            record[fields[number]["name"]] = "text"
    return encoded(records, schema, rng.choice(["null", "deflate"]))


def _extreme_values(rng: random.Random, file: Original) -> bytes:
    """Write correctly encoded records with numbers at the limits of their types."""
    records = [
        BUILDERS[file.name](f"record-{number}", NOON + timedelta(minutes=number))
        for number in range(rng.randint(2, 12))
    ]
    for record in records:
        if rng.random() < 0.6:
            _make_extreme(rng, record)
    return encoded(records, record_types()[file.name].avro_schema, rng.choice(["null", "deflate"]))


def _make_extreme(rng: random.Random, record: dict[str, Any]) -> None:
    places = list(_number_places(record))
    for holder, key in rng.sample(places, k=rng.randint(1, min(3, len(places)))):
        if isinstance(holder[key], float):
            holder[key] = rng.choice([math.nan, math.inf, -math.inf, 1e308, -1.0, 0.0, 5e-324])
        else:
            holder[key] = rng.choice([MAX_LONG, -(2**63), 0, -1, 10**13, 4 * 10**15])


def _number_places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if isinstance(inner, (int, float)) and not isinstance(inner, bool) and key != "clientRecordVersion":
            yield value, key
        yield from _number_places(inner)


def _rubbish(rng: random.Random, file: Original) -> bytes:
    del file
    return rng.choice([b"", HEADER_MARK, b"PK\x03\x04"]) + rng.randbytes(rng.randint(0, 400))


def _endless_header(rng: random.Random, file: Original) -> bytes:
    lie = zigzag(rng.choice([10**6, -(10**6), MAX_LONG, -(2**63), 3]))
    return HEADER_MARK + lie + file.content[5 : 5 + rng.randrange(len(file.content))]


Damage = Callable[[random.Random, Original], bytes | None]

KINDS: dict[str, Damage] = {
    "bits flipped in the header": _flip_header,
    "bits flipped in a payload": _flip_payload,
    "bits flipped in a frame": _flip_frame,
    "many bits flipped": _flip_many,
    "truncated": _cut,
    "truncated at a block edge": _cut_at_edge,
    "garbage appended": _appended,
    "bytes zeroed": _zeroed,
    "blocks rearranged": _rearranged,
    "block of the same type spliced in": _spliced_same,
    "block of another type spliced in": _spliced_other,
    "wrong codec": _other_codec,
    "lying count": _lying_count,
    "lying length": _lying_length,
    "lying number in a payload": _lying_payload,
    "broken text": _broken_text,
    "bomb or broken stream": _recompressed,
    "hostile schema": _hostile_schema,
    "drifted schema": _drifted_schema,
    "extreme values": _extreme_values,
    "rubbish": _rubbish,
    "endless header": _endless_header,
    "hostile field": lambda rng, file: hostile.hostile_field(rng, file.name),
    "hostile attribute": lambda rng, file: hostile.hostile_attribute(rng, file.name),
    "hostile type": lambda rng, file: hostile.hostile_type(rng, file.name),
    "lying value": lambda rng, file: hostile.lie_in_value(rng, file.name),
    "list or text bomb": lambda rng, file: hostile.list_bomb(rng, file.name),
    "hostile stream": lambda rng, file: hostile.hostile_stream(rng, file.name),
    "odd header": lambda rng, file: hostile.odd_header(rng, file.name),
    "files joined": lambda rng, file: hostile.join_files(rng, file.name),
}
