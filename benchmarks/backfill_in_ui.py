"""How long a backfill started in the UI takes: dates × six types × one small file each, in as many processes as
dagster.yaml allows; then the same backfill over what is up to date.

    .venv/bin/python -m benchmarks.backfill_in_ui --dates 365

Starts a webserver and a daemon of its own, on SQLite and a folder, and ends them. The daemon checks a backfill every
half minute; the last column leaves out how long it took to see that all was done.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_graphql import DagsterGraphQLClient
from rich.console import Console
from rich.table import Table

from benchmarks import lakes
from health_etl.lake.keys import DAILY_JOURNAL, UTC_OFFSETS
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl.synthetic import DEFAULT_FIRST_DAY
from health_etl_tests.support.availability import listens
from health_etl_tests.support.stack import BACKFILL, LAUNCH_BACKFILL, stop_sensors

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
READY_SECONDS = 120
RUN_TIMES = """
query ($ids: [String]) { runsOrError(filter: {runIds: $ids}) { ... on Runs { results { startTime endTime } } } }
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=365)
    parser.add_argument("--port", type=int, default=9877)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    dates = lakes.days_from(DEFAULT_FIRST_DAY, range(chosen.dates))
    table = Table("backfill", "runs", "seconds until the UI says so", "until the last run ended")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "lake"
        lakes.write(folder, lakes.one_of_each_type(chosen.dates))
        settings = Settings(lake=folder.as_uri())
        with _dagster(Path(scratch), settings, chosen.port) as client:
            for what in (f"{chosen.dates} dates × {len(record_types())} types, nothing made yet", "again, unchanged"):
                runs, shown, worked = _backfill(client, [day.isoformat() for day in dates])
                table.add_row(what, str(runs), f"{shown:.0f}", f"{worked:.0f}")
    Console().print(table)


@contextmanager
def _dagster(scratch: Path, settings: Settings, port: int) -> Iterator[DagsterGraphQLClient]:
    home = scratch / "dagster_home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    environment = os.environ | {"DAGSTER_HOME": str(home), "HEALTH_ETL_LAKE": settings.lake, "PYTHONPATH": str(ROOT)}
    started = []
    with (scratch / "services.log").open("w") as log:

        def start(program: str, *arguments: str) -> None:
            command = [str(BIN / program), *arguments]
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))

        try:
            start("dagster-webserver", "-h", "127.0.0.1", "-p", str(port))
            client = _client(port)
            stop_sensors(client)  # nothing else may start on the same work
            start("dagster-daemon", "run")
            yield client
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait()


def _client(port: int) -> DagsterGraphQLClient:
    client, deadline = DagsterGraphQLClient("127.0.0.1", port_number=port), time.monotonic() + READY_SECONDS
    while not listens(port):
        if time.monotonic() > deadline:
            raise SystemExit(f"the webserver did not come up within {READY_SECONDS} s")
        time.sleep(0.5)
    return client


def _backfill(client: DagsterGraphQLClient, dates: Sequence[str]) -> tuple[int, float, float]:
    """Return how many runs it took, and the seconds until the UI says that it ended and until the last run did."""
    types = [*record_types()]
    keys = [(group, name) for group in ("records", "quarantine", "insights") for name in types]
    keys += [("records", UTC_OFFSETS), ("insights", DAILY_JOURNAL)]
    parameters = {"assetSelection": [{"path": list(key)} for key in keys], "partitionNames": list(dates)}
    begin = time.time()
    launched = client._execute(LAUNCH_BACKFILL, {"parameters": parameters})["launchPartitionBackfill"]
    found: dict[str, Any] = {"status": "REQUESTED"}
    while not found["status"].startswith(("COMPLETED", "FAILED", "CANCELED")):
        time.sleep(1)
        found = client._execute(BACKFILL, {"id": launched["backfillId"]})["partitionBackfillOrError"]
    shown = time.time() - begin
    if found["status"] != "COMPLETED_SUCCESS":
        raise SystemExit(f"the backfill ended as {found['status']}")
    times = client._execute(RUN_TIMES, {"ids": [run["id"] for run in found["runs"]]})["runsOrError"]["results"]
    return len(found["runs"]), shown, max(run["endTime"] for run in times) - begin


if __name__ == "__main__":
    main()
