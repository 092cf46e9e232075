"""Lakes that are expensive to make, made once for all tests of the command; tests only read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typer.testing import Result

    from health_etl_tests.conftest import CommandLine


@dataclass(frozen=True)
class Finished:
    """A lake whose uploads were ingested and run once, and what the two commands said."""

    command: CommandLine
    ingested: Result
    ran: Result


@pytest.fixture
def command(command_line: type[CommandLine], tmp_path: Path) -> CommandLine:
    """The command, on an empty lake."""
    return command_line(tmp_path)


@pytest.fixture(scope="session")
def sample(checkout: Path) -> Path:
    """Folder of the exports that ship with the project: one person, upload dates 15 to 17 September 2025."""
    return checkout / "data" / "sample"


@pytest.fixture(scope="session")
def real(shared: Path, command_line: type[CommandLine], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A lake of the real exports."""
    command = command_line(tmp_path_factory.mktemp("real"))
    ingested = command("ingest", shared / "samples", "--user", "person_one")
    return Finished(command, ingested, command("run"))


@pytest.fixture(scope="session")
def demo(sample: Path, command_line: type[CommandLine], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A lake of the exports that ship with the project."""
    command = command_line(tmp_path_factory.mktemp("demo"))
    ingested = command("ingest", sample, "--user", "demo")
    return Finished(command, ingested, command("run"))
