"""One writer at a time: one command-line run per host, one step per asset. Also ends runs that were killed.

A killed run never reports its end: Dagster would consider it alive, and the next run would wait for its pools forever.
The holder of the lock knows that every earlier command-line run of this host is over.
"""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import dagster as dg

from health_etl.dagster_internals.queries import free_pool_slots
from health_etl.orchestration.home import cannot_write

_FINISHED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
UNFINISHED = [status for status in dg.DagsterRunStatus if status not in _FINISHED]
STARTED_HERE = {"health_etl/started_by": "health-etl run", "health_etl/host": socket.gethostname()}


@contextmanager
def alone_on_this_host(home: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of this DAGSTER_HOME; the system releases it when the process ends, however it ends."""
    with _lock_file(home, home / "health-etl-run.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Report earlier command-line runs of this host as failed and free what they hold; call it with the lock held."""
    dead = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED, tags=STARTED_HERE))
    for run in dead:
        instance.report_run_failed(
            run, "The process of this run was killed; what it wrote is complete, and the next run does the rest."
        )
        free_pool_slots(instance, run.run_id)


@contextmanager
def one_writer(instance: dg.DagsterInstance, pool: str | None) -> Iterator[None]:
    """Keep every other process of this host out of a pool while the block runs. No process waits forever: the system
    releases a lock when the process that holds it ends.

    Dagster's own pools do this across hosts, but with SQLite they give the single slot to every process that claims it
    at the same moment (seen: two or three processes in 41 of 60 tries).
    """
    if pool is None:
        yield
        return
    home = Path(instance.root_directory)
    with _lock_file(home, home / "locks" / f"{pool}.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock_file(home: Path, path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")
    except OSError as error:
        raise cannot_write(home, error) from None
