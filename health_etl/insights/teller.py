"""Days as measured to a written partition: the look-back beside each day, the texts, the table."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from health_etl.clinical import all_processors
from health_etl.clinical.base import ClinicalOptions, Telling
from health_etl.clinical.look_back import earlier_days
from health_etl.core import keys
from health_etl.core.catalogue import Catalogue
from health_etl.core.lake import Lake
from health_etl.core.manifest import DerivedManifest
from health_etl.core.tables import frame_of, read_table
from health_etl.insights.history import SUBJECT_DAY, DaysIndex, EarlierDays, to_tell_anew
from health_etl.insights.partition import is_current, told_digest, write
from health_etl.insights.table import day_schema
from health_etl.insights.texts import narrate


class Teller:
    """Tells partitions of one kind of insights, oldest first; knows what it has told."""

    def __init__(self, lake: Lake, catalogue: Catalogue, name: str, options: ClinicalOptions) -> None:
        self.processor = all_processors()[name]
        self._manifests = catalogue.insights(name)
        self._manifests.read_all()
        self.index = DaysIndex(self._manifests)
        self._lake = lake
        self._options = options
        self._earlier = EarlierDays(lake, name, self.processor.carried)

    def tell(self, partition: str, days_digest: str, days: pd.DataFrame) -> DerivedManifest:
        """Write a partition from its days as measured (columns of day_schema)."""
        dates = tuple(sorted(days["local_date"].unique()))
        known = self._earlier.latest(self.index.around(dates, partition), days["subject"].unique().tolist())
        anew = self._whole(to_tell_anew(days, known))
        rows = pd.concat([days, *anew], ignore_index=True) if anew else days
        rows = rows.sort_values(SUBJECT_DAY, ignore_index=True)
        told = narrate(with_trends(rows, _history(known, days), self.processor, self._options), self.processor)
        digests = (days_digest, told_digest(days_digest, self.index, partition, dates))
        manifest = write(self._lake, self.processor, partition, digests, told)
        self.index.put(partition, manifest)
        self._earlier.put(partition, told)
        return manifest

    def told_up_to_date(self, partition: str) -> DerivedManifest | None:
        """Tell a written partition anew where what it looks back on has changed; None when it is not written."""
        written = self._manifests.get(partition)
        if written is None or is_current(written, written.details["days_digest"], self.index):
            return written
        rows = self._read(partition)
        days = rows[~rows["retold"].astype(bool)].reset_index(drop=True)
        return self.tell(partition, written.details["days_digest"], days)

    def _whole(self, wanted: pd.DataFrame) -> list[pd.DataFrame]:
        return list(self._rows_of(wanted)) if len(wanted) else []

    def _rows_of(self, wanted: pd.DataFrame) -> Iterator[pd.DataFrame]:
        for partition, days in wanted.groupby("partition"):
            rows = self._read(str(partition), days["subject"].unique().tolist())
            rows = rows[~rows["retold"].astype(bool)]
            yield rows.merge(days[SUBJECT_DAY], on=SUBJECT_DAY).assign(retold=True)

    def _read(self, partition: str, people: list[str] | None = None) -> pd.DataFrame:
        names = day_schema(self.processor).names
        key = keys.insights_key(self.processor.name, partition)
        return frame_of(read_table(self._lake, key, columns=names, people=people, person_column="subject"))


def with_trends(
    rows: pd.DataFrame, history: pd.DataFrame, processor: Telling, options: ClinicalOptions
) -> pd.DataFrame:
    """Add the processor's trends to measured days, given every day that they may look back on, each once."""
    names = [metric.name for metric in processor.trends]
    told = rows[~rows["withdrawn"].astype(bool)]
    if processor.look_back is None or not len(told):
        return rows.reindex(columns=[*rows.columns, *names])
    earlier = earlier_days(told, history, processor.carried)
    found = processor.look_back(told.reset_index(drop=True), earlier, options)
    return rows.join(found[names].set_axis(told.index))


def _history(known: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """Return every known day once, those of the partition itself in place of earlier versions."""
    shared = [name for name in known.columns if name in days.columns]
    both = pd.concat([known[shared], days[shared]], ignore_index=True) if len(known) else days[shared]
    latest = both.drop_duplicates(SUBJECT_DAY, keep="last")
    return latest[~latest["withdrawn"].astype(bool)].reset_index(drop=True)
