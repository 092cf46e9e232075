"""Killing runs of the command (-9) at arbitrary moments, and checking that what they leave behind is intact.

A trial uses one lake whose raw/ never changes, so that even ETags are the same each time a run starts over.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from health_etl.clinical import all_processors
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake, connect
from health_etl.record_types import record_types
from health_etl.settings import PREFIX, Settings
from health_etl.training import journal
from health_etl.training.journal import WrittenMonths
from health_etl.wording import counted
from health_etl_tests.support import exports
from health_etl_tests.support.instances import instance_at
from health_etl_tests.support.state import state_of

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

KILLS = int(os.environ.get("TEST_HEALTH_ETL_KILLS", "1"))  # per kind of lake
CHAIN = 5  # kills on one lake before a run may finish
SEED = 2243
POLL_SECONDS = {"file": 0.02, "s3": 0.25}

# All six types, upload dates 15 and 16 September 2025. The late files change partitions that an earlier run wrote.
EARLY = (
    "ActiveCaloriesBurnedRecord_1757901111933.avro",
    "BloodGlucoseRecord_1757941735901.avro",
    "HeartRateRecord_1757901111933.avro",
    "SleepSessionRecord_1757901111933.avro",
    "StepsRecord_1757901111933.avro",
)
LATE = (
    "BloodGlucoseRecord_1757901111933.avro",
    "HeartRateVariabilityRmssdRecord_1757941735901.avro",
    "SleepSessionRecord_1757986939488.avro",
    "StepsRecord_1757986939488.avro",
)
UPLOADED = date(2025, 9, 16)
NOON = exports.utc("2025-09-15 17:00")
LAYERS = ("records", "insights", "training")
DERIVED_SUFFIXES = (".parquet", ".json", ".jsonl")

Objects = Mapping[str, bytes]


def lake_of(command: CommandLine) -> Lake:
    """Open the command's lake."""
    return connect(settings_of(command))


def settings_of(command: CommandLine) -> Settings:
    """Return the settings that the command reads from its environment."""
    named = {n.removeprefix(PREFIX).lower(): v for n, v in command.environment.items() if n.startswith(PREFIX)}
    return Settings.model_validate(named)


def derived_objects(lake: Lake) -> dict[str, bytes]:
    """Return every object that runs have written, by key, what has been replaced included."""
    made = [info.key for info in lake.objects("") if not info.key.startswith(keys.RAW)]
    return {key: found.content for key, found in lake.get_many(made) if found is not None}


def find_fault(key: str, content: bytes) -> str | None:
    """Say how an object is damaged; None if it is intact."""
    try:
        if not key.startswith("quarantine/") and not key.endswith(DERIVED_SUFFIXES):
            return f"{key} has an unexpected name"
        if key.endswith(".parquet"):
            pq.read_table(io.BytesIO(content)).validate(full=True)
        elif key.endswith((".json", ".jsonl")):
            for text in content.splitlines() if key.endswith(".jsonl") else [content]:
                json.loads(text)
            if not content.endswith(b"\n"):
                return f"{key} is truncated"
    except (ValueError, pa.ArrowException) as error:
        return f"{key} is damaged: {type(error).__name__}"
    return None


def find_damage(lake: Lake) -> list[str]:
    """Return everything wrong with a lake while no run is active, except what the next run would rewrite."""
    found = derived_objects(lake)
    faults = [fault for key, content in found.items() if (fault := find_fault(key, content))]
    return faults or [*_find_wrong_manifests(lake, found)]


def _find_wrong_manifests(lake: Lake, found: Objects) -> Iterator[str]:
    """Yield tables that are missing or differ from what their manifests say, and months that only seem current."""
    catalogue = Catalogue(lake)
    for key, sha256 in (*_tables(catalogue), *_journal_files(lake, catalogue)):
        if key not in found:
            yield f"{key} has a manifest but does not exist"
        elif hashlib.sha256(found[key]).hexdigest() != sha256:
            yield f"{key} does not match its manifest"


def _tables(catalogue: Catalogue) -> Iterator[tuple[str, str | None]]:
    for name in record_types():
        for manifest in catalogue.records(name).values():
            yield manifest.table_key, manifest.table_sha256
            if manifest.rejected_key is not None:
                yield manifest.rejected_key, manifest.rejected_sha256
    for derived in (catalogue.offsets, *(catalogue.insights(name) for name in all_processors())):
        yield from ((manifest.table_key, manifest.output_sha256) for manifest in derived.values())


def _journal_files(lake: Lake, catalogue: Catalogue) -> Iterator[tuple[str, str | None]]:
    written = WrittenMonths(lake)
    for wanted in (wanted for month in journal.months(catalogue, written) for wanted in journal.plan(catalogue, month)):
        manifest = written.manifest(wanted.domain, wanted.month)
        if manifest is not None and manifest.rows and written.is_current(wanted):
            yield manifest.details["key"], manifest.output_sha256


@contextmanager
def watch_objects(lake: Lake) -> Iterator[list[str]]:
    """Read every object as soon as it appears while the block runs; yields the list of faults found."""
    faults: list[str] = []
    seen: set[tuple[str, str]] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_SECONDS[lake.url.partition(":")[0]]):
            for info in lake.objects(""):
                if (info.key, info.etag) in seen or info.key.startswith(keys.RAW):
                    continue
                content = lake.find(info.key)
                seen.add((info.key, info.etag))
                if content is not None and (fault := find_fault(info.key, content)):
                    faults.append(fault)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield faults
    finally:
        over.set()
        watcher.join()


