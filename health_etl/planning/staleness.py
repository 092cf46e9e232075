"""What is out of date: compares the uploads in the lake with what its manifests account for. Runs nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from health_etl.days import utc_offsets
from health_etl.insights import daily_journal
from health_etl.insights import partition as insights_partition
from health_etl.insights.look_back import DaysIndex
from health_etl.insights.partition import InsightOptions
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl.record_types import record_types
from health_etl.records import partition as records_partition
from health_etl.records.quality import QualityRules
from health_etl.training import journal
from health_etl.training.journal import WrittenMonths
from health_etl.uploads.listing import Listing, Upload


@dataclass(frozen=True)
class Scope:
    """The upload dates and record types to consider; None means everything in the lake."""

    first: date | None = None
    last: date | None = None
    types: frozenset[str] | None = None

    @classmethod
    def from_dates(cls, first: str | None, last: str | None, types: frozenset[str] | None) -> Scope:
        """Return a scope from dates in the form YYYY-MM-DD."""
        return cls(date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None, types)

    def holds(self, name: str, upload_date: date) -> bool:
        """Tell whether a partition is in scope."""
        return self.holds_type(name) and self.holds_date(upload_date.isoformat())

    def holds_type(self, name: str) -> bool:
        """Tell whether a record type is in scope."""
        return self.types is None or name in self.types

    def holds_date(self, partition: str) -> bool:
        """Tell whether an upload date (YYYY-MM-DD) is in scope."""
        after = self.first is None or partition >= self.first.isoformat()
        return after and (self.last is None or partition <= self.last.isoformat())


@dataclass(frozen=True)
class DailyWork:
    """Daily partitions to bring up to date: record types and names of insights, by upload date."""

    records: Mapping[str, frozenset[str]]
    offsets: frozenset[str]
    insights: Mapping[str, frozenset[str]]

    @property
    def dates(self) -> list[str]:
        """Every upload date with work, in order."""
        return sorted({*self.records, *self.offsets, *self.insights})


def stale_records(
    listing: Listing, catalogue: Catalogue, scope: Scope, rules: QualityRules
) -> dict[tuple[str, date], tuple[Upload, ...]]:
    """Return the records partitions in scope whose manifest does not account for their uploads, or was made under other
    quality rules; each with its uploads.

    A partition whose uploads have all been deleted is included, with none, but not one whose uploads could not be
    listed.
    """
    expected: dict[tuple[str, date], tuple[Upload, ...]] = {
        (name, date.fromisoformat(partition)): () for name in record_types() for partition in catalogue.records(name)
    }
    expected.update(listing.uploads)
    return {
        (name, upload_date): uploads
        for (name, upload_date), uploads in sorted(expected.items())
        if scope.holds(name, upload_date)
        # Partitions before the start date stay as they are.
        and listing.first <= upload_date <= listing.last
        and listing.is_known(record_types()[name], upload_date)
        and not records_partition.is_current(
            catalogue.records(name).get(upload_date.isoformat()), uploads, record_types()[name], rules
        )
    }


def daily_work(
    records: Collection[tuple[str, date]],
    catalogue: Catalogue,
    options: InsightOptions,
    start_date: date = date.min,
) -> DailyWork:
    """Return the daily partitions to run: these records and everything that depends on them at the same date, plus
    all offsets and insights that are out of date. Nothing before `start_date` is included.
    """
    first = start_date.isoformat()
    by_date: dict[str, set[str]] = defaultdict(set)
    for name, upload_date in records:
        by_date[upload_date.isoformat()].add(name)
    dates = [key for key in _dates_with_records(catalogue) if key >= first]
    offsets = {key for key in dates if _offsets_stale(catalogue, key)} | by_date.keys()
    insights: dict[str, set[str]] = defaultdict(set)
    for key, names in by_date.items():
        insights[key] |= names
    for name in (*record_types(), DAILY_JOURNAL):
        for key in (key for key in stale_insights(catalogue, name, options) if key >= first):
            insights[key].add(name)
    for names in insights.values():
        names.add(DAILY_JOURNAL)  # it depends on all insights of its date
    return DailyWork(
        {key: frozenset(names) for key, names in by_date.items()},
        frozenset(offsets),
        {key: frozenset(names) for key, names in insights.items()},
    )


def stale_insights(catalogue: Catalogue, name: str, options: InsightOptions) -> list[str]:
    """Return the insights partitions, of a record type or of the daily journal, that are out of date.

    They were computed from other inputs than the current ones, or the days that they look back on have changed.
    """
    written = catalogue.insights(name)
    index = DaysIndex(written)
    return [
        key
        for key, wanted in _wanted_days(catalogue, name, options)
        if not insights_partition.is_current(written.get(key), wanted, index)
    ]


def _wanted_days(catalogue: Catalogue, name: str, options: InsightOptions) -> Iterator[tuple[str, str]]:
    """Yield every partition that should exist, with the digest of the inputs of its days."""
    if name == DAILY_JOURNAL:
        types = daily_journal.indices(catalogue)
        for key in sorted({*catalogue.insights(name), *(key for type_ in types for key in catalogue.insights(type_))}):
            digest = daily_journal.days_digest(catalogue, types, key, options)
            if digest is not None:
                yield key, digest
        return
    for key in sorted({*catalogue.records(name), *catalogue.offsets, *catalogue.insights(name)}):
        wanted = insights_partition.inputs(catalogue, name, key, options)
        if wanted is not None:
            yield key, wanted.digest


def stale_months(lake: Lake, catalogue: Catalogue) -> list[str]:
    """Return the journal months (YYYY-MM) that were not made from the current insights."""
    written = WrittenMonths(lake)
    return [
        month
        for month in journal.months(catalogue, written)
        if not all(map(written.is_current, journal.plan(catalogue, month)))
    ]


def _dates_with_records(catalogue: Catalogue) -> Sequence[str]:
    return sorted({key for name in record_types() for key in catalogue.records(name)})


def _offsets_stale(catalogue: Catalogue, key: str) -> bool:
    written = catalogue.offsets.get(key)
    return written is None or written.inputs_digest != utc_offsets.inputs_digest(catalogue.records_on(key))
