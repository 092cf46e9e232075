"""One insights partition (a type and an upload date): what it depends on, and writing it."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pandas as pd

from health_etl.clinical import processors
from health_etl.clinical.base import ClinicalOptions
from health_etl.core import keys
from health_etl.core.catalogue import Catalogue
from health_etl.core.lake import Lake
from health_etl.core.manifest import DerivedManifest, digest, mark_unfinished
from health_etl.core.pseudonym import key_fingerprint
from health_etl.core.select import Window, window
from health_etl.core.tables import write_table
from health_etl.insights.table import schema
from health_etl.record_types import record_types
from health_etl.settings import Settings, zone_of

CODE_VERSION = "1"  # of the steps that every type shares


@dataclass(frozen=True)
class InsightOptions:
    """What the settings decide about insights."""

    pseudonym_key: str
    default_zone_name: str
    clinical: ClinicalOptions

    @property
    def default_zone(self) -> ZoneInfo | int:
        """The zone for people whose records do not say where they were."""
        return zone_of(self.default_zone_name)

    @property
    def fingerprint(self) -> str:
        """What changes when an option changes the result; gives no secret away."""
        return f"{key_fingerprint(self.pseudonym_key)} {self.default_zone_name} {self.clinical!r}"

    @classmethod
    def of(cls, settings: Settings) -> InsightOptions:
        """Take the options out of the settings."""
        return cls(
            settings.pseudonym_key.get_secret_value(),
            settings.default_time_zone,
            ClinicalOptions(app_priority=settings.app_priority),
        )


@dataclass(frozen=True)
class Inputs:
    """What an insights partition is made from; `digest` is its data version."""

    window: Window
    digest: str


def code_version(record_type: str) -> str:
    """Return the version of everything that decides what a type's insights say."""
    return f"{CODE_VERSION}.{processors()[record_type].version}"


def inputs(catalogue: Catalogue, record_type: str, partition: str, options: InsightOptions) -> Inputs | None:
    """Return what a partition is to be made from; None when nothing calls for that partition.

    It is called for by records of its date, or by offsets of its date that may move records of earlier dates. One
    that was written is kept up to date even when nothing calls for it any more.
    """
    records = catalogue.records(record_type)
    found = window(partition, records, catalogue.offsets)
    called_for = partition in records or partition in found.offsets
    if not called_for and partition not in catalogue.insights(record_type):
        return None
    parts = [
        code_version(record_type),
        options.fingerprint,
        *(f"{name} {records[name].digest}" for name in found.records),
        *(f"{name} {catalogue.offsets[name].digest}" for name in found.offsets),
    ]
    return Inputs(found, digest(parts))


def qualities(catalogue: Catalogue, record_type: str, found: Window) -> dict[str, float]:
    """Return the quality score of every source file of a window, by its key."""
    records = catalogue.records(record_type)
    return {
        file.key: file.quality.score
        for name in found.records
        for file in records[name].files
        if file.quality is not None
    }


def write(lake: Lake, record_type: str, partition: str, inputs_digest: str, rows: pd.DataFrame) -> DerivedManifest:
    """Write a partition and its manifest, which says which local months it speaks of."""
    processor = processors()[record_type]
    key = keys.insights_key(record_type, partition)
    mark_unfinished(lake, keys.manifest_key(key))
    sha256 = write_table(lake, key, rows, schema(processor))
    months = rows["local_date"].str.slice(0, 7).value_counts().sort_index()
    details = {
        "local_months": {str(month): int(count) for month, count in months.items()},
        "person_days": int((~rows["withdrawn"]).sum()),
        "withdrawn": int(rows["withdrawn"].sum()),
        "domain": record_types()[record_type].domain,
    }
    manifest = DerivedManifest(record_type, partition, inputs_digest, sha256, len(rows), details)
    lake.put(keys.manifest_key(key), manifest.to_json())
    return manifest
