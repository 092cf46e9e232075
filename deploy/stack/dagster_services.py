"""Dagster's three processes, on the same dagster.yaml, workspace.yaml and settings as everywhere."""

from __future__ import annotations

from deploy.stack import health
from deploy.stack.process import Process
from deploy.stack.service import ProcessService
from deploy.stack.settings import BIN, CHECKOUT, HOST, StackSettings

WORKSPACE = ("-w", str(CHECKOUT / "workspace.yaml"), "-w", str(CHECKOUT / "deploy" / "code_server.yaml"))


class CodeServer(ProcessService):
    """Loads the code, and runs the runs."""

    def __init__(self, settings: StackSettings) -> None:
        self.port = settings.code_server_port
        address = ("-h", HOST, "-p", str(self.port))
        code = ("-m", "health_etl.definitions", "--location-name", "health_etl", "-d", str(CHECKOUT))
        super().__init__(
            _process(settings, "code-server", "dagster", "code-server", "start", *address, *code),
            f"{HOST}:{self.port}",
        )

    def probe(self) -> str | None:
        """Return what is wrong with its answer, None if nothing is."""
        return health.code_server(HOST, self.port)


class Webserver(ProcessService):
    """Serves the UI."""

    def __init__(self, settings: StackSettings) -> None:
        address = ("-h", HOST, "-p", str(settings.port))
        super().__init__(
            _process(settings, "webserver", "dagster-webserver", *address, *WORKSPACE), settings.webserver_url
        )

    def probe(self) -> str | None:
        """Return what is wrong with its answer, None if nothing is."""
        return health.webserver(self.address)


class Daemon(ProcessService):
    """Takes runs from the queue, ticks sensors and schedules, drives backfills."""

    def __init__(self, settings: StackSettings) -> None:
        self.webserver_url = settings.webserver_url
        super().__init__(_process(settings, "daemon", "dagster-daemon", "run", *WORKSPACE), "")

    def probe(self) -> str | None:
        """Return what is wrong with its answer, None if nothing is."""
        return health.daemons(self.webserver_url, self.process.started_at)


def _process(settings: StackSettings, name: str, program: str, *arguments: str) -> Process:
    return Process(name, (str(BIN / program), *arguments), settings.folder, settings.environment())
