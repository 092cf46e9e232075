"""A minimal Dagster daemon for tests: evaluates sensors, stores their results and runs what they request."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from health_etl.definitions import build_definitions
from health_etl.planning.run_requests import PARTITION, RANGE_END, RANGE_START
from health_etl.settings import Settings

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Daemon:
    """Ticks the sensors of one project. As in Dagster, each run key is used only once."""

    project: Project
    definitions: dg.Definitions = field(init=False)
    cursors: dict[str, str | None] = field(default_factory=dict)
    run_keys: set[tuple[str, str]] = field(default_factory=set)
    sensors: dict[str, dg.SensorDefinition] = field(default_factory=dict)  # instead of the definitions' own

    def __post_init__(self) -> None:
        self.definitions = build_definitions(self.project.settings)

    def restart(self, **changed: Any) -> None:
        """Load the definitions again, with other settings: a running code location keeps those that it started with."""
        settings = Settings.model_validate({**dict(self.project.settings), **changed})
        self.project = replace(self.project, settings=settings)
        self.definitions = build_definitions(settings)

    def evaluate(self, sensor_name: str) -> dg.SensorResult:
        """Evaluate a sensor without storing anything, as if the daemon died right afterwards."""
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
        """Evaluate a sensor and store its result; runs are started by `start`."""
        result = self.evaluate(sensor_name)
        self.cursors[sensor_name] = result.cursor
        for event in result.asset_events or ():
            self.project.instance.report_runless_asset_event(event)
        return result

    def start(self, sensor_name: str, requests: Sequence[dg.RunRequest] | None) -> list[dg.ExecuteInProcessResult]:
        """Execute run requests one after the other."""
        done = []
        for request in requests or ():
            if request.run_key is not None:
                assert (sensor_name, request.run_key) not in self.run_keys, f"run key {request.run_key} was used before"
                self.run_keys.add((sensor_name, request.run_key))
            done.append(self.run(request))
        return done

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Execute one run request, whatever its run key."""
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
        """Tick once and execute the requested runs."""
        return self.start(sensor_name, self.tick(sensor_name).run_requests)


def spans(result: dg.SensorResult) -> list[tuple[str, str]]:
    """Return the first and last partition of every requested run."""
    return [
        (tags.get(RANGE_START, tags.get(PARTITION, "")), tags.get(RANGE_END, tags.get(PARTITION, "")))
        for tags in (request.tags for request in result.run_requests or ())
    ]
