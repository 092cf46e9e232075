"""Spares disk and processor while a run writes its events to SQLite.

For every event Dagster makes an engine, opens a connection and closes it. A new engine compiles every statement anew,
which takes longer than to execute it. Each commit waits for the disk, and each close, being that of the last
connection, writes the whole log back and waits again: some hundred milliseconds a step on a busy disk. Within one
process we keep one engine a file and its connection, and commit without waiting: what is written survives a kill, and
after a power cut the file is consistent, short of its last events. Every run has a file of its own, so a process that
outlives its runs keeps only the files that it used last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from sqlalchemy import Engine, QueuePool, event

# Where Dagster's storages look up how an engine is made; it offers no setting for that.
_STORAGES: tuple[Any, ...] = (sqlite_event_log, sqlite_run_storage)
KEPT_FILES = 8


@contextmanager
def spared_disk() -> Iterator[None]:
    """Keep what Dagster's SQLite storages open within, and close it at the end."""
    with ExitStack() as at_the_end:
        for module in _STORAGES:
            if not isinstance(module.create_engine, _KeptEngines):
                at_the_end.callback(setattr, module, "create_engine", module.create_engine)
                module.create_engine = _KeptEngines(module.create_engine)
                at_the_end.callback(module.create_engine.close)
        yield


def spare_disk_from_now_on() -> None:
    """Keep what Dagster's SQLite storages open for as long as the process lives."""
    for module in _STORAGES:
        if not isinstance(module.create_engine, _KeptEngines):
            module.create_engine = _KeptEngines(module.create_engine)


class _KeptEngines:
    """Makes an engine a file, in place of one an event; keeps those of the files that were used last."""

    def __init__(self, make: Callable[..., Engine]) -> None:
        self._make = make
        self._made: dict[str, Engine] = {}
        self._lock = Lock()  # the daemon works in threads

    def __call__(self, url: str, **options: Any) -> Engine:
        """Return the engine of a file."""
        with self._lock:
            engine = self._made.pop(url, None) or self._new(url, options)
            self._made[url] = engine
            if len(self._made) > KEPT_FILES:
                _close(self._made.pop(next(iter(self._made))))
        return engine

    def close(self) -> None:
        """Close every connection that nobody is using."""
        with self._lock:
            while self._made:
                _close(self._made.popitem()[1])

    def _new(self, url: str, options: dict[str, Any]) -> Engine:
        engine = self._make(url, **options | {"poolclass": _KeptPool})
        event.listen(engine, "connect", _commit_without_waiting)
        return engine


def _close(engine: Engine) -> None:
    pool: Any = engine.pool
    pool.close()


class _KeptPool(QueuePool):
    """A pool that outlives the end of its engine, which Dagster brings about after every event."""

    _is_closed = False

    def dispose(self) -> None:
        """Keep the connections, unless all is closed."""
        if self._is_closed:
            super().dispose()

    def recreate(self) -> QueuePool:
        """Go on with this pool."""
        return self

    def close(self) -> None:
        """Close the connections; those in use once they are given back and the engine ends."""
        self._is_closed = True
        super().dispose()


def _commit_without_waiting(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
