"""Spares the disk while a run writes its events to SQLite.

Dagster opens and closes a connection for every event. Each commit then waits for the disk, and each close, being that
of the last connection, writes the whole log back and waits again: some hundred milliseconds a step on a busy disk.
Within one process we commit without waiting (what is written survives a kill, and after a power cut the file is
consistent, short of its last events) and keep one connection to each file open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def spared_disk() -> Iterator[None]:
    """Tune every SQLite connection that SQLAlchemy opens within."""
    kept: dict[str, sqlite3.Connection] = {}

    def tune(connection: Any, _record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=NORMAL")
            _keep_one_open(connection, kept)

    event.listen(Engine, "connect", tune)
    try:
        yield
    finally:
        event.remove(Engine, "connect", tune)
        for connection in kept.values():
            connection.close()


def _keep_one_open(connection: sqlite3.Connection, kept: dict[str, sqlite3.Connection]) -> None:
    """Keep a connection of our own to a file that has a write-ahead log; its first read makes it count."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    if path and path not in kept and connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        kept[path] = sqlite3.connect(path, check_same_thread=False)
        kept[path].execute("SELECT count(*) FROM sqlite_master").fetchone()
