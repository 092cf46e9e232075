"""The format of a training line: its fields in order, their types, and how each value is written.

One definition: lines are written and checked by it, and docs/training-format.* follow from it. It is constant, so that
any set of files loads in one call: no field is ever null or a list that may be empty, since readers that see only
nothings in one file settle on a type to which the values of the next file do not cast.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Any

from health_etl.clinical import all_processors
from health_etl.clinical.common.base import Level

SCHEMA_URL = "https://json-schema.org/draft/2020-12/schema"
_PYTHON_TYPES = {"string": str, "integer": int, "number": float}


@dataclass(frozen=True)
class Field:
    """One field: `kind` is its JSON type, or `strings` for a list of them that is never empty."""

    name: str
    kind: str
    meaning: str
    pattern: str = ""  # that a string, or every string of a list, matches in full
    holds_json: bool = False

    @cached_property
    def _fits(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.ASCII)

    def holds(self, value: object) -> bool:
        """Return whether a value is one of this field."""
        if self.kind == "strings":
            return isinstance(value, list) and bool(value) and all(map(self._is_text, value))
        if self.kind == "string":
            return self._is_text(value)
        return type(value) is _PYTHON_TYPES[self.kind]

    def _is_text(self, value: object) -> bool:
        if not isinstance(value, str):
            return False
        return self._fits.fullmatch(value) is not None if self.pattern else value != ""

    def json_schema(self) -> dict[str, Any]:
        """Return the field in the terms of JSON Schema."""
        text: dict[str, Any] = {"type": "string"}
        text |= {"pattern": f"^(?:{self.pattern})$"} if self.pattern else {"minLength": 1}
        text |= {"contentMediaType": "application/json"} if self.holds_json else {}
        if self.kind == "strings":
            return {"description": self.meaning, "type": "array", "minItems": 1, "items": text}
        return {"description": self.meaning, **(text if self.kind == "string" else {"type": self.kind})}


def _one_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words))


_HEX_16 = "[0-9a-f]{16}"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

TEXTS = (
    Field("instruction", "string", "what the example asks for"),
    Field(
        "input", "string", "date, sources, coverage, figures with units, reference lines: all that the output may use"
    ),
    Field("output", "string", "the text"),
)
OF_LINE = (  # metadata in which the lines of a day differ
    Field("example_id", "string", "permanent id of subject, type, day and level", "[0-9a-f]{32}"),
    Field(
        "caption_level",
        "string",
        "statistical (numbers), structural (course in time) or semantic (meaning)",
        _one_of([level.value for level in Level]),
    ),
    Field(
        "derived",
        "string",
        "JSON: numbers in the output that are derived from the input, each with value, rule, of",
        holds_json=True,
    ),
)
OF_DAY = (  # metadata that they share
    Field(
        "record_type",
        "string",
        "Health Connect's name for the record type, or daily_journal",
        _one_of([processor.training_name for processor in all_processors().values()]),
    ),
    Field(
        "health_domain",
        "string",
        "health domain under which the line is filed",
        _one_of({processor.domain for processor in all_processors().values()}),
    ),
    Field("subject", "string", "keyed pseudonym of the person; the user id appears nowhere", _HEX_16),
    Field(
        "local_date",
        "string",
        "the person's local day and its weekday, as in 2025-09-01 Mon; a night has the date on which it ends",
        rf"\d{{4}}-\d{{2}}-\d{{2}} (?:{'|'.join(_WEEKDAYS)})",
    ),
    Field("record_count", "integer", "Health Connect records of the day"),
    Field("quality_score", "number", "mean quality of the source files, 0 to 1"),
    Field("coverage", "number", "share of the day that is recorded, 0 to 1"),
    Field("source_files", "strings", "keyed ids of the raw objects; `health-etl trace` leads back to them", _HEX_16),
    Field("processor_version", "string", "version of all code that produced the line", r"[0-9A-Za-z.+-]+"),
    Field(
        "clinical_insights",
        "string",
        "JSON: every figure of the record type, rounded as in the texts; null where the day has none",
        holds_json=True,
    ),
)
METADATA = (*OF_LINE, *OF_DAY)
KEYED_IDS = ("example_id", "subject", "source_files")

_DERIVED_NAMES = ["value", "rule", "of"]
_FIGURES = {str, int, float, bool, type(None)}

_LINE = json.JSONEncoder(allow_nan=False)
_TEXT = json.JSONEncoder(allow_nan=False, ensure_ascii=False)


def line_of(instruction: str, given: str, output: str, of_line: Mapping[str, Any], of_day: str) -> str:
    """Return an example as one line without its end. It is ASCII, so that no character can end or disguise it.

    given, of_day: the input, and the metadata OF_DAY, as `encoded` once for all lines of a day.
    """
    texts = f'"instruction": {encoded(instruction)}, "input": {given}, "output": {encoded(output)}'
    return f'{{{texts}, "metadata": {encoded(of_line)[:-1]}, {of_day[1:]}}}'


def encoded(value: object) -> str:
    """Return a value as a line holds it; raises ValueError for a number that JSON does not have."""
    return _LINE.encode(value)


def json_text(value: object) -> str:
    """Return what a field that holds JSON is set to; raises ValueError as `encoded` does."""
    return _TEXT.encode(value)


def dated(local_date: str) -> str:
    """Return a date (YYYY-MM-DD) with its weekday: a text that sorts like dates and that no reader takes for a time."""
    return f"{local_date} {_WEEKDAYS[date.fromisoformat(local_date).weekday()]}"


def is_well_formed(example: object) -> bool:
    """Return whether a parsed line has exactly the fields of the format, in order, each of its type."""
    if not isinstance(example, dict) or not isinstance(example.get("metadata"), dict):
        return False
    texts, metadata = {**example}, example["metadata"]
    del texts["metadata"]
    return (
        list(example)[-1] == "metadata"
        and fit(TEXTS, texts)
        and fit(METADATA, metadata)
        and derived_fit(json_of(metadata, "derived"))
        and figures_fit(metadata["record_type"], json_of(metadata, "clinical_insights"))
    )


def fit(fields: Sequence[Field], values: Mapping[str, object]) -> bool:
    """Return whether values are exactly those of the fields, in order, each of its type."""
    return [field.name for field in fields] == list(values) and all(map(Field.holds, fields, values.values()))


def derived_fit(derived: object) -> bool:
    """Return whether that is what `derived` holds as JSON."""
    return isinstance(derived, list) and all(isinstance(one, dict) and list(one) == _DERIVED_NAMES for one in derived)


def figures_fit(record_type: str, figures: object) -> bool:
    """Return whether that is what `clinical_insights` holds as JSON: the same names in every line of a record type."""
    if not isinstance(figures, dict) or tuple(figures) != _figure_names(record_type):
        return False
    return _FIGURES.issuperset(map(type, figures.values()))


def json_of(metadata: Mapping[str, Any], name: str) -> Any:
    """Return what a field that holds JSON says; None where it holds none."""
    try:
        return json.loads(str(metadata.get(name)))
    except ValueError:
        return None


@cache
def _figure_names(record_type: str) -> tuple[str, ...]:
    processor = next(one for one in all_processors().values() if one.training_name == record_type)
    return tuple(metric.name for metric in processor.reported)


def json_schema() -> dict[str, Any]:
    """Return the format as a JSON Schema of one line."""
    metadata = _object(METADATA, {field.name: field.json_schema() for field in METADATA})
    texts = {field.name: field.json_schema() for field in TEXTS}
    whole = _object((*TEXTS, Field("metadata", "object", "")), {**texts, "metadata": metadata})
    return {"$schema": SCHEMA_URL, "title": "One line of the health journal", **whole}


def _object(fields: Sequence[Field], properties: Mapping[str, Any]) -> dict[str, Any]:
    names = [field.name for field in fields]
    return {"type": "object", "properties": dict(properties), "required": names, "additionalProperties": False}
