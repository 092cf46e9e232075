"""What this process was started for, so that it is set up accordingly."""

from __future__ import annotations

import sys
from multiprocessing import parent_process
from pathlib import Path


def is_daemon() -> bool:
    """Say whether it is Dagster's daemon, by itself or as part of `dagster dev`."""
    program = Path(sys.argv[0]) if sys.argv else Path()
    return program.name == "dagster-daemon" or program.parent.name == "_daemon"


def writes_many_events() -> bool:
    """Say whether it works a run off or plans runs: the UI and code servers but read."""
    is_run_of_code_server = parent_process() is not None
    is_run = sys.argv[1:3] == ["api", "execute_run"]
    return is_run_of_code_server or is_run or is_daemon()
