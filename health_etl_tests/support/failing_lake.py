"""A lake whose store refuses to return or to take single objects, and the tables beside one that is refused."""

from __future__ import annotations

from collections.abc import Callable

from obstore.store import MemoryStore

from health_etl.errors import ObjectRefusedError, PermanentError
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import mask_key
from health_etl.lake.store import FetchedObject, Lake
from health_etl.records import checks, replay
from health_etl.records.quality import QualityRules
from health_etl_tests.support.exports import (
    BEN,
    memory_lake,
    put,
)
from health_etl_tests.support.partition_outcome import (
    GLUCOSE,
    PARTITION,
    readings,
)
from health_etl_tests.support.pipeline import update_records
from health_etl_tests.support.state import is_accounts, state_of


class FailingLake(Lake):
    """A lake that refuses to hand out, or to take, single objects."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory://lake")
        self.refused: set[str] = set()
        self.not_taken: Callable[[str], bool] = lambda _: False

    def fetch(self, key: str) -> FetchedObject:
        if key in self.refused:
            raise ObjectRefusedError(f"The store refuses to hand out {mask_key(key)}.", "InvalidObjectState")
        return super().fetch(key)

    def sha256(self, key: str) -> str | None:
        if key in self.refused:
            raise ObjectRefusedError(f"The store refuses to hand out {mask_key(key)}.", "InvalidObjectState")
        return super().sha256(key)

    def put(self, key: str, content: bytes) -> None:
        if self.not_taken(key):
            raise PermanentError("The object is larger than the store takes.")
        super().put(key, content)

    def create(self, key: str, content: bytes) -> bool:
        if self.not_taken(key):
            raise PermanentError("The object is larger than the store takes.")
        return super().create(key, content)


def tables(lake: Lake) -> dict[str, bytes]:
    """Return the tables of the partition, whose bytes a bad file must not change."""
    found = state_of(lake, "records/").items()
    return {key: content for key, content in found if key.endswith(".parquet") and not is_accounts(key)}


def good_files(lake: Lake) -> list[str]:
    """Put the uploads of two people; return their keys."""
    return [put(lake, "blood_glucose", readings(1, 2)), put(lake, "blood_glucose", readings(3), user_id=BEN)]


def tables_of_good_files() -> dict[str, bytes]:
    """Return the tables of a lake that has nothing but these uploads."""
    alone = memory_lake()
    good_files(alone)
    update_records(alone, "blood_glucose")
    return tables(alone)


def accounting(lake: Lake) -> checks.CheckResult:
    """Return the accounting check of the partition."""
    ((_, partition),) = checks.partitions(lake, GLUCOSE, [PARTITION], QualityRules())
    return checks.accounting(partition)


def quarantined(lake: Lake) -> list[replay.QuarantinedUpload]:
    """Return everything in quarantine."""
    return replay.list_quarantined(lake, Catalogue(lake), lambda *_: True)