@dataclass
class Trial:
    """A lake, its raw/ and what undisturbed runs make of it."""

    command: CommandLine
    lake: Lake
    settings: Settings
    before_late: Objects = field(default_factory=dict)  # what a run writes before the late uploads
    undisturbed: Objects = field(default_factory=dict)
    run_seconds: float = 0.0

    @classmethod
    def prepare(cls, command: CommandLine, sample: Path) -> Trial:
        """Fill an empty lake and time one undisturbed run over all of it."""
        # Temporary files of killed runs are removed with the test's folder.
        command = replace(command, settings={**command.settings, "TMPDIR": str(command.folder)})
        trial = cls(command, lake_of(command), settings_of(command))
        trial._upload(sample, EARLY)
        exports.put(trial.lake, "steps", [exports.steps("s1", NOON)], upload_date=UPLOADED)
        readings = [exports.blood_glucose("g1", NOON), exports.blood_glucose("g2", NOON, mg_dl=9_000)]
        exports.put(trial.lake, "blood_glucose", readings, upload_date=UPLOADED)
        if KILLS > CHAIN:
            trial.run_to_the_end()
            trial.before_late = derived_objects(trial.lake)
        trial._upload(sample, LATE)
        exports.put(trial.lake, "steps", [exports.steps("s2", NOON, count=300)], upload_date=UPLOADED)
        trial.lake.put("raw/StepsRecord/2025/09/16/ben_20250916_120000_phone_00000000.avro", b"damaged")
        trial.lake.put("raw/readme.txt", b"filed by hand")
        trial.start_over({})
        started = time.monotonic()
        assert command.apart("run").stderr == ""
        trial.run_seconds = time.monotonic() - started
        trial.undisturbed = state_of(trial.lake)
        assert find_damage(trial.lake) == []
        return trial

    def _upload(self, sample: Path, names: tuple[str, ...]) -> None:
        done = self.command("ingest", *(sample / name for name in names), "--user", "demo")
        assert done.exit_code == 0, done.stderr

    def start_over(self, made: Objects) -> None:
        """Reset the lake to these objects and delete the Dagster instance."""
        self.lake.delete(info.key for info in list(self.lake.objects("")) if not info.key.startswith(keys.RAW))
        for key, content in made.items():
            self.lake.put(key, content)
        shutil.rmtree(self.command.dagster_home)

    def kill_after(self, seconds: float) -> bool:
        """Start a run and kill it after `seconds`; return whether it was still running."""

        def elapsed() -> bool:
            return time.monotonic() - started >= seconds

        started = time.monotonic()
        return self._kill_when(elapsed)

    def kill_when(self, appears: str) -> bool:
        """Start a run and kill it as soon as the lake lists a matching key; return whether it was still running."""
        return self._kill_when(lambda: any(fnmatch(info.key, appears) for info in self.lake.objects("")))

    def _kill_when(self, is_time: Callable[[], bool]) -> bool:
        with self.command.started("run") as process:
            while not is_time():
                try:
                    process.communicate(timeout=0.005)
                except subprocess.TimeoutExpired:
                    continue
                return False
            process.kill()
            process.communicate()
        return process.returncode == -9

    def run_to_the_end(self) -> None:
        """Run undisturbed; the run must succeed, and no run of the instance may stay open."""
        done = self.command("run")
        assert (done.exit_code, done.stderr) == (0, "")
        with instance_at(str(self.command.dagster_home)) as instance:
            over = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
            assert {run.status for run in instance.get_runs()} <= over

    def progress(self) -> str:
        """Say how many objects of each layer are already in their final state."""
        now = state_of(self.lake)
        ready = [key for key, content in self.undisturbed.items() if now.get(key) == content]
        return ", ".join(f"{layer} {_count(layer, ready)} of {_count(layer, self.undisturbed)}" for layer in LAYERS)


def _count(layer: str, found: Iterable[str]) -> int:
    return sum(key.startswith(layer) for key in found)


def survive(trial: Trial, kills: int) -> None:
    """Kill that many runs at random moments, in chains, check what each leaves behind, and let a last run finish.

    A run that finishes before it is killed ends its chain and does not count.
    """
    moments = random.Random(f"{SEED} {trial.lake.url[:4]}")
    killed = chains = 0
    while killed < kills:
        chains += 1
        trial.start_over(trial.before_late if chains % 2 == 0 else {})
        with watch_objects(trial.lake) as faults:
            for number in range(min(CHAIN, kills - killed)):
                moment = moments.uniform(0, trial.run_seconds)
                if not trial.kill_after(moment):
                    report_progress(f"at {moment:.2f} s the run had finished")
                    if number == 0:  # a whole run took less time than the one measured
                        trial.run_seconds = moment
                    break
                killed += 1
                report_progress(f"kill {killed} of {kills} at {moment:.2f} s; {trial.progress()}")
                assert find_damage(trial.lake) == []
            trial.run_to_the_end()
        assert faults == []
        assert differing_keys(state_of(trial.lake), trial.undisturbed) == []
    summary = f"{counted(killed, 'kill')} in {counted(chains, 'chain')}"
    report_progress(f"{summary}; an undisturbed run takes {trial.run_seconds:.1f} s")


def report_progress(what: str) -> None:
    """Print the progress of a trial, which `make soak` shows at the end. (Dagster changes the levels of loggers.)"""
    print(what)  # noqa: T201


def differing_keys(one: Objects, other: Objects) -> list[str]:
    """Return the keys of objects that differ or that only one of the two has."""
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
