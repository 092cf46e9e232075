"""The day across types: which days a partition covers, and what every record type measured on them.

What the measurements mean together belongs to clinical/daily_journal/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from health_etl.clinical import day_processor, processors
from health_etl.clinical.common.base import DayProcessor
from health_etl.clinical.common.columns import day_places
from health_etl.days.isolation import isolated
from health_etl.days.listed import united
from health_etl.errors import TransientError
from health_etl.insights.failed_people import FailedPerson, Stage
from health_etl.insights.look_back import SUBJECT_DAY, DaysIndex, EarlierDays
from health_etl.insights.partition import InsightOptions, code_version, has_days
from health_etl.insights.person_days import day_rows
from health_etl.insights.table import CONTEXT, PROFILE
from health_etl.insights.writer import InsightsWriter
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import DerivedManifest, digest
from health_etl.lake.store import Lake
from health_etl.record_types import record_types

# From least to most certain: of a day's zones, the least certain is reported.
_CERTAINTY = ("default", "other_sources", "record")


def indices(catalogue: Catalogue) -> dict[str, DaysIndex]:
    """Return, by type, the index of which partitions measured which days."""
    for name in processors():
        catalogue.insights(name).read_all()
    return {name: DaysIndex(catalogue.insights(name)) for name in processors()}


def days_digest(
    catalogue: Catalogue, types: Mapping[str, DaysIndex], partition: str, options: InsightOptions
) -> str | None:
    """Return the digest of what determines a partition's days; None when no type has that upload date."""
    if not any(partition in catalogue.insights(name) for name in (*types, keys.DAILY_JOURNAL)):
        return None
    used = used_partitions(types, partition)
    parts = [f"{name} {line}" for name, found in used.items() for line in types[name].versions(found)]
    return digest([code_version(keys.DAILY_JOURNAL), options.fingerprint, *parts])


def used_partitions(types: Mapping[str, DaysIndex], partition: str) -> dict[str, list[str]]:
    """Return, by type, the partitions that measured any of the days that some type measured in `partition`."""
    dates = {day for index in types.values() for day in index.dates(partition)}
    return {name: index.measured(dates, partition) for name, index in types.items()}


class Writer:
    """Brings partitions of the day across types up to date, oldest first."""

    def __init__(self, lake: Lake, catalogue: Catalogue, options: InsightOptions) -> None:
        self._catalogue = catalogue
        self._options = options
        # Lists the journal before what it is made from, which is then at least as new.
        self._writer = InsightsWriter(lake, catalogue, keys.DAILY_JOURNAL, options.clinical)
        self._types = indices(catalogue)
        self._joiner = Joiner(lake, catalogue, self._types, options)
        self._failed: dict[str, Exception] = {}

    def stage(self, partitions: Iterable[str]) -> None:
        """Join the days of those partitions that are not current, so that small ones are narrated in one batch."""
        for partition in sorted(partitions):
            try:
                self._stage(partition)
            except TransientError:
                raise
            except Exception as error:  # noqa: BLE001 - raised again by update()
                self._failed[partition] = error

    def _stage(self, partition: str) -> None:
        wanted = days_digest(self._catalogue, self._types, partition, self._options)
        written = self._catalogue.insights(keys.DAILY_JOURNAL).get(partition)
        if wanted is not None and not has_days(written, wanted):
            days, failed = self._joiner.days(partition)
            self._writer.stage(partition, wanted, days, failed)

    def update(self, partition: str) -> DerivedManifest | None:
        """Write a staged partition unless it is current; return its manifest, or None when it is not needed."""
        if partition in self._failed:
            raise self._failed[partition]
        return self._writer.write(partition)


