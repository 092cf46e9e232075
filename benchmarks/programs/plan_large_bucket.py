"""Plan over a simulated bucket: plan_large_bucket.py OBJECTS DATES list|plan

No store is involved: a lake that makes up its listing, so what it takes is names, digests and the plan alone. `list`
only goes through the listing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta

from health_etl.lake.keys import RAW, day_folder
from health_etl.lake.listed import ObjectInfo
from health_etl.lake.store import Lake
from health_etl.planning import run_requests
from health_etl.record_types import record_types
from health_etl.uploads.listing import TypeListing

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
    """Do what the arguments say, and print how much it was."""
    objects, dates = map(int, sys.argv[1:3])
    lake = SimulatedLake(objects // dates)
    days = [FIRST + timedelta(days=number) for number in range(dates)]
    if sys.argv[3] == "list":
        print(sum(1 for day in days for _ in lake.objects(day_folder(RAW, "StepsRecord", day))))
        return
    listing = TypeListing(lake, record_types()["steps"])
    found = {day.isoformat(): run_requests.state([listing.summarize(day).digest]) for day in days}
    plan = run_requests.plan("steps", found, {}, {}, now_s=time.time(), max_runs=10, retry_seconds=60)
    print(plan.sentence())


if __name__ == "__main__":
    main()
