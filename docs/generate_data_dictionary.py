"""Generates docs/data-dictionary.md from the columns (`make docs`). A test fails when the page is out of date."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from health_etl.clinical import all_processors
from health_etl.days import utc_offsets
from health_etl.insights import table
from health_etl.lake.keys import UTC_OFFSETS
from health_etl.record_types import record_types
from health_etl.record_types.base import Column

PAGE = Path(__file__).with_name("data-dictionary.md")

HEAD = """# Data dictionary

Generated from the code by `make docs`; do not edit. [The README](../README.md#the-lake) shows where tables are stored.
Timestamps are in UTC, with time zone and millisecond precision. Limits are inclusive; a row outside is quarantined.
"""

JOURNAL = """## Training lines

`training/{domain}/{YYYY}/{MM}/health_journal_{YYYY}_{MM}.jsonl`: see [the format](training-format.md).
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for name, record_type in record_types().items():
        parts.append(f"## records/{name}\n\n{record_type.description} Avro: `{record_type.avro_name}`.\n")
        parts.append(_table(record_type.columns))
    parts.append(f"## records/{UTC_OFFSETS}\n\nUTC offsets stated by records: evidence for records that state none.\n")
    parts.append(_table(utc_offsets.COLUMNS))
    parts.append("## insights/*\n\nColumns that all insights tables share, around the metrics of each.\n")
    parts.append(_table((*table.IDENTITY, *table.PROFILE, *table.CONTEXT, *table.TEXT)))
    for name, processor in all_processors().items():
        parts.append(f"## insights/{name}\n\nMetrics per person and local day.\n")
        parts.append(_table([metric.column() for metric in processor.all_metrics]))
    return "\n".join([*parts, JOURNAL])


def _table(columns: Sequence[Column]) -> str:
    rows = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    rows += [f"| `{c.name}` | {c.dtype} | {c.unit or ''} | {_meaning(c)} |" for c in columns]
    return "\n".join(rows) + "\n"


def _meaning(column: Column) -> str:
    parts = [column.description.rstrip(".")]
    if column.limits:
        parts.append(f"{column.limits} ({column.range_source})")
    if column.allowed:
        parts.append("one of " + ", ".join(column.allowed))
    if column.nullable:
        parts.append("may be null")
    return "; ".join(parts).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
