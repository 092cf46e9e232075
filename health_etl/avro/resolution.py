"""Resolution of a writer's Avro schema against ours: what is incompatible, what was added, how to read the file.

Follows Avro's own rules, with errors that a person can act on. Reading the file belongs in decode.py.
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
# Logical types, which change the meaning of the underlying value. Avro requires unknown ones to be ignored.
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

# The names of added fields are untrusted text that ends up in logs and metadata.
MAX_ADDED_SHOWN = 20
_SHOWN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Resolution:
    """How the writer's schema resolves against ours.

    `reader` is the schema to read with, or None when the values can be read as written. For the `undecided` fields,
    some of the types that the writer allows do not fit ours, so only the values can tell.
    """

    reader: Mapping[str, Any] | None
    added_fields: tuple[str, ...]
    undecided: tuple[str, ...]


def resolve(written: Mapping[str, Any], ours: Mapping[str, Any]) -> Resolution:
    """Resolve the writer's schema against ours, field by field.

    Raises FileRefusedError when a field without a default is missing or a field has an incompatible type.
    """
    walk = _Walk(written)
    reader = walk.resolve(written, ours, "")
    return Resolution(
        None if walk.reads_identically else reader,
        _describe_added(walk.added, walk.unnamed),
        tuple(sorted(walk.undecided)),
    )


class _Walk:
    """A walk over our schema. Fields that only the writer has are not descended into, however deep they are."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        self.written = written
        self.added: list[str] = []
        self.unnamed = 0  # added fields whose names are not fit to be shown
        self.undecided: set[str] = set()
        self.reads_identically = True

    def resolve(self, written: Any, ours: Any, path: str) -> Any:
        """Return our schema at `path`, with the writer's type names as aliases: names say nothing about values."""
        may_be_null, wanted = _split_optional(ours)
        kind = _kind(wanted)
        branches = [(_kind(branch), branch) for branch in map(self._definition, _branches(written))]
        fitting = [branch for found, branch in branches if found == kind or found in PROMOTED_FROM.get(kind, ())]
        nulls = sum(found == "null" for found, _ in branches) if may_be_null else 0
        is_undecided = len(fitting) + nulls < len(branches)
        if not fitting and (is_undecided or not may_be_null):
            _refuse(path, f"of an incompatible type ({_describe_kinds(found for found, _ in branches)})")
        if is_undecided:
            self.undecided.add(path)
        if is_undecided or any(found not in (kind, "null") for found, _ in branches):
            self.reads_identically = False
        for branch in fitting:
            wanted = self._resolve_nested(kind, branch, wanted, path)
        return ["null", wanted] if may_be_null else wanted

    @cached_property
    def _named(self) -> Mapping[str, Any]:
        return dict(_named_types(self.written))

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
        used = set()
        fields = []
        for field in ours["fields"]:
            inner = f"{path}.{field['name']}" if path else str(field["name"])
            found = [name for name in (field["name"], *field.get("aliases", ())) if name in theirs]
            if len(found) > 1:
                _refuse(inner, "present twice, under its name and under an alias")
            if not found and "default" not in field:
                _refuse(inner, "missing")
            if found != [field["name"]]:
                self.reads_identically = False
            used.update(found)
            fields += [{**field, "type": self.resolve(theirs[name], field["type"], inner)} for name in found] or [field]
        self._note_added(theirs.keys() - used, path)
        return fields

    def _note_added(self, names: Iterable[str], path: str) -> None:
        for name in names:
            self.reads_identically = False
            if _SHOWN_NAME.fullmatch(name):
                self.added.append(f"{path}.{name}" if path else name)
            else:
                self.unnamed += 1

    def _check_symbols(self, written: Any, ours: Any, path: str) -> None:
        if set(written["symbols"]) <= set(ours["symbols"]):
            return
        self.reads_identically = False
        if "default" in ours:
            self.added.append(f"{path} (unknown symbols)")
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


def _branches(schema: Any) -> Sequence[Any]:
    return schema if isinstance(schema, list) else [schema]


def _split_optional(ours: Any) -> tuple[bool, Any]:
    """Return whether our value is nullable, and its type when it is not null."""
    if not isinstance(ours, list):
        return False, ours
    (wanted,) = (branch for branch in ours if branch != "null")
    return True, wanted


def _kind(schema: Any) -> str:
    """Return Avro's name for a type: the logical type if it changes what the value means."""
    if not isinstance(schema, dict):
        return str(schema)
    kind, logical = str(schema["type"]), schema.get("logicalType")
    is_single = kind in PRIMITIVE or kind == "fixed"  # Avro ignores a logical type on anything else
    return logical if is_single and isinstance(logical, str) and logical in LOGICAL else kind


def _refuse(path: str, fault: str) -> NoReturn:
    raise FileRefusedError(FileReason.SCHEMA_INCOMPATIBLE, f"the field {path} is {fault}")


def _describe_kinds(kinds: Iterable[str]) -> str:
    known = PLAIN | LOGICAL
    return " or ".join(sorted({kind if kind in known else "an unknown type" for kind in kinds})) or "none"


def _describe_added(added: Iterable[str], unnamed: int) -> tuple[str, ...]:
    names = sorted(set(added))
    others = unnamed + len(names[MAX_ADDED_SHOWN:])
    shown = names[:MAX_ADDED_SHOWN]
    return (*shown, "1 other field" if others == 1 else f"{others} other fields") if others else tuple(shown)
