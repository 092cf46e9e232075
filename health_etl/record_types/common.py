"""What Health Connect record types share: Avro metadata, common columns, flattening helpers.

Anything specific to one type belongs in that type's module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from health_etl.record_types.base import UTC_TIMESTAMP, Column, RowCheck

# A file may lack a field that is nullable or has a default here. Any value may be null in a file: `flatten` puts the
# default in its place where there is one, and the row lacks a value where there is none.
NULLABLE_STRING = ["null", "string"]

# Health Connect's own defaults for what an app leaves out.
UNKNOWN = "UNKNOWN"
FIRST_VERSION = 0
NEVER_MODIFIED_MS = 0  # Instant.EPOCH

DEVICE = {
    "type": "record",
    "name": "AvroDevice",
    "fields": [
        {"name": "manufacturer", "type": NULLABLE_STRING},
        {"name": "model", "type": NULLABLE_STRING},
        {"name": "type", "type": NULLABLE_STRING},
    ],
}

METADATA = {
    "type": "record",
    "name": "AvroMetadata",
    "fields": [
        {"name": "id", "type": NULLABLE_STRING},
        {"name": "dataOriginPackageName", "type": "string"},
        {"name": "lastModifiedTimeEpochMillis", "type": "long", "default": NEVER_MODIFIED_MS},
        {"name": "clientRecordId", "type": NULLABLE_STRING},
        {"name": "clientRecordVersion", "type": "long", "default": FIRST_VERSION},
        {"name": "device", "type": ["null", DEVICE]},
    ],
}

INSTANT_FIELDS: list[dict[str, Any]] = [
    {"name": "timeEpochMillis", "type": "long"},
    {"name": "zoneOffsetId", "type": NULLABLE_STRING},
]

INTERVAL_FIELDS: list[dict[str, Any]] = [
    {"name": "startTimeEpochMillis", "type": "long"},
    {"name": "endTimeEpochMillis", "type": "long"},
    {"name": "startZoneOffsetId", "type": NULLABLE_STRING},
    {"name": "endZoneOffsetId", "type": NULLABLE_STRING},
]


def avro_schema(
    avro_name: str, time_fields: Sequence[Mapping[str, Any]], own_fields: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the reader's schema of a record type, in the form that the phone app writes."""
    fetched = {"name": "appRecordFetchTimeEpochMillis", "type": "long"}
    return {
        "type": "record",
        "name": f"Avro{avro_name}",
        "fields": [{"name": "metadata", "type": METADATA}, *time_fields, *own_fields, fetched],
    }


def lasts_at_most(hours: int, range_source: str) -> RowCheck:
    """Return the rule for a record's maximum length: a clock that jumps could spread a record over years."""
    return RowCheck(
        "duration_out_of_range",
        f"a record lasts at most {hours} h ({range_source})",
        lambda rows: rows["end_utc"] - rows["start_utc"] <= timedelta(hours=hours),
    )


def avro_enum(name: str, symbols: Sequence[str]) -> dict[str, Any]:
    """Return an enum whose unknown symbols resolve to UNKNOWN, by way of Avro's enum default."""
    return {"type": "enum", "name": name, "symbols": list(symbols), "default": UNKNOWN}


def optional_enum(field_name: str, enum_name: str, symbols: Sequence[str]) -> dict[str, Any]:
    """Return a field with such an enum that an app may leave out, which also means UNKNOWN."""
    return {"name": field_name, "type": avro_enum(enum_name, symbols), "default": UNKNOWN}


IDENTITY_COLUMNS = (
    Column(
        "record_id", pa.string(), "Health Connect's metadata.id, the identity of the record; derived if there is none"
    ),
    Column("user_id", pa.string(), "The person, from the key of the upload"),
    Column("source_app", pa.string(), "Package name of the app that wrote the record"),
)

PROVENANCE_COLUMNS = (
    Column("device_manufacturer", pa.string(), "Maker of the device", nullable=True, expected=False),
    Column("device_model", pa.string(), "Model of the device", nullable=True, expected=False),
    Column("device_type", pa.string(), "Kind of device, such as WATCH or RING", nullable=True, expected=False),
    Column("client_record_id", pa.string(), "The writing app's own id", nullable=True, expected=False),
    Column("client_record_version", pa.int64(), "The writing app's version; the highest wins"),
    Column("last_modified_utc", UTC_TIMESTAMP, "When the record was last written to Health Connect", "UTC"),
    Column("fetched_utc", UTC_TIMESTAMP, "When the phone read the record for this export", "UTC"),
    Column("source_key", pa.string(), "Key of the raw object that holds this version"),
    Column("source_record_number", pa.int32(), "Position of the record in that object, from 0"),
)

INSTANT_COLUMNS = (
    Column("time_utc", UTC_TIMESTAMP, "When it was measured", "UTC"),
    Column("zone_offset", pa.string(), "UTC offset or zone as the app wrote it; Z may be wrong", nullable=True),
)

MAX_INTERVAL_HOURS = 7 * 24
MAX_INTERVAL_SOURCE = "ASSUMPTION: apps total minutes to a day; a week leaves room for late syncs"

INTERVAL_COLUMNS = (
    Column("start_utc", UTC_TIMESTAMP, "Start of the record", "UTC"),
    Column("end_utc", UTC_TIMESTAMP, "End of the record", "UTC"),
    Column("start_zone_offset", pa.string(), "UTC offset or zone at the start, as written", nullable=True),
    Column("end_zone_offset", pa.string(), "UTC offset or zone at the end, as written", nullable=True),
)


