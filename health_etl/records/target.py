"""The records partition that is being brought up to date, and the rules by which that is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from health_etl.lake import keys
from health_etl.lake.store import Lake
from health_etl.record_types.base import RecordType
from health_etl.records.quality import QualityRules


@dataclass(frozen=True)
class Target:
    """One record type and upload date; `code_version` is that of everything that decides what the partition holds."""

    lake: Lake
    record_type: RecordType
    upload_date: date
    rules: QualityRules
    code_version: str

    @property
    def partition(self) -> str:
        """The partition key."""
        return self.upload_date.isoformat()

    @property
    def folder(self) -> str:
        """The partition's folder."""
        return keys.records_folder(self.record_type.name, self.partition)
