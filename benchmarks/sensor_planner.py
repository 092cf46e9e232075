"""How long the sensors' planning takes over a simulated bucket of 1,000,000 objects, and what it holds in memory.

    PYTHONPATH=. .venv/bin/python benchmarks/sensor_planner.py --objects 1000000 --dates 730

No store is involved: a fake lake makes up the listing, so the figures are those of names, digests and the plan alone;
the ratio is to the listing. Seen on two cores: 1.9 s of CPU time, ratio 2.6, on 730 dates as on 8, and no memory above
what the imports take.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from health_etl.lake.keys import RAW, day_folder
from health_etl.lake.listed import ObjectInfo
from health_etl.lake.store import Lake
from health_etl.planning import run_requests
from health_etl.record_types import record_types
from health_etl.uploads.listing import TypeListing

FIRST = date(2024, 1, 1)

Result = TypeVar("Result")


class SimulatedLake(Lake):
    """A bucket with the same number of uploads on every date."""

    def __init__(self, per_date: int) -> None:
        self.per_date = per_date

    def folders(self, prefix: str) -> list[str]:
        """Return the type's folder."""
        return ["StepsRecord"] if prefix == RAW else []

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield made-up uploads of a date."""
        day = "".join(prefix.split("/")[2:5])
        for number in range(self.per_date):
            key = f"{prefix}user_{number:06}_{day}_120000_phone_{number:08x}.avro"
            yield ObjectInfo(key, 4_000, f'"{number:032x}"')


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--dates", type=int, default=730)
    chosen = parser.parse_args()
    lake = SimulatedLake(chosen.objects // chosen.dates)
    listing = TypeListing(lake, record_types()["steps"])
    dates = [FIRST + timedelta(days=n) for n in range(chosen.dates)]
    folders = [day_folder(RAW, "StepsRecord", day) for day in dates]
    started_mb = peak_mb()
    listed_s, objects = timed(lambda: sum(1 for folder in folders for _ in lake.objects(folder)))
    found_s, stale = timed(
        lambda: {day.isoformat(): run_requests.state([listing.summarize(day).digest]) for day in dates}
    )
    planned_s, plan = timed(
        lambda: run_requests.plan("steps", stale, {}, {}, now_s=time.time(), max_runs=10, retry_seconds=60)
    )
    table = Table("what", "seconds", "ratio", title=f"{objects:,} objects on {chosen.dates} dates")
    table.add_row("the listing alone", f"{listed_s:.2f}", "1.0")
    table.add_row("listed, names read, digests made", f"{found_s:.2f}", f"{found_s / listed_s:.1f}")
    table.add_row(f"planned: {plan.sentence()}", f"{planned_s:.2f}", f"{planned_s / listed_s:.1f}")
    table.add_row(f"peak memory {peak_mb():.0f} MB, {peak_mb() - started_mb:.0f} MB above the start", "", "")
    Console().print(table)


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the CPU seconds that a call took, and its result."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def peak_mb() -> float:
    """Return the peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
