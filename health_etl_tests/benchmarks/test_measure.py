"""What a program takes: its children included, whatever the process is like that measures it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from benchmarks.measure import (
    NOISE_S,
    ProgramFailedError,
    Usage,
    added_s,
    alternately,
    best,
    default_core,
    exponent,
    usage_of,
)

WORK = "sum(range(30_000_000))"


def python(code: str, core: int | None = None) -> Usage:
    return usage_of([sys.executable, "-S", "-c", code], os.environ, core)


def test_processor_seconds_include_those_of_child_processes() -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', '{WORK}'], check=True)"
    alone, in_child = python(WORK), python(child)
    assert in_child.processor_s > 0.7 * alone.processor_s


def test_waiting_takes_no_processor_seconds() -> None:
    usage = python("import time; time.sleep(1)")
    assert usage.processor_s < 0.5 < 1 < usage.wall_s


def test_peak_memory_is_that_of_the_program_not_of_the_process_that_starts_it() -> None:
    held = bytearray(300_000_000)
    assert python("pass").peak_mb < 60
    assert python("bytearray(200_000_000)").peak_mb > 200
    assert len(held) == 300_000_000


def test_a_program_runs_on_the_core_that_is_named() -> None:
    core = default_core()
    python(f"import os; assert os.sched_getaffinity(0) == {{{core}}}", core)


def test_a_program_that_fails_is_not_measured() -> None:
    with pytest.raises(ProgramFailedError, match="no such lake"):
        python("import sys; sys.exit('no such lake')")


def test_what_a_program_prints_does_not_get_into_the_measurement() -> None:
    assert python("print('{}')").wall_s > 0


def test_the_best_of_several_is_the_least_time_and_the_highest_peak() -> None:
    assert best([Usage(2, 5, 100), Usage(3, 4, 120)]) == Usage(2, 4, 120)


def test_works_take_turns() -> None:
    done: list[str] = []

    def work(name: str, seconds: float) -> Callable[[], Usage]:
        def run() -> Usage:
            done.append(name)
            return Usage(seconds + len(done), 0, 0)

        return run

    usages = alternately(2, work("a", 10), work("b", 20))
    assert done == ["a", "b", "a", "b"]
    assert [usage.processor_s for usage in usages] == [11, 22]


def test_a_difference_is_never_less_than_chance() -> None:
    assert added_s(Usage(5, 0, 0), Usage(3, 0, 0)) == 2
    assert added_s(Usage(3, 0, 0), Usage(3.01, 0, 0)) == NOISE_S


@pytest.mark.parametrize("power", [0, 1, 1.5, 2])
def test_the_exponent_is_the_power_that_cost_grows_with(power: float) -> None:
    points = [(size, 3 * size**power) for size in (500.0, 5_000.0, 20_000.0)]
    assert exponent(points) == pytest.approx(power)


def test_two_sizes_give_no_exponent() -> None:
    with pytest.raises(ValueError, match="three sizes"):
        exponent([(1, 1), (2, 2)])
