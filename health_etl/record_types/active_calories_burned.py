"""Active energy: kilocalories burned by activity over an interval, without the resting rate."""

from __future__ import annotations

import pyarrow as pa

from health_etl.record_types import common
from health_etl.record_types.base import Column, DayAnchor, RecordType

COLUMNS = common.table_columns(
    common.INTERVAL_COLUMNS,
    (
        Column(
            "active_kcal",
            pa.float64(),
            "Active energy in the interval",
            unit="kcal",
            minimum=0,
            maximum=10_000,
            range_source="sanity range of the predecessor's specification; Health Connect allows 0-1000000",
        ),
    ),
)


def flatten(records: pa.Table) -> pa.Table:
    """Return one row per record."""
    arrays = {
        **common.common_arrays(records),
        **common.interval_arrays(records),
        "active_kcal": records["energyInKilocalories"],
    }
    return pa.table({column.name: arrays[column.name] for column in COLUMNS})


RECORD_TYPE = RecordType(
    name="active_calories_burned",
    avro_name="ActiveCaloriesBurnedRecord",
    title="Active calories burned",
    description="Active energy over intervals, from every app that estimated it.",
    domain="physical_activity",
    avro_schema=common.avro_schema(
        "ActiveCaloriesBurnedRecord",
        common.INTERVAL_FIELDS,
        [{"name": "energyInKilocalories", "type": "double"}],
    ),
    columns=COLUMNS,
    flatten=flatten,
    day_anchor=DayAnchor.SPAN,
    code_version="1",
    row_checks=(common.lasts_at_most(common.MAX_INTERVAL_HOURS, common.MAX_INTERVAL_SOURCE),),
    sort_by=("start_utc", "end_utc"),
)
