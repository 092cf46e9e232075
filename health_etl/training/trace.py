"""From a training line back to what it was made from: the person, the objects, the records. For the lake's owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pandas as pd

from health_etl.clinical import all_processors, processors
from health_etl.clinical.common.base import Level
from health_etl.days.select import rows_on_dates
from health_etl.insights.texts import example_id
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame
from health_etl.record_types import record_types

RECORD_COLUMNS = ("record_type", "record_id", "start_utc", "end_utc", "source_app", "source_key")


@dataclass(frozen=True)
class Traced:
    """What an example was made from.

    level: None if the id is that of the day in the insights table. records: RECORD_COLUMNS, one row per record, in
    order of type and time; of the day as the records tables have it now.
    """

    name: str
    level: Level | None
    user_id: str
    local_date: str
    partition: str
    source_keys: tuple[str, ...]  # none if the day has been withdrawn
    records: pd.DataFrame


@dataclass(frozen=True)
class _Day:
    name: str
    level: Level | None
    subject: str
    local_date: str
    partition: str


def trace(
    lake: Lake, wanted: str, default_zone: ZoneInfo | int, searching: Callable[[int, int], None] = lambda *_: None
) -> Traced | None:
    """Return what the example with that id was made from; None if no insight of the lake has it.

    Ids cannot be reversed, so the ids of all person-days are computed, those of the latest uploads first.
    `searching` is called with the number of insights tables searched so far, and the total.
    """
    catalogue = Catalogue(lake)
    day = _find(lake, catalogue, wanted, searching)
    if day is None:
        return None
    key = catalogue.insights(day.name)[day.partition].table_key
    rows = read_frame(lake, key, people=[day.subject], person_column="subject")
    row = rows[rows["local_date"] == day.local_date].iloc[0]
    source_keys = () if row["withdrawn"] else tuple(row["source_keys"])
    records = [
        _records(lake, catalogue, name, row["user_id"], day.local_date, source_keys, default_zone)
        for name in ([day.name] if day.name in processors() else processors())
    ]
    found = pd.concat(records, ignore_index=True)
    return Traced(day.name, day.level, row["user_id"], day.local_date, day.partition, source_keys, found)


def _find(lake: Lake, catalogue: Catalogue, wanted: str, searching: Callable[[int, int], None]) -> _Day | None:
    tables = sorted(
        ((partition, name) for name in all_processors() for partition in catalogue.insights(name)), reverse=True
    )
    seen: dict[str, set[tuple[str, str]]] = {name: set() for name in all_processors()}
    for count, (partition, name) in enumerate(tables, start=1):
        rows = read_frame(lake, catalogue.insights(name)[partition].table_key, columns=["subject", "local_date"])
        days = set(zip(rows["subject"], rows["local_date"], strict=True)) - seen[name]
        seen[name] |= days
        for subject, local_date in days:
            for level, found in _ids(subject, name, local_date):
                if found == wanted:
                    return _Day(name, level, subject, local_date, partition)
        searching(count, len(tables))
    return None


def _ids(subject: str, name: str, local_date: str) -> Iterator[tuple[Level | None, str]]:
    for level in (None, *Level):
        yield level, example_id(subject, name, local_date, level)


def _records(
    lake: Lake,
    catalogue: Catalogue,
    name: str,
    user_id: str,
    local_date: str,
    source_keys: tuple[str, ...],
    default_zone: ZoneInfo | int,
) -> pd.DataFrame:
    manifests = catalogue.records(name)
    manifests.read_all()
    rows = rows_on_dates(
        lake, record_types()[name], [user_id], [local_date], manifests, catalogue.offsets, default_zone
    )
    rows = rows[rows["source_key"].isin(source_keys)]
    if "start_utc" not in rows:
        rows = rows.rename(columns={"time_utc": "start_utc"}).assign(end_utc=lambda frame: frame["start_utc"])
    rows = rows.assign(record_type=name).drop_duplicates("record_id")
    return rows.sort_values(["start_utc", "record_id"], ignore_index=True)[list(RECORD_COLUMNS)]
