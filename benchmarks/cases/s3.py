"""Very many small objects on an S3 server: wall time against one request after another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from benchmarks import lakes
from benchmarks.bench import Bench, CaseSkippedError
from benchmarks.bucket import Bucket
from benchmarks.measure import Usage, alternately
from benchmarks.results import Figure, Item
from benchmarks.site import PROGRAMS, Site

NEEDED = ("HEALTH_ETL_S3_ENDPOINT_URL", "HEALTH_ETL_S3_ACCESS_KEY_ID", "HEALTH_ETL_S3_SECRET_ACCESS_KEY")
OPTIONAL = ("HEALTH_ETL_S3_REGION",)


def s3(bench: Bench) -> Iterator[Item]:
    """Measure from the listing to the records, the whole path, and a loop of boto3 and fastavro, on all cores.

    Raises CaseSkippedError where the environment names no server.
    """
    settings = _server()
    people, days, most = bench.pick((10, 30, 3_000), (1, 5, 60))
    with Bucket.made(settings) as bucket:
        files = bucket.put(islice(lakes.mixed(people, days), most))
        site = replace(bench.site("s3"), core=None, settings={**settings, "HEALTH_ETL_LAKE": f"s3://{bucket.name}"})
        dates = bucket.upload_dates()

        def from_nothing(*arguments: str | Path) -> Usage:
            bucket.remove_all_but_raw()
            return _fresh_home(bench, site).python(*arguments)

        records, whole, loop = alternately(
            bench.rounds,
            lambda: from_nothing(PROGRAMS / "make_records.py", dates[0], dates[-1]),
            lambda: from_nothing("-m", "health_etl", "run"),
            lambda: site.baseline("sequential_s3.py", bucket.name),
        )
    what, against = f"{files:,} mixed files on S3, wall time", "boto3 and fastavro in a loop"
    yield Figure("s3_records", f"{what}: listing to records", against, records.wall_s, loop.wall_s)
    yield Figure("s3", f"{what}: whole path", against, whole.wall_s, loop.wall_s)


def _server() -> dict[str, str]:
    if missing := [name for name in NEEDED if name not in os.environ]:
        raise CaseSkippedError(
            f"there is no S3 server: set {', '.join(missing)}; `make services` starts one and prints them"
        )
    return {name: os.environ[name] for name in (*NEEDED, *OPTIONAL) if name in os.environ}


def _fresh_home(bench: Bench, site: Site) -> Site:
    return replace(bench.site("s3-home"), core=None, settings=site.settings)
