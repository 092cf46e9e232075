"""What the UI's catalogue shows about a table: columns with units and limits, row counts, URIs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from health_etl.lake.keys import mask_key
from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import Lake
from health_etl.record_types.base import Column

OWNER = "team:health-data"


def column_schema(columns: Sequence[Column]) -> dg.TableSchema:
    """Return the columns as a Dagster table schema."""
    return dg.TableSchema([_column(column) for column in columns])


def table_metadata(lake: Lake, key: str, rows: int) -> dict[str, Any]:
    """Return the row count and URI of one partition."""
    return {"dagster/row_count": rows, "dagster/uri": lake.uri(key)}


def refused_table(files: Iterable[FileEntry]) -> dg.TableMetadataValue:
    """Return the refused files as a table, with keys masked."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"file": mask_key(file.key), "reason": str(file.reason), "detail": str(file.detail)})
            for file in files
        ],
        schema=dg.TableSchema(
            [
                dg.TableColumn("file", "string"),
                dg.TableColumn("reason", "string"),
                dg.TableColumn("detail", "string"),
            ]
        ),
    )


def add_partition_metadata(context: dg.AssetExecutionContext, metadata: Mapping[str, Any], partition: str) -> None:
    """Attach metadata to the materialisation of one partition."""
    context.add_asset_metadata(metadata, partition_key=partition)


def _column(column: Column) -> dg.TableColumn:
    other = [f"unit: {column.unit}"] if column.unit else []
    if column.limits:
        other.append(column.limits)
    if column.allowed:
        other.append("one of " + ", ".join(column.allowed))
    if column.range_source:
        other.append(f"range: {column.range_source}")
    return dg.TableColumn(
        column.name,
        type=str(column.dtype),
        description=column.description,
        constraints=dg.TableColumnConstraints(nullable=column.nullable, other=other),
    )
