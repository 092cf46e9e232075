"""Ticks of a lake sensor in a separate process, so that the memory measured is theirs: prints a JSON line per tick;
what the sensor logs goes to standard error.

Runs that a tick requests are stored, as the daemon does, and not carried out. The settings come from the environment.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from health_etl.lake.manifest_cache import ManifestCache
from health_etl.orchestration.sensors.bucket import bucket_sensors, sensor_name
from health_etl.settings import load
from health_etl_tests.orchestration.conftest import Project
from health_etl_tests.support.daemon import Daemon, spans

STEPS = sensor_name("steps")


@dataclass(frozen=True)
class Ticked:
    """What one tick requested, why it requested nothing, and the peak memory of the process until then."""

    requested: list[list[str]]
    skip_reason: str | None
    seconds: float
    above_start_mb: float


def main() -> None:
    """Tick, and print what each tick did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--today", type=date.fromisoformat, required=True)
    parser.add_argument("--ticks", type=int, required=True)
    chosen = parser.parse_args()
    settings = load()
    with dg.DagsterInstance.ephemeral() as instance:
        daemon = Daemon(Project(settings, instance))
        noon_s = datetime.combine(chosen.today, datetime.min.time(), UTC).timestamp() + 12 * 3600 - time.monotonic()
        sensors = bucket_sensors(settings, ManifestCache(), lambda: noon_s + time.monotonic())
        daemon.sensors = {sensor.name: sensor for sensor in sensors}
        start_mb = memory_mb("VmRSS")
        for _ in range(chosen.ticks):
            begin = time.perf_counter()
            result = daemon.tick(STEPS)
            seconds = time.perf_counter() - begin
            store(daemon, result.run_requests or ())
            requested = [list(span) for span in spans(result)]
            skipped = result.skip_reason
            reason = skipped.skip_message if isinstance(skipped, dg.SkipReason) else skipped
            print(json.dumps(asdict(Ticked(requested, reason, seconds, memory_mb("VmHWM") - start_mb))))  # noqa: T201


def store(daemon: Daemon, requests: Sequence[dg.RunRequest]) -> None:
    """Store runs as the daemon does before it starts them."""
    for request in requests:
        job = daemon.definitions.resolve_job_def(request.job_name or "")
        job = job.get_subset(asset_selection=set(request.asset_selection or ()))
        daemon.project.instance.create_run_for_job(job, tags=dict(request.tags), asset_selection=job.asset_selection)


def memory_mb(name: str) -> float:
    """Return a figure of this process: VmRSS, what it holds, or VmHWM, the most that it held.

    Not getrusage: there a new process begins with what its parent held.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
