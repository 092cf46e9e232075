"""Selection of the local days that an upload touched, with every measurement of those days.

An insights partition covers the days that its uploads touched, each computed from everything known by then: the
records in the look-back window. The latest partition that touches a day is therefore authoritative for it, in
whatever order uploads arrive. Days that lost their last measurement are listed, so that they can be withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from health_etl.days import utc_offsets
from health_etl.days.isolation import isolated
from health_etl.days.listed import listed
from health_etl.days.source_labels import with_source_ids
from health_etl.lake.manifest import DerivedManifest, RecordsManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import empty_frame, read_frame, read_table
from health_etl.record_types.base import RecordType
from health_etl.records.dedupe import RECORD, is_latest_version
from health_etl.records.local_time import PERSON_DAY, add_local_time, assign_days, day_bounds
from health_etl.records.validate import UPLOAD_GRACE

UPLOAD_WINDOW_DAYS = 7
DAY_REACH = 3  # how many UTC dates the rows of one local day or night can be apart, at any offset


@dataclass(frozen=True)
class Selection:
    """Measurements by local day, the days themselves, and days that no longer have a measurement.

    failed: people whose days could not be found, with the class of the error; they have no rows and no days.
    """

    rows: pd.DataFrame
    days: pd.DataFrame
    withdrawn: pd.DataFrame  # user_id, local_date
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def people(self) -> list[str]:
        """Everybody with a day, sorted."""
        return sorted({*self.days["user_id"], *self.withdrawn["user_id"]})

    def only(self, people: Sequence[str]) -> Selection:
        """Return the selection with the days of everybody but these people withdrawn."""
        if set(people) >= set(self.days["user_id"]):
            return self
        kept = self.days["user_id"].isin(people)
        withdrawn = pd.concat([self.withdrawn, self.days.loc[~kept, PERSON_DAY]], ignore_index=True)
        rows = self.rows[self.rows["user_id"].isin(people)].reset_index(drop=True)
        return replace(
            self,
            rows=rows,
            days=self.days[kept].reset_index(drop=True),
            withdrawn=withdrawn.sort_values(PERSON_DAY, ignore_index=True),
        )


@dataclass(frozen=True)
class Window:
    """The partitions that an insights partition is computed from, in order, each with the key of its table."""

    first: str  # records uploaded since then can touch days; older ones only complete those days
    records: Mapping[str, str]
    offsets: Mapping[str, str]  # empty if every record states an offset that is trusted


def window(partition: str, records: Mapping[str, RecordsManifest], offsets: Mapping[str, DerivedManifest]) -> Window:
    """Return the window of a partition, given the manifests of the type's records and of the offsets, by partition.

    It covers UPLOAD_WINDOW_DAYS days up to the partition, plus the older partitions that share a day with them, so that
    every touched day is complete.
    """
    first = _shift_day(partition, -UPLOAD_WINDOW_DAYS)
    recent = [name for name in sorted(records) if first <= name <= partition]
    of_records = (*_older_partitions(first, recent, records), *recent)
    unzoned = any(records[name].unzoned for name in of_records)
    of_offsets = [name for name in sorted(offsets) if name in of_records or first <= name <= partition]
    return Window(first, _tables(records, of_records), _tables(offsets, of_offsets if unzoned else ()))


def _tables(
    manifests: Mapping[str, RecordsManifest] | Mapping[str, DerivedManifest], names: Iterable[str]
) -> dict[str, str]:
    return {name: manifests[name].table_key for name in names}


def _older_partitions(first: str, recent: Sequence[str], records: Mapping[str, RecordsManifest]) -> list[str]:
    dates = _near_dates(day for name in recent for day in records[name].utc_dates)
    if not dates:
        return []
    since = _shift_day(min(dates), -UPLOAD_GRACE.days)  # no earlier upload can contain these dates
    candidates = [name for name in sorted(records) if since <= name < first]
    return [name for name in candidates if not dates.isdisjoint(records[name].utc_dates)]


def _near_dates(days: Iterable[str]) -> set[str]:
    return {_shift_day(day, step) for day in days for step in range(-DAY_REACH, DAY_REACH + 1)}


def _shift_day(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def select(
    lake: Lake, record_type: RecordType, partition: str, window: Window, default_zone: ZoneInfo | int
) -> Selection:
    """Return the measurements of every local day that the uploads of `partition` touched.

    Records that state no offset take that of the person's other records, so an upload with new offsets also touches
    the days of records that it moves. People whose records cannot be selected are left out and named in `failed`.
    """
    rows, offsets = read_one(lake, partition, window)
    everybody = sorted({*rows["user_id"].unique(), *offsets["user_id"].unique()})

    def selected(people: Sequence[str]) -> Selection:
        mine = [rows, offsets]
        if len(people) < len(everybody):
            mine = [frame[frame["user_id"].isin(people)].reset_index(drop=True) for frame in mine]
        return build_selection(mine[0], mine[1], {partition: window}, record_type, default_zone)

    found, failed = isolated(everybody, selected)
    return replace(found, failed=failed)


def build_selection(
    rows: pd.DataFrame,
    offsets: pd.DataFrame,
    windows: Mapping[str, Window],
    record_type: RecordType,
    default_zone: ZoneInfo | int,
) -> Selection:
    """Return the days touched by the uploads of these partitions, given the rows and offsets of their windows.

    The column `target` of both frames names the partition they were read for; no user id may occur in two targets.
    In the selection, sources whose names are not shown have ids (source_labels.py).
    """
    rows = with_source_ids(rows)
    rows = rows.assign(is_latest=is_latest_version(_qualify_sources(rows)), row=range(len(rows)))
    now = _assign_days(rows, offsets, record_type, default_zone)
    earlier = offsets[offsets["partition"] < offsets["target"]]
    are_any_stated = offsets["utc_offset_minutes"].notna().any()
    before = _assign_days(rows, earlier, record_type, default_zone) if are_any_stated else now
    touched = _touched_days(now, before, windows)
    current = now[now["is_latest"]].merge(touched, on=PERSON_DAY)
    current = current.drop(columns=["is_latest", "row", "partition", "target"])
    days = _summarize_days(current, record_type)
    if len(days) < current[PERSON_DAY].drop_duplicates().shape[0]:  # some dates did not exist
        current = current.merge(days[PERSON_DAY], on=PERSON_DAY)
    gone = touched.merge(days[PERSON_DAY], on=PERSON_DAY, how="left", indicator=True)
    withdrawn = gone.loc[gone["_merge"] == "left_only", PERSON_DAY]
    return Selection(current, days, withdrawn.sort_values(PERSON_DAY, ignore_index=True))


def read_one(lake: Lake, partition: str, window: Window) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows and offsets of a partition's window, only for people in the partition itself."""
    people = _people(lake, partition, window)
    rows = _read_rows(lake, window.records, people)
    offsets = utc_offsets.evidence(lake, window.offsets, people)
    if not offsets["utc_offset_minutes"].notna().any():
        rows = rows[_may_matter(rows, partition)].reset_index(drop=True)
    return rows.assign(target=partition), offsets.assign(target=partition)


