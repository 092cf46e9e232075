"""Keeps connections to PostgreSQL open between the statements of Dagster's storage.

Dagster opens and closes a connection, password handshake included, for every event that it writes and every query
that it makes: four fifths of the processor time that an event costs. An engine plugin is SQLAlchemy's public way to
change how another library's engine is created. It takes effect where the database's URL ends in
`?plugin=kept_connections`, and is switched off by leaving that out.

A server makes engines for every request and forgets them, so only the latest ones of a process keep their connections.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Any

from sqlalchemy import URL, Engine, NullPool, QueuePool
from sqlalchemy.engine import CreateEnginePlugin

MAX_ENGINES = 9  # of a process; an instance of Dagster's has three
POOL_SIZE = 1  # of an engine
MAX_OVERFLOW = 20  # connections side by side, closed afterwards
RECYCLE_SECONDS = 600

_latest: deque[Engine] = deque()
_lock = Lock()


class KeptConnections(CreateEnginePlugin):
    """Replaces the pool that keeps no connection; an engine that was given another pool stays as it is."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        super().__init__(url, kwargs)
        self._replaces = kwargs.get("poolclass") is NullPool
        if self._replaces:
            kwargs |= {
                "poolclass": QueuePool,
                "pool_size": POOL_SIZE,
                "max_overflow": MAX_OVERFLOW,
                "pool_recycle": RECYCLE_SECONDS,
                "pool_pre_ping": True,  # the database may have been restarted meanwhile
            }

    def update_url(self, url: URL) -> URL:
        """Return the URL as it is: SQLAlchemy has removed the plugin's name."""
        return url

    def engine_created(self, engine: Engine) -> None:
        """Let the oldest engine close its connections; it opens others if it is still in use."""
        if not self._replaces:
            return
        with _lock:
            _latest.append(engine)
            surplus = _latest.popleft() if len(_latest) > MAX_ENGINES else None
        if surplus is not None:
            surplus.dispose()
