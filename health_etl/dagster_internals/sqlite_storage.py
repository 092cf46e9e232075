"""Dagster's SQLite storage, with events in batches. A run has a file of its own besides the index of all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection

from health_etl.dagster_internals.batched_events import BatchedEvents


class BatchingEventLog(BatchedEvents, SqliteEventLogStorage):
    """Dagster's own, but for how many events a transaction takes."""

    def _transaction(self, events: Sequence[EventLogEntry]) -> AbstractContextManager[Connection]:
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), [self._event_to_row(event) for event in events])
        return super()._transaction(events)


class BatchingSqliteStorage(DagsterSqliteStorage):
    """Dagster's own storage under DAGSTER_HOME, with the event log above."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage: Any = BatchingEventLog(_event_logs_directory(base_dir))
