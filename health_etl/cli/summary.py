"""What the lake holds for a scope, counted from its manifests: the table that a run ends with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from health_etl.insights.failed_people import FailedPerson, failed_in
from health_etl.lake import accounts, keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import DerivedManifest, FileEntry
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_table
from health_etl.planning.staleness import Scope
from health_etl.record_types import record_types
from health_etl.training import journal
from health_etl.training.journal import WrittenMonths

_PERSON_DAY = ["subject", "local_date"]


@dataclass
class TypeSummary:
    """Counts of one record type. Rows are Health Connect records; refused files have none that could be counted."""

    name: str
    title: str
    files: int = 0
    rows: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    refused: list[FileEntry] = field(default_factory=list)
    person_days: int = 0
    training_lines: int = 0


def summarise(lake: Lake, catalogue: Catalogue, written: WrittenMonths, scope: Scope) -> list[TypeSummary]:
    """Return one summary per type: files and rows of the upload dates in scope, person-days that they touched, and
    the training lines of the months that these belong to.
    """
    return [_of_type(lake, catalogue, written, scope, name) for name in record_types() if scope.holds_type(name)]


def journal_months(catalogue: Catalogue, written: WrittenMonths) -> list[DerivedManifest]:
    """Return the manifests of every month of the journal, domain by domain."""
    found = [
        written.manifest(domain, month) for month in journal.months(catalogue, written) for domain in journal.domains()
    ]
    return [manifest for manifest in found if manifest is not None]


@dataclass(frozen=True)
class LeftOut:
    """A person whose days could not be made, and in which partitions."""

    name: str  # of the insights, or the domain of the journal
    person: FailedPerson
    partitions: tuple[str, ...]


def left_out(catalogue: Catalogue, journal_manifests: Iterable[DerivedManifest], scope: Scope) -> list[LeftOut]:
    """Return everybody whose days could not be made, once per kind of insights (of the upload dates in scope) and per
    domain of the journal.
    """
    found: dict[tuple[str, FailedPerson], list[str]] = {}
    for name in (*filter(scope.holds_type, record_types()), keys.DAILY_JOURNAL):
        for partition, manifest in sorted(catalogue.insights(name).items()):
            if scope.holds_date(partition):
                for person in failed_in(manifest):
                    found.setdefault((name, person), []).append(partition)
    for manifest in journal_manifests:
        for person in failed_in(manifest):
            found.setdefault((f"training/{manifest.name}", person), []).append(manifest.partition)
    return [LeftOut(name, person, tuple(partitions)) for (name, person), partitions in found.items()]


def _of_type(lake: Lake, catalogue: Catalogue, written: WrittenMonths, scope: Scope, name: str) -> TypeSummary:
    summary = TypeSummary(name, record_types()[name].title)
    for partition, manifest in catalogue.records(name).items():
        if scope.holds_date(partition):
            rows, accepted, duplicate, quarantined = manifest.total()
            summary.files += manifest.counts.files
            summary.rows += rows
            summary.accepted += accepted
            summary.duplicate += duplicate
            summary.quarantined += quarantined
            files = accounts.read(lake, manifest) if manifest.counts.refused else ()
            summary.refused += [file for file in files if file.reason]
    days = _person_days(lake, catalogue, scope, name)
    summary.person_days = len(days)
    summary.training_lines = _training_lines(written, name, set(days["local_date"].str.slice(0, 7)))
    return summary


def _person_days(lake: Lake, catalogue: Catalogue, scope: Scope, name: str) -> pd.DataFrame:
    """Return the person-days of a type, each once; the latest partition says whether a day was withdrawn."""
    columns = [*_PERSON_DAY, "withdrawn"]
    manifests = [found for partition, found in catalogue.insights(name).items() if scope.holds_date(partition)]
    tables = [read_table(lake, manifest.table_key, columns=columns) for manifest in manifests]
    if not tables:
        return pd.DataFrame({column: pd.Series(dtype="str") for column in _PERSON_DAY})
    rows: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    days = rows.drop_duplicates(_PERSON_DAY, keep="last")
    return days[~days["withdrawn"]]


def _training_lines(written: WrittenMonths, name: str, months: set[str]) -> int:
    domain = record_types()[name].domain
    manifests = [written.manifest(domain, month) for month in sorted(months)]
    return sum(manifest.details["lines_by_type"].get(name, 0) for manifest in manifests if manifest)
