"""Starts runs warm: a run's process is forked from one that has imported everything, instead of importing it anew.

Dagster's code server starts a fresh interpreter for every run, which spends some seconds on imports before the first
step. Here the code server's child processes come from Python's fork server: it imports `health_etl.dagster_internals.preloaded` once,
holds neither threads nor connections, and each run is a fork of it, with a memory and an end of its own as before.
"""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing import context

PRELOADED = "health_etl.dagster_internals.preloaded"


def is_code_server(arguments: list[str]) -> bool:
    """Say whether these are the arguments of Dagster's code server, which starts runs."""
    return arguments[1:3] == ["api", "grpc"]


def start_runs_warm() -> None:
    """Let the processes that the code server starts be forks; elsewhere nothing changes."""
    if not is_code_server(sys.argv):
        return
    multiprocessing.set_forkserver_preload([PRELOADED])
    # Dagster asks for the start method `spawn` by name and offers no setting for it.
    setattr(context.SpawnProcess, "_Popen", staticmethod(context.ForkServerProcess._Popen))  # noqa: B010
