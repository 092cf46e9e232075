"""How long the sensors' planning takes over a simulated bucket of 1,000,000 objects, and what it holds in memory.

    .venv/bin/python benchmarks/sensor_planner.py --objects 1000000 --dates 730

No store takes part: a fake lake makes up the listing, so the figures are those of parsing, digests and the plan alone.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from datetime import date, timedelta

from rich.console import Console
from rich.table import Table

from health_etl.core.keys import RAW
from health_etl.core.lake import Lake, ObjectInfo
from health_etl.core.listing import TypeListing
from health_etl.record_types import record_types
from health_etl.sensors import planner

FIRST = date(2024, 1, 1)


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--dates", type=int, default=730)
    chosen = parser.parse_args()
    listing = TypeListing(SimulatedLake(chosen.objects // chosen.dates), record_types()["steps"])
    dates = [(FIRST + timedelta(days=n)).isoformat() for n in range(chosen.dates)]
    start = time.perf_counter()
    stale = {key: planner.state([listing.found(date.fromisoformat(key)).digest]) for key in dates}
    listed = time.perf_counter()
    plan = planner.plan("steps", stale, {}, {}, now_s=time.time(), most_asks=10)
    planned = time.perf_counter()
    table = Table("what", "figure")
    table.add_row("objects", f"{chosen.objects // chosen.dates * chosen.dates:,} on {chosen.dates} dates")
    table.add_row("keys parsed, digests made", f"{listed - start:.1f} s")
    table.add_row("planned", f"{planned - listed:.3f} s, {len(plan.asks)} runs, {len(plan.postponed)} dates left")
    table.add_row("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    Console().print(table)


if __name__ == "__main__":
    main()
