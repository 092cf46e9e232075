"""Several partitions in one frame. Where each holds little, the number of steps decides how long a range takes.

A person of each partition is named for that partition alone, so whatever looks at people one by one never meets
another partition's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

import pandas as pd

from health_etl.days import utc_offsets
from health_etl.days.select import Selection, Window, build_selection, select
from health_etl.lake import keys
from health_etl.lake.manifest import DerivedManifest, RecordsManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import empty_frame, read_frame
from health_etl.record_types.base import RecordType

# Rows of all windows of a batch; from there on it is the data that take time, and they need memory for once only.
BATCH_ROWS = 50_000
_BETWEEN = "\n"  # in no name; puts people in order of the partitions first


def batches(
    windows: Mapping[str, Window], records: Mapping[str, RecordsManifest], offsets: Mapping[str, DerivedManifest]
) -> Iterator[dict[str, Window]]:
    """Group partitions, in order, so that the rows which they look back on stay within BATCH_ROWS."""
    batch: dict[str, Window] = {}
    held = 0
    for partition, window in windows.items():
        rows = sum(records[name].measurement_rows for name in window.records)
        rows += sum(offsets[name].rows for name in window.offsets)
        if batch and held + rows > BATCH_ROWS:
            yield batch
            batch, held = {}, 0
        batch[partition] = window
        held += rows
    if batch:
        yield batch


def select_batch(
    lake: Lake, record_type: RecordType, windows: Mapping[str, Window], default_zone: ZoneInfo | int
) -> Selection:
    """Return the selections of these partitions as one, people of several named as below."""
    if len(windows) == 1:
        ((partition, window),) = windows.items()
        return select(lake, record_type, partition, window, default_zone)
    known = _tables(lake, record_type.name, (name for window in windows.values() for name in window.records))
    stated = _tables(lake, keys.UTC_OFFSETS, (name for window in windows.values() for name in window.offsets))
    stated = empty_frame(utc_offsets.SCHEMA).assign(partition=pd.Series(dtype="str")) if stated is None else stated
    if known is None:
        raise ValueError("windows without records select nothing")
    people = pd.concat([_people(known, windows), _people(stated, windows)]).drop_duplicates(ignore_index=True)
    rows = _of_windows(known, people, {target: window.records for target, window in windows.items()})
    offsets = _of_windows(stated, people, {target: window.offsets for target, window in windows.items()})
    return build_selection(rows, offsets, windows, record_type, default_zone)


def _tables(lake: Lake, name: str, partitions: Iterable[str]) -> pd.DataFrame | None:
    frames = [
        read_frame(lake, keys.records_key(name, partition)).assign(partition=partition)
        for partition in sorted(set(partitions))
    ]
    return pd.concat(frames, ignore_index=True) if frames else None


def _people(rows: pd.DataFrame, windows: Mapping[str, Window]) -> pd.DataFrame:
    """Return who is selected for: everybody of the partition itself."""
    own = rows.loc[rows["partition"].isin(windows), ["partition", "user_id"]].drop_duplicates()
    return own.rename(columns={"partition": "target"})


def _of_windows(rows: pd.DataFrame, people: pd.DataFrame, used: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """Return the rows of every window, for its people alone, in order; each person named for one partition."""
    pairs = pd.DataFrame(
        [(target, name) for target, names in used.items() for name in names], columns=["target", "partition"]
    )
    pairs = pairs.astype("str").merge(people, on="target")
    places = rows[["partition", "user_id"]].assign(place=range(len(rows))).merge(pairs, on=["partition", "user_id"])
    places = places.sort_values(["target", "place"])
    found = rows.take(places["place"].to_numpy()).assign(target=places["target"].to_numpy())
    return found.assign(user_id=qualify_people(found["target"], found["user_id"])).reset_index(drop=True)


def qualify_people(partitions: str | pd.Series[str], people: pd.Series[str]) -> pd.Series[str]:
    """Return people's names for these partitions alone."""
    return partitions + _BETWEEN + people


def are_qualified(people: pd.Series[str]) -> bool:
    """Say whether people are named for a partition alone."""
    return bool(len(people)) and _BETWEEN in str(people.iloc[0])


def unqualify_people(people: pd.Series[str]) -> pd.Series[str]:
    """Return people's own names, whether or not they are named for a partition."""
    return people.str.split(_BETWEEN, n=1).str[-1] if are_qualified(people) else people


def partition_of(people: pd.Series[str]) -> pd.Series[str]:
    """Return the partition that each name is for."""
    return people.str.split(_BETWEEN, n=1).str[0]


def split_by_partition(rows: pd.DataFrame, person_column: str) -> dict[str, pd.DataFrame]:
    """Return the rows of every partition, with people's own names."""
    people = rows[person_column]
    named = rows.assign(**{person_column: unqualify_people(people)})
    groups = named.groupby(partition_of(people).to_numpy()) if len(rows) else ()
    return {str(partition): found.reset_index(drop=True) for partition, found in groups}
