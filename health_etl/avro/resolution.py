"""A writer's Avro schema held against ours: what is refused, what is new, and how the file is then to be read.

Avro's own rules, told so that a person can act on them. Reading the file is avro.py's work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from health_etl.reasons import FileReason, FileRefusedError

# What Avro reads as another type without being told.
PROMOTED_FROM: Mapping[str, frozenset[str]] = {
    "long": frozenset({"int"}),
    "float": frozenset({"int", "long"}),
    "double": frozenset({"int", "long", "float"}),
    "string": frozenset({"bytes"}),
}

PRIMITIVE = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
COMPLEX = frozenset({"record", "enum", "array", "map", "fixed"})
PLAIN = PRIMITIVE | COMPLEX
# Each gives the number or text beneath it another meaning; any other name is ignored, as Avro demands.
LOGICAL = frozenset(
    {
        "big-decimal",
        "date",
        "decimal",
        "duration",
        "local-timestamp-micros",
        "local-timestamp-millis",
        "local-timestamp-nanos",
        "time-micros",
        "time-millis",
        "timestamp-micros",
        "timestamp-millis",
        "timestamp-nanos",
        "uuid",
    }
)

# Names that a writer added are foreign text on its way to logs and metadata.
MAX_ADDED_SHOWN = 20
_SHOWN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Resolution:
    """How the writer's schema fits ours.

    `reader` is the schema to read with, None when the values are what we want as they were written. Of the
    `undecided` fields of ours, some of the writer's values may be of a type that does not fit.
    """

    reader: Mapping[str, Any] | None
    added_fields: tuple[str, ...]
    undecided: tuple[str, ...]


def resolve(written: Mapping[str, Any], ours: Mapping[str, Any]) -> Resolution:
    """Hold the writer's schema against ours, field by field.

    Raises FileRefusedError when a field of ours without a default is missing, or one is of another type.
    """
    walk = _Walk(written)
    reader = walk.place(written, ours, "")
    return Resolution(
        None if walk.reads_alike else reader,
        _shown(walk.added, walk.unnamed),
        tuple(sorted(walk.undecided)),
    )


class _Walk:
    """One walk along our schema. What only the writer has is not entered, however deep it is."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        self.written = written
        self.added: list[str] = []
        self.unnamed = 0  # added fields whose name is not shown
        self.undecided: set[str] = set()
        self.reads_alike = True

    def place(self, written: Any, ours: Any, path: str) -> Any:
        """Return our schema of this place with the writer's names of types, which say nothing of the values."""
        may_be_null, wanted = _value_of(ours)
        kind = _kind(wanted)
        branches = [(_kind(branch), branch) for branch in map(self._definition, _branches(written))]
        fitting = [branch for found, branch in branches if found == kind or found in PROMOTED_FROM.get(kind, ())]
        nulls = sum(found == "null" for found, _ in branches) if may_be_null else 0
        is_undecided = len(fitting) + nulls < len(branches)
        if not fitting and (is_undecided or not may_be_null):
            _refuse(path, f"of another type ({_shown_kinds(found for found, _ in branches)})")
        if is_undecided:
            self.undecided.add(path)
        if is_undecided or any(found not in (kind, "null") for found, _ in branches):
            self.reads_alike = False
        for branch in fitting:
            wanted = self._inside(kind, branch, wanted, path)
        return ["null", wanted] if may_be_null else wanted

    @cached_property
    def _named(self) -> Mapping[str, Any]:
        return dict(_named_types(self.written))

    def _inside(self, kind: str, written: Any, ours: Any, path: str) -> Any:
        if kind == "array":
            return {**ours, "items": self.place(written["items"], ours["items"], path)}
        if kind == "record":
            return {**ours, "fields": self._fields(written, ours, path), "aliases": _names(written, ours)}
        if kind == "enum":
            self._compare_symbols(written, ours, path)
            return {**ours, "aliases": _names(written, ours)}
        return ours

    def _fields(self, written: Any, ours: Any, path: str) -> list[dict[str, Any]]:
        theirs = {str(field["name"]): field["type"] for field in written["fields"]}
        used = set()
        fields = []
        for field in ours["fields"]:
            inner = f"{path}.{field['name']}" if path else str(field["name"])
            found = [name for name in (field["name"], *field.get("aliases", ())) if name in theirs]
            if len(found) > 1:
                _refuse(inner, "there twice, under its name and an older one")
            if not found and "default" not in field:
                _refuse(inner, "missing")
            if found != [field["name"]]:
                self.reads_alike = False
            used.update(found)
            fields += [{**field, "type": self.place(theirs[name], field["type"], inner)} for name in found] or [field]
        self._note_added(theirs.keys() - used, path)
        return fields

    def _note_added(self, names: Iterable[str], path: str) -> None:
        for name in names:
            self.reads_alike = False
            if _SHOWN_NAME.fullmatch(name):
                self.added.append(f"{path}.{name}" if path else name)
            else:
                self.unnamed += 1

    def _compare_symbols(self, written: Any, ours: Any, path: str) -> None:
        if set(written["symbols"]) <= set(ours["symbols"]):
            return
        self.reads_alike = False
        if "default" in ours:
            self.added.append(f"{path} (unknown symbols)")
        else:
            self.undecided.add(path)

    def _definition(self, schema: Any) -> Any:
        """Return what a name stands for, and a type without the wrapping that says no more."""
        while True:
            if isinstance(schema, str) and schema not in PRIMITIVE:
                # The name may be that of two types in two namespaces; the decoder knows which.
                self.reads_alike = False
                return self._named.get(schema.rpartition(".")[2], schema)
            if not isinstance(schema, dict) or (isinstance(schema["type"], str) and schema["type"] in PLAIN):
                return schema
            schema = schema["type"]


def _named_types(schema: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every type that the writer defines for use by name, by the last part of its name."""
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


def _names(written: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    return [*ours.get("aliases", ()), _own_name(written)]


def _branches(schema: Any) -> Sequence[Any]:
    return schema if isinstance(schema, list) else [schema]


def _value_of(ours: Any) -> tuple[bool, Any]:
    """Return whether a value of ours may be null, and the one type that it has when it is not."""
    if not isinstance(ours, list):
        return False, ours
    (wanted,) = (branch for branch in ours if branch != "null")
    return True, wanted


def _kind(schema: Any) -> str:
    """Return the name that Avro has for a type; the logical type where it changes what a value means."""
    if not isinstance(schema, dict):
        return str(schema)
    kind, logical = str(schema["type"]), schema.get("logicalType")
    is_single = kind in PRIMITIVE or kind == "fixed"  # Avro ignores a logical type on anything else
    return logical if is_single and isinstance(logical, str) and logical in LOGICAL else kind


def _refuse(path: str, fault: str) -> NoReturn:
    raise FileRefusedError(FileReason.SCHEMA_INCOMPATIBLE, f"the field {path} is {fault}")


def _shown_kinds(kinds: Iterable[str]) -> str:
    known = PLAIN | LOGICAL
    return " or ".join(sorted({kind if kind in known else "an unknown one" for kind in kinds})) or "none"


def _shown(added: Iterable[str], unnamed: int) -> tuple[str, ...]:
    names = sorted(set(added))
    others = unnamed + len(names[MAX_ADDED_SHOWN:])
    shown = names[:MAX_ADDED_SHOWN]
    return (*shown, "1 other field" if others == 1 else f"{others} other fields") if others else tuple(shown)
