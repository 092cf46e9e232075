"""What a tick that finds nothing costs, by sensor: CPU time, requests to the store, statements to Dagster's
database. On two cores every sensor does this every 5 to 10 s.

    .venv/bin/python -m benchmarks.quiet_ticks --dates 365

Makes a lake of dates × six types × one small file each in a folder, brings it up to date, lets the sensors report it to
Dagster, and keeps ticking. Dagster's database is SQLite, or PostgreSQL where HEALTH_ETL_DAGSTER_POSTGRES_URL is set.
Seen on two busy cores, 10 dates, SQLite: 8 to 13 ms and 4 statements per lake sensor, 3 ms and no listing for
follow_up. `--lake` keeps the lake in a folder of its own, and reuses it if it exists.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import statistics
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy
from rich.console import Console
from rich.table import Table

from benchmarks import lakes
from health_etl.insights.partition import InsightOptions
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.sensors.bucket import sensor_name
from health_etl.orchestration.sensors.follow_up import NAME as FOLLOW_UP
from health_etl.orchestration.sensors.queue import NAME as UPLOAD_EVENTS
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl_tests.orchestration.conftest import Project
from health_etl_tests.support.daemon import Daemon
from health_etl_tests.support.instances import instance_at
from health_etl_tests.support.pipeline import bring_up_to_date

ROOT = Path(__file__).resolve().parents[1]
SETTLING_TICKS = 60
STORE_CALLS = ("objects", "folders", "fetch")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dates", type=int, default=365)
    parser.add_argument("--ticks", type=int, default=20)
    parser.add_argument("--lake", type=Path)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "dagster_home"
        home.mkdir()
        shutil.copy(ROOT / "dagster.yaml", home)
        os.environ["DAGSTER_HOME"] = str(home)
        folder = chosen.lake or Path(scratch) / "lake"
        settings = Settings(lake=folder.as_uri())
        if not folder.exists():
            fill(settings, folder, datetime.now(UTC).date(), chosen.dates)
        with instance_at(str(home)) as instance:
            Console().print(measured(Daemon(Project(settings, instance)), chosen.ticks))


def fill(settings: Settings, folder: Path, last: date, dates: int) -> None:
    """Upload a file of every type on every date, and bring everything up to date."""
    lakes.write(folder, lakes.one_of_each_type(dates, last - timedelta(days=dates - 1)))
    lake = connect(settings)
    bring_up_to_date(lake, InsightOptions.of(settings, lake))


def measured(daemon: Daemon, ticks: int) -> Table:
    """Tick every sensor until it is idle, then measure it."""
    table = Table("sensor", "CPU ms", "listings", "folders", "reads", "statements")
    for name in (*map(sensor_name, record_types()), FOLLOW_UP, UPLOAD_EVENTS):
        rest(daemon, name)
        with counted() as counts:
            cpu_ms = []
            for _ in range(ticks):
                begin = time.process_time()
                daemon.tick(name)
                cpu_ms.append(1000 * (time.process_time() - begin))
        each = [f"{counts[call] / ticks:.1f}" for call in (*STORE_CALLS, "statements")]
        table.add_row(name, f"{statistics.median(cpu_ms):.1f}", *each)
    return table


def rest(daemon: Daemon, name: str) -> None:
    """Tick until nothing more is requested or reported."""
    for _ in range(SETTLING_TICKS):
        result = daemon.tick(name)
        if result.run_requests:
            raise SystemExit(f"{name} requests runs: the lake is not up to date.")
        if not result.asset_events and '"sweep_from": null' in (result.cursor or '"sweep_from": null'):
            return


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count calls to the store and statements to the database."""
    counts: Counter[str] = Counter()

    def counting(name: str) -> Any:
        plain_call = getattr(Lake, name)

        def call(*arguments: Any) -> Any:
            counts[name] += 1
            return plain_call(*arguments)

        return mock.patch.object(Lake, name, call)

    def statement(*_: Any) -> None:
        counts["statements"] += 1

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "before_cursor_execute", statement)
    patches = [counting(name) for name in STORE_CALLS]
    for patch in patches:
        patch.start()
    try:
        yield counts
    finally:
        for patch in patches:
            patch.stop()
        sqlalchemy.event.remove(sqlalchemy.engine.Engine, "before_cursor_execute", statement)


if __name__ == "__main__":
    main()
