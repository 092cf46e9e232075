"""An hour without uploads: nothing is requested, and neither cursors nor memory grow."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from health_etl.lake.manifest_cache import ManifestCache
from health_etl.orchestration.sensors.bucket import bucket_sensors, sensor_name
from health_etl.orchestration.sensors.follow_up import follow_up_sensor
from health_etl_tests.support.daemon import Daemon
from health_etl_tests.support.exports import put, steps
from health_etl_tests.support.pipeline import bring_up_to_date

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

STEPS = sensor_name("steps")
HOUR_SECONDS = 3600
MAX_GROWTH_BYTES = 150_000


class Clock:
    """Time that passes only when the test says so."""

    def __init__(self) -> None:
        self.now_s = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def quiet(project: Project) -> tuple[Daemon, Clock, ManifestCache]:
    """A lake of ten upload dates, some of them old, up to date and settled."""
    today = datetime.now(UTC).date()
    for days in (0, 1, 2, 3, 4):
        put(project.lake, "steps", [steps()], upload_date=today - timedelta(days=days))
        put(project.lake, "steps", [steps()], upload_date=date(2023, 11, 2) + timedelta(days=days))
    bring_up_to_date(project.lake)
    clock, cache, daemon = Clock(), ManifestCache(), Daemon(project)
    sensors = {sensor.name: sensor for sensor in bucket_sensors(project.settings, cache, clock)}
    daemon.sensors = {STEPS: sensors[STEPS], "follow_up": follow_up_sensor(cache, clock)}
    for _ in range(6):
        for name in daemon.sensors:
            daemon.tick_and_run(name)
    return daemon, clock, cache


def test_an_hour_of_ticks_requests_nothing_and_nothing_grows(quiet: tuple[Daemon, Clock, ManifestCache]) -> None:
    daemon, clock, cache = quiet
    interval_s = daemon.project.settings.sensor_interval_seconds
    cursors, kept = {name: len(cursor or "") for name, cursor in daemon.cursors.items()}, len(cache)
    warm, begin = 30, 0
    ticks = HOUR_SECONDS // interval_s
    tracemalloc.start()
    for number in range(ticks):
        if number == warm:
            gc.collect()
            begin = tracemalloc.get_traced_memory()[0]
        clock.now_s += interval_s
        for name in daemon.sensors:
            result = daemon.tick(name)
            assert not result.run_requests, name
            assert not result.asset_events, name
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - begin
    tracemalloc.stop()
    assert grown < MAX_GROWTH_BYTES
    assert len(cache) == kept
    assert all(len(cursor or "") <= cursors[name] + 20 for name, cursor in daemon.cursors.items())
