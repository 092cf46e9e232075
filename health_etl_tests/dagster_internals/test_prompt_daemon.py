"""Dagster's daemon looks at sensors and backfills often, and no other process of Dagster's is touched."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon import backfill, controller, sensor

from health_etl.dagster_internals.prompt_daemon import BACKFILLS_EVERY_SECONDS, SENSORS_EVERY_SECONDS


@pytest.mark.parametrize(
    ("program", "seconds"),
    [("dagster-daemon", (SENSORS_EVERY_SECONDS, BACKFILLS_EVERY_SECONDS)), ("dagster-webserver", (5, 30))],
)
def test_the_daemon_alone_looks_often(
    program: str, seconds: tuple[int, int], tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").symlink_to(checkout / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr(sensor, "MIN_INTERVAL_LOOP_TIME", 5)
    monkeypatch.setattr(controller, "DEFAULT_DAEMON_INTERVAL_SECONDS", 30)
    monkeypatch.setattr(sys, "argv", [f"/bin/{program}", "run"])
    monkeypatch.setattr("health_etl.dagster_internals.instance.spare_disk_from_now_on", lambda: None)
    with dg.DagsterInstance.get():
        found = (sensor.MIN_INTERVAL_LOOP_TIME, controller.DEFAULT_DAEMON_INTERVAL_SECONDS)
    assert found == seconds


def test_dagster_still_asks_for_these_numbers() -> None:
    of_backfills = inspect.getsource(backfill.execute_backfill_iteration_loop)
    assert "import DEFAULT_DAEMON_INTERVAL_SECONDS" in of_backfills
    assert "DEFAULT_DAEMON_INTERVAL_SECONDS - loop_duration" in of_backfills
    of_sensors = inspect.getsource(sensor.execute_sensor_iteration_loop)
    assert "MIN_INTERVAL_LOOP_TIME - loop_duration" in of_sensors
