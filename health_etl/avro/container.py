"""Inspection of an Avro object container within fixed limits, before anything in it is decoded.

A decoder trusts counts, lengths and schemas; a damaged or hostile file lies about them. A file that passes cannot make
the decoder run away. The record count found here is later compared with the decoder's. The limits on the schema are
in bounds.py.
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from health_etl.avro.bounds import MAX_LISTED_VALUES, Cursor, Schema
from health_etl.reasons import FileReason, FileRefusedError

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
MAX_HEADER_BYTES = 256 * 1024
MAX_EXPANDED_BYTES = 200 * 1024 * 1024
MAX_EXPANSION = 200  # times the size on disk; health records compress to about a tenth
CODECS = ("null", "deflate", "bzip2", "xz")  # those in Python's standard library
STEP_BYTES = 64 * 1024
XZ_MEMORY_BYTES = 100 * 1024 * 1024  # `xz -9` needs 65 MiB; a stream's header may ask for 4 GiB


@dataclass(frozen=True)
class Container:
    """What a container declares: the writer's schema and the number of records in its blocks."""

    writer_schema: dict[str, Any]
    record_count: int


def inspect_container(content: bytes, max_records: int) -> Container:
    """Check the header, schema and every block of a container file without decoding it.

    Raises FileRefusedError.
    """
    cursor = Cursor(content, len(MAGIC))
    metadata = _header(cursor)
    sync = cursor.take(SYNC_BYTES)
    schema = _schema(metadata.get("avro.schema", b""))
    codec = metadata.get("avro.codec", b"null").decode("ascii", "replace")
    if codec not in CODECS:
        raise FileRefusedError(FileReason.CODEC_UNSUPPORTED, f"only {', '.join(CODECS)} are supported")
    measured = Schema(schema)
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
    return Container(schema, total)


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
    expand: dict[str, Callable[[bytes], bytes]] = {
        "null": bytes,
        "deflate": lambda block: zlib.decompressobj(-zlib.MAX_WBITS).decompress(block),
        "bzip2": bz2.decompress,
        "xz": lzma.decompress,
    }
    left = MAX_LISTED_VALUES
    for count, block in blocks:
        left -= schema.count_list_values(expand[codec](block), count, left)


def _expanded_bytes(block: bytes, codec: str, budget: int) -> int:
    try:
        expanded = len(block) if codec == "null" else _decompressed_bytes(block, codec, budget)
    except (zlib.error, lzma.LZMAError, OSError, EOFError):
        raise FileRefusedError(FileReason.UNREADABLE, "a block does not decompress") from None
    if expanded > budget:
        raise FileRefusedError(
            FileReason.DECOMPRESSION_BOMB, f"it expands to more than {MAX_EXPANSION} times its size, or past the limit"
        )
    return expanded


def _decompressed_bytes(block: bytes, codec: str, budget: int) -> int:
    """Return how many bytes a block expands to; stops one step past the budget."""
    if codec == "deflate":
        return _inflated_bytes(block, budget)
    decompressor = bz2.BZ2Decompressor() if codec == "bzip2" else lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
    expanded, waiting = 0, block
    while not decompressor.eof and expanded <= budget:
        piece = decompressor.decompress(waiting, STEP_BYTES)
        if not piece and decompressor.needs_input:
            raise EOFError("the stream does not end")
        expanded, waiting = expanded + len(piece), b""
    if decompressor.unused_data:
        raise EOFError("the decoder would continue into a second stream, which is not inspected")
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
