"""What the command imports: a command that needs neither Dagster nor pandas does not wait for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

DAGSTER = {"dagster", "dagster_aws", "dagster_postgres", "sqlalchemy", "grpc"}
FRAMES = {"pandas", "pandera", "matplotlib"}
CLIENTS = {"boto3", "pika"}
EXPORT = "StepsRecord_1757901111933.avro"


@pytest.fixture
def timed(command_line: type[CommandLine], tmp_path: Path) -> CommandLine:
    """The command, reporting on stderr what it imports."""
    return command_line(tmp_path, {"PYTHONPROFILEIMPORTTIME": "1"})


def imported(command: CommandLine, *arguments: str | Path) -> set[str]:
    """Run the command and return every package that it imported."""
    done = command.apart(*arguments)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "typer" in packages
    return packages


def test_help_imports_nothing_that_a_command_needs(timed: CommandLine) -> None:
    unneeded = DAGSTER | FRAMES | CLIENTS | {"fastavro", "numpy", "obstore", "pyarrow", "pydantic"}
    assert imported(timed, "--help") & unneeded == set()
    assert imported(timed, "run", "--help") & unneeded - {"pydantic"} == set()


def test_ingest_imports_neither_dagster_nor_pandas(timed: CommandLine, checkout: Path) -> None:
    found = imported(timed, "ingest", checkout / "data" / "sample" / EXPORT, "--user", "demo")
    assert found & (DAGSTER | FRAMES | CLIENTS) == set()
    assert {"fastavro", "obstore"} <= found


def test_looking_at_the_quarantine_does_not_import_dagster(timed: CommandLine) -> None:
    assert imported(timed, "quarantine", "list") & (DAGSTER | CLIENTS) == set()
