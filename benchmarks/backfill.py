"""How long a backfill takes: dates × six types × one small file each, in runs of a month as the UI starts them; then
the same backfill over what is up to date.

    PYTHONPATH=. .venv/bin/python benchmarks/backfill.py --dates 365

All runs go through Dagster in this process, one after the other, on SQLite: add about 3 s a run for a process of its
own.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
import warnings
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from rich.console import Console
from rich.table import Table

from health_etl.assets.records import BACKFILL_POLICY
from health_etl.core.lake import connect
from health_etl.definitions import build_definitions
from health_etl.jobs import BRING_UP_TO_DATE
from health_etl.partitions import ranges
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl_tests.exports import UPLOADED, plain, put

ROOT = Path(__file__).resolve().parents[1]
FIRST = date(2025, 9, 21)
DAY_MS = 86_400_000
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=365)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    table = Table("backfill", "runs", "seconds")
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "dagster_home"
        home.mkdir()
        shutil.copy(ROOT / "dagster.yaml", home)
        settings = Settings(lake=(Path(scratch) / "lake").as_uri())
        dates = [FIRST + timedelta(days=n) for n in range(chosen.dates)]
        for day in dates:
            for name in record_types():
                put(connect(settings), name, [moved(plain(name, f"{name}-{day}"), day)], upload_date=day)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            for what in (f"{chosen.dates} dates × {len(record_types())} types, nothing made yet", "again, unchanged"):
                begin = time.perf_counter()
                runs = _backfill(settings, instance, [day.isoformat() for day in dates])
                table.add_row(what, str(runs), f"{time.perf_counter() - begin:.1f}")
    Console().print(table)


def moved(record: Any, day: date) -> Any:
    """Return a record of the fixtures as the phone would have made it that day."""
    if isinstance(record, dict):
        return {name: moved(value, day) for name, value in record.items()}
    if isinstance(record, list):
        return [moved(value, day) for value in record]
    return record + (day - UPLOADED).days * DAY_MS if isinstance(record, int) and record > DAY_MS else record


def _backfill(settings: Settings, instance: dg.DagsterInstance, dates: list[str]) -> int:
    job = build_definitions(settings).resolve_job_def(BRING_UP_TO_DATE)
    spans = ranges(dates, BACKFILL_POLICY.max_partitions_per_run or 1)
    for span in spans:
        tags = {"dagster/asset_partition_range_start": span[0], "dagster/asset_partition_range_end": span[-1]}
        result = job.execute_in_process(instance=instance, tags=tags, run_config=QUIET, raise_on_error=False)
        if not result.success:
            failed = [event.message for event in result.all_events if event.is_failure]
            raise SystemExit(f"the run over {span[0]} to {span[-1]} failed: {failed}")
    return len(spans)


if __name__ == "__main__":
    main()
