"""The pipeline without Dagster, for tests: does what the assets and ops do, in the planner's order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa

from health_etl.avro import decode
from health_etl.clinical import all_processors, processors
from health_etl.clinical.common.base import ClinicalOptions, Level
from health_etl.days import utc_offsets
from health_etl.days.select import Selection, select, window
from health_etl.insights import daily_journal, person_days
from health_etl.insights import partition as insights_partition
from health_etl.insights.partition import InsightOptions
from health_etl.insights.texts import narrate
from health_etl.insights.writer import InsightsWriter, with_trends
from health_etl.lake import accounts, commits, keys
from health_etl.lake.catalogue import Catalogue, latest_derived, latest_records
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.manifest import DerivedManifest, FileEntry, RecordsManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame, write_table
from health_etl.planning import staleness
from health_etl.planning.staleness import Scope
from health_etl.record_types import record_types
from health_etl.records import partition as records_partition
from health_etl.records import unclaimed
from health_etl.records.quality import QualityRules
from health_etl.training import journal
from health_etl.training.journal import WrittenMonths
from health_etl.uploads.listing import TypeListing, list_all
from health_etl_tests.support.exports import ANNA, UPLOADED

FIRST_DATE = date(2023, 1, 1)
LAST_DATE = date(2026, 12, 31)
OPTIONS = InsightOptions("a key for tests alone", "UTC", ClinicalOptions())


@dataclass
class Done:
    """What `bring_up_to_date` did; partitions are (record type, upload date)."""

    records: list[tuple[str, str]] = field(default_factory=list)
    files_read: int = 0
    offsets: list[str] = field(default_factory=list)
    insights: list[tuple[str, str]] = field(default_factory=list)
    days_across_types: list[str] = field(default_factory=list)
    months: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether everything was up to date already."""
        return self == Done()


def bring_up_to_date(lake: Lake, options: InsightOptions = OPTIONS) -> Done:
    """Rebuild everything that is stale, from raw/ to the journal."""
    done = Done()
    take_in(lake, done)
    catalogue = Catalogue(lake)
    for partition in sorted(staleness.daily_work((), catalogue, options).offsets):
        utc_offsets.update(lake, date.fromisoformat(partition), catalogue.records_on(partition))
        done.offsets.append(partition)
    catalogue = Catalogue(lake)
    while stale := _stale_insights(lake, options):
        for name, partition in stale:
            make_insights(lake, name, partition, options)
            done.insights.append((name, partition))
    while across := staleness.stale_insights(Catalogue(lake), DAILY_JOURNAL, options):
        for partition in across:
            make_daily_journal(lake, partition, options)
            done.days_across_types.append(partition)
    done.months = write_journal(lake)
    return done


def take_in(lake: Lake, done: Done) -> None:
    """Bring what comes before insights up to date: unclaimed uploads, records, quarantine."""
    listing = list_all(lake, FIRST_DATE, LAST_DATE)
    unclaimed.update(lake, listing.unclaimed)
    for (name, upload_date), uploads in staleness.stale_records(
        listing, Catalogue(lake), Scope(), QualityRules()
    ).items():
        update = records_partition.update(lake, record_types()[name], upload_date, uploads)
        done.records.append((name, upload_date.isoformat()))
        done.files_read += update.files_read


def _stale_insights(lake: Lake, options: InsightOptions) -> list[tuple[str, str]]:
    """Return the stale partitions of the types, oldest first."""
    catalogue = Catalogue(lake)
    return [(name, key) for name in record_types() for key in staleness.stale_insights(catalogue, name, options)]


def make_insights(lake: Lake, name: str, partition: str, options: InsightOptions = OPTIONS) -> DerivedManifest:
    """Compute, narrate and write one insights partition of a type, whether stale or not."""
    catalogue = Catalogue(lake)
    wanted = insights_partition.inputs(catalogue, name, partition, options)
    if wanted is None:
        raise ValueError(f"{name} {partition} has no inputs")
    selection = select(lake, record_types()[name], partition, wanted.window, options.default_zone)
    rows = measure_days(selection, name, insights_partition.qualities(lake, catalogue, name, wanted.window), options)
    writer = InsightsWriter(lake, catalogue, name, options.clinical)
    writer.stage(partition, wanted.digest, rows)
    manifest = writer.write(partition)
    assert manifest is not None
    return manifest


def make_daily_journal(lake: Lake, partition: str, options: InsightOptions = OPTIONS) -> DerivedManifest | None:
    """Bring one partition of the daily journal up to date; None if it has no inputs."""
    writer = daily_journal.Writer(lake, Catalogue(lake), options)
    writer.stage([partition])
    return writer.update(partition)


def measure_days(
    selection: Selection, name: str, qualities: Mapping[str, float], options: InsightOptions = OPTIONS
) -> pd.DataFrame:
    """Return the days of a selection with their metrics."""
    processor = processors()[name]
    return person_days.analyse(
        selection, processor, options.clinical, qualities, options.pseudonym_key, options.profiles
    )


def narrate_days(days: pd.DataFrame, name: str, options: InsightOptions = OPTIONS) -> pd.DataFrame:
    """Add trends and texts to days with metrics, as if no other days existed."""
    processor = all_processors()[name]
    history = days[~days["withdrawn"].astype(bool)]
    return narrate(with_trends(days, history, processor, options.clinical), processor)


