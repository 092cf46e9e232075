"""How far a writer's Avro schema can make a decoder go: depth, values and lists, measured before anything is decoded.

A few bytes of schema or payload can stand for millions of values. What the bytes of the container itself say is
the work of avro_container.py; whether the schema fits ours that of avro_resolution.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from health_etl.reasons import FileReason, FileRefusedError

MAX_SCHEMA_DEPTH = 12  # ours are six deep
MAX_RECORD_VALUES = 500  # in one record, lists not counted; ours have about twenty
MAX_VALUES = 5_000_000  # in all records of a file, lists not counted; stepping over one takes 0.1 µs or so
# In all lists of a file, about 75 bytes of memory each; a heart-rate sample is three: itself and its two fields. An
# element that may be of several types counts as the largest of them.
MAX_LISTED_VALUES = 3_000_000
MAX_FIXED_BYTES = 1024 * 1024
_MAX_VARINT_BYTES = 10
_STEP_BYTES = 64 * 1024

_MIN_BYTES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
_VARINTS = ("int", "long", "enum")
_ELEMENTS = {"array": "items", "map": "values"}  # where lists say what they hold
# Marks by which the decoder takes a schema for one that it parsed itself, and checks it no more.
_DECODER_MARKS = ("__fastavro_parsed", "__named_schemas")


@dataclass(frozen=True)
class Extent:
    """What one value of a type can become: levels below it, single values, bytes, and values per byte in lists."""

    levels: int
    values: int
    least_bytes: int
    listed_per_byte: float = 0.0


class Schema:
    """A writer's schema, measured. Making one raises FileRefusedError when it is none, or one to drown in."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._extents: dict[str, Extent] = {}
        self._definitions: dict[str, Any] = {}
        self._element_values: dict[int, int] = {}  # of each list in the schema, by its id()
        self._open: set[str] = set()
        self._schema = schema
        self.extent = self._measure(schema, 0)

    def check_values(self, records: int) -> None:
        """Make sure that so many records are not too much; raises FileRefusedError when they hold too many values."""
        if records * self.extent.values > MAX_VALUES:
            raise FileRefusedError(FileReason.TOO_MANY_RECORDS, f"more than {MAX_VALUES} values in its records")

    def may_list_too_much(self, expanded_bytes: int) -> bool:
        """Say whether that many bytes could hold lists beyond the bound; most files are too small for it."""
        return self.extent.listed_per_byte * expanded_bytes > MAX_LISTED_VALUES

    def listed_values(self, block: bytes, records: int, most: int) -> int:
        """Return how many values stand in the lists of a block; raises FileRefusedError beyond that many."""
        walk = _Walk(Cursor(block), self._definitions, self._element_values, most)
        for _ in range(records):
            walk.skip(self._schema)
        return walk.listed

    def _measure(self, schema: Any, depth: int) -> Extent:
        if depth > MAX_SCHEMA_DEPTH:
            _refuse_schema(f"the schema is deeper than {MAX_SCHEMA_DEPTH} levels")
        if isinstance(schema, str):
            extent = self._measure_name(schema)
        elif isinstance(schema, list):
            extent = _union([self._measure(branch, depth + 1) for branch in schema])
        elif isinstance(schema, dict) and "type" in schema:
            extent = self._measure_type(schema, depth)
        else:
            _no_schema()
        if depth + extent.levels > MAX_SCHEMA_DEPTH:
            _refuse_schema(f"the schema is deeper than {MAX_SCHEMA_DEPTH} levels")
        if extent.values > MAX_RECORD_VALUES:
            _refuse_schema(f"a record has more than {MAX_RECORD_VALUES} values")
        return extent

    def _measure_name(self, name: str) -> Extent:
        if name in _MIN_BYTES:
            return Extent(0, 1, _MIN_BYTES[name])
        if _last(name) in self._open:
            _refuse_schema("the schema contains itself")
        return self._extents.get(_last(name)) or _no_schema()

    def _measure_type(self, schema: dict[str, Any], depth: int) -> Extent:
        kind = schema["type"]
        if any(mark in schema for mark in _DECODER_MARKS):
            _refuse_schema("the schema says that it was checked already")
        if kind != "record" and "fields" in schema:
            _no_schema()
        if isinstance(kind, str) and kind in ("record", "enum", "fixed"):
            return self._define(schema, kind, depth)
        if isinstance(kind, str) and kind in _ELEMENTS:
            element = self._measure(schema.get(_ELEMENTS[kind]), depth + 1)
            self._element_values[id(schema)] = element.values
            return _list_of(element, key_bytes=1 if kind == "map" else 0)
        return self._measure(kind, depth + 1)

    def _define(self, schema: dict[str, Any], kind: str, depth: int) -> Extent:
        name = schema.get("name", "")
        if not isinstance(name, str):
            _no_schema()
        name = _last(name)
        measures: dict[str, Callable[[dict[str, Any], int], Extent]] = {
            "record": self._record,
            "enum": _enum,
            "fixed": _fixed,
        }
        is_inner = name in self._open
        self._open.add(name)
        extent = measures[kind](schema, depth)
        if not is_inner:
            self._open.remove(name)
        # Two namespaces may hold the same name: then the larger counts, and nobody here knows which is meant.
        known = self._extents.get(name)
        self._extents[name] = extent if known is None else _larger(extent, known)
        self._definitions[name] = schema if known is None else None
        return extent

    def _record(self, schema: dict[str, Any], depth: int) -> Extent:
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(map(_is_field, fields)):
            _no_schema()
        return _together([self._measure(field["type"], depth + 1) for field in fields])


