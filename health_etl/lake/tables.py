"""Reading and writing Parquet in the lake. The same rows always give the same bytes. What the columns mean belongs to
the callers.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from health_etl.errors import DamagedTableError
from health_etl.lake.keys import table_key
from health_etl.lake.store import Lake

ROW_GROUP_ROWS = 64 * 1024


class TableWriter:
    """Writes one Parquet object from several tables; the row groups do not depend on how the rows were split.

    `prefix` begins the object's key; the SHA-256 of its bytes follows.
    """

    def __init__(self, lake: Lake, prefix: str, schema: pa.Schema) -> None:
        self._lake = lake
        self._prefix = prefix
        self._schema = schema
        self._folder = tempfile.TemporaryDirectory(prefix="health-etl-")
        self._path = Path(self._folder.name) / "table.parquet"
        self._writer = pq.ParquetWriter(self._path, schema, compression="zstd", write_statistics=True)
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self.rows = 0

    def append(self, table: pa.Table) -> None:
        """Append rows."""
        self.rows += table.num_rows
        self._pending.append(table)
        self._pending_rows += table.num_rows
        while self._pending_rows >= ROW_GROUP_ROWS:
            whole = pa.concat_tables(self._pending)
            self._write(whole.slice(0, ROW_GROUP_ROWS))
            self._pending = [whole.slice(ROW_GROUP_ROWS)]
            self._pending_rows -= ROW_GROUP_ROWS

    def publish(self) -> str:
        """Write the complete object to the lake; return the SHA-256 of its bytes."""
        if self._pending_rows:
            self._write(pa.concat_tables(self._pending))
        self._writer.close()
        with self._path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._lake.put_file(table_key(self._prefix, sha256), self._path)
        return sha256

    def _write(self, rows: pa.Table) -> None:
        # As one chunk: chunk boundaries would affect the bytes.
        self._writer.write_table(rows.combine_chunks(), row_group_size=ROW_GROUP_ROWS)

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._folder.cleanup()


def to_arrow(rows: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Convert a frame to a table of exactly that schema; raises ValueError if a non-nullable column has a null."""
    arrays = [_to_array(rows[field.name], field.type) for field in schema]
    empty = [field.name for field, array in zip(schema, arrays, strict=True) if array.null_count and not field.nullable]
    if empty:
        raise ValueError(f"non-nullable columns have nulls: {', '.join(empty)}")
    return pa.Table.from_arrays(arrays, schema=schema)


def _to_array(values: pd.Series[Any], dtype: pa.DataType) -> pa.Array:
    # A column without any value has an arbitrary pandas dtype, which may not cast.
    return pa.array(values, dtype) if values.notna().any() else pa.nulls(len(values), dtype)


def write_table(lake: Lake, folder: str, rows: pd.DataFrame, schema: pa.Schema) -> str:
    """Write a frame as one Parquet object in a partition's folder; return the SHA-256 of its bytes."""
    with TableWriter(lake, folder, schema) as writer:
        writer.append(to_arrow(rows, schema))
        return writer.publish()


def table_sha256(rows: pd.DataFrame, schema: pa.Schema) -> str:
    """Return a SHA-256 over a frame, computed from uncompressed Parquet bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(to_arrow(rows, schema), sink, compression="none", write_statistics=False)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def read_frame(
    lake: Lake,
    key: str,
    columns: Sequence[str] | None = None,
    people: Sequence[str] | None = None,
    person_column: str = "user_id",
) -> pd.DataFrame:
    """Read a Parquet object as a frame, limited to the given columns and people."""
    frame: pd.DataFrame = read_table(lake, key, columns, people, person_column).to_pandas()
    return frame


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Convert a table to a frame with nullable integers, so that a null does not turn a column into floats."""
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}.get)
    return frame


def empty_frame(schema: pa.Schema) -> pd.DataFrame:
    """Return a frame of that schema without rows."""
    frame: pd.DataFrame = schema.empty_table().to_pandas()
    return frame


def read_table(
    lake: Lake,
    key: str,
    columns: Sequence[str] | None = None,
    people: Sequence[str] | None = None,
    person_column: str = "user_id",
) -> pa.Table:
    """Read a Parquet object, limited to the given columns and people; raises DamagedTableError."""
    filters = None if people is None else pc.field(person_column).isin(pa.array(people, pa.string()))
    file = lake.open(key)
    try:
        table = pq.read_table(file, columns=list(columns) if columns else None, filters=filters)
    except (pa.ArrowException, OSError):
        raise DamagedTableError(
            f"{lake.uri(key)} is damaged; delete the folder {lake.uri(key.rpartition('/')[0])}, then run again."
        ) from None
    return table.replace_schema_metadata(None)
