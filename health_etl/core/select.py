"""Which local days an upload touched, and every measurement of those days.

An insights partition covers the days that its upload touched, each computed from all that was known by then: the
records of the look-back window. The latest partition that touches a day therefore has the last word on it,
whatever the order in which uploads came. A day that lost its last measurement is named, so that it can be
withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from health_etl.core import keys, utc_offsets
from health_etl.core.dedupe import is_latest_version
from health_etl.core.lake import Lake
from health_etl.core.local_time import assign_days, day_bounds, with_local_time
from health_etl.core.manifest import DerivedManifest, RecordsManifest
from health_etl.core.tables import read_frame, read_table
from health_etl.record_types.base import RecordType

LOOK_BACK_DAYS = 7
PERSON_DAY = ["user_id", "local_date"]


@dataclass(frozen=True)
class Selection:
    """Measurements by local day, the days themselves, and days that hold no measurement any more."""

    rows: pd.DataFrame
    days: pd.DataFrame
    withdrawn: pd.DataFrame  # user_id, local_date


@dataclass(frozen=True)
class Window:
    """Which partitions decide what an insights partition holds, each list in order."""

    records: tuple[str, ...]
    offsets: tuple[str, ...]  # empty where every record states an offset that is believed


def window(partition: str, records: Mapping[str, RecordsManifest], offsets: Mapping[str, DerivedManifest]) -> Window:
    """Return the window of a type's partition, given the manifests of its records and of the offsets, by partition.

    It holds the last LOOK_BACK_DAYS days up to the partition, and older partitions that share a date with it: a
    late file or a long history is joined with what was known of its days.
    """
    first = (date.fromisoformat(partition) - timedelta(days=LOOK_BACK_DAYS)).isoformat()
    recent = [name for name in sorted(records) if first <= name <= partition]
    of_records = (*_older(partition, first, records), *recent)
    unzoned = any(records[name].unzoned for name in of_records)
    of_offsets = tuple(name for name in sorted(offsets) if name in of_records or first <= name <= partition)
    return Window(of_records, of_offsets if unzoned else ())


def _older(partition: str, first: str, records: Mapping[str, RecordsManifest]) -> list[str]:
    touched = _widened(records[partition].utc_dates) if partition in records else set()
    if not touched or min(touched) >= first:  # the usual case reads no older manifest
        return []
    older = [name for name in sorted(records) if name < first]
    return [name for name in older if not touched.isdisjoint(records[name].utc_dates)]


def select(
    lake: Lake, record_type: RecordType, partition: str, window: Window, default_zone: ZoneInfo | int
) -> Selection:
    """Return the measurements of every local day that the uploads of `partition` touched.

    Records that state no offset take that of the person's other records; an upload that brings such evidence
    touches the days which it moves.
    """
    people = _people(lake, record_type, partition, window)
    rows = _read(lake, record_type, window.records, people)
    offsets = utc_offsets.evidence(lake, window.offsets, people)
    now = _placed(rows, offsets, record_type, default_zone)
    earlier = offsets[offsets["partition"] < partition]
    before = _placed(rows, earlier, record_type, default_zone) if len(offsets) else now
    touched = _touched(rows, now, before, partition)
    current = now[now["is_latest"]].merge(touched, on=PERSON_DAY)
    current = current.drop(columns=["is_latest", "row", "partition"])
    days = _days(current, record_type)
    gone = touched.merge(days[PERSON_DAY], on=PERSON_DAY, how="left", indicator=True)
    withdrawn = gone.loc[gone["_merge"] == "left_only", PERSON_DAY]
    return Selection(current, days, withdrawn.sort_values(PERSON_DAY, ignore_index=True))


def _people(lake: Lake, record_type: RecordType, partition: str, window: Window) -> list[str]:
    found: set[str] = set()
    if partition in window.records:
        table = read_table(lake, keys.records_key(record_type.name, partition), columns=["user_id"])
        found.update(table["user_id"].unique().to_pylist())
    if partition in window.offsets:
        found.update(utc_offsets.people(lake, partition))
    return sorted(found)


def _read(lake: Lake, record_type: RecordType, partitions: Sequence[str], people: Sequence[str]) -> pd.DataFrame:
    frames = [
        read_frame(lake, keys.records_key(record_type.name, name), people=people).assign(partition=name)
        for name in partitions
    ]
    rows = pd.concat(frames, ignore_index=True)
    return rows.assign(is_latest=is_latest_version(rows), row=range(len(rows)))


def _placed(
    rows: pd.DataFrame, offsets: pd.DataFrame, record_type: RecordType, default_zone: ZoneInfo | int
) -> pd.DataFrame:
    return assign_days(with_local_time(rows, utc_offsets.latest(offsets), default_zone), record_type.day_anchor)


def _touched(rows: pd.DataFrame, now: pd.DataFrame, before: pd.DataFrame, partition: str) -> pd.DataFrame:
    """Return the person-days of all versions of the uploaded records, and of rows that changed their day."""
    uploaded = rows.loc[rows["partition"] == partition, ["user_id", "record_id"]].drop_duplicates()
    both = pd.concat([now, before], ignore_index=True)
    of_upload = both.merge(uploaded, on=["user_id", "record_id"])[PERSON_DAY]
    places = ["row", "local_date", "utc_offset_minutes", "end_utc_offset_minutes", "zone_source"]
    moved = both[~both.duplicated(["user_id", *places], keep=False)][PERSON_DAY]
    return pd.concat([of_upload, moved], ignore_index=True).drop_duplicates(ignore_index=True)


def _days(rows: pd.DataFrame, record_type: RecordType) -> pd.DataFrame:
    days = day_bounds(rows, record_type.day_anchor)
    groups = rows.groupby(PERSON_DAY)
    counts = groups.agg(record_count=("record_id", "nunique"), measurement_count=("record_id", "size"))
    apps = rows[[*PERSON_DAY, "source_app"]].drop_duplicates().sort_values([*PERSON_DAY, "source_app"])
    joined = apps.groupby(PERSON_DAY)["source_app"].agg(", ".join).rename("source_apps")
    return days.merge(counts.join(joined).reset_index(), on=PERSON_DAY).sort_values(PERSON_DAY, ignore_index=True)


def _widened(dates: Sequence[str]) -> set[str]:
    """Return these UTC dates and their neighbours, which local days reach into."""
    one = timedelta(days=1)
    whole = {date.fromisoformat(day) + step for day in dates for step in (-one, 0 * one, one)}
    return {day.isoformat() for day in whole}
