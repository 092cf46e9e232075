"""What a backfill costs: dates × six types × one small file each, in runs of a month as the UI starts them; then the
same backfill over what is up to date.

    PYTHONPATH=. .venv/bin/python benchmarks/backfill.py --dates 31

All runs go through Dagster in this process, one after the other, on SQLite; the start of a process for each run, a few
seconds, is not included. Seconds depend on what else the machine does, so the last column holds the processor time of
an event relative to that of an event of a job that does nothing but log, in the same process. backfill_in_ui.py
includes the daemon and the processes.
"""

import argparse
import shutil
import tempfile
import time
import warnings
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.table import Table

from health_etl.definitions import build_definitions
from health_etl.lake.store import connect
from health_etl.orchestration.jobs import BRING_UP_TO_DATE
from health_etl.planning.spans import ranges
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl_tests.support.exports import UPLOADED, plain, put, shift_days
from health_etl_tests.support.instances import instance_at

ROOT = Path(__file__).resolve().parents[1]
FIRST = date(2025, 9, 21)
LOGGED_EVENTS = 1000
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=365)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    table = Table("backfill", "runs", "seconds", "of processor", "events", "× a logged event")
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "dagster_home"
        home.mkdir()
        shutil.copy(ROOT / "dagster.yaml", home)
        settings = Settings(lake=(Path(scratch) / "lake").as_uri())
        dates = [FIRST + timedelta(days=n) for n in range(chosen.dates)]
        put_uploads(settings, dates)
        with instance_at(str(home)) as instance:
            logged = _seconds_of_a_logged_event(instance)
            for what in (f"{chosen.dates} dates × {len(record_types())} types, nothing made yet", "again, unchanged"):
                begin, begin_of_work = time.perf_counter(), time.process_time()
                runs, events = _backfill(settings, instance, [day.isoformat() for day in dates])
                seconds, work = time.perf_counter() - begin, time.process_time() - begin_of_work
                against = f"{work / events / logged:.1f}"
                table.add_row(what, str(runs), f"{seconds:.1f}", f"{work:.1f}", f"{events:,}", against)
    Console().print(table)


def _seconds_of_a_logged_event(instance: dg.DagsterInstance) -> float:
    @dg.op
    def logs(context: dg.OpExecutionContext) -> None:
        for number in range(LOGGED_EVENTS):
            context.log.info(f"event {number}")

    @dg.job
    def logging() -> None:
        logs()

    begin = time.process_time()
    logging.execute_in_process(instance=instance, run_config=QUIET)
    return (time.process_time() - begin) / LOGGED_EVENTS


def put_uploads(settings: Settings, dates: Sequence[date]) -> None:
    """Put one small file of every type and date into the lake."""
    lake = connect(settings)
    for day in dates:
        for name in record_types():
            put(lake, name, [shift_days(plain(name, f"{name}-{day}"), (day - UPLOADED).days)], upload_date=day)


def _backfill(settings: Settings, instance: dg.DagsterInstance, dates: list[str]) -> tuple[int, int]:
    """Return how many runs it took, and how many events they wrote."""
    job = build_definitions(settings).resolve_job_def(BRING_UP_TO_DATE)
    spans = ranges(dates, settings.dates_per_run)
    events = 0
    for span in spans:
        tags = {"dagster/asset_partition_range_start": span[0], "dagster/asset_partition_range_end": span[-1]}
        result = job.execute_in_process(instance=instance, tags=tags, run_config=QUIET, raise_on_error=False)
        if not result.success:
            failed = [event.message for event in result.all_events if event.is_failure]
            raise SystemExit(f"the run over {span[0]} to {span[-1]} failed: {failed}")
        events += len(instance.all_logs(result.run_id))
    return len(spans), events


if __name__ == "__main__":
    main()
