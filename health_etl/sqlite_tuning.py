"""Spares disk and processor while a run writes its events to SQLite.

For every event Dagster makes an engine, opens a connection and closes it. A new engine compiles every statement anew,
which takes longer than to execute it. Each commit waits for the disk, and each close, being that of the last
connection, writes the whole log back and waits again: some hundred milliseconds a step on a busy disk. Within one
process we keep one engine a file and its connection, and commit without waiting: what is written survives a kill, and
after a power cut the file is consistent, short of its last events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from sqlalchemy import Engine, QueuePool, event

# Where Dagster's storages look up how an engine is made; it offers no setting for that.
_STORAGES: tuple[Any, ...] = (sqlite_event_log, sqlite_run_storage)


@contextmanager
def spared_disk() -> Iterator[None]:
    """Keep what Dagster's SQLite storages open within, and close it at the end."""
    with ExitStack() as at_the_end:
        for module in _STORAGES:
            at_the_end.callback(setattr, module, "create_engine", module.create_engine)
            module.create_engine = _once_a_file(module.create_engine, at_the_end)
        yield


def _once_a_file(make: Callable[..., Engine], at_the_end: ExitStack) -> Callable[..., Engine]:
    made: dict[str, Engine] = {}

    def create_engine(url: str, **options: Any) -> Engine:
        if url not in made:
            made[url] = make(url, **options | {"poolclass": _KeptPool})
            event.listen(made[url], "connect", _commit_without_waiting)
            pool: Any = made[url].pool
            at_the_end.callback(pool.close)
        return made[url]

    return create_engine


class _KeptPool(QueuePool):
    """A pool that outlives the end of its engine, which Dagster brings about after every event."""

    def dispose(self) -> None:
        """Keep the connections."""

    def recreate(self) -> QueuePool:
        """Go on with this pool."""
        return self

    def close(self) -> None:
        """Close the connections."""
        super().dispose()


def _commit_without_waiting(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