def _may_matter(rows: pd.DataFrame, partition: str) -> pd.Series[bool]:
    """Mark the rows that may share a day with an upload of `partition`, where no offset moves others.

    Those are the rows near in time to one of its records, or to another version of one. Where a record has several
    versions, all are kept: an older one must not be taken for the latest.
    """
    own = rows["partition"] == partition
    records = rows[["user_id", "record_id", *RECORD]].drop_duplicates(RECORD)
    several = records.loc[records.duplicated(["user_id", "record_id"], keep=False), "record_id"]
    versions = rows["record_id"].isin(several)
    touched = versions & rows["record_id"].isin(rows.loc[own & versions, "record_id"])
    columns = [name for name in ("time_utc", "start_utc", "end_utc") if name in rows]
    days = rows[columns].apply(lambda times: times.dt.tz_localize(None).to_numpy("datetime64[D]").astype("int64"))
    near = {int(day) + step for day in np.unique(days[own | touched]) for step in range(-DAY_REACH, DAY_REACH + 1)}
    matters: pd.Series[bool] = versions | days.isin(near).any(axis=1)
    return matters


def rows_on_dates(
    lake: Lake,
    record_type: RecordType,
    people: Sequence[str],
    dates: Sequence[str],
    records: Mapping[str, RecordsManifest],
    offsets: Mapping[str, DerivedManifest],
    default_zone: ZoneInfo | int,
) -> pd.DataFrame:
    """Return every measurement of these people on these local dates, the latest version of each record.

    `records` and `offsets` are the manifests of the type's records and of the offsets, by partition. All uploads with
    measurements near the dates are taken into account.
    """
    near = _near_dates(dates)
    used = [name for name in sorted(records) if not near.isdisjoint(records[name].utc_dates)]
    if not used:
        return empty_frame(record_type.arrow_schema).assign(local_date=pd.Series(dtype="str"))
    rows = _read_rows(lake, _tables(records, used), people)
    rows = rows[is_latest_version(rows)]
    last = _shift_day(used[-1], UPLOAD_WINDOW_DAYS)
    of_offsets = _tables(offsets, (name for name in sorted(offsets) if used[0] <= name <= last))
    evidence = utc_offsets.evidence(lake, of_offsets, people)
    placed = _assign_days(rows, evidence, record_type, default_zone)
    found = placed[placed["local_date"].isin(dates)]
    return found.drop(columns=["partition"]).reset_index(drop=True)


