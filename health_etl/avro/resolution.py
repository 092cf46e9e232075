"""Resolution of a writer's Avro schema against ours: what is incompatible, what differs, how to read the file.

Follows Avro's own rules, with errors that a person can act on, and is more lenient in one respect: any value may be
null. Whether a column can do without it is decided row by row, in records/validate.py. Reading the file belongs in
decode.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from health_etl.reasons import FileReason, FileRefusedError

# Avro's type promotions: which writer types it reads as each of ours.
PROMOTED_FROM: Mapping[str, frozenset[str]] = {
    "long": frozenset({"int"}),
    "float": frozenset({"int", "long"}),
    "double": frozenset({"int", "long", "float"}),
    "string": frozenset({"bytes"}),
}

PRIMITIVE = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
COMPLEX = frozenset({"record", "enum", "array", "map", "fixed"})
PLAIN = PRIMITIVE | COMPLEX
# Logical types, with the types that they may annotate. Avro requires any other annotation to be ignored.
LOGICAL: Mapping[str, frozenset[str]] = {
    "big-decimal": frozenset({"bytes"}),
    "date": frozenset({"int"}),
    "decimal": frozenset({"bytes", "fixed"}),
    "duration": frozenset({"fixed"}),
    "local-timestamp-micros": frozenset({"long"}),
    "local-timestamp-millis": frozenset({"long"}),
    "local-timestamp-nanos": frozenset({"long"}),
    "time-micros": frozenset({"long"}),
    "time-millis": frozenset({"int"}),
    "timestamp-micros": frozenset({"long"}),
    "timestamp-millis": frozenset({"long"}),
    "timestamp-nanos": frozenset({"long"}),
    "uuid": frozenset({"string", "fixed"}),
}
EPOCH_MILLIS = "EpochMillis"  # how the names of our times end: their unit and epoch are those of timestamp-millis

# The names of added fields are untrusted text that ends up in logs and metadata.
MAX_DRIFT_SHOWN = 20
_SHOWN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Resolution:
    """How the writer's schema resolves against ours.

    `reader` is the schema to read with, or None when the values can be read as written. `drift` says how the schemas
    differ. For the `undecided` fields, some of the types that the writer allows do not fit ours, so only the values can
    tell. With `has_logical_types`, the decoder would convert values that are to be read as they are stored.
    """

    reader: Mapping[str, Any] | None
    drift: tuple[str, ...]
    undecided: tuple[str, ...]
    has_logical_types: bool


def resolve(written: Mapping[str, Any], ours: Mapping[str, Any]) -> Resolution:
    """Resolve the writer's schema against ours, field by field.

    Raises FileRefusedError when a field that every record needs is missing, or a field has an incompatible type.
    """
    walk = _Walk(written)
    reader = walk.resolve(written, ours, "")
    return Resolution(
        None if walk.reads_identically else reader,
        _describe_drift(walk.drift, walk.unnamed),
        tuple(sorted(walk.undecided)),
        walk.has_logical_types,
    )


class _Walk:
    """A walk over our schema. Fields that only the writer has are not descended into, however deep they are."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        self.written = written
        self.drift: set[str] = set()
        self.unnamed = 0  # added fields whose names are not fit to be shown
        self.undecided: set[str] = set()
        self.reads_identically = True
        self.has_logical_types = False

    def resolve(self, written: Any, ours: Any, path: str) -> Any:
        """Return our schema at `path`, nullable where the writer's is, with the writer's type names as aliases: names
        say nothing about values.
        """
        may_be_null, wanted = _split_optional(ours)
        kind = _kind(wanted)
        branches = [(self._read_kind(branch, kind, path), branch) for branch in self._branches(written)]
        fitting = [branch for found, branch in branches if found == kind or found in PROMOTED_FROM.get(kind, ())]
        nulls = sum(found == "null" for found, _ in branches)
        is_undecided = len(fitting) + nulls < len(branches)
        if not fitting and (is_undecided or not may_be_null):
            _refuse(path, f"of an incompatible type ({_describe_kinds(found for found, _ in branches)})")
        if is_undecided:
            self.undecided.add(path)
        if is_undecided or any(found not in (kind, "null") for found, _ in branches):
            self.reads_identically = False
        if nulls and not may_be_null:
            self.drift.add(f"{path} may be null")
        for branch in fitting:
            wanted = self._resolve_nested(kind, branch, wanted, path)
        return ["null", wanted] if may_be_null or nulls else wanted

    @cached_property
    def _named(self) -> Mapping[str, Any]:
        return dict(_named_types(self.written))

    def _branches(self, written: Any) -> Sequence[Any]:
        found = self._definition(written)
        return [self._definition(branch) for branch in found] if isinstance(found, list) else [found]

    def _read_kind(self, written: Any, wanted: str, path: str) -> str:
        """Return the kind of a writer's type; its logical type does not count if it says what we take the value for."""
        kind = _kind(written)
        stored = str(written["type"]) if isinstance(written, dict) else kind
        is_meant = kind == "uuid" or (kind == "timestamp-millis" and path.endswith(EPOCH_MILLIS))
        if kind == stored or stored != wanted or not is_meant:
            return kind
        self.has_logical_types = True
        self.drift.add(f"{path} is annotated as {kind}")
        return stored

    def _resolve_nested(self, kind: str, written: Any, ours: Any, path: str) -> Any:
        if kind == "array":
            return {**ours, "items": self.resolve(written["items"], ours["items"], path)}
        if kind == "record":
            return {**ours, "fields": self._fields(written, ours, path), "aliases": _aliases(written, ours)}
        if kind == "enum":
            self._check_symbols(written, ours, path)
            return {**ours, "aliases": _aliases(written, ours)}
        return ours

    def _fields(self, written: Any, ours: Any, path: str) -> list[dict[str, Any]]:
        theirs = {str(field["name"]): field["type"] for field in written["fields"]}
        used: set[str] = set()
        fields = []
        for field in ours["fields"]:
            inner = f"{path}.{field['name']}" if path else str(field["name"])
            found = [name for name in (field["name"], *field.get("aliases", ())) if name in theirs]
            if len(found) > 1:
                _refuse(inner, "present twice, under its name and under an alias")
            used.update(found)
            fields.append(self._field(field, theirs[found[0]] if found else None, inner))
            if found != [field["name"]]:
                self.reads_identically = False
        self._note_added(theirs.keys() - used, path)
        return fields

    def _field(self, field: dict[str, Any], written: Any, path: str) -> dict[str, Any]:
        """Return our field as it is to be read; `written` is the writer's type, None if it has no such field."""
        if written is not None:
            stated = {name: value for name, value in field.items() if name != "default"}
            return {**stated, "type": self.resolve(written, field["type"], path)}
        if _split_optional(field["type"])[0]:
            field = {"default": None, **field}
        if "default" not in field:
            _refuse(path, "missing")
        self.drift.add(f"{path} is missing")
        return field

    def _note_added(self, names: Iterable[str], path: str) -> None:
        for name in names:
            self.reads_identically = False
            if _SHOWN_NAME.fullmatch(name):
                self.drift.add(f"{path}.{name} was added" if path else f"{name} was added")
            else:
                self.unnamed += 1

    def _check_symbols(self, written: Any, ours: Any, path: str) -> None:
        if set(written["symbols"]) <= set(ours["symbols"]):
            return
        self.reads_identically = False
        if "default" in ours:
            self.drift.add(f"{path} has unknown symbols")
        else:
            self.undecided.add(path)

    def _definition(self, schema: Any) -> Any:
        """Look up a named type, and unwrap nested `type` objects."""
        while True:
            if isinstance(schema, str) and schema not in PRIMITIVE:
                # Two namespaces may define this name; only the decoder resolves which one is meant.
                self.reads_identically = False
                return self._named.get(schema.rpartition(".")[2], schema)
            if not isinstance(schema, dict) or (isinstance(schema["type"], str) and schema["type"] in PLAIN):
                return schema
            schema = schema["type"]


