"""Heart-rate variability: RMSSD at an instant; rings write one every five minutes of sleep."""

from __future__ import annotations

import pyarrow as pa

from health_etl.record_types import common
from health_etl.record_types.base import Column, DayAnchor, RecordType

COLUMNS = common.table_columns(
    common.INSTANT_COLUMNS,
    (
        Column(
            "rmssd_ms",
            pa.float64(),
            "Root mean square of successive differences between heartbeats",
            unit="ms",
            minimum=1,
            maximum=300,
            range_source="sanity range of the predecessor's specification; Health Connect stores at most 200 ms",
        ),
    ),
)


def flatten(records: pa.Table) -> pa.Table:
    """Return one row per value."""
    arrays = {
        **common.common_arrays(records),
        **common.instant_arrays(records),
        "rmssd_ms": records["heartRateVariabilityRmssd"],
    }
    return pa.table({column.name: arrays[column.name] for column in COLUMNS})


RECORD_TYPE = RecordType(
    name="heart_rate_variability_rmssd",
    avro_name="HeartRateVariabilityRmssdRecord",
    title="Heart-rate variability (RMSSD)",
    description="RMSSD values, mostly taken asleep.",
    domain="cardiovascular_fitness",
    avro_schema=common.avro_schema(
        "HeartRateVariabilityRmssdRecord",
        common.INSTANT_FIELDS,
        [{"name": "heartRateVariabilityRmssd", "type": "double"}],
    ),
    columns=COLUMNS,
    flatten=flatten,
    day_anchor=DayAnchor.NIGHT,
    code_version="1",
    sort_by=("time_utc",),
)
