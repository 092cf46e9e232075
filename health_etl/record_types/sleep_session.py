"""Sleep: a session with its stages, one row per stage; a session without stages has one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from health_etl.record_types import common
from health_etl.record_types.base import UTC_TIMESTAMP, Column, DayAnchor, RecordType, RowCheck

if TYPE_CHECKING:
    import pandas as pd

STAGES = ("UNKNOWN", "AWAKE", "SLEEPING", "OUT_OF_BED", "LIGHT", "DEEP", "REM", "AWAKE_IN_BED")

MAX_SESSION_HOURS = 16
# Its lower bound, 0.5 h, is left out: short naps are real.
MAX_SESSION_SOURCE = "sanity range of the predecessor's specification"

SESSION = ("source_key", "source_record_number")  # identifies one session among measurement rows

STAGE = {
    "type": "record",
    "name": "AvroSleepStageRecord",
    "fields": [
        {"name": "startTimeEpochMillis", "type": "long"},
        {"name": "endTimeEpochMillis", "type": "long"},
        {"name": "stage", "type": common.avro_enum("AvroSleepStageType", STAGES)},
    ],
}

COLUMNS = common.table_columns(
    common.INTERVAL_COLUMNS,
    (
        Column("title", pa.string(), "Title that the app gave the session", nullable=True, expected=False),
        Column(
            "notes", pa.string(), "Free text of the session; never leaves the records", nullable=True, expected=False
        ),
        Column("stage_start_utc", UTC_TIMESTAMP, "Start of the stage", "UTC", nullable=True),
        Column("stage_end_utc", UTC_TIMESTAMP, "End of the stage", "UTC", nullable=True),
        Column("stage", pa.string(), "Sleep stage", nullable=True, allowed=STAGES),
    ),
)


def flatten(records: pa.Table) -> pa.Table:
    """Return one row per stage; a session without stages keeps one row with a null stage."""
    repeated, stages = common.explode(records, "stages")
    arrays = {
        **common.common_arrays(repeated),
        **common.interval_arrays(repeated),
        "title": repeated["title"],
        "notes": repeated["notes"],
        "stage_start_utc": common.utc(pc.struct_field(stages, "startTimeEpochMillis")),
        "stage_end_utc": common.utc(pc.struct_field(stages, "endTimeEpochMillis")),
        "stage": pc.if_else(pc.is_valid(stages), pc.fill_null(pc.struct_field(stages, "stage"), common.UNKNOWN), None),
    }
    return pa.table({column.name: arrays[column.name] for column in COLUMNS})


def _stage_inside_session(rows: pd.DataFrame) -> pd.Series[bool]:
    inside = (
        (rows["stage_start_utc"] >= rows["start_utc"])
        & (rows["stage_end_utc"] <= rows["end_utc"])
        & (rows["stage_end_utc"] >= rows["stage_start_utc"])
    )
    # Only a session's one row may have no stage; one that lacks a time is not known to lie within it.
    is_without_stages = rows["stage_start_utc"].isna() & rows["stage_end_utc"].isna() & rows["stage"].isna()
    return inside | (is_without_stages & ~rows.duplicated(list(SESSION), keep=False))


def _stage_after_earlier_ones(rows: pd.DataFrame) -> pd.Series[bool]:
    # A stage of zero length cannot overlap another.
    stages = rows[rows["stage_end_utc"] > rows["stage_start_utc"]].sort_values(
        [*SESSION, "stage_start_utc", "stage_end_utc"], kind="stable"
    )
    session = [stages[column] for column in SESSION]
    earlier_end = stages["stage_end_utc"].groupby(session).cummax().groupby(session).shift()
    overlaps = stages["stage_start_utc"] < earlier_end
    return ~overlaps.reindex(rows.index, fill_value=False)


RECORD_TYPE = RecordType(
    name="sleep_session",
    avro_name="SleepSessionRecord",
    title="Sleep session",
    description="Sleep sessions and their stages, from every app that tracked the night.",
    domain="sleep_wellness",
    avro_schema=common.avro_schema(
        "SleepSessionRecord",
        [
            {"name": "title", "type": common.NULLABLE_STRING},
            {"name": "notes", "type": common.NULLABLE_STRING},
            *common.INTERVAL_FIELDS,
            {"name": "durationMillis", "type": ["null", "long"]},
        ],
        [{"name": "stages", "type": {"type": "array", "items": STAGE}, "default": []}],
    ),
    columns=COLUMNS,
    flatten=flatten,
    day_anchor=DayAnchor.END,
    code_version="1",
    row_checks=(
        RowCheck(
            "outside_record",
            "a stage lies within its session and does not end before it starts, as Health Connect requires",
            _stage_inside_session,
            is_temporal=True,
        ),
        RowCheck(
            "stages_overlap",
            "no stage starts before an earlier one of its session has ended, as Health Connect requires",
            _stage_after_earlier_ones,
            is_temporal=True,
        ),
        common.lasts_at_most(MAX_SESSION_HOURS, MAX_SESSION_SOURCE),
    ),
    reject_whole_record=True,
    sort_by=("start_utc", "end_utc"),
)