def _named_types(schema: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every named type that the writer defines, with its name without the namespace."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _named_types(branch)
    elif isinstance(schema, dict):
        if "name" in schema and schema["type"] in ("record", "enum", "fixed"):
            yield _own_name(schema), schema
        for field in schema.get("fields", ()):
            yield from _named_types(field["type"])
        for inner in ("items", "values", "type"):
            yield from _named_types(schema.get(inner))


def _own_name(schema: Mapping[str, Any]) -> str:
    return str(schema.get("name", "")).rpartition(".")[2]


def _aliases(written: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    return [*ours.get("aliases", ()), _own_name(written)]


def _split_optional(ours: Any) -> tuple[bool, Any]:
    """Return whether our value is nullable, and its type when it is not null."""
    if not isinstance(ours, list):
        return False, ours
    (wanted,) = (branch for branch in ours if branch != "null")
    return True, wanted


def _kind(schema: Any) -> str:
    """Return Avro's name for a type: the logical type if it has one that Avro knows."""
    if not isinstance(schema, dict):
        return str(schema)
    kind, logical = str(schema["type"]), schema.get("logicalType")
    return logical if isinstance(logical, str) and kind in LOGICAL.get(logical, ()) else kind


def _refuse(path: str, fault: str) -> NoReturn:
    raise FileRefusedError(FileReason.SCHEMA_INCOMPATIBLE, f"the field {path} is {fault}")


def _describe_kinds(kinds: Iterable[str]) -> str:
    known = PLAIN | LOGICAL.keys()
    return " or ".join(sorted({kind if kind in known else "an unknown type" for kind in kinds})) or "none"


def _describe_drift(drift: Iterable[str], unnamed: int) -> tuple[str, ...]:
    lines = sorted(drift)
    others = unnamed + len(lines[MAX_DRIFT_SHOWN:])
    if not others:
        return tuple(lines)
    return (*lines[:MAX_DRIFT_SHOWN], "1 other difference" if others == 1 else f"{others} other differences")
