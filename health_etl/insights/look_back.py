"""What was measured on earlier days, and by which uploads: the basis of every look-back.

A day looks back on the LOOK_BACK_DAYS days before it, as measured in the partitions up to its own. A partition that
changes a day therefore narrates the person's later days again. That way, the latest partition with a day has looked
back on everything known, in whatever order the uploads arrived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache

import pandas as pd

from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import frame_of, read_table

SUBJECT_DAY = ["subject", "local_date"]
MAX_CACHED_ROWS = 200_000  # person-days held in memory between partitions; beyond that, people are read as needed

_STATE = [*SUBJECT_DAY, "user_id", "withdrawn", "retold"]


class DaysIndex:
    """Which partitions of one kind of insights measured which local dates, according to their manifests."""

    def __init__(self, manifests: Mapping[str, DerivedManifest]) -> None:
        self._partitions: dict[str, set[str]] = defaultdict(set)
        self._dates: dict[str, tuple[str, ...]] = {}
        self._sha256: dict[str, str] = {}
        for partition, manifest in manifests.items():
            details = manifest.details
            self.put(partition, tuple(details.get("local_dates", ())), details.get("days_sha256", ""))

    def put(self, partition: str, dates: tuple[str, ...], days_sha256: str) -> None:
        """Set the dates that a partition measured and the digest of its days, replacing what was known of it."""
        for day in self._dates.get(partition, ()):
            self._partitions[day].discard(partition)
        self._dates[partition] = dates
        self._sha256[partition] = days_sha256
        for day in self._dates[partition]:
            self._partitions[day].add(partition)

    def dates(self, partition: str) -> tuple[str, ...]:
        """Return the local dates that a partition measured; empty for one that was never written."""
        return self._dates.get(partition, ())

    def measured(self, dates: Iterable[str], last: str) -> list[str]:
        """Return the partitions up to `last` that measured one of the dates, in order."""
        found = {partition for day in dates for partition in self._partitions.get(day, ())}
        return sorted(partition for partition in found if partition <= last)

    def around(self, dates: Collection[str], partition: str) -> list[str]:
        """Return the partitions before `partition` that measured a day within look-back distance of one of the dates.

        The distance counts in both directions: days that the dates look back on, and days that look back on them.
        """
        near = {day for one in dates for day in _within_look_back(one)}
        return [name for name in self.measured(near, partition) if name != partition]

    def versions(self, partitions: Iterable[str]) -> list[str]:
        """Return a line for each of these partitions that changes whenever its days change."""
        return [f"{partition} {self._sha256[partition]}" for partition in partitions]


class EarlierDays:
    """Measured days of written partitions, a few columns of each; small tables are read once and cached."""

    def __init__(self, lake: Lake, manifests: Mapping[str, DerivedManifest], columns: Sequence[str]) -> None:
        self._lake = lake
        self._manifests = manifests
        self._columns = [*_STATE, *(column for column in columns if column not in _STATE)]
        self._kept: dict[str, pd.DataFrame] = {}
        self._staged: dict[str, pd.DataFrame] = {}

    def latest(self, partitions: Sequence[str], people: Sequence[str] | None = None) -> pd.DataFrame:
        """Return each of the people's days once, from the last of these partitions (in order) that measured it.

        people: subjects, everybody by default. The result names the partition in a column `partition`.
        """
        frames = [self._read(partition, people) for partition in partitions]
        if people is not None:
            frames = [frame[frame["subject"].isin(people)] for frame in frames]
        frames = [frame for frame in frames if len(frame)]
        if not frames:
            return pd.DataFrame({name: pd.Series(dtype="str") for name in [*self._columns, "partition"]}).astype(
                {"withdrawn": "bool", "retold": "bool"}
            )
        found = pd.concat(frames, ignore_index=True)
        return found.drop_duplicates(SUBJECT_DAY, keep="last", ignore_index=True)

    def stage(self, partition: str, rows: pd.DataFrame) -> None:
        """Use rows that are about to be written in place of the partition's current ones."""
        self._kept.pop(partition, None)
        self._staged[partition] = rows

    def put(self, partition: str, rows: pd.DataFrame) -> None:
        """Cache rows that were just written, so that later partitions need not read them."""
        self._staged.pop(partition, None)
        self._keep(partition, _measured(rows[self._columns], partition))

    def _read(self, partition: str, people: Sequence[str] | None) -> pd.DataFrame:
        if partition in self._staged and partition not in self._kept:
            rows = _measured(self._staged[partition][self._columns], partition)
            self._keep(partition, rows)
            return rows
        if partition not in self._kept:
            key = self._manifests[partition].table_key
            rows = frame_of(read_table(self._lake, key, columns=self._columns))
            if not self._keep(partition, _measured(rows, partition)):
                return _measured(rows if people is None else rows[rows["subject"].isin(people)], partition)
        return self._kept[partition]

    def _keep(self, partition: str, rows: pd.DataFrame) -> bool:
        self._kept.pop(partition, None)
        while self._kept and sum(map(len, self._kept.values())) + len(rows) > MAX_CACHED_ROWS:
            self._kept.pop(min(self._kept))
        if len(rows) <= MAX_CACHED_ROWS:
            self._kept[partition] = rows
        return partition in self._kept


def to_renarrate(days: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return the known days (subject, local_date, partition) that look back on one of `days` but are not among them."""
    pairs = known.loc[~known["withdrawn"], [*SUBJECT_DAY, "partition"]].merge(
        days[SUBJECT_DAY].rename(columns={"local_date": "changed"}), on="subject"
    )
    apart = (pd.to_datetime(pairs["local_date"]) - pd.to_datetime(pairs["changed"])).dt.days
    later = pairs.loc[apart.between(1, LOOK_BACK_DAYS), [*SUBJECT_DAY, "partition"]].drop_duplicates(SUBJECT_DAY)
    marked = later.merge(days[SUBJECT_DAY], on=SUBJECT_DAY, how="left", indicator="place")
    return marked.loc[marked["place"] == "left_only", [*SUBJECT_DAY, "partition"]].reset_index(drop=True)


def _measured(rows: pd.DataFrame, partition: str) -> pd.DataFrame:
    return rows[~rows["retold"].astype(bool)].assign(partition=partition)


@cache
def _within_look_back(day: str) -> tuple[str, ...]:
    middle = date.fromisoformat(day)
    return tuple(
        (middle + timedelta(days=step)).isoformat() for step in range(-int(LOOK_BACK_DAYS), int(LOOK_BACK_DAYS) + 1)
    )
