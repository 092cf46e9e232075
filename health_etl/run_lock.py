"""One command-line run at a time on a host, and the end of those that were killed.

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

STARTED_HERE = {"health_etl/started_by": "health-etl run", "health_etl/host": socket.gethostname()}

_UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


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
    dead = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED, tags=STARTED_HERE))
    for run in dead:
        instance.report_run_failed(
            run, "The process of this run was killed; what it wrote is whole, the rest is redone."
        )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
