"""Two command lines at once: they never both write one asset, and the second finds the work of the first done."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from health_etl.lake.store import connect
from health_etl.settings import Settings
from health_etl_tests.conftest import inherited
from health_etl_tests.support.exports import put, steps
from health_etl_tests.support.instances import instance_at
from health_etl_tests.support.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from health_etl_tests.conftest import CommandLine

DAY = date(2025, 9, 21)
FILES = 150


def materialise(command: CommandLine, checkout: Path) -> subprocess.Popen[str]:
    """Start Dagster's own command on the same instance and lake."""
    arguments = ["asset", "materialize", "-m", "health_etl.definitions", "--select", "key:records/steps"]
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "dagster", *arguments, "--partition", DAY.isoformat()],
        cwd=command.folder,
        env={**inherited(), "PYTHONPATH": str(checkout), **command.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def files_read(command: CommandLine) -> list[int]:
    """Return how many files each run read, most first."""
    with instance_at(str(command.dagster_home)) as instance:
        events = instance.fetch_materializations(dg.AssetKey(["records", "steps"]), limit=10).records
    found = [
        event.asset_materialization.metadata["files_read"].value for event in events if event.asset_materialization
    ]
    return sorted(map(int, found), reverse=True)  # type: ignore[call-overload]


def test_two_processes_take_turns_at_one_partition(command: CommandLine, checkout: Path) -> None:
    command("run")  # Dagster's processes do not make its SQLite files together
    lake = connect(Settings(lake=command.lake.as_uri()))
    for number in range(FILES):
        put(lake, "steps", [steps(f"s{number}")], user_id=f"user{number:03}", upload_date=DAY)
    others = [materialise(command, checkout)]
    ours = command.apart("run", "--type", "steps")
    for other in others:
        said, _ = other.communicate(timeout=PATIENCE_SECONDS)
        assert other.returncode == 0, said
    assert ours.returncode == 0, ours.stderr
    first, *later = files_read(command)
    assert (first, sum(later)) == (FILES, 0)
    assert len(later) >= 1
    before = command.contents()
    assert "Everything was up to date" in command("run").stdout
    assert command.contents() == before
