"""Selection of several partitions in one frame. With little data per partition, fixed costs dominate a range of dates.

In such a frame user ids are qualified by the target partition, the one that rows were selected for. Code that works
person by person therefore never mixes rows of different partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

import pandas as pd

from health_etl.days import utc_offsets
from health_etl.days.select import Selection, Window, build_selection, select
from health_etl.lake.manifest import DerivedManifest, RecordsManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import empty_frame, read_frame
from health_etl.record_types.base import RecordType

# Rows in all windows of a batch. Beyond that the data take most of the time, and larger batches only cost memory.
BATCH_ROWS = 50_000
_SEPARATOR = "\n"  # occurs in no user id, and sorts people by partition first


def batches(
    windows: Mapping[str, Window], records: Mapping[str, RecordsManifest], offsets: Mapping[str, DerivedManifest]
) -> Iterator[dict[str, Window]]:
    """Group partitions, in order, into batches whose windows together hold at most BATCH_ROWS rows."""
    batch: dict[str, Window] = {}
    batch_size = 0
    for partition, window in windows.items():
        rows = sum(records[name].measurement_rows for name in window.records)
        rows += sum(offsets[name].rows for name in window.offsets)
        if batch and batch_size + rows > BATCH_ROWS:
            yield batch
            batch, batch_size = {}, 0
        batch[partition] = window
        batch_size += rows
    if batch:
        yield batch


def select_batch(
    lake: Lake, record_type: RecordType, windows: Mapping[str, Window], default_zone: ZoneInfo | int
) -> Selection:
    """Return the selection of these partitions as one; user ids are qualified if there are several partitions."""
    if len(windows) == 1:
        ((partition, window),) = windows.items()
        return select(lake, record_type, partition, window, default_zone)
    records = _read_all(lake, (window.records for window in windows.values()))
    stated = _read_all(lake, (window.offsets for window in windows.values()))
    stated = empty_frame(utc_offsets.SCHEMA).assign(partition=pd.Series(dtype="str")) if stated is None else stated
    if records is None:
        raise ValueError("no window has records to select from")
    people = pd.concat([_people_by_target(records, windows), _people_by_target(stated, windows)]).drop_duplicates(
        ignore_index=True
    )
    rows = _rows_by_target(records, people, {target: window.records for target, window in windows.items()})
    offsets = _rows_by_target(stated, people, {target: window.offsets for target, window in windows.items()})
    return build_selection(rows, offsets, windows, record_type, default_zone)


def _read_all(lake: Lake, tables: Iterable[Mapping[str, str]]) -> pd.DataFrame | None:
    keys = {partition: key for of_window in tables for partition, key in of_window.items()}
    frames = [read_frame(lake, key).assign(partition=partition) for partition, key in sorted(keys.items())]
    return pd.concat(frames, ignore_index=True) if frames else None


def _people_by_target(rows: pd.DataFrame, windows: Mapping[str, Window]) -> pd.DataFrame:
    """Return the people of each target partition: those with rows in the partition itself."""
    own = rows.loc[rows["partition"].isin(windows), ["partition", "user_id"]].drop_duplicates()
    return own.rename(columns={"partition": "target"})


def _rows_by_target(
    rows: pd.DataFrame, people: pd.DataFrame, partitions_by_target: Mapping[str, Iterable[str]]
) -> pd.DataFrame:
    """Return the rows of every window for the people of its target partition, in order, with qualified user ids."""
    pairs = pd.DataFrame(
        [(target, name) for target, names in partitions_by_target.items() for name in names],
        columns=["target", "partition"],
    )
    pairs = pairs.astype("str").merge(people, on="target")
    places = rows[["partition", "user_id"]].assign(place=range(len(rows))).merge(pairs, on=["partition", "user_id"])
    places = places.sort_values(["target", "place"])
    found = rows.take(places["place"].to_numpy()).assign(target=places["target"].to_numpy())
    return found.assign(user_id=qualify_people(found["target"], found["user_id"])).reset_index(drop=True)


def qualify_people(partitions: str | pd.Series[str], people: pd.Series[str]) -> pd.Series[str]:
    """Qualify user ids by partition."""
    return partitions + _SEPARATOR + people


def are_qualified(people: pd.Series[str]) -> bool:
    """Tell whether user ids are qualified by a partition."""
    return bool(len(people)) and _SEPARATOR in str(people.iloc[0])


def unqualify_people(people: pd.Series[str]) -> pd.Series[str]:
    """Return plain user ids, whether or not they are qualified."""
    return people.str.split(_SEPARATOR, n=1).str[-1] if are_qualified(people) else people


def partition_of(people: pd.Series[str]) -> pd.Series[str]:
    """Return the partition of each qualified user id."""
    return people.str.split(_SEPARATOR, n=1).str[0]


def split_by_partition(rows: pd.DataFrame, person_column: str) -> dict[str, pd.DataFrame]:
    """Split rows with qualified user ids by partition; the user ids in the result are plain."""
    people = rows[person_column]
    named = rows.assign(**{person_column: unqualify_people(people)})
    groups = named.groupby(partition_of(people).to_numpy()) if len(rows) else ()
    return {str(partition): found.reset_index(drop=True) for partition, found in groups}