def _people(lake: Lake, partition: str, window: Window) -> list[str]:
    found: set[str] = set()
    if partition in window.records:
        table = read_table(lake, window.records[partition], columns=["user_id"])
        found.update(table["user_id"].unique().to_pylist())
    if partition in window.offsets:
        found.update(utc_offsets.people(lake, window.offsets[partition]))
    return sorted(found)


def _read_rows(lake: Lake, tables: Mapping[str, str], people: Sequence[str]) -> pd.DataFrame:
    frames = [read_frame(lake, key, people=people).assign(partition=name) for name, key in tables.items()]
    return pd.concat(frames, ignore_index=True)


def _qualify_sources(rows: pd.DataFrame) -> pd.DataFrame:
    """Make sources unique per target: rows are identified by source, and several targets may have copies of a row."""
    if "target" not in rows or rows["target"].nunique() <= 1:
        return rows
    return rows.assign(source_key=rows["target"] + " " + rows["source_key"])


def _assign_days(
    rows: pd.DataFrame, offsets: pd.DataFrame, record_type: RecordType, default_zone: ZoneInfo | int
) -> pd.DataFrame:
    evidence = utc_offsets.latest(_qualify_sources(offsets))
    return assign_days(add_local_time(rows, evidence, default_zone), record_type.day_anchor)


def _touched_days(now: pd.DataFrame, before: pd.DataFrame, windows: Mapping[str, Window]) -> pd.DataFrame:
    """Return the person-days of all versions of the uploaded records, and of rows that moved to another day."""
    uploaded = now.loc[now["partition"] == now["target"], ["user_id", "record_id"]].drop_duplicates()
    both = now if before is now else pd.concat([now, before], ignore_index=True)
    both = both[both["partition"] >= both["target"].map({target: window.first for target, window in windows.items()})]
    touched = both.merge(uploaded, on=["user_id", "record_id"])[PERSON_DAY]
    if before is not now:
        places = ["row", "local_date", "utc_offset_minutes", "end_utc_offset_minutes", "zone_source"]
        moved = both[~both.duplicated(["user_id", *places], keep=False)][PERSON_DAY]
        touched = pd.concat([touched, moved], ignore_index=True)
    return touched.drop_duplicates(ignore_index=True)


def _summarize_days(rows: pd.DataFrame, record_type: RecordType) -> pd.DataFrame:
    days = day_bounds(rows, record_type.day_anchor)
    groups = rows.groupby(PERSON_DAY)
    counts = groups.agg(record_count=("record_id", "nunique"), measurement_count=("record_id", "size"))
    apps = rows[[*PERSON_DAY, "source_app"]].drop_duplicates().sort_values([*PERSON_DAY, "source_app"])
    joined = listed(apps, PERSON_DAY, "source_app").rename("source_apps")
    return days.merge(counts.join(joined).reset_index(), on=PERSON_DAY).sort_values(PERSON_DAY, ignore_index=True)
