"""Synthetic exports decoded into rows, for tests of their contents."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fastavro

from health_etl.synthetic import ExportFile

Row = dict[str, Any]


@dataclass(frozen=True)
class Decoded:
    file: ExportFile
    rows: list[Row]


def decode(file: ExportFile) -> Decoded:
    return Decoded(file, list(fastavro.reader(io.BytesIO(file.content))))  # type: ignore[arg-type]


def rows_of(decoded: list[Decoded], record_type: str) -> Iterator[Row]:
    return (row for export in decoded if export.file.record_type == record_type for row in export.rows)


def app_of(row: Row) -> str:
    return str(row["metadata"]["dataOriginPackageName"])
