"""Inspection of an Avro object container within fixed limits, before anything in it is decoded.

A decoder trusts counts, lengths and schemas; a damaged or hostile file lies about them. A file that passes cannot make
the decoder run away. The record count found here is later compared with the decoder's. The limits on the schema are
in bounds.py, the codecs in codecs.py.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import fastavro

from health_etl.avro import codecs
from health_etl.avro.bounds import MAX_LISTED_VALUES, Cursor, Schema
from health_etl.reasons import FileReason, FileRefusedError

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
MAX_HEADER_BYTES = 256 * 1024
MAX_EXPANDED_BYTES = 200 * 1024 * 1024
MAX_EXPANSION = 200  # times the size on disk; health records compress to about a tenth
KNOWN_SCHEMAS = 16  # kept, with what was found out about them; files written with other schemas cost more, not memory
# Attributes that annotate a value without changing how it is stored.
_ANNOTATIONS = ("logicalType", "default")


@dataclass(frozen=True)
class Container:
    """What a container declares: the text of the writer's schema, the codec and marker of its blocks, the number of
    records in them, and where they begin.
    """

    schema_text: bytes
    record_count: int
    codec: str
    sync: bytes
    blocks_at: int

    @property
    def writer_schema(self) -> dict[str, Any]:
        """The writer's schema, which files share; it must not be changed."""
        return _schema(self.schema_text)

    def without_annotations(self, content: bytes) -> bytes:
        """Return the file with a schema that has no logical types and no defaults: every value reads as it is stored.

        Raises fastavro's SchemaParseException or UnknownType for a schema that is invalid in other ways.
        """
        header = io.BytesIO()
        schema = fastavro.parse_schema(_stored_as(self.writer_schema))
        fastavro.writer(header, schema, [], codec=self.codec, sync_marker=self.sync)
        return header.getvalue() + content[self.blocks_at :]


def inspect_container(content: bytes, max_records: int) -> Container:
    """Check the header, schema and every block of a container file without decoding it.

    Raises FileRefusedError.
    """
    cursor = Cursor(content, len(MAGIC))
    metadata = _header(cursor)
    sync = cursor.take(SYNC_BYTES)
    schema_text = metadata.get("avro.schema", b"")
    _schema(schema_text)
    codec = metadata.get("avro.codec", b"null").decode("ascii", "replace")
    if codec not in codecs.CODECS:
        raise FileRefusedError(FileReason.CODEC_UNSUPPORTED, f"only {', '.join(codecs.CODECS)} are supported")
    measured = _measured(schema_text)
    first_block = cursor.position
    total = total_bytes = 0
    budget = min(MAX_EXPANDED_BYTES, max(MAX_HEADER_BYTES, len(content) * MAX_EXPANSION))
    for count, block in _blocks(cursor, sync):
        expanded = _expanded_bytes(block, codec, budget - total_bytes)
        total_bytes += expanded
        if not 0 <= count * max(1, measured.extent.min_bytes) <= expanded:
            raise FileRefusedError(FileReason.UNREADABLE, "a block claims more records than its bytes can hold")
        total += count
        if total > max_records:
            raise FileRefusedError(FileReason.TOO_MANY_RECORDS, f"more than {max_records:,} records")
    measured.check_values(total)
    if measured.may_exceed_list_limit(total_bytes):
        _check_lists(_blocks(Cursor(content, first_block), sync), codec, measured)
    return Container(schema_text, total, codec, sync, first_block)


def _header(cursor: Cursor) -> dict[str, bytes]:
    metadata: dict[str, bytes] = {}
    start = cursor.position
    while entries := cursor.long():
        if entries < 0:
            cursor.long()  # a negative count is followed by the block's size in bytes
        for _ in range(abs(entries)):
            key = cursor.take(cursor.long()).decode("utf-8", "replace")
            metadata[key] = cursor.take(cursor.long())
            if cursor.position - start > MAX_HEADER_BYTES:
                raise FileRefusedError(FileReason.SCHEMA_REFUSED, f"the header exceeds {MAX_HEADER_BYTES} bytes")
    return metadata


@lru_cache(maxsize=KNOWN_SCHEMAS)
def _measured(schema_text: bytes) -> Schema:
    return Schema(_schema(schema_text))


@lru_cache(maxsize=KNOWN_SCHEMAS)
def _schema(text: bytes) -> dict[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        raise FileRefusedError(FileReason.UNREADABLE, "the header has no readable schema") from None
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise FileRefusedError(FileReason.WRONG_TYPE, "the file does not contain records")
    return schema


def _blocks(cursor: Cursor, sync: bytes) -> Iterator[tuple[int, bytes]]:
    while not cursor.at_end:
        count = cursor.long()
        block = cursor.take(cursor.long())
        if cursor.take(SYNC_BYTES) != sync:
            raise FileRefusedError(FileReason.UNREADABLE, "a block does not end where its length says")
        yield count, block


def _check_lists(blocks: Iterable[tuple[int, bytes]], codec: str, schema: Schema) -> None:
    """Refuse records whose lists hold too many values. The blocks are already known to decompress within limits."""
    left = MAX_LISTED_VALUES
    for count, block in blocks:
        left -= schema.count_list_values(codecs.expand(block, codec), count, left)


def _expanded_bytes(block: bytes, codec: str, budget: int) -> int:
    try:
        expanded = codecs.expanded_bytes(block, codec, budget)
    except codecs.DAMAGE_ERRORS:
        raise FileRefusedError(FileReason.UNREADABLE, "a block does not decompress") from None
    if expanded > budget:
        raise FileRefusedError(
            FileReason.DECOMPRESSION_BOMB, f"it expands to more than {MAX_EXPANSION} times its size, or past the limit"
        )
    return expanded


def _stored_as(schema: Any) -> Any:
    """Return a schema without its annotations; what was measured of it is not deeper than MAX_SCHEMA_DEPTH."""
    return json.loads(json.dumps(schema), object_hook=_without_annotations)


def _without_annotations(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in _ANNOTATIONS}