def table_columns(time_columns: Sequence[Column], own_columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return a type's columns in table order: identity, time, measurement, provenance."""
    return (*IDENTITY_COLUMNS, *time_columns, *own_columns, *PROVENANCE_COLUMNS)


# Epoch milliseconds of the years 1900 and 2200. Times outside cannot come from a working clock, and not every library
# can represent them. They are clipped to these bounds, which validation rejects.
_EARLIEST_MS = -2_208_988_800_000
_LATEST_MS = 7_258_118_400_000


def utc(epoch_ms: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert epoch milliseconds to UTC timestamps, clipped to the years 1900 to 2200."""
    bounded = pc.max_element_wise(epoch_ms.cast(pa.int64()), _EARLIEST_MS, skip_nulls=False)
    return pc.min_element_wise(bounded, _LATEST_MS, skip_nulls=False).cast(UTC_TIMESTAMP)


def common_arrays(records: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the identity and provenance columns of decoded records."""
    meta = records["metadata"]
    device = pc.struct_field(meta, "device")
    modified = pc.struct_field(meta, "lastModifiedTimeEpochMillis")
    return {
        "record_id": record_ids(records),
        "user_id": records["user_id"],
        "source_app": pc.struct_field(meta, "dataOriginPackageName"),
        "device_manufacturer": pc.struct_field(device, "manufacturer"),
        "device_model": pc.struct_field(device, "model"),
        "device_type": pc.struct_field(device, "type"),
        "client_record_id": pc.struct_field(meta, "clientRecordId"),
        "client_record_version": pc.fill_null(pc.struct_field(meta, "clientRecordVersion"), FIRST_VERSION),
        "last_modified_utc": utc(pc.fill_null(modified, NEVER_MODIFIED_MS)),
        "fetched_utc": utc(records["appRecordFetchTimeEpochMillis"]),
        "source_key": records["source_key"],
        "source_record_number": records["source_record_number"],
    }


# What exporters write for a record that Health Connect has not stored, or whose id they do not read: nothing, a missing
# value as Kotlin, Python and JavaScript print it, the UUID of zeros.
_NO_ID = (None, "", "null", "None", "undefined", "00000000-0000-0000-0000-000000000000")
DERIVED_ID = "no-id:"  # begins every id that is derived here; an app's own id that does counts as none
_MEASURED_TIMES = ("timeEpochMillis", "startTimeEpochMillis", "endTimeEpochMillis")


def record_ids(records: pa.Table) -> pa.ChunkedArray:
    """Return the identity of each record: metadata.id, exactly as written.

    Without one, it is what Health Connect makes ids from: the app and its clientRecordId, else the app, the device and
    the measured times. A record that lacks these as well is like no other.
    """
    ids = pc.struct_field(records["metadata"], "id")
    says_nothing = pc.or_(pc.utf8_is_space(ids), pc.starts_with(ids, DERIVED_ID))
    is_absent = pc.or_(pc.is_in(ids, value_set=pa.array(_NO_ID)), pc.fill_null(says_nothing, fill_value=False))
    return pc.if_else(is_absent, _derived_ids(records), ids) if pc.any(is_absent).as_py() else ids


def _derived_ids(records: pa.Table) -> pa.ChunkedArray:
    meta = records["metadata"]
    device = pc.struct_field(meta, "device")
    app = _framed(pc.struct_field(meta, "dataOriginPackageName"))
    own = stated(pc.struct_field(meta, "clientRecordId"))
    made_by = [_framed(pc.fill_null(pc.struct_field(device, part), "")) for part in ("manufacturer", "model", "type")]
    times = [records[name].cast(pa.string()) for name in _MEASURED_TIMES if name in records.column_names]
    position = records["source_record_number"].cast(pa.string())
    return pc.coalesce(
        _joined("client", app, own),
        _joined("time", app, *made_by, *times),
        _joined("position", position, records["source_key"]),
    )


def _joined(kind: str, *parts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the parts as one text; null where a part is."""
    return pc.binary_join_element_wise(f"{DERIVED_ID}{kind}", *parts, ":")


def _framed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return each text after its length: joined with others, it cannot be mistaken for a different split."""
    return pc.binary_join_element_wise(pc.binary_length(texts).cast(pa.string()), texts, "=")


def stated(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts with null for those that say nothing."""
    is_blank = pc.or_(pc.equal(texts, ""), pc.utf8_is_space(texts))
    return pc.if_else(is_blank, None, texts) if pc.any(is_blank).as_py() else texts


def instant_arrays(records: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the time columns of a type measured at an instant."""
    return {"time_utc": utc(records["timeEpochMillis"]), "zone_offset": stated(records["zoneOffsetId"])}


def interval_arrays(records: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the time columns of a type recorded over an interval."""
    return {
        "start_utc": utc(records["startTimeEpochMillis"]),
        "end_utc": utc(records["endTimeEpochMillis"]),
        "start_zone_offset": stated(records["startZoneOffsetId"]),
        "end_zone_offset": stated(records["endZoneOffsetId"]),
    }


def explode(records: pa.Table, list_column: str) -> tuple[pa.Table, pa.StructArray]:
    """Repeat each record for every element of its list; a record with an empty list keeps one row with a null element.

    Returns the repeated records and the elements, row by row.
    """
    table = records.combine_chunks()
    lists = table[list_column].combine_chunks()
    filled = pc.if_else(pc.equal(pc.fill_null(pc.list_value_length(lists), 0), 0), _one_null(lists.type), lists)
    parents = pc.list_parent_indices(filled)
    return table.drop_columns([list_column]).take(parents), pc.list_flatten(filled)


def _one_null(list_type: pa.ListType) -> pa.Scalar:
    return pa.scalar([None], type=list_type)
