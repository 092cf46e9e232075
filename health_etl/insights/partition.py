"""One insights partition (a name and an upload date): what it depends on, whether it is current, and writing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from zoneinfo import ZoneInfo

import pandas as pd

from health_etl.clinical import all_processors
from health_etl.clinical.common.base import ClinicalOptions, Narrator
from health_etl.days import profiles
from health_etl.days.profiles import Profile
from health_etl.days.pseudonym import key_fingerprint
from health_etl.days.select import Window, window
from health_etl.insights.failed_people import FAILED_PEOPLE, FailedPerson
from health_etl.insights.look_back import DaysIndex
from health_etl.insights.table import schema
from health_etl.lake import accounts, commits, keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.commits import Head
from health_etl.lake.manifest import DerivedManifest, digest
from health_etl.lake.store import Lake
from health_etl.lake.tables import write_table
from health_etl.settings import Settings, zone_of

CODE_VERSION = "3"  # version of the steps that all insights share


@dataclass(frozen=True)
class InsightOptions:
    """The settings and profiles that insights depend on."""

    pseudonym_key: str
    default_zone_name: str
    clinical: ClinicalOptions
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    @property
    def default_zone(self) -> ZoneInfo | int:
        """The time zone of people whose records do not say where they were."""
        return zone_of(self.default_zone_name)

    @property
    def fingerprint(self) -> str:
        """A text that changes whenever an option changes the result, and reveals no secret."""
        key = key_fingerprint(self.pseudonym_key)
        of_profiles = profiles.digest(self.profiles, self.profiles)
        return f"{key} {self.default_zone_name} {self.clinical!r} {of_profiles}"

    @classmethod
    def of(cls, settings: Settings, lake: Lake) -> InsightOptions:
        """Read the options from the settings and the profiles from the lake."""
        return cls(
            settings.pseudonym_key.get_secret_value(),
            settings.default_time_zone,
            ClinicalOptions(app_priority=settings.app_priority),
            profiles.read(lake),
        )


@dataclass(frozen=True)
class Inputs:
    """What the days of a type's partition are measured from; `digest` is their data version.

    head: of the partition when this was looked at; only if it still has that may the days be written.
    """

    window: Window
    digest: str
    head: Head


@dataclass(frozen=True)
class Digests:
    """Digests of a partition: of the inputs of its days, of all its inputs (look-back included), and of its days."""

    days: str
    inputs: str
    days_sha256: str


def code_version(name: str) -> str:
    """Return the version of all code that determines what insights say."""
    return f"{CODE_VERSION}.{all_processors()[name].version}"


def inputs(catalogue: Catalogue, record_type: str, partition: str, options: InsightOptions) -> Inputs | None:
    """Return what a partition's days are to be measured from; None when the partition is not needed.

    It is needed when records were uploaded on its date, or offsets that may move records of earlier dates. A partition
    that was written once is kept up to date even when it is no longer needed.
    """
    written = catalogue.insights(record_type)  # listed first: what it depends on is then at least as new
    records = catalogue.records(record_type)
    found = window(partition, records, catalogue.offsets)
    needed = partition in records or partition in found.offsets
    if not needed and partition not in written:
        return None
    parts = [
        code_version(record_type),
        options.fingerprint,
        *(f"{name} {records[name].digest}" for name in found.records),
        *(f"{name} {catalogue.offsets[name].digest}" for name in found.offsets),
    ]
    return Inputs(found, digest(parts), written.head(partition))


def inputs_digest(days_digest: str, index: DaysIndex, partition: str, dates: tuple[str, ...]) -> str:
    """Return the digest of everything a partition depends on: its days, and the partitions they look back on."""
    return digest([days_digest, *index.versions(index.around(dates, partition))])


def has_days(written: DerivedManifest | None, days_digest: str) -> bool:
    """Return whether the days of a partition, as written, were measured from these inputs."""
    return written is not None and written.details.get("days_digest") == days_digest


def is_current(written: DerivedManifest | None, days_digest: str, index: DaysIndex) -> bool:
    """Return whether a partition, as written, is up to date: its days, and what they look back on."""
    if written is None or not has_days(written, days_digest):
        return False
    wanted = inputs_digest(days_digest, index, written.partition, tuple(written.details["local_dates"]))
    return written.inputs_digest == wanted


def qualities(lake: Lake, catalogue: Catalogue, record_type: str, found: Window) -> dict[str, float]:
    """Return the quality score of every source file in a window, by key."""
    records = catalogue.records(record_type)
    return accounts.qualities(lake, (records[name] for name in found.records))


def write(
    lake: Lake,
    processor: Narrator,
    partition: str,
    digests: Digests,
    rows: pd.DataFrame,
    failed: Sequence[FailedPerson],
    head: Head,
) -> DerivedManifest:
    """Commit a partition, whose manifest lists its local days and the people whose days could not be made.

    head: of the partition when its inputs were looked at. Raises LostRaceError if it has another by now.
    """
    folder = keys.insights_folder(processor.name, partition)
    sha256 = write_table(lake, folder, rows, schema(processor))
    measured = rows[~rows["retold"].astype(bool)]
    months = rows["local_date"].str.slice(0, 7).value_counts().sort_index()
    details = {
        "local_months": {str(month): int(count) for month, count in months.items()},
        "local_dates": sorted(measured["local_date"].unique().tolist()),
        "person_days": int((~rows["withdrawn"].astype(bool)).sum()),
        "withdrawn": int(rows["withdrawn"].sum()),
        "retold": int(rows["retold"].sum()),
        "domain": processor.domain,
        "days_digest": digests.days,
        "days_sha256": digests.days_sha256,
        FAILED_PEOPLE: [asdict(person) for person in sorted(failed)],
    }
    manifest = DerivedManifest(processor.name, partition, digests.inputs, sha256, len(rows), details)
    commits.commit(lake, folder, head, manifest.to_json())
    return manifest