class Cursor:
    """A position in bytes; every step is checked against their end."""

    def __init__(self, content: bytes, position: int = 0) -> None:
        self.content = memoryview(content)
        self.position = position

    @property
    def at_end(self) -> bool:
        """Say whether nothing is left."""
        return self.position >= len(self.content)

    def skip(self, count: int) -> None:
        """Step over that many bytes."""
        if count < 0 or self.position + count > len(self.content):
            raise FileRefusedError(FileReason.UNREADABLE, "the file breaks off, or a length in it is wrong")
        self.position += count

    def take(self, count: int) -> bytes:
        """Return that many bytes."""
        start = self.position
        self.skip(count)
        return bytes(self.content[start : self.position])

    def long(self) -> int:
        """Read a zigzag variable-length integer of at most 64 bits."""
        value = 0
        for number in range(_MAX_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * number)
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
        raise FileRefusedError(FileReason.UNREADABLE, "a number in the file is too long")

    def skip_longs(self, count: int) -> None:
        """Step over that many variable-length integers, without a Python loop over them."""
        while count:
            step = np.frombuffer(self.content[self.position : self.position + _STEP_BYTES], np.uint8)
            if not len(step):
                self.skip(1)
            ends = np.flatnonzero(step < 0x80)
            if len(ends) >= count:
                self.position += int(ends[count - 1]) + 1
                return
            self.position += len(step)
            count -= len(ends)


