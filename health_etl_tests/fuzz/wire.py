"""Avro bytes written by hand, so that they may lie: containers from parts, and values with raw bytes in their midst."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from health_etl_tests.fuzz.independent_count import HEADER_MARK, written

MARKER = b"0123456789abcdef"


@dataclass(frozen=True)
class Raw:
    """Bytes that stand in the place of a value as they are."""

    content: bytes


def text(content: bytes) -> bytes:
    """Return bytes with their length before them."""
    return written(len(content)) + content


def container(schema: Any, *blocks: tuple[int, bytes], codec: bytes = b"null") -> bytes:
    """Return a container of these blocks (records, payload); a schema of bytes is written as it is."""
    told = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    return header([(b"avro.schema", told), (b"avro.codec", codec)]) + b"".join(block(*parts) for parts in blocks)


def header(entries: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the header of these entries, the marker behind it."""
    told = b"".join(text(key) + text(value) for key, value in entries)
    return HEADER_MARK + written(len(entries)) + told + b"\x00" + MARKER


def block(records: int, payload: bytes) -> bytes:
    """Return one block with its marker."""
    return written(records) + text(payload) + MARKER


def encode(schema: Any, value: Any) -> bytes:
    """Return a value of our own schemas as Avro writes it; `Raw` anywhere inside is taken as it is."""
    if isinstance(value, Raw):
        return value.content
    if isinstance(schema, list):
        index = next(number for number, branch in enumerate(schema) if (branch == "null") == (value is None))
        return written(index) + encode(schema[index], value)
    if isinstance(schema, Mapping):
        return _encode_complex(schema, value)
    encoders: dict[str, Callable[[Any], bytes]] = {
        "null": lambda _: b"",
        "int": written,
        "long": written,
        "double": lambda number: struct.pack("<d", number),
        "string": lambda told: text(told.encode()),
    }
    return encoders[schema](value)


def _encode_complex(schema: Mapping[str, Any], value: Any) -> bytes:
    if schema["type"] == "record":
        return b"".join(encode(field["type"], value[field["name"]]) for field in schema["fields"])
    if schema["type"] == "enum":
        return written(schema["symbols"].index(value))
    elements = b"".join(encode(schema["items"], element) for element in value)
    return (written(len(value)) + elements if value else b"") + b"\x00"
