"""The accounts of a records partition: what became of every row of every file, as a table beside the manifest.

A partition may have a hundred thousand files, and a check of whether it is up to date needs none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from health_etl.lake.manifest import FileEntry, Quality, RecordsManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import TableWriter, read_table

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("key", "etag")),
        *((name, pa.int64()) for name in ("size_bytes", "rows_in", "accepted", "duplicate", "quarantined")),
        *((name, pa.string()) for name in ("reason", "detail")),
        ("drift", pa.list_(pa.string())),
        ("quality", pa.struct([(name, pa.float64()) for name in Quality.__dataclass_fields__])),
        ("rejected_measurements", pa.int64()),
        ("faults", pa.map_(pa.string(), pa.int64())),
        ("release_etag", pa.string()),
    ]
)


def write(lake: Lake, prefix: str, files: Sequence[FileEntry]) -> str:
    """Write these accounts to a key that begins with `prefix`; return the SHA-256 of the object."""
    rows = [{**asdict(file), "faults": sorted(file.faults.items())} for file in files]
    with TableWriter(lake, prefix, SCHEMA) as writer:
        columns = [pa.array([_encodable(row[field.name]) for row in rows], field.type) for field in SCHEMA]
        writer.append(pa.Table.from_arrays(columns, schema=SCHEMA))
        return writer.publish()


def read(lake: Lake, manifest: RecordsManifest) -> tuple[FileEntry, ...]:
    """Return the accounts of a partition, in the order of keys.

    Raises ObjectNotFoundError or DamagedTableError if they are gone or damaged.
    """
    if not manifest.counts.files:
        return ()
    return tuple(_entry(row) for row in read_table(lake, manifest.accounts_key).to_pylist())


def qualities(lake: Lake, manifests: Iterable[RecordsManifest]) -> dict[str, float]:
    """Return the quality score of every file of these partitions that has one, by key."""
    found: dict[str, float] = {}
    for manifest in manifests:
        if manifest.counts.files:
            table = read_table(lake, manifest.accounts_key, columns=["key", "quality"])
            scores = table["quality"].combine_chunks().field("score")
            valid = table["quality"].combine_chunks().is_valid()
            found |= dict(zip(table["key"].filter(valid).to_pylist(), scores.filter(valid).to_pylist(), strict=True))
    return found


def _entry(row: dict[str, Any]) -> FileEntry:
    quality = Quality(**row["quality"]) if row["quality"] else None
    return FileEntry(**{**row, "drift": tuple(row["drift"]), "faults": dict(row["faults"]), "quality": quality})


def _encodable(value: Any) -> Any:
    """Return text that UTF-8 can encode: what is said of a file may quote a name from it that is half a character."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    return [_encodable(item) for item in value] if isinstance(value, tuple) else value