class Joiner:
    """Joins what the types measured, partition by partition; each table is read once."""

    def __init__(
        self, lake: Lake, catalogue: Catalogue, types: Mapping[str, DaysIndex], options: InsightOptions
    ) -> None:
        self._processor = day_processor()
        self._types = types
        self._options = options
        shared = [column.name for column in (*PROFILE, *CONTEXT)]
        self._tables = {
            name: EarlierDays(lake, catalogue.insights(name), [*shared, *_names(self._processor, name)])
            for name in types
        }

    def days(self, partition: str) -> tuple[pd.DataFrame, list[FailedPerson]]:
        """Return the days that any type measured in this partition, with what all types had measured by then, and the
        people for whom that failed; their days are withdrawn.
        """
        requested = self._requested(partition)
        used = used_partitions(self._types, partition)
        people = requested["subject"].unique().tolist()
        known = {
            name: table.latest(used[name], people).merge(requested[SUBJECT_DAY], on=SUBJECT_DAY)
            for name, table in self._tables.items()
        }
        known = {name: rows[~rows["withdrawn"].astype(bool)] for name, rows in known.items()}

        def joined(subjects: Sequence[str]) -> pd.DataFrame:
            mine = {name: rows[rows["subject"].isin(subjects)] for name, rows in known.items()}
            return self._days_of(requested, mine)

        days, failed = isolated(people, joined)
        return days, [FailedPerson(subject, Stage.JOIN, error) for subject, error in failed.items()]

    def _days_of(self, requested: pd.DataFrame, known: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Return every requested day; one that no type knows is withdrawn."""
        if not any(len(rows) for rows in known.values()):
            return day_rows(None, requested[["user_id", "local_date"]], self._processor, self._options.pseudonym_key)
        measured = _joined(requested, known, self._processor)
        has_any = measured["record_count"] > 0
        gone = measured.loc[~has_any, ["user_id", "local_date"]]
        return day_rows(measured[has_any].drop(columns=["subject"]), gone, self._processor, self._options.pseudonym_key)

    def _requested(self, partition: str) -> pd.DataFrame:
        names = [*SUBJECT_DAY, "user_id"]
        frames = [
            table.latest([partition])[names]
            for name, table in self._tables.items()
            if self._types[name].dates(partition)
        ]
        if not frames:
            return pd.DataFrame({name: pd.Series(dtype="str") for name in names})
        requested = pd.concat(frames, ignore_index=True).drop_duplicates(SUBJECT_DAY)
        return requested.sort_values(SUBJECT_DAY, ignore_index=True)


def _names(processor: DayProcessor, record_type: str) -> list[str]:
    return [borrowed.name for borrowed in processor.borrowed if borrowed.record_type == record_type]


def _joined(requested: pd.DataFrame, known: Mapping[str, pd.DataFrame], processor: DayProcessor) -> pd.DataFrame:
    """Return one row per requested day: borrowed metrics, context over all types, record_count 0 if no type has it."""
    columns = [requested]
    for name, found in known.items():
        taken = {b.name: b.metric.name for b in processor.borrowed if b.record_type == name}
        columns.append(_of_days(requested, found, [*taken]).rename(columns=taken))
    stacked = pd.concat(
        [found.assign(type=place) for place, found in enumerate(known.values()) if len(found)], ignore_index=True
    )
    context = _context(stacked, list(known))
    columns.append(_of_days(requested, context, [name for name in context.columns if name not in SUBJECT_DAY]))
    rows = pd.concat(columns, axis=1)
    return rows.assign(record_count=rows["record_count"].fillna(0).astype("int64"))


def _of_days(requested: pd.DataFrame, found: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return columns of the requested days, under their index, null for days that were not found."""
    place = day_places(requested, found, person="subject")
    return found[[*columns]].reset_index(drop=True).reindex(place).set_axis(requested.index)


def _context(stacked: pd.DataFrame, types: Sequence[str]) -> pd.DataFrame:
    """Return the context of each day over all types; `stacked` has one row per day and type, in the types' order."""
    rank = stacked["zone_source"].map({source: place for place, source in enumerate(_CERTAINTY)})
    ordered = stacked.assign(rank=rank, weight=stacked["quality_score"] * stacked["measurement_count"])
    day = ordered.groupby(SUBJECT_DAY, sort=True).ngroup().to_numpy()
    groups = ordered.groupby(day)
    kept = [*SUBJECT_DAY, "day_start_utc", "day_end_utc", "utc_offset_minutes", *(column.name for column in PROFILE)]
    first = groups[kept].first()
    summed = groups[["record_count", "measurement_count", "weight"]].sum()
    least_certain = groups["rank"].min().map(dict(enumerate(_CERTAINTY)))
    places = [found.tolist() for found in np.split(np.argsort(day, kind="stable"), np.cumsum(np.bincount(day))[:-1])]

    def by_day(column: str) -> list[list[Any]]:
        values = stacked[column].tolist()
        return [[values[place] for place in found] for found in places]

    present = [set(found) for found in by_day("type")]
    missing = pd.Series([_missing(found, types) for found in present], dtype="str")
    found = first.join(summed).assign(
        zone_source=least_certain,
        source_apps=pd.Series([united(texts) for texts in by_day("source_apps")], dtype="str"),
        source_keys=pd.Series([_united(lists) for lists in by_day("source_keys")], dtype="object"),
        source_files=pd.Series([_united(lists) for lists in by_day("source_files")], dtype="object"),
        quality_score=(summed["weight"] / summed["measurement_count"]).round(6),
        coverage=pd.Series([len(found) for found in present]) / len(types),
        coverage_reason=missing.where(missing != ""),
    )
    return found.drop(columns=["weight"])


def _missing(found: set[int], types: Sequence[str]) -> str:
    titles = [record_types()[name].title for place, name in enumerate(types) if place not in found]
    return f"not recorded: {', '.join(title[0].lower() + title[1:] for title in titles)}" if titles else ""


def _united(lists: Iterable[Iterable[str]]) -> list[str]:
    return sorted({item for one in lists for item in one})
