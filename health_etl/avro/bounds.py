"""Limits on a writer's Avro schema: nesting depth, values and list elements, checked before anything is decoded.

A few bytes of schema or payload can stand for millions of values. The container's own framing is checked in
container.py; whether the schema is compatible with ours, in resolution.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from health_etl.reasons import FileReason, FileRefusedError

MAX_SCHEMA_DEPTH = 12  # ours are six levels deep
MAX_RECORD_VALUES = 500  # per record, not counting lists; ours have about twenty
MAX_VALUES = 5_000_000  # in all records of a file, not counting lists; skipping one takes about 0.1 µs
# In all lists of a file, at about 75 bytes of memory each. A heart-rate sample counts as three: itself and its two
# fields. An element that is a union counts as its largest branch.
MAX_LISTED_VALUES = 3_000_000
MAX_FIXED_BYTES = 1024 * 1024
_MAX_VARINT_BYTES = 10
_STEP_BYTES = 64 * 1024

_MIN_BYTES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
_VARINTS = ("int", "long", "enum")
_ELEMENTS = {"array": "items", "map": "values"}  # the key under which each kind of list declares its element type
# fastavro trusts a schema that carries these marks as one it has already parsed, and skips its checks.
_DECODER_MARKS = ("__fastavro_parsed", "__named_schemas")


@dataclass(frozen=True)
class Extent:
    """How large one value of a type can get: levels below it, values, minimum bytes, and list values per byte."""

    levels: int
    values: int
    min_bytes: int
    listed_per_byte: float = 0.0


class Schema:
    """A writer's schema and its extent. The constructor raises FileRefusedError for a malformed or excessive schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._extents: dict[str, Extent] = {}
        self._definitions: dict[str, Any] = {}
        self._element_values: dict[int, int] = {}  # values per element of each list in the schema, by id()
        self._open: set[str] = set()
        self._schema = schema
        self.extent = self._measure(schema, 0)

    def check_values(self, records: int) -> None:
        """Raise FileRefusedError if that many records hold too many values."""
        if records * self.extent.values > MAX_VALUES:
            raise FileRefusedError(FileReason.TOO_MANY_RECORDS, f"its records hold more than {MAX_VALUES:,} values")

    def may_exceed_list_limit(self, expanded_bytes: int) -> bool:
        """Tell whether that many bytes could hold more list values than allowed; most files are too small for that."""
        return self.extent.listed_per_byte * expanded_bytes > MAX_LISTED_VALUES

    def count_list_values(self, block: bytes, records: int, limit: int) -> int:
        """Count the values in the lists of a block; raises FileRefusedError for more than `limit`."""
        walk = _Walk(Cursor(block), self._definitions, self._element_values, limit)
        for _ in range(records):
            walk.skip(self._schema)
        return walk.listed

    def _measure(self, schema: Any, depth: int) -> Extent:
        if depth > MAX_SCHEMA_DEPTH:
            _refuse_schema(f"the schema is deeper than {MAX_SCHEMA_DEPTH} levels")
        if isinstance(schema, str):
            extent = self._measure_name(schema)
        elif isinstance(schema, list):
            extent = _union_extent([self._measure(branch, depth + 1) for branch in schema])
        elif isinstance(schema, dict) and "type" in schema:
            extent = self._measure_type(schema, depth)
        else:
            _refuse_malformed()
        if depth + extent.levels > MAX_SCHEMA_DEPTH:
            _refuse_schema(f"the schema is deeper than {MAX_SCHEMA_DEPTH} levels")
        if extent.values > MAX_RECORD_VALUES:
            _refuse_schema(f"a record has more than {MAX_RECORD_VALUES} values")
        return extent

    def _measure_name(self, name: str) -> Extent:
        if name in _MIN_BYTES:
            return Extent(0, 1, _MIN_BYTES[name])
        if _short_name(name) in self._open:
            _refuse_schema("the schema is recursive")
        return self._extents.get(_short_name(name)) or _refuse_malformed()

    def _measure_type(self, schema: dict[str, Any], depth: int) -> Extent:
        kind = schema["type"]
        if any(mark in schema for mark in _DECODER_MARKS):
            _refuse_schema("the schema claims to have been parsed already")
        if kind != "record" and "fields" in schema:
            _refuse_malformed()
        if isinstance(kind, str) and kind in ("record", "enum", "fixed"):
            return self._define(schema, kind, depth)
        if isinstance(kind, str) and kind in _ELEMENTS:
            element = self._measure(schema.get(_ELEMENTS[kind]), depth + 1)
            self._element_values[id(schema)] = element.values
            return _list_extent(element, key_bytes=1 if kind == "map" else 0)
        return self._measure(kind, depth + 1)

    def _define(self, schema: dict[str, Any], kind: str, depth: int) -> Extent:
        name = schema.get("name", "")
        if not isinstance(name, str):
            _refuse_malformed()
        name = _short_name(name)
        measures: dict[str, Callable[[dict[str, Any], int], Extent]] = {
            "record": self._record_extent,
            "enum": _enum_extent,
            "fixed": _fixed_extent,
        }
        is_inner = name in self._open
        self._open.add(name)
        extent = measures[kind](schema, depth)
        if not is_inner:
            self._open.remove(name)
        # Two namespaces may define the same name. The larger definition counts, and looking up the name is refused.
        known = self._extents.get(name)
        self._extents[name] = extent if known is None else _larger_extent(extent, known)
        self._definitions[name] = schema if known is None else None
        return extent

    def _record_extent(self, schema: dict[str, Any], depth: int) -> Extent:
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(map(_is_field, fields)):
            _refuse_malformed()
        return _sum_extents([self._measure(field["type"], depth + 1) for field in fields])


