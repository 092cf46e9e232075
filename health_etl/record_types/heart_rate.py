"""Heart rate: a series of samples over an interval, one row per sample."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from health_etl.record_types import common
from health_etl.record_types.base import UTC_TIMESTAMP, Column, DayAnchor, RecordType, RowCheck

SAMPLE = {
    "type": "record",
    "name": "AvroHeartRateSample",
    "fields": [
        {"name": "timeEpochMillis", "type": "long"},
        {"name": "beatsPerMinute", "type": "long"},
    ],
}

COLUMNS = common.table_columns(
    common.INTERVAL_COLUMNS,
    (
        Column("time_utc", UTC_TIMESTAMP, "When the sample was taken", "UTC"),
        Column(
            "bpm",
            pa.int64(),
            "Heart rate",
            unit="beats/min",
            minimum=30,
            maximum=220,
            range_source="sanity range of the predecessor's specification; Health Connect allows 1-300",
        ),
    ),
)


def flatten(records: pa.Table) -> pa.Table:
    """Return one row per sample; a record without samples keeps one row with a null value."""
    repeated, samples = common.explode(records, "samples")
    arrays = {
        **common.common_arrays(repeated),
        **common.interval_arrays(repeated),
        "time_utc": common.utc(pc.struct_field(samples, "timeEpochMillis")),
        "bpm": pc.struct_field(samples, "beatsPerMinute"),
    }
    return pa.table({column.name: arrays[column.name] for column in COLUMNS})


RECORD_TYPE = RecordType(
    name="heart_rate",
    avro_name="HeartRateRecord",
    title="Heart rate",
    description="Heart-rate samples of watches, rings and chest straps.",
    domain="cardiovascular_fitness",
    avro_schema=common.avro_schema(
        "HeartRateRecord",
        common.INTERVAL_FIELDS,
        [{"name": "samples", "type": {"type": "array", "items": SAMPLE}}],
    ),
    columns=COLUMNS,
    flatten=flatten,
    day_anchor=DayAnchor.INSTANT,
    code_version="1",
    row_checks=(
        RowCheck(
            "outside_record",
            "a sample lies within its record, as Health Connect requires",
            lambda rows: rows["time_utc"].between(rows["start_utc"], rows["end_utc"]),
            is_temporal=True,
        ),
    ),
    sort_by=("time_utc",),
)