class _Walk:
    """A walk over encoded values that adds up what stands in lists; strings and numbers are stepped over."""

    def __init__(
        self, cursor: Cursor, definitions: Mapping[str, Any], element_values: Mapping[int, int], most: int
    ) -> None:
        self.cursor = cursor
        self.definitions = definitions
        self.element_values = element_values
        self.most = most
        self.listed = 0

    def skip(self, schema: Any) -> None:
        if isinstance(schema, list):
            index = self.cursor.long()
            if not 0 <= index < len(schema):
                raise FileRefusedError(FileReason.UNREADABLE, "a value is of a type that the schema does not have")
            self.skip(schema[index])
            return
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind == "record":
            for field in schema["fields"]:
                self.skip(field["type"])
        elif isinstance(kind, str) and kind in _ELEMENTS:
            self._skip_list(schema)
        elif kind == "fixed":
            self.cursor.skip(schema["size"])
        elif isinstance(kind, str) and (kind in _MIN_BYTES or kind == "enum"):
            self._skip_single(kind)
        else:
            self.skip(self._defined(kind) if isinstance(kind, str) else kind)

    def _skip_single(self, kind: str) -> None:
        if kind in ("string", "bytes"):
            self.cursor.skip(self.cursor.long())
        elif kind in _VARINTS:
            self.cursor.long()
        else:
            self.cursor.skip(_MIN_BYTES[kind])

    def _defined(self, name: str) -> Any:
        found = self.definitions.get(_last(name))
        if found is None:
            _refuse_schema("two types have one name")
        return found

    def _skip_list(self, schema: Mapping[str, Any]) -> None:
        is_map = schema["type"] == "map"
        inner = schema[_ELEMENTS[schema["type"]]]
        numbers = None if is_map else _numbers_of(inner)
        while count := self.cursor.long():
            if count < 0:
                count = -count
                self.cursor.long()  # the size of the block in bytes follows a negative count
            self.listed += count * self.element_values[id(schema)]
            if self.listed > self.most:
                raise FileRefusedError(
                    FileReason.TOO_MANY_RECORDS, f"more than {MAX_LISTED_VALUES} values in the lists of its records"
                )
            if numbers:
                self.cursor.skip_longs(count * numbers)
                continue
            for _ in range(count):
                if is_map:
                    self._skip_single("string")
                self.skip(inner)


def _numbers_of(schema: Any) -> int | None:
    """Return how many variable-length integers a value is, None where it is anything else besides."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        numbers = [_numbers_of(field["type"]) for field in schema["fields"]]
        return None if None in numbers else sum(filter(None, numbers))
    return 1 if isinstance(kind, str) and kind in _VARINTS else None


def _list_of(inner: Extent, *, key_bytes: int) -> Extent:
    least = inner.least_bytes + key_bytes
    if not least:
        _refuse_schema("the schema has lists of elements without bytes")
    return Extent(inner.levels + 1, 1, 1, inner.listed_per_byte + inner.values / least)


def _together(parts: Sequence[Extent]) -> Extent:
    return Extent(
        1 + max((part.levels for part in parts), default=-1),
        1 + sum(part.values for part in parts),
        sum(part.least_bytes for part in parts),
        sum(part.listed_per_byte for part in parts),
    )


def _union(branches: Sequence[Extent]) -> Extent:
    whole = _together(branches)
    least = 1 + min((branch.least_bytes for branch in branches), default=0)
    return Extent(whole.levels, max((b.values for b in branches), default=1), least, whole.listed_per_byte)


def _larger(one: Extent, other: Extent) -> Extent:
    return Extent(
        max(one.levels, other.levels),
        max(one.values, other.values),
        min(one.least_bytes, other.least_bytes),
        max(one.listed_per_byte, other.listed_per_byte),
    )


def _enum(schema: dict[str, Any], _depth: int) -> Extent:
    symbols = schema.get("symbols")
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        _no_schema()
    return Extent(0, 1, 1)


def _fixed(schema: dict[str, Any], _depth: int) -> Extent:
    size = schema.get("size")
    if not isinstance(size, int) or not 0 <= size <= MAX_FIXED_BYTES:
        _no_schema()
    return Extent(0, 1, size)


def _is_field(field: Any) -> bool:
    return isinstance(field, dict) and isinstance(field.get("name"), str) and "type" in field


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _no_schema() -> NoReturn:
    raise FileRefusedError(FileReason.UNREADABLE, "the schema is none")


def _refuse_schema(detail: str) -> NoReturn:
    raise FileRefusedError(FileReason.SCHEMA_REFUSED, detail)