class Cursor:
    """A position in a byte string; every step is checked against the end."""

    def __init__(self, content: bytes, position: int = 0) -> None:
        self.content = memoryview(content)
        self.position = position

    @property
    def at_end(self) -> bool:
        """Whether all bytes have been consumed."""
        return self.position >= len(self.content)

    def skip(self, count: int) -> None:
        """Skip that many bytes."""
        if count < 0 or self.position + count > len(self.content):
            raise FileRefusedError(FileReason.UNREADABLE, "the file is truncated, or a length in it is wrong")
        self.position += count

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
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
        """Skip that many variable-length integers without a Python loop over each of them."""
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
    """Walks over encoded values and counts those in lists; strings and numbers are skipped."""

    def __init__(
        self, cursor: Cursor, definitions: Mapping[str, Any], element_values: Mapping[int, int], limit: int
    ) -> None:
        self.cursor = cursor
        self.definitions = definitions
        self.element_values = element_values
        self.limit = limit
        self.listed = 0

    def skip(self, schema: Any) -> None:
        if isinstance(schema, list):
            index = self.cursor.long()
            if not 0 <= index < len(schema):
                raise FileRefusedError(FileReason.UNREADABLE, "a value has a type that its union does not include")
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
            self.skip(self._definition_of(kind) if isinstance(kind, str) else kind)

    def _skip_single(self, kind: str) -> None:
        if kind in ("string", "bytes"):
            self.cursor.skip(self.cursor.long())
        elif kind in _VARINTS:
            self.cursor.long()
        else:
            self.cursor.skip(_MIN_BYTES[kind])

    def _definition_of(self, name: str) -> Any:
        found = self.definitions.get(_short_name(name))
        if found is None:
            _refuse_schema("two types share one name")
        return found

    def _skip_list(self, schema: Mapping[str, Any]) -> None:
        is_map = schema["type"] == "map"
        inner = schema[_ELEMENTS[schema["type"]]]
        numbers = None if is_map else _varint_count(inner)
        while count := self.cursor.long():
            if count < 0:
                count = -count
                self.cursor.long()  # a negative count is followed by the block's size in bytes
            self.listed += count * self.element_values[id(schema)]
            if self.listed > self.limit:
                raise FileRefusedError(
                    FileReason.TOO_MANY_RECORDS, f"the lists of its records hold more than {MAX_LISTED_VALUES:,} values"
                )
            if numbers:
                self.cursor.skip_longs(count * numbers)
                continue
            for _ in range(count):
                if is_map:
                    self._skip_single("string")
                self.skip(inner)


def _varint_count(schema: Any) -> int | None:
    """Return how many variable-length integers a value consists of; None if it contains anything else."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        numbers = [_varint_count(field["type"]) for field in schema["fields"]]
        return None if None in numbers else sum(filter(None, numbers))
    return 1 if isinstance(kind, str) and kind in _VARINTS else None


def _list_extent(inner: Extent, *, key_bytes: int) -> Extent:
    least = inner.min_bytes + key_bytes
    if not least:
        _refuse_schema("the schema has lists whose elements take no bytes")
    return Extent(inner.levels + 1, 1, 1, inner.listed_per_byte + inner.values / least)


def _sum_extents(parts: Sequence[Extent]) -> Extent:
    return Extent(
        1 + max((part.levels for part in parts), default=-1),
        1 + sum(part.values for part in parts),
        sum(part.min_bytes for part in parts),
        sum(part.listed_per_byte for part in parts),
    )


def _union_extent(branches: Sequence[Extent]) -> Extent:
    whole = _sum_extents(branches)
    least = 1 + min((branch.min_bytes for branch in branches), default=0)
    return Extent(whole.levels, max((b.values for b in branches), default=1), least, whole.listed_per_byte)


def _larger_extent(one: Extent, other: Extent) -> Extent:
    return Extent(
        max(one.levels, other.levels),
        max(one.values, other.values),
        min(one.min_bytes, other.min_bytes),
        max(one.listed_per_byte, other.listed_per_byte),
    )


def _enum_extent(schema: dict[str, Any], _depth: int) -> Extent:
    symbols = schema.get("symbols")
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        _refuse_malformed()
    return Extent(0, 1, 1)


def _fixed_extent(schema: dict[str, Any], _depth: int) -> Extent:
    size = schema.get("size")
    if not isinstance(size, int) or not 0 <= size <= MAX_FIXED_BYTES:
        _refuse_malformed()
    return Extent(0, 1, size)


def _is_field(field: Any) -> bool:
    return isinstance(field, dict) and isinstance(field.get("name"), str) and "type" in field


def _short_name(name: str) -> str:
    return name.rpartition(".")[2]


def _refuse_malformed() -> NoReturn:
    raise FileRefusedError(FileReason.UNREADABLE, "the schema is malformed")


def _refuse_schema(detail: str) -> NoReturn:
    raise FileRefusedError(FileReason.SCHEMA_REFUSED, detail)
