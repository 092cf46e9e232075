"""Within a pool one process works at a time; pools of other assets are free meanwhile."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from health_etl.orchestration.run_lock import one_writer
from health_etl_tests.support.instances import instance_at

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

HELD_SECONDS = 0.3


def work(home: str, pool: str, start: Barrier, spans: Path) -> None:
    with instance_at(home) as instance:
        start.wait()
        with one_writer(instance, pool):
            begin = time.monotonic()
            time.sleep(HELD_SECONDS)
            (spans / f"{pool} {begin} {time.monotonic()}").touch()


@pytest.fixture
def home(tmp_path: Path, checkout: Path) -> str:
    folder = tmp_path / "dagster_home"
    folder.mkdir()
    shutil.copyfile(checkout / "dagster.yaml", folder / "dagster.yaml")
    with instance_at(str(folder)):
        return str(folder)


def spans_of(home: str, folder: Path, pools: list[str]) -> list[tuple[float, float]]:
    """Let a process work in each of the pools at once; return when each worked, in order."""
    folder.mkdir()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(len(pools))
    processes = [context.Process(target=work, args=(home, pool, start, folder)) for pool in pools]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    return sorted((float(begin), float(end)) for _, begin, end in (path.name.split() for path in folder.iterdir()))


def test_processes_take_turns_in_a_pool_and_work_side_by_side_in_two(home: str, tmp_path: Path) -> None:
    (_, end), (begin, _) = spans_of(home, tmp_path / "one", ["records_steps", "records_steps"])
    assert end <= begin
    (_, end), (begin, _) = spans_of(home, tmp_path / "two", ["records_steps", "records_heart_rate"])
    assert begin < end


def test_a_step_without_a_pool_waits_for_nobody(home: str) -> None:
    with instance_at(home) as instance, one_writer(instance, None), one_writer(instance, None):
        assert not (Path(home) / "locks").exists()


def test_an_instance_in_memory_has_locks_of_its_own(home: str) -> None:
    with instance_at(home) as stored, dg.DagsterInstance.ephemeral() as in_memory:
        with one_writer(stored, "a"), one_writer(in_memory, "a"):
            pass
