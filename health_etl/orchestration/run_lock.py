"""One writer at a time: one command-line run per host, one step per asset."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from health_etl.orchestration.home import cannot_write

if TYPE_CHECKING:
    import dagster as dg

ALL_ENDED = b"Every run of this host has ended.\n"


class HostLock:
    """The lock of a DAGSTER_HOME, held. Its file says whether an earlier holder may have left runs without an end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @property
    def all_ended(self) -> bool:
        """Whether every earlier command-line run of this host is known to have ended."""
        self._file.seek(0)
        return self._file.read() == ALL_ENDED

    @contextmanager
    def open_runs(self) -> Iterator[None]:
        """Start runs only within this block: a process that does not reach its end leaves the file empty."""
        self._write(b"")
        yield
        self._write(ALL_ENDED)

    def _write(self, content: bytes) -> None:
        self._file.truncate(0)
        self._file.write(content)
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def alone_on_this_host(home: Path, on_wait: Callable[[], None]) -> Iterator[HostLock]:
    """Hold the lock of this DAGSTER_HOME; the system releases it when the process ends, however it ends."""
    with _lock_file(home, home / "health-etl-run.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield HostLock(file)


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


def _lock_file(home: Path, path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+b")
    except OSError as error:
        raise cannot_write(home, error) from None
