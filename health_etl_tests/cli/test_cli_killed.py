"""A run that is killed leaves nothing half done behind, and does not stand in the way of the next."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from health_etl_tests.cli.conftest import Finished
    from health_etl_tests.conftest import CommandLine

PATIENCE_SECONDS = 60


def kill_once(command: CommandLine, appears: str) -> None:
    """Start a run and kill it (-9) as soon as an object that matches `appears` lies in the lake."""
    with command.started("run") as process:
        until = time.monotonic() + PATIENCE_SECONDS
        while not any(command.lake.glob(appears)):
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < until, f"{appears} did not appear"
            time.sleep(0.005)
        process.kill()


@pytest.mark.parametrize("appears", ["records/heart_rate/*.parquet", "insights/*/*.parquet"])
def test_the_run_after_a_killed_one_ends_as_if_nothing_had_happened(
    command: CommandLine, sample: Path, demo: Finished, appears: str
) -> None:
    command("ingest", sample, "--user", "demo")
    kill_once(command, appears)
    done = command.apart("run")
    assert (done.returncode, done.stderr) == (0, "")
    assert command.contents("training") == demo.command.contents("training")
    assert {key: content for key, content in command.contents("insights").items() if key.endswith(".parquet")} == {
        key: content for key, content in demo.command.contents("insights").items() if key.endswith(".parquet")
    }
