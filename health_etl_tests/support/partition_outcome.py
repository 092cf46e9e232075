"""Helpers for tests of one records partition: the outcome for each upload, and which uploads were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from obstore.store import MemoryStore

from health_etl.errors import ObjectRefusedError
from health_etl.lake import keys
from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import FetchedObject, Lake
from health_etl.record_types import record_types
from health_etl.records import partition as records_partition
from health_etl.uploads.listing import TypeListing, Upload
from health_etl_tests.support.exports import NOON, UPLOADED, Record, blood_glucose, contents
from health_etl_tests.support.pipeline import files_of, records_of, update_records
from health_etl_tests.support.state import state_of

PARTITION = UPLOADED.isoformat()
GLUCOSE = record_types()["blood_glucose"]
GLUCOSE_FOLDER = keys.records_folder("blood_glucose", PARTITION)


class WatchedLake(Lake):
    """A lake that remembers which objects were fetched in bulk."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory://lake")
        self.fetched: list[str] = []

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, FetchedObject | ObjectRefusedError | None]]:
        asked = list(keys)
        self.fetched += asked
        return super().get_many(asked)


def readings(*numbers: int, **changed: Any) -> list[Record]:
    return [blood_glucose(f"g{n}", NOON + timedelta(minutes=5 * n), 100.0 + n, **changed) for n in numbers]


def outcome(lake: Lake, name: str = "blood_glucose") -> dict[str, tuple[int, int, int, int]]:
    """Return rows in, accepted, duplicate and quarantined by file."""
    return {file.key: file.counts for file in files_of(lake, name)}


def entry(lake: Lake, key: str, name: str = "blood_glucose") -> FileEntry:
    (found,) = [file for file in files_of(lake, name) if file.key == key]
    return found


def ids(lake: Lake, name: str = "blood_glucose") -> list[tuple[str, str]]:
    rows = records_of(lake, name)
    return list(zip(rows["user_id"], rows["record_id"], strict=True))


def uploads_of(lake: Lake) -> tuple[Upload, ...]:
    return TypeListing(lake, record_types()["blood_glucose"]).uploads(UPLOADED)


def outputs(lake: Lake) -> dict[str, bytes]:
    return state_of(lake, "records/", "quarantine/")


def rebuild(
    lake: Lake, name: str = "blood_glucose", batch_files: int = records_partition.BATCH_FILES
) -> dict[str, bytes]:
    """Return what a first run over the same uploads writes."""
    lake.delete([*contents(lake, "records/"), *contents(lake, "quarantine/")])
    update_records(lake, name, batch_files=batch_files)
    return outputs(lake)
