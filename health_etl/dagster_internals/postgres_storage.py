"""Dagster's PostgreSQL storage, with events in batches, and with connections that are kept where much is written.

Dagster opens a connection for every event and every question, which costs more than the event: it fears connections
that pile up in servers, where every request has an instance of its own. A run and the daemon have one instance each.
"""

from __future__ import annotations

from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import create_pg_engine

from health_etl.dagster_internals.batched_events import BatchedEvents

KEPT_CONNECTIONS = 2  # of each of the three storages
MOST_MORE = 20  # at work at once, closed afterwards
KEPT_SECONDS = 600


class BatchingEventLog(BatchedEvents, PostgresEventLogStorage):
    """Dagster's own, but for how many events a transaction takes."""


class BatchingPostgresStorage(DagsterPostgresStorage):
    """Dagster's own storage, with the event log above."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None, keeps_connections: bool) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage: Any = BatchingEventLog(postgres_url)
        if keeps_connections:
            for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
                storage._engine = _keeping_engine(postgres_url)


def _keeping_engine(postgres_url: str) -> Any:
    return create_pg_engine(
        postgres_url,
        None,
        isolation_level="AUTOCOMMIT",
        pool_size=KEPT_CONNECTIONS,
        max_overflow=MOST_MORE,
        pool_recycle=KEPT_SECONDS,
        pool_pre_ping=True,  # the database may have been restarted meanwhile
    )
