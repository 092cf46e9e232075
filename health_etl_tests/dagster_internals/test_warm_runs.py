"""Runs are started warm by the code server, and by nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from health_etl.dagster_internals.warm_runs import is_code_server

# A process of its own: it changes how this interpreter starts others.
START = """
import multiprocessing, sys
sys.argv = {arguments!r}
from health_etl.warm_runs import start_runs_warm
start_runs_warm()
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")

    process = context.Process(target=print, args=("hello",))
    process.start()
    process.join()
    print(type(process._popen).__module__)
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["dagster", "api", "grpc", "--port", "4000"], True),
        (["dagster", "api", "grpc-health-check", "-p", "4000"], False),
        (["dagster-daemon", "run"], False),
        (["health-etl", "run"], False),
        (["dagster"], False),
    ],
)
def test_only_the_code_server_starts_runs(arguments: list[str], expected: bool) -> None:
    assert is_code_server(arguments) is expected


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["dagster", "api", "grpc"], "multiprocessing.popen_forkserver"),
        (["dagster-daemon", "run"], "multiprocessing.popen_spawn_posix"),
    ],
)
def test_its_processes_are_forks(arguments: list[str], module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START.format(arguments=arguments)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["hello", module]
