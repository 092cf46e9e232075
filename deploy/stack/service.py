"""What every service of the stack can do."""

from __future__ import annotations

from typing import Protocol

from deploy.stack.process import Process


class NotUpError(Exception):
    """A service did not come up; one sentence says why, or what to do."""


class Service(Protocol):
    """One service."""

    @property
    def name(self) -> str:
        """Name, the same as in docker-compose.yml."""

    @property
    def address(self) -> str:
        """Where it is reached."""

    def start(self) -> None:
        """Start it, unless it is running; it may not answer yet. Raises NotUpError."""

    def stop(self) -> None:
        """Stop it, if it is running."""

    def kill(self) -> None:
        """End it as a crash would."""

    def problem(self) -> str | None:
        """Return what is wrong with it, None if it is healthy."""

    def last_lines(self) -> str:
        """Return the end of its output."""


class ProcessService:
    """A service that is one process of ours."""

    def __init__(self, process: Process, address: str) -> None:
        self.process = process
        self.address = address

    @property
    def name(self) -> str:
        """Name, the same as in docker-compose.yml."""
        return self.process.name

    def start(self) -> None:
        """Start it, unless it is running."""
        self.process.start()

    def stop(self) -> None:
        """Stop it, if it is running."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def problem(self) -> str | None:
        """Return what is wrong with it, None if it is healthy."""
        return "is not running" if self.process.pid is None else self.probe()

    def probe(self) -> str | None:
        """Return what is wrong with its answer, None if nothing is."""
        raise NotImplementedError

    def last_lines(self) -> str:
        """Return the end of its output."""
        return self.process.last_lines()
