"""The Avro object container around the records: looked through before anything is decoded, within fixed bounds.

A decoder trusts counts, lengths and schemas; a damaged or hostile file lies about them. What passes here cannot make
the decoder run away, and says how many records it holds, against which the decoder's own count is held.
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from health_etl.core.reasons import FileReason, FileRefusedError

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
MAX_HEADER_BYTES = 256 * 1024
MAX_SCHEMA_DEPTH = 12  # ours are six deep
MAX_EXPANDED_BYTES = 200 * 1024 * 1024
MAX_EXPANSION = 200  # times the size on disk; health records deflate to a tenth or so
CODECS = ("null", "deflate", "bzip2", "xz")  # those that come with Python
STEP_BYTES = 64 * 1024
_MAX_VARINT_BYTES = 10


@dataclass(frozen=True)
class Container:
    """What a container says of itself: the writer's schema and how many records its blocks hold."""

    writer_schema: dict[str, Any]
    record_count: int


def look_through(content: bytes, max_records: int) -> Container:
    """Check header, schema and every block of a container file; nothing is decoded.

    Raises FileRefusedError.
    """
    cursor = _Cursor(content, len(MAGIC))
    metadata = _header(cursor)
    sync = cursor.take(SYNC_BYTES)
    schema = _schema(metadata.get("avro.schema", b""))
    codec = metadata.get("avro.codec", b"null").decode("ascii", "replace")
    if codec not in CODECS:
        raise FileRefusedError(FileReason.CODEC_UNSUPPORTED, f"only {' and '.join(CODECS)} are read")
    total = 0
    budget = min(MAX_EXPANDED_BYTES, max(MAX_HEADER_BYTES, len(content) * MAX_EXPANSION))
    for count, block in _blocks(cursor, sync):
        expanded = _expanded_bytes(block, codec, budget)
        budget -= expanded
        if not 0 <= count <= expanded:
            raise FileRefusedError(FileReason.UNREADABLE, "a block claims more records than its bytes can hold")
        total += count
        if total > max_records:
            raise FileRefusedError(FileReason.TOO_MANY_RECORDS, f"more than {max_records} records")
    return Container(schema, total)


class _Cursor:
    """A position in the bytes; every step is checked against their end."""

    def __init__(self, content: bytes, position: int) -> None:
        self.content = memoryview(content)
        self.position = position

    @property
    def at_end(self) -> bool:
        return self.position >= len(self.content)

    def take(self, count: int) -> bytes:
        end = self.position + count
        if count < 0 or end > len(self.content):
            raise FileRefusedError(FileReason.UNREADABLE, "the file breaks off, or a length in it is wrong")
        piece = bytes(self.content[self.position : end])
        self.position = end
        return piece

    def long(self) -> int:
        """Read a zigzag variable-length integer of at most 64 bits."""
        value = 0
        for number in range(_MAX_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * number)
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
        raise FileRefusedError(FileReason.UNREADABLE, "a number in the file is too long")


def _header(cursor: _Cursor) -> dict[str, bytes]:
    metadata: dict[str, bytes] = {}
    start = cursor.position
    while entries := cursor.long():
        if entries < 0:
            cursor.long()  # the size of the block in bytes follows a negative count
        for _ in range(abs(entries)):
            key = cursor.take(cursor.long()).decode("utf-8", "replace")
            metadata[key] = cursor.take(cursor.long())
            if cursor.position - start > MAX_HEADER_BYTES:
                raise FileRefusedError(FileReason.SCHEMA_REFUSED, "the header is larger than any honest one")
    return metadata


