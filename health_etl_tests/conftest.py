"""Fixtures that every kind of test shares: a clean environment, reference data, and the command from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl_tests.support import order
from health_etl_tests.support.exports import folder_lake
from health_etl_tests.support.stack import stack  # noqa: F401 - a fixture, for services/ and browser/
from health_etl_tests.support.state import state_of
from health_etl_tests.support.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from typer.testing import Result
    from xdist.scheduler import LoadFileScheduling

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED = CHECKOUT.parent / "shared"

WIDE = "240"  # columns: no line of a table is cut


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: order.position(item.path))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Let the files that need the stack share one."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByStackOrFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return order.unit(nodeid)

    return ByStackOrFile(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of reference values and real exports that lies beside the checkout; absent elsewhere."""
    if not SHARED.is_dir():
        pytest.skip(f"no reference folder at {SHARED.name}/ beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Folder of the project."""
    return CHECKOUT


@pytest.fixture(scope="session", autouse=True)
def clean_session() -> Iterator[None]:
    """Keep the developer's settings away from fixtures that outlive a test, and .env from every test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHON_DOTENV_DISABLED", "1")
        _forget_settings(patch)
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test without any setting, whatever ran before."""
    _forget_settings(monkeypatch)


def _forget_settings(patch: pytest.MonkeyPatch) -> None:
    """Remove every setting; variables of the tests themselves begin with TEST_HEALTH_ETL_."""
    for name in list(os.environ):
        if name.startswith(("HEALTH_ETL_", "AWS_", "DAGSTER_")):
            patch.delenv(name)


def inherited() -> dict[str, str]:
    """What a process of ours inherits: search paths, and what measures its coverage, where something does."""
    names = ("PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in names if name in os.environ}


@dataclass(frozen=True)
class CommandLine:
    """The `health-etl` command on a lake and a Dagster instance of its own, both in `folder`."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def lake(self) -> Path:
        """Folder of the lake, where the settings name no other."""
        return self.folder / "lake"

    @property
    def dagster_home(self) -> Path:
        """Folder of the instance; made with the project's dagster.yaml, which also keeps telemetry off."""
        home = self.folder / "dagster_home"
        if not home.is_dir():
            home.mkdir(parents=True)
            shutil.copyfile(CHECKOUT / "dagster.yaml", home / "dagster.yaml")
        return home

    @property
    def environment(self) -> dict[str, str]:
        """Every variable that the command sees as a setting."""
        own = {"DAGSTER_HOME": str(self.dagster_home), "HEALTH_ETL_LAKE": self.lake.as_uri(), "COLUMNS": WIDE}
        return {**own, **self.settings}

    def __call__(self, *arguments: str | Path) -> Result:
        """Run the command in this process; an exception that it does not turn into a sentence is raised here."""
        from typer.testing import CliRunner

        from health_etl.cli.app import app

        return CliRunner().invoke(app, list(map(str, arguments)), env=self.environment, catch_exceptions=False)

    def apart(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command as people do, in a process that inherits nothing but the search paths."""
        with self.started(*arguments) as process:
            try:
                stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run Python code with the settings of the command, in a process of its own."""
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.folder,
            env=self._whole_environment,
            capture_output=True,
            text=True,
            check=True,
        )

    @property
    def _whole_environment(self) -> dict[str, str]:
        return {
            **inherited(),
            "PYTHON_DOTENV_DISABLED": "1",
            "PYTHONPATH": str(CHECKOUT),
            **self.environment,
        }

    def started(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start the command like `apart`, and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "health_etl", *map(str, arguments)],
            cwd=self.folder,
            env=self._whole_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def state(self, *folders: str) -> dict[str, bytes]:
        """Return what the current manifests name in these folders of the lake; see `state_of`."""
        return state_of(folder_lake(self.lake), *folders)

    def contents(self, folder: str = "") -> dict[str, bytes]:
        """Return every object under a folder of the lake by its key."""
        files = (path for path in sorted((self.lake / folder).rglob("*")) if path.is_file())
        return {path.relative_to(self.lake).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="session")
def command_line() -> type[CommandLine]:
    """The command from outside: `command_line(folder)` has a lake and an instance of its own."""
    return CommandLine
