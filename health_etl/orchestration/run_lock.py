"""One writer at a time: of command-line runs on a host, of steps on one asset; and the end of runs that were killed.

A killed run never reports its end: Dagster would take it for alive, and the next run would wait for its pools for ever.
Whoever holds the lock knows that every earlier command-line run of this host is over.
"""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES  # has no public name
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

STARTED_HERE = {"health_etl/started_by": "health-etl run", "health_etl/host": socket.gethostname()}


@contextmanager
def alone_on_this_host(home: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of this DAGSTER_HOME; the system gives it back when the process ends, however it ends."""
    with (home / "health-etl-run.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Report earlier command-line runs of this host as failed and free what they hold; call it with the lock held."""
    dead = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES, tags=STARTED_HERE))
    for run in dead:
        instance.report_run_failed(
            run, "The process of this run was killed; what it wrote is whole, the rest is redone."
        )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


@contextmanager
def one_writer(instance: dg.DagsterInstance, pool: str | None) -> Iterator[None]:
    """Let no other process of this host work in a pool meanwhile; for ever waiting is not possible, since the system
    gives a lock back when its process ends.

    With PostgreSQL Dagster's pools see to it. Its SQLite storage gives the one slot of a pool to everyone who asks in
    the same moment (seen: two or three processes in 41 of 60 tries), and with SQLite there is but one host.
    """
    if pool is None or not isinstance(instance.event_log_storage, SqliteEventLogStorage):
        yield
        return
    folder = Path(instance.root_directory) / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / f"{pool}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
