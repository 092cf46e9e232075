"""Dagster's events, those that come in hundreds written in one transaction; for either database.

A run over a range tells of every partition: that it is planned, that it is made, and what each check says of it. One
by one that is most of what a range costs in which nothing has changed. Dagster hands the first two over in batches
(DAGSTER_EVENT_BATCH_SIZE); the last wait for the next event of another kind, at the latest the step's end.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from threading import RLock
from typing import Any

from dagster._core.events import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as _Status
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import serialize_value
from sqlalchemy import Connection, bindparam

BATCH_EVENTS = 200
_IDENTITY = ("asset_key", "check_name", "run_id", "partition")
_SAME_EXECUTION = AssetCheckExecutionsTable.delete().where(
    *(AssetCheckExecutionsTable.c[name] == bindparam(f"its_{name}") for name in _IDENTITY)
)
_ALIKE = (DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_MATERIALIZATION_PLANNED)


class BatchedEvents(SqlEventLogStorage):
    """Stands before one of Dagster's own storages, and changes how many events a transaction takes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        self._waiting: list[EventLogEntry] = []
        self._turn = RLock()

    def store_event(self, event: EventLogEntry) -> None:
        """Write an event, behind those that wait; what a check says of a partition waits for more of its kind."""
        with self._turn:
            if _is_of_partition(event) and all(event.run_id == other.run_id for other in self._waiting):
                self._waiting.append(event)
                if len(self._waiting) < BATCH_EVENTS:
                    return
            self.write_waiting()
            if not _is_of_partition(event):
                super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Write events of one run, those about assets in one transaction."""
        with self._turn:
            self.write_waiting()
            of_assets = [event for event in events if event.get_dagster_event().event_type in _ALIKE]
            if of_assets:
                self._write_of_assets(of_assets)
            for event in events:
                if event.get_dagster_event().event_type not in _ALIKE:
                    super().store_event(event)

    def write_waiting(self) -> None:
        """Write what checks said of partitions."""
        with self._turn:
            events, self._waiting = self._waiting, []
            if events:
                self._write_evaluations(events)

    def dispose(self) -> None:
        """Write what waits, and end."""
        self.write_waiting()
        super().dispose()

    def _write_of_assets(self, events: Sequence[EventLogEntry]) -> None:
        with self._transaction(events) as connection:
            ids = self._insert(connection, events)
            self._store_asset_event_tags(connection, events, ids)
            latest = {event.get_dagster_event().asset_key: (event, id_) for event, id_ in zip(events, ids, strict=True)}
            for event, id_ in latest.values():  # an asset's line in the table of assets speaks of its last event
                self._store_asset_event(connection, event, id_)

    def _write_evaluations(self, events: Sequence[EventLogEntry]) -> None:
        with self._transaction(events) as connection:
            ids = self._insert(connection, events)
            said = [self._execution(event, id_) for event, id_ in zip(events, ids, strict=True)]
            # A step that is tried again says it anew: the last word counts.
            rows = list({tuple(row[name] for name in _IDENTITY): row for row in said}.values())
            connection.execute(_SAME_EXECUTION, [{f"its_{name}": row[name] for name in _IDENTITY} for row in rows])
            connection.execute(AssetCheckExecutionsTable.insert(), rows)

    def _transaction(self, events: Sequence[EventLogEntry]) -> AbstractContextManager[Connection]:
        """Return the transaction that events are written in, where all events of all runs are."""
        del events
        return self.index_transaction()

    def _insert(self, connection: Connection, events: Sequence[EventLogEntry]) -> list[int]:
        inserted = SqlEventLogStorageTable.insert().returning(
            SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
        )
        return list(connection.execute(inserted, [self._event_to_row(event) for event in events]).scalars())

    def _execution(self, event: EventLogEntry, event_id: int) -> dict[str, Any]:
        """Return the line of an evaluation in the table of checks, as Dagster writes it."""
        evaluation: Any = event.get_dagster_event().event_specific_data
        status = _Status.SUCCEEDED if evaluation.passed else _Status.FAILED
        target = evaluation.target_materialization_data
        return {
            "asset_key": evaluation.asset_key.to_string(),
            "check_name": evaluation.check_name,
            "run_id": event.run_id,
            "execution_status": status.value,
            "evaluation_event": serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "evaluation_event_storage_id": event_id,
            "materialization_event_storage_id": target.storage_id if target else None,
            "partition": evaluation.partition,
        }


def _is_of_partition(event: EventLogEntry) -> bool:
    if not event.is_dagster_event or event.dagster_event_type is not DagsterEventType.ASSET_CHECK_EVALUATION:
        return False
    evaluation: Any = event.get_dagster_event().event_specific_data
    return bool(event.run_id) and evaluation.partition is not None
