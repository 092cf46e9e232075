"""Hand-written Avro bytes, which may lie: containers from parts, and values with raw bytes inside."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from health_etl_tests.fuzz.independent_count import HEADER_MARK, zigzag

MARKER = b"0123456789abcdef"


@dataclass(frozen=True)
class Raw:
    """Bytes to write as they are in place of a value."""

    content: bytes


def text(content: bytes) -> bytes:
    """Return bytes prefixed with their length."""
    return zigzag(len(content)) + content


def container(schema: Any, *blocks: tuple[int, bytes], codec: bytes = b"null") -> bytes:
    """Return a container with these blocks (records, payload); a schema in bytes is written as is."""
    content = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    return header([(b"avro.schema", content), (b"avro.codec", codec)]) + b"".join(block(*parts) for parts in blocks)


def header(entries: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a header with these entries, followed by the marker."""
    content = b"".join(text(key) + text(value) for key, value in entries)
    return HEADER_MARK + zigzag(len(entries)) + content + b"\x00" + MARKER


def block(records: int, payload: bytes) -> bytes:
    """Return one block with its marker."""
    return zigzag(records) + text(payload) + MARKER


def encode(schema: Any, value: Any) -> bytes:
    """Encode a value of our own schemas as Avro does; `Raw` anywhere inside is written as is."""
    if isinstance(value, Raw):
        return value.content
    if isinstance(schema, list):
        index = next(number for number, branch in enumerate(schema) if (branch == "null") == (value is None))
        return zigzag(index) + encode(schema[index], value)
    if isinstance(schema, Mapping):
        return _encode_complex(schema, value)
    encoders: dict[str, Callable[[Any], bytes]] = {
        "null": lambda _: b"",
        "int": zigzag,
        "long": zigzag,
        "double": lambda number: struct.pack("<d", number),
        "string": lambda content: text(content.encode()),
    }
    return encoders[schema](value)


def _encode_complex(schema: Mapping[str, Any], value: Any) -> bytes:
    if schema["type"] == "record":
        return b"".join(encode(field["type"], value[field["name"]]) for field in schema["fields"])
    if schema["type"] == "enum":
        return zigzag(schema["symbols"].index(value))
    elements = b"".join(encode(schema["items"], element) for element in value)
    return (zigzag(len(value)) + elements if value else b"") + b"\x00"
