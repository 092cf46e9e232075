"""Parquet objects: the same rows give the same bytes, and only what is needed is read."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from health_etl.lake.keys import table_key
from health_etl.lake.store import Lake
from health_etl.lake.tables import (
    ROW_GROUP_ROWS,
    TableWriter,
    empty_frame,
    read_frame,
    read_table,
    to_arrow,
    write_table,
)
from health_etl_tests.support.exports import contents, memory_lake

SCHEMA = pa.schema(
    [pa.field("user_id", pa.string(), nullable=False), pa.field("record_id", pa.string()), pa.field("x", pa.float64())]
)
FOLDER = "records/steps/2025-09-21/"


def rows(count: int) -> pd.DataFrame:
    numbers = np.random.default_rng(7).integers(0, 2**62, count)
    return pd.DataFrame(
        {
            "user_id": pd.Series(np.arange(count) // 1000).astype("str"),
            "record_id": [f"{number:032x}" for number in numbers],
            "x": numbers / 3,
        }
    )


def written(lake: Lake, frame: pd.DataFrame, piece: int) -> str:
    with TableWriter(lake, FOLDER, SCHEMA) as writer:
        for start in range(0, len(frame), piece):
            writer.append(to_arrow(frame.iloc[start : start + piece], SCHEMA))
        return table_key(FOLDER, writer.publish())


@pytest.mark.parametrize("count", [1_500, 2 * ROW_GROUP_ROWS + 5])
def test_the_same_rows_give_the_same_bytes_however_they_are_split(count: int) -> None:
    lake, frame = memory_lake(), rows(count)
    made = {written(lake, frame, piece) for piece in (count, 1_000, 999, ROW_GROUP_ROWS)}
    assert len(made) == 1


def test_rows_in_several_row_groups_read_back_as_written() -> None:
    lake, frame = memory_lake(), rows(ROW_GROUP_ROWS + 5)
    key = written(lake, frame, 10_000)
    assert pq.read_metadata(lake.open(key)).num_row_groups == 2
    pd.testing.assert_frame_equal(read_frame(lake, key), frame)


def test_publishing_returns_the_hash_of_the_object_which_is_in_its_name() -> None:
    lake = memory_lake()
    sha256 = write_table(lake, FOLDER, rows(10), SCHEMA)
    ((key, content),) = contents(lake, FOLDER).items()
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert key == table_key(FOLDER, sha256)


def test_nothing_is_in_the_lake_before_it_is_published() -> None:
    lake = memory_lake()
    with TableWriter(lake, FOLDER, SCHEMA) as writer:
        writer.append(to_arrow(rows(10), SCHEMA))
        assert writer.rows == 10
    assert contents(lake, FOLDER) == {}


def test_a_failed_writer_leaves_nothing() -> None:
    lake = memory_lake()
    with TableWriter(lake, FOLDER, SCHEMA) as writer:
        writer.append(to_arrow(rows(10), SCHEMA))
        writer.append(pa.table({"other": [1]}))
        with pytest.raises(pa.ArrowInvalid):
            writer.publish()
    assert contents(lake, FOLDER) == {}


def test_a_table_without_rows_has_its_columns() -> None:
    lake = memory_lake()
    key = table_key(FOLDER, write_table(lake, FOLDER, empty_frame(SCHEMA), SCHEMA))
    assert read_table(lake, key).schema.equals(SCHEMA)
    assert len(read_frame(lake, key)) == 0


def test_only_the_given_people_and_columns_are_read() -> None:
    lake = memory_lake()
    key = table_key(FOLDER, write_table(lake, FOLDER, rows(3_000), SCHEMA))
    found = read_frame(lake, key, columns=["user_id", "x"], people=["0", "2"])
    assert list(found.columns) == ["user_id", "x"]
    assert found["user_id"].value_counts().to_dict() == {"0": 1000, "2": 1000}
    assert len(read_frame(lake, key, people=[])) == 0


def test_a_non_nullable_column_refuses_a_null() -> None:
    frame = rows(2)
    frame.loc[1, "user_id"] = None
    with pytest.raises(ValueError, match="user_id"):
        to_arrow(frame, SCHEMA)
