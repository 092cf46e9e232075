"""A run that is killed leaves nothing half done behind, and does not get in the way of the next."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl_tests.support.instances import instance_at
from health_etl_tests.support.kill import KILLS, Trial, differing_keys, find_damage, survive
from health_etl_tests.support.state import state_of

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine


# A run whose work is done, in the moment before it says so.
AT_THE_VERY_END = """
import os, signal, sys
from pathlib import Path
import dagster as dg
from health_etl.orchestration.dead_runs import STARTED_HERE
from health_etl.orchestration.run_lock import alone_on_this_host

home = Path(sys.argv[1])
os.environ["DAGSTER_HOME"] = str(home)
with alone_on_this_host(home, lambda: None), dg.DagsterInstance.from_config(str(home)) as instance:
    instance.add_run(dg.DagsterRun("write_journal", tags=STARTED_HERE, status=dg.DagsterRunStatus.STARTED))
    print("at the end", flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def trial(command_line: type[CommandLine], tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Trial:
    return Trial.prepare(command_line(tmp_path_factory.mktemp("killed")), sample)


def test_the_run_after_killed_ones_ends_as_if_nothing_had_happened(trial: Trial) -> None:
    trial.start_over({})
    for appears in ("records/heart_rate/*.parquet", "insights/*/*.parquet"):
        assert trial.kill_when(appears)
        assert find_damage(trial.lake) == []
        assert differing_keys(state_of(trial.lake), trial.undisturbed)
    trial.run_to_the_end()
    assert differing_keys(state_of(trial.lake), trial.undisturbed) == []
    assert "Everything was up to date" in trial.command("run").stdout


def test_runs_killed_at_random_moments_leave_whole_objects_and_no_trace_in_the_end(trial: Trial) -> None:
    survive(trial, KILLS)


def test_a_run_killed_at_its_very_end_is_ended_by_the_next_even_when_nothing_is_left_to_do(
    command: CommandLine,
) -> None:
    arguments = [sys.executable, "-c", AT_THE_VERY_END, str(command.dagster_home)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"at the end\n"
        run.kill()
    assert statuses(command) == ["STARTED"]
    assert "Everything was up to date" in command("run").stdout
    assert statuses(command) == ["FAILURE"]


def statuses(command: CommandLine) -> list[str]:
    """Return the status of every run that the instance knows of."""
    with instance_at(str(command.dagster_home)) as instance:
        return [run.status.value for run in instance.get_runs()]
