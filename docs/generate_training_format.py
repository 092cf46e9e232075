"""Generates docs/training-format.schema.json, and the table of the page beside it (`make docs`).

A test fails when they are out of date.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from health_etl.training.line_format import METADATA, TEXTS, json_schema

PAGE = Path(__file__).with_name("training-format.md")
SCHEMA = Path(__file__).with_name("training-format.schema.json")

_TYPES = {"strings": "list of strings"}
_TABLE = re.compile(r"(?<=\| field \| type \| meaning \|\n\|---\|---\|---\|\n)(?:\|.*\n)+")


def page() -> str:
    """Return the page with the table as it should be; the rest of it is written by hand."""
    return _TABLE.sub(lambda _: "".join(rows()), PAGE.read_text(encoding="utf-8"))


def rows() -> list[str]:
    """Return the table's rows."""
    named = [*((field.name, field) for field in TEXTS), *((f"metadata.{field.name}", field) for field in METADATA)]
    return [f"| `{name}` | {_TYPES.get(field.kind, field.kind)} | {field.meaning} |\n" for name, field in named]


def schema() -> str:
    """Return the JSON Schema of a line."""
    return json.dumps(json_schema(), indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")
