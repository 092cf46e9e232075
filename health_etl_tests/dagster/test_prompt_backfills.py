"""Dagster's daemon looks at backfills every few seconds, and no other process of Dagster's is touched."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon import backfill, controller

from health_etl.prompt_backfills import LOOK_EVERY_SECONDS


@pytest.mark.parametrize(("program", "seconds"), [("dagster-daemon", LOOK_EVERY_SECONDS), ("dagster-webserver", 30)])
def test_the_daemon_alone_looks_often(
    program: str, seconds: int, tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").symlink_to(checkout / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr(controller, "DEFAULT_DAEMON_INTERVAL_SECONDS", 30)
    monkeypatch.setattr(sys, "argv", [f"/bin/{program}", "run"])
    monkeypatch.setattr("health_etl.instance.spare_disk_from_now_on", lambda: None)
    with dg.DagsterInstance.get():
        assert seconds == controller.DEFAULT_DAEMON_INTERVAL_SECONDS


def test_dagster_still_asks_for_that_number_when_its_loop_starts() -> None:
    loop = inspect.getsource(backfill.execute_backfill_iteration_loop)
    assert "import DEFAULT_DAEMON_INTERVAL_SECONDS" in loop
    assert "DEFAULT_DAEMON_INTERVAL_SECONDS - loop_duration" in loop
