"""How long it takes from an upload to its lines in the training data, on the stack that the environment points to.

    make stack && source /tmp/health-etl-stack-…/environment
    .venv/bin/python -m benchmarks.latency --uploads 20

Each upload is that of another person, today, one after the other with pauses, so that none waits for the one before.
"""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import dagster as dg
from rich.console import Console
from rich.progress import track
from rich.table import Table

from health_etl.days.pseudonym import subject
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.jobs import BRING_UP_TO_DATE, WRITE_JOURNAL
from health_etl.settings import load
from health_etl_tests.support.exports import heart_rate, put, steps

POLL_SECONDS = 0.2
MAX_SECONDS = 180
MAX_PAUSE_SECONDS = 6.0  # longer than any sensor's interval, so that uploads arrive at every phase of it


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=20)
    chosen = parser.parse_args()
    settings = load()
    lake, pauses = connect(settings), Random(1)
    whole: list[float] = []
    phases: dict[str, list[float]] = {}
    with dg.DagsterInstance.get() as instance:
        for number in track(range(chosen.uploads), "uploads"):
            person = f"latency-{uuid.uuid4().hex[:8]}"
            time.sleep(pauses.uniform(0, MAX_PAUSE_SECONDS))
            begun = time.time()
            record = (steps, heart_rate)[number % 2](f"r-{person}", datetime.now(UTC) - timedelta(hours=2))
            put(
                lake,
                ("steps", "heart_rate")[number % 2],
                [record],
                user_id=person,
                upload_date=datetime.now(UTC).date(),
            )
            whole.append(
                _seconds_until_written(lake, subject(person, settings.pseudonym_key.get_secret_value()), begun)
            )
            for name, seconds in _phases(instance, begun):
                phases.setdefault(name, []).append(seconds)
    table = Table("from upload to", "p50 s", "p95 s", "longest s")
    for name, all_seconds in (*phases.items(), ("its lines in the journal", whole)):
        table.add_row(name, *(f"{value:.1f}" for value in _summary(all_seconds)))
    Console().print(table)


def _seconds_until_written(lake: Lake, who: str, begun: float) -> float:
    seen: set[str] = set()
    while time.time() < begun + MAX_SECONDS:
        for info in lake.objects("training/"):
            if info.key.endswith(".jsonl") and info.etag not in seen:
                seen.add(info.etag)
                if who.encode() in lake.get(info.key):
                    return time.time() - begun
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"no line within {MAX_SECONDS} s; is the stack up?")


def _phases(instance: dg.DagsterInstance, begun: float) -> Iterator[tuple[str, float]]:
    """Yield when the first run of each kind after the upload was requested, started, and ended."""
    for job, what in ((BRING_UP_TO_DATE, "records and insights"), (WRITE_JOURNAL, "the month")):
        since = dg.RunsFilter(job_name=job, created_after=datetime.fromtimestamp(begun, UTC))
        found = instance.get_run_records(since, ascending=True, limit=1)
        if found:
            yield f"run of {what}: requested", found[0].create_timestamp.timestamp() - begun
            yield f"run of {what}: started", (found[0].start_time or 0.0) - begun
            if found[0].end_time:
                yield f"run of {what}: ended", found[0].end_time - begun


def _summary(seconds: list[float]) -> tuple[float, float, float]:
    ordered = sorted(seconds)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], ordered[-1]


if __name__ == "__main__":
    main()
