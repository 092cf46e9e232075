"""Steps: a count over an interval. Several apps may report the same steps; merging them belongs in clinical/."""

from __future__ import annotations

import pyarrow as pa

from health_etl.record_types import common
from health_etl.record_types.base import Column, DayAnchor, RecordType

COLUMNS = common.table_columns(
    common.INTERVAL_COLUMNS,
    (
        Column(
            "steps",
            pa.int64(),
            "Steps in the interval",
            unit="steps",
            minimum=0,
            maximum=100_000,
            range_source="sanity range of the predecessor's specification; Health Connect allows 0-1000000",
        ),
    ),
)


def flatten(records: pa.Table) -> pa.Table:
    """Return one row per record."""
    arrays = {
        **common.common_arrays(records),
        **common.interval_arrays(records),
        "steps": records["count"],
    }
    return pa.table({column.name: arrays[column.name] for column in COLUMNS})


RECORD_TYPE = RecordType(
    name="steps",
    avro_name="StepsRecord",
    title="Steps",
    description="Step counts over intervals, from every app that counted.",
    domain="physical_activity",
    avro_schema=common.avro_schema("StepsRecord", common.INTERVAL_FIELDS, [{"name": "count", "type": "long"}]),
    columns=COLUMNS,
    flatten=flatten,
    day_anchor=DayAnchor.SPAN,
    code_version="1",
    row_checks=(common.lasts_at_most(common.MAX_INTERVAL_HOURS, common.MAX_INTERVAL_SOURCE),),
    sort_by=("start_utc", "end_utc"),
)
