"""UTC offsets: what every record of any type states about the person's clock, by upload date.

They are the evidence for records that state no offset, or a `Z` that may be wrong. Applying them belongs in
records/local_time.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import pandas as pd
import pyarrow as pa

from health_etl.lake import commits, keys
from health_etl.lake.catalogue import latest_derived
from health_etl.lake.manifest import DerivedManifest, RecordsManifest, digest
from health_etl.lake.store import Lake
from health_etl.lake.tables import empty_frame, read_frame, read_table, write_table
from health_etl.record_types import record_types
from health_etl.record_types.base import UTC_TIMESTAMP, Column, RecordType
from health_etl.records.dedupe import VERSION, is_latest_version
from health_etl.records.local_time import stated_offset_minutes

CODE_VERSION = "2"

COLUMNS = (
    Column("record_type", pa.string(), "Type of the record that states the offset"),
    Column("user_id", pa.string(), "The person"),
    Column("record_id", pa.string(), "The record"),
    Column("time_utc", UTC_TIMESTAMP, "When the offset applied", "UTC"),
    Column("utc_offset_minutes", pa.int64(), "The offset that the record states, if any", "min", nullable=True),
    Column("client_record_version", pa.int64(), "Version of the record"),
    Column("last_modified_utc", UTC_TIMESTAMP, "When the record was last written", "UTC"),
    Column("fetched_utc", UTC_TIMESTAMP, "When the phone read the record", "UTC"),
    Column("source_key", pa.string(), "Raw object that holds the record"),
    Column("source_record_number", pa.int32(), "Position of the record in it"),
)
SCHEMA = pa.schema([pa.field(c.name, c.dtype, nullable=c.nullable) for c in COLUMNS])

_TIME_AND_ZONE = (
    ("time_utc", "zone_offset"),
    ("start_utc", "start_zone_offset"),
    ("end_utc", "end_zone_offset"),
)


def inputs_digest(manifests: Mapping[str, RecordsManifest]) -> str:
    """Return the data version of everything that a partition is made from; `manifests` are by record type."""
    return digest([CODE_VERSION, *(f"{name} {manifests[name].table_sha256}" for name in sorted(manifests))])


def update(lake: Lake, upload_date: date, manifests: Mapping[str, RecordsManifest]) -> DerivedManifest | None:
    """Bring the offsets of one upload date up to date with its records partitions; None if there are none.

    Raises LostRaceError if another writer was faster.
    """
    if not manifests:
        return None
    partition = upload_date.isoformat()
    folder = keys.records_folder(keys.UTC_OFFSETS, partition)
    inputs = inputs_digest(manifests)
    head, previous = latest_derived(lake, folder)
    if previous is not None and previous.inputs_digest == inputs:
        return previous
    rows = _collect(lake, manifests)
    sha256 = write_table(lake, folder, rows, SCHEMA)
    manifest = DerivedManifest(keys.UTC_OFFSETS, partition, inputs, sha256, len(rows))
    commits.commit(lake, folder, head, manifest.to_json())
    return manifest


def evidence(lake: Lake, tables: Mapping[str, str], people: Sequence[str]) -> pd.DataFrame:
    """Return the offsets in these partitions (their tables' keys) for these people, with the partition of each."""
    frames = [read_frame(lake, key, people=people).assign(partition=partition) for partition, key in tables.items()]
    if not frames:
        return empty_frame(SCHEMA).assign(partition=pd.Series(dtype="str"))
    return pd.concat(frames, ignore_index=True)


def people(lake: Lake, table: str) -> list[str]:
    """Return the user ids in the table with this key, sorted."""
    return sorted(read_table(lake, table, columns=["user_id"])["user_id"].unique().to_pylist())


def latest(offsets: pd.DataFrame) -> pd.DataFrame:
    """Keep the offsets stated by the latest version of each record; those of earlier versions no longer count."""
    # Record ids are unique within a type, but is_latest_version only looks at users and ids.
    named = offsets.assign(record_id=offsets["record_type"] + "/" + offsets["record_id"])
    return offsets[is_latest_version(named) & offsets["utc_offset_minutes"].notna()]


def _collect(lake: Lake, manifests: Mapping[str, RecordsManifest]) -> pd.DataFrame:
    tables = [
        table
        for name, manifest in sorted(manifests.items())
        if manifest.measurement_rows
        for table in _read_offsets(lake, manifest.table_key, record_types()[name])
    ]
    if not tables:
        return empty_frame(SCHEMA)
    rows: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    rows = rows.drop_duplicates(["source_key", "source_record_number", "time_column"])
    rows = rows.assign(utc_offset_minutes=stated_offset_minutes(rows["zone_offset"], rows["time_utc"]))
    return rows.sort_values(["user_id", "time_utc", "record_type", "record_id"], kind="stable")


def _read_offsets(lake: Lake, key: str, record_type: RecordType) -> Iterator[pa.Table]:
    """Yield the offsets of one type's records, one table per time column.

    Nulls are included, since an update may remove an offset.
    """
    pairs = [(t, z) for t, z in _TIME_AND_ZONE if z in record_type.arrow_schema.names]
    of_record = ["user_id", "record_id", *VERSION]
    wanted = [*of_record, *(name for pair in pairs for name in pair)]
    rows = read_table(lake, key, columns=wanted)
    for time, zone in pairs:
        named = {"time_utc": rows[time], "zone_offset": rows[zone], **{name: rows[name] for name in of_record}}
        constant = {"record_type": record_type.name, "time_column": time}
        yield pa.table({**named, **{name: pa.repeat(value, len(rows)) for name, value in constant.items()}})
