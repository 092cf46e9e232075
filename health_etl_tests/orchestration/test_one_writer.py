"""Within a pool one writer works at a time; pools of other assets are free meanwhile.

Threads stand for processes: each opens the lock's file for itself, which is what the system keeps apart.
"""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import dagster as dg
import pytest

from health_etl.orchestration.run_lock import one_writer
from health_etl_tests.support.instances import instance_at
from health_etl_tests.support.waiting import PATIENCE_SECONDS

HELD_SECONDS = 0.3  # long enough for a writer that fails to wait to be caught inside


@pytest.fixture
def home(tmp_path: Path, checkout: Path) -> str:
    folder = tmp_path / "dagster_home"
    folder.mkdir()
    shutil.copyfile(checkout / "dagster.yaml", folder / "dagster.yaml")
    with instance_at(str(folder)):
        return str(folder)


def test_writers_take_turns_in_a_pool(home: str) -> None:
    start = Barrier(2, timeout=PATIENCE_SECONDS)

    def work(_: int) -> tuple[float, float]:
        start.wait()
        with one_writer(instance, "records_steps"):
            begin = time.monotonic()
            time.sleep(HELD_SECONDS)
            return begin, time.monotonic()

    with instance_at(home) as instance, ThreadPoolExecutor(2) as pool:
        (_, end), (begin, _) = sorted(pool.map(work, range(2)))
    assert end <= begin


def test_writers_in_two_pools_work_side_by_side(home: str) -> None:
    both_inside = Barrier(2, timeout=PATIENCE_SECONDS)

    def work(pool: str) -> None:
        with one_writer(instance, pool):
            both_inside.wait()

    with instance_at(home) as instance, ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ["records_steps", "records_heart_rate"]))


def test_a_step_without_a_pool_does_not_wait(home: str) -> None:
    with instance_at(home) as instance, one_writer(instance, None), one_writer(instance, None):
        assert not (Path(home) / "locks").exists()


def test_an_instance_in_memory_has_locks_of_its_own(home: str) -> None:
    with (
        instance_at(home) as stored,
        dg.DagsterInstance.ephemeral() as in_memory,
        one_writer(stored, "a"),
        one_writer(in_memory, "a"),  # would wait forever for a lock of the first
    ):
        assert [path.name for path in (Path(home) / "locks").iterdir()] == ["a.lock"]
