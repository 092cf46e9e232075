"""What every service of the stack can do."""

from __future__ import annotations

from typing import Protocol

from deploy.stack.process import Process


class NotUpError(Exception):
    """A service does not come up; one sentence says why, or what to do."""


class Service(Protocol):
    """One service."""

    @property
    def name(self) -> str:
        """Name, as docker-compose.yml has it too."""

    @property
    def address(self) -> str:
        """Where it is reached."""

    def start(self) -> None:
        """Start it, unless it runs; it may not answer yet. Raises NotUpError."""

    def stop(self) -> None:
        """Stop it, if it runs."""

    def kill(self) -> None:
        """End it as a crash does."""

    def problem(self) -> str | None:
        """Return what is wrong with it, None when it is well."""

    def last_lines(self) -> str:
        """Return the end of what it printed."""


class ProcessService:
    """A service that is one process of ours."""

    def __init__(self, process: Process, address: str) -> None:
        self.process = process
        self.address = address

    @property
    def name(self) -> str:
        """Name, as docker-compose.yml has it too."""
        return self.process.name

    def start(self) -> None:
        """Start it, unless it runs."""
        self.process.start()

    def stop(self) -> None:
        """Stop it, if it runs."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()

    def problem(self) -> str | None:
        """Return what is wrong with it, None when it is well."""
        return "does not run" if self.process.pid is None else self.silence()

    def silence(self) -> str | None:
        """Return what is wrong with its answer, None when it is right."""
        raise NotImplementedError

    def last_lines(self) -> str:
        """Return the end of what it printed."""
        return self.process.last_lines()
