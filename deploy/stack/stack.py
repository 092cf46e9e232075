"""The stack as a whole: up in the right order, down without a trace, and which services are not healthy."""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from deploy.stack.dagster_services import CodeServer, Daemon, Webserver
from deploy.stack.servers import PortMapper, PostgreSQL, RabbitMQ, S3Server, missing_packages
from deploy.stack.service import NotUpError, Service
from deploy.stack.settings import BIN, CHECKOUT, HOST, StackSettings

PATIENCE_SECONDS = 120
Say = Callable[[str], None]


class Stack:
    """The services of one range of ports."""

    def __init__(self, settings: StackSettings, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.settings = settings
        self.patience_seconds = patience_seconds  # for each service to come up

    def services(self) -> list[Service]:
        """Return every service, in the order of their start."""
        return [*self._servers(), *self._dagster()]

    def service(self, name: str) -> Service:
        """Return one service."""
        return next(service for service in self.services() if service.name == name)

    def problems(self) -> dict[str, str | None]:
        """Return what is wrong with each service, None where it is healthy."""
        if not self.settings.folder.is_dir():
            raise NotUpError("the stack is not up; start it with: make stack")
        return {service.name: service.problem() for service in self.services()}

    def up(self, say: Say) -> None:
        """Start what is not running, in order, and wait until everything is healthy. Raises NotUpError."""
        if missing := missing_packages():
            raise NotUpError(f"not installed: {', '.join(missing)}; on Debian: apt install {' '.join(missing)}")
        with self._alone():
            self._refuse_foreign_ports()
            self.settings.make_folder()
            self.settings.write_environment_file()
            self._bring_up(self._servers(), say)
            if any(service.problem() for service in self._dagster()):
                say("setup: buckets and tables")
                self._set_up()
            code_server, webserver, daemon = self._dagster()
            self._bring_up([code_server], say)
            self._bring_up([webserver, daemon], say)

    def down(self, say: Say) -> None:
        """Stop everything and remove what it left."""
        if not self.settings.folder.is_dir():
            return
        with self._alone():
            for service in reversed(self.services()):
                say(f"{service.name}: stopping")
                service.stop()
            shutil.rmtree(self.settings.folder)
        self._lock_file.unlink(missing_ok=True)

    def _servers(self) -> list[Service]:
        return [S3Server(self.settings), PostgreSQL(self.settings), PortMapper(self.settings), RabbitMQ(self.settings)]

    def _dagster(self) -> list[Service]:
        return [CodeServer(self.settings), Webserver(self.settings), Daemon(self.settings)]

    def _set_up(self) -> None:
        command = [str(BIN / "health-etl"), "setup"]
        done = subprocess.run(
            command, cwd=CHECKOUT, env=self.settings.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotUpError(f"health-etl setup: {done.stderr.strip()}")

    def _refuse_foreign_ports(self) -> None:
        if self.settings.folder.is_dir():  # then they are ours
            return
        taken = [port for port in self.settings.ports if _listens(port)]
        if taken:
            raise NotUpError(
                f"another program listens on port {taken[0]}; the stack takes {self.settings.port} to "
                f"{self.settings.ports[-1]}, choose others with: make stack STACK_PORT=3200"
            )

    @property
    def _lock_file(self) -> Path:
        return self.settings.folder.with_suffix(".lock")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock_file.open("a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _bring_up(self, services: Sequence[Service], say: Say) -> None:
        """Start services that do not depend on each other in parallel, and wait for all."""
        with ThreadPoolExecutor(len(services)) as pool:
            for done in [pool.submit(self._bring_up_one, service, say) for service in services]:
                done.result()

    def _bring_up_one(self, service: Service, say: Say) -> None:
        if service.problem() is None:
            say(f"{service.name}: is up")
            return
        begun = time.monotonic()
        service.start()
        while (problem := service.problem()) is not None:
            if problem == "is not running" or time.monotonic() - begun > self.patience_seconds:
                raise NotUpError(f"{service.name} {problem}\n{service.last_lines()}".rstrip())
            time.sleep(0.2)
        say(f"{service.name}: up after {time.monotonic() - begun:.0f} s")


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0
