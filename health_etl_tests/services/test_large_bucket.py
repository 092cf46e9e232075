"""A tick over very many uploads on a real S3 server: it respects its limits, continues in the next tick, says how much
it saw, and needs little memory.

TEST_HEALTH_ETL_OBJECTS sets how many; `make large` takes 100,000 and prints seconds and MB. Time is only printed.
Seen with 100,000 on two busy cores: 2 s and 12 MB; 8 s and 118 MB when every manifest has to be read, once.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from health_etl.lake import commits, keys
from health_etl.lake.manifest import Counts, FileEntry, Quality, RecordsManifest, versions_digest
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.sensors.uploads import MAX_RUNS_PER_TICK
from health_etl.record_types import record_types
from health_etl.records import partition as records_partition
from health_etl.settings import Settings
from health_etl_tests.services.ticks import Ticked

if TYPE_CHECKING:
    from health_etl_tests.services.conftest import S3Server

OBJECTS = int(os.environ.get("TEST_HEALTH_ETL_OBJECTS", "2000"))
TODAY = datetime.now(UTC).date()
LOOK_BACK_DAYS = 30
DATES = [TODAY - timedelta(days=days) for days in range(0, LOOK_BACK_DAYS + 1, 2)]  # with gaps: each is a run alone
LOOKED = f"Looked at {LOOK_BACK_DAYS + 1} upload dates with {OBJECTS:,} uploads: "
MAX_MB = 200
STEPS = record_types()["steps"]


@dataclass(frozen=True)
class Bucket:
    """A lake with OBJECTS uploads, and the environment that opens it."""

    lake: Lake
    environment: Mapping[str, str]

    def ticks(self, count: int) -> tuple[list[Ticked], list[str]]:
        """Tick in a separate process; print what it took. Return each tick's result, and its sentence."""
        module = [sys.executable, "-W", "ignore", "-m", "health_etl_tests.services.ticks"]
        done = subprocess.run(
            [*module, "--today", TODAY.isoformat(), "--ticks", str(count)],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        ticked = [Ticked(**json.loads(line)) for line in done.stdout.splitlines()]
        # A tick that requests runs logs its sentence, one that does not gives it as the reason. A slow machine has no
        # time for older dates, here none, and the sentence says where it continues.
        logged = iter(re.findall(r"INFO - (Looked at .*)$", done.stderr, re.MULTILINE))
        said = [one.skip_reason or next(logged) for one in ticked]
        sentences = [re.sub(r" The full sweep continues at \S+$", "", sentence) for sentence in said]
        for one, sentence in zip(ticked, sentences, strict=True):
            print(f"{one.seconds:.1f} s, {one.above_start_mb:.0f} MB above the start: {sentence}")  # noqa: T201
        return ticked, sentences


@pytest.fixture
def bucket(s3_server: S3Server, s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    environment = {
        **s3_server.environment(),
        "HEALTH_ETL_LAKE": f"s3://{s3_bucket}",
        "HEALTH_ETL_SENSOR_LOOK_BACK_DAYS": str(LOOK_BACK_DAYS),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    lake = connect(Settings())
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: put_upload(lake, number), range(OBJECTS)))
    return Bucket(lake, environment)


def put_upload(lake: Lake, number: int) -> None:
    day = DATES[number % len(DATES)]
    exported = datetime.combine(day, datetime.min.time(), UTC)
    lake.put(keys.raw_key(STEPS.avro_name, day, f"user_{number:07}", exported, "phone", f"{number:08x}"), b"-")


RULES = records_partition.DEFAULT_RULES.version


def account_for(lake: Lake, day: date) -> None:
    """Put the manifest that a run would leave, with every upload of a date in it."""
    files = tuple(
        FileEntry(info.key, info.etag, info.size_bytes, 1, 1, 0, 0, quality=Quality(1.0, 0.9876, 1.0, 0.95, 0.9863))
        for info in lake.objects(keys.day_folder(keys.RAW, STEPS.avro_name, day))
    )
    empty = RecordsManifest.empty("steps", day.isoformat(), records_partition.code_version(STEPS), RULES)
    versions = versions_digest({file.key: file.version for file in files})
    manifest = dataclasses.replace(empty, counts=Counts.of(files), uploads_digest=versions)
    commits.commit(lake, keys.records_folder("steps", day.isoformat()), commits.NO_HEAD, manifest.to_json())


def test_ticks_respect_their_limits_continue_where_they_stopped_and_rest_when_all_is_accounted_for(
    bucket: Bucket,
) -> None:
    (first, second, third), sentences = bucket.ticks(3)
    newest_first = [[day.isoformat(), day.isoformat()] for day in DATES]
    left = len(DATES) - MAX_RUNS_PER_TICK
    assert (first.requested, second.requested, third.requested) == (
        newest_first[:MAX_RUNS_PER_TICK],
        newest_first[MAX_RUNS_PER_TICK:],
        [],
    )
    assert sentences == [
        f"{LOOKED}{MAX_RUNS_PER_TICK} partitions requested in {MAX_RUNS_PER_TICK} runs, {left} left for the next tick.",
        f"{LOOKED}{left} partitions requested in {left} runs, {MAX_RUNS_PER_TICK} running or queued.",
        f"{LOOKED}0 partitions requested in 0 runs, {len(DATES)} running or queued.",
    ]
    assert third.above_start_mb < MAX_MB

    for day in DATES:
        account_for(bucket.lake, day)
    (first, second), sentences = bucket.ticks(2)
    assert (first.requested, second.requested) == ([], [])
    assert sentences == [f"{LOOKED}everything is accounted for."] * 2
    assert second.above_start_mb < MAX_MB