def _schema(text: bytes) -> dict[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        raise FileRefusedError(FileReason.UNREADABLE, "the header holds no schema that can be read") from None
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise FileRefusedError(FileReason.WRONG_TYPE, "the file does not hold records of fields")
    _refuse_hostile(schema, set(), 0)
    return schema


def _refuse_hostile(schema: Any, open_names: set[str], depth: int) -> None:
    """Refuse what no exporter writes and a decoder may drown in: depth, recursion, elements without bytes."""
    if depth > MAX_SCHEMA_DEPTH:
        raise FileRefusedError(FileReason.SCHEMA_REFUSED, f"the schema is deeper than {MAX_SCHEMA_DEPTH} levels")
    if isinstance(schema, str):
        if schema.rpartition(".")[2] in open_names:
            raise FileRefusedError(FileReason.SCHEMA_REFUSED, "the schema contains itself")
        return
    if isinstance(schema, list):
        for branch in schema:
            _refuse_hostile(branch, open_names, depth + 1)
        return
    if not isinstance(schema, dict) or "type" not in schema:
        raise FileRefusedError(FileReason.UNREADABLE, "the schema is none")
    _refuse_hostile_type(schema, open_names, depth)


def _refuse_hostile_type(schema: dict[str, Any], open_names: set[str], depth: int) -> None:
    kind = schema["type"]
    if kind == "record":
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(
            isinstance(f, dict) and {"name", "type"} <= f.keys() for f in fields
        ):
            raise FileRefusedError(FileReason.UNREADABLE, "the schema is none")
        names = open_names | {str(schema.get("name", "")).rpartition(".")[2]}
        for field in fields:
            _refuse_hostile(field["type"], names, depth + 1)
    elif kind in ("array", "map"):
        inner = schema.get("items", schema.get("values"))
        if kind == "array" and _has_no_bytes(inner):
            raise FileRefusedError(FileReason.SCHEMA_REFUSED, "the schema has lists of elements without bytes")
        _refuse_hostile(inner, open_names, depth + 1)
    elif kind == "enum":
        if not all(isinstance(symbol, str) for symbol in schema.get("symbols", [None])):
            raise FileRefusedError(FileReason.UNREADABLE, "the schema is none")
    elif not isinstance(kind, str):
        _refuse_hostile(kind, open_names, depth + 1)


def _has_no_bytes(schema: Any) -> bool:
    """Say whether a value takes no bytes, so that a list of any length would fit into a few."""
    if isinstance(schema, dict):
        if schema.get("type") == "record":
            return all(_has_no_bytes(field["type"]) for field in schema.get("fields", []) if "type" in field)
        if schema.get("type") == "fixed":
            return not schema.get("size")
        return _has_no_bytes(schema.get("type"))
    return bool(schema == "null")


def _blocks(cursor: _Cursor, sync: bytes) -> Iterator[tuple[int, bytes]]:
    while not cursor.at_end:
        count = cursor.long()
        block = cursor.take(cursor.long())
        if cursor.take(SYNC_BYTES) != sync:
            raise FileRefusedError(FileReason.UNREADABLE, "a block does not end where it says")
        yield count, block


def _expanded_bytes(block: bytes, codec: str, budget: int) -> int:
    try:
        expanded = len(block) if codec == "null" else _decompressed_bytes(block, codec, budget)
    except (zlib.error, lzma.LZMAError, OSError, EOFError):
        raise FileRefusedError(FileReason.UNREADABLE, "a block does not decompress") from None
    if expanded > budget:
        raise FileRefusedError(
            FileReason.DECOMPRESSION_BOMB, f"it expands to more than {MAX_EXPANSION} times its size, or too much"
        )
    return expanded


def _decompressed_bytes(block: bytes, codec: str, budget: int) -> int:
    """Return how many bytes a block expands to; gives up one step past the budget."""
    if codec == "deflate":
        return _inflated_bytes(block, budget)
    decompressor = bz2.BZ2Decompressor() if codec == "bzip2" else lzma.LZMADecompressor()
    expanded, waiting = 0, block
    while not decompressor.eof and expanded <= budget:
        piece = decompressor.decompress(waiting, STEP_BYTES)
        if not piece and decompressor.needs_input:
            raise EOFError("the stream does not end")
        expanded, waiting = expanded + len(piece), b""
    return expanded


def _inflated_bytes(block: bytes, budget: int) -> int:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    expanded, waiting = 0, block
    while waiting and not inflater.eof and expanded <= budget:
        expanded += len(inflater.decompress(waiting, STEP_BYTES))
        waiting = inflater.unconsumed_tail
    if expanded <= budget:
        expanded += len(inflater.flush())
        if not inflater.eof:
            raise EOFError("the stream does not end")
    return expanded