def write_journal(lake: Lake) -> list[str]:
    """Write and return the stale months of the journal."""
    written, catalogue = WrittenMonths(lake), Catalogue(lake)
    stale = staleness.stale_months(lake, catalogue)
    for month in stale:
        for wanted in journal.plan(catalogue, month):
            if not written.is_current(wanted):
                journal.write(lake, wanted, written.head(wanted.domain, month))
    return stale


def update_records(
    lake: Lake, name: str, upload_date: date = UPLOADED, batch_files: int = records_partition.BATCH_FILES
) -> records_partition.Update:
    """Bring one records partition up to date with raw/."""
    uploads = TypeListing(lake, record_types()[name]).uploads(upload_date)
    return records_partition.update(lake, record_types()[name], upload_date, uploads, batch_files=batch_files)


def update_offsets(lake: Lake, upload_date: date = UPLOADED) -> DerivedManifest | None:
    """Bring the UTC offsets of one upload date up to date with its records."""
    return utc_offsets.update(lake, upload_date, Catalogue(lake).records_on(upload_date.isoformat()))


def select_days(lake: Lake, name: str, upload_date: date = UPLOADED, options: InsightOptions = OPTIONS) -> Selection:
    """Return the selection that an insights partition is computed from."""
    catalogue = Catalogue(lake)
    partition = upload_date.isoformat()
    found = window(partition, catalogue.records(name), catalogue.offsets)
    return select(lake, record_types()[name], partition, found, options.default_zone)


def measurement_rows(name: str, records: Sequence[Mapping[str, Any]], source_key: str = "raw/one") -> pd.DataFrame:
    """Flatten decoded records into the measurement rows that validation gets."""
    record_type = record_types()[name]
    count = len(records)
    table = (
        decode.to_table(records, record_type)
        .append_column("user_id", pa.repeat(ANNA, count))
        .append_column("source_key", pa.repeat(source_key, count))
        .append_column("source_record_number", pa.array(range(count), pa.int32()))
    )
    nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}
    rows: pd.DataFrame = record_type.flatten(table).to_pandas(types_mapper=nullable.get)
    return rows


def records_of(lake: Lake, name: str, upload_date: date = UPLOADED) -> pd.DataFrame:
    """Return a records table."""
    return read_frame(lake, manifest_of(lake, name, upload_date).table_key)


def rejected_of(lake: Lake, name: str, upload_date: date = UPLOADED) -> pd.DataFrame:
    """Return the rows that validation rejected, with their faults."""
    key = manifest_of(lake, name, upload_date).rejected_key
    assert key is not None
    return read_frame(lake, key)


def manifest_of(lake: Lake, name: str, upload_date: date = UPLOADED) -> RecordsManifest:
    """Return the manifest of a records partition; raises LookupError if there is none."""
    _, manifest = latest_records(lake, name, upload_date.isoformat())
    if manifest is None:
        raise LookupError(f"{name} {upload_date}")
    return manifest


def files_of(lake: Lake, name: str, upload_date: date = UPLOADED) -> tuple[FileEntry, ...]:
    """Return the accounts of every file of a records partition."""
    return accounts.read(lake, manifest_of(lake, name, upload_date))


def all_files(lake: Lake) -> list[FileEntry]:
    """Return the accounts of every file of every records partition."""
    catalogue = Catalogue(lake)
    manifests = [manifest for name in record_types() for manifest in catalogue.records(name).values()]
    return [file for manifest in manifests for file in accounts.read(lake, manifest)]


def insights_manifest_of(lake: Lake, name: str, upload_date: date = UPLOADED) -> DerivedManifest:
    """Return the manifest of an insights partition; raises LookupError if there is none."""
    _, manifest = latest_derived(lake, keys.insights_folder(name, upload_date.isoformat()))
    if manifest is None:
        raise LookupError(f"{name} {upload_date}")
    return manifest


def manifest_key_of(lake: Lake, folder: str) -> str:
    """Return the key of the current manifest of a partition, given its folder."""
    return keys.manifest_key(folder, commits.head_of(lake, folder).number)


def overwrite_table(lake: Lake, key: str, rows: pd.DataFrame, schema: pa.Schema) -> None:
    """Put other rows in the place of a table, which the project itself never does."""
    sha256 = write_table(lake, "scratch/", rows, schema)
    scratch = keys.table_key("scratch/", sha256)
    lake.put(key, lake.get(scratch))
    lake.delete([scratch])


def insights_of(lake: Lake, name: str, upload_date: date = UPLOADED) -> pd.DataFrame:
    """Return an insights table."""
    return read_frame(lake, insights_manifest_of(lake, name, upload_date).table_key)


def journal_manifest_of(lake: Lake, domain: str, month: str) -> DerivedManifest | None:
    """Return the manifest of one month of the journal."""
    return WrittenMonths(lake).manifest(domain, month)


def journal_examples(lake: Lake) -> list[dict[str, Any]]:
    """Return every training example in the lake, in order of key and line."""
    return [
        json.loads(line)
        for key in sorted(info.key for info in lake.objects("training/"))
        if key.endswith(".jsonl")
        for line in lake.get(key).decode().splitlines()
    ]


def day_examples(lake: Lake, level: Level = Level.STATISTICAL) -> list[dict[str, Any]]:
    """Return one example per person, local day and record type, of one caption level, in order of key and line."""
    return [
        example
        for example in journal_examples(lake)
        if example["metadata"]["caption_level"] == level and example["metadata"]["record_type"] != DAILY_JOURNAL
    ]
