"""Dagster's daemon for tests: evaluates sensors, stores what they return, starts what they ask for; nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from health_etl.definitions import build_definitions

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Daemon:
    """Ticks the sensors of one project. A run key is taken once, as Dagster does."""

    project: Project
    definitions: dg.Definitions = field(init=False)
    cursors: dict[str, str | None] = field(default_factory=dict)
    run_keys: set[tuple[str, str]] = field(default_factory=set)
    sensors: dict[str, dg.SensorDefinition] = field(default_factory=dict)  # instead of the definitions' own

    def __post_init__(self) -> None:
        self.definitions = build_definitions(self.project.settings)

    def evaluate(self, sensor_name: str) -> dg.SensorResult:
        """Evaluate a sensor; nothing is stored, as when the daemon dies right after."""
        sensor = self.sensors.get(sensor_name) or self.definitions.resolve_sensor_def(sensor_name)
        context = dg.build_sensor_context(
            instance=self.project.instance,
            cursor=self.cursors.get(sensor_name),
            definitions=self.definitions,
            resources={"lake": (self.definitions.resources or {})["lake"]},
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        return result

    def tick(self, sensor_name: str) -> dg.SensorResult:
        """Evaluate a sensor and store what it returns; its runs wait for `start`."""
        result = self.evaluate(sensor_name)
        self.cursors[sensor_name] = result.cursor
        for event in result.asset_events or ():
            self.project.instance.report_runless_asset_event(event)
        return result

    def start(self, sensor_name: str, requests: Sequence[dg.RunRequest] | None) -> list[dg.ExecuteInProcessResult]:
        """Carry out run requests, one after the other."""
        done = []
        for request in requests or ():
            if request.run_key is not None:
                assert (sensor_name, request.run_key) not in self.run_keys, f"{request.run_key} never runs again"
                self.run_keys.add((sensor_name, request.run_key))
            done.append(self.run(request))
        return done

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Carry out one run request, whatever its key."""
        job = self.definitions.resolve_job_def(request.job_name or "")
        config: dict[str, Any] = {**QUIET, **request.run_config}
        return job.execute_in_process(
            instance=self.project.instance,
            asset_selection=list(request.asset_selection) if request.asset_selection else None,
            tags=dict(request.tags),
            run_config=config,
            raise_on_error=False,
        )

    def tick_and_run(self, sensor_name: str) -> list[dg.ExecuteInProcessResult]:
        """Tick once and carry out what was asked for."""
        return self.start(sensor_name, self.tick(sensor_name).run_requests)


def spans(result: dg.SensorResult) -> list[tuple[str, str]]:
    """Return first and last partition of every run that was asked for."""
    return [
        (request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"])
        for request in result.run_requests or ()
    ]
