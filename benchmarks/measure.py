"""Measuring: what a program takes in processor seconds, wall time and memory, and how cost grows with size."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
LAST_LINES = 15  # of a program that failed
NOISE_S = 0.05  # differences of processor time below this are chance


@dataclass(frozen=True)
class Usage:
    """What a program took, its child processes included."""

    processor_s: float
    wall_s: float
    peak_mb: float


class ProgramFailedError(RuntimeError):
    """A measured program failed; the message ends with the last lines that it printed."""


def default_core() -> int:
    """Return the last core that this process may use: the first is the busiest on most machines."""
    return max(os.sched_getaffinity(0))


def usage_of(program: Sequence[str | Path], environment: Mapping[str, str], core: int | None) -> Usage:
    """Run a program on that core (None: on any) and return what it took; raises ProgramFailedError."""
    launch = [sys.executable, "-I", "-S", str(LAUNCH), "any" if core is None else str(core)]
    done = subprocess.run(
        [*launch, *map(str, program)], env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = "\n".join(done.stderr.splitlines()[-LAST_LINES:])
        raise ProgramFailedError(f"{' '.join(map(str, program))} failed:\n{said}")
    return Usage(**json.loads(done.stdout))


def best(usages: Sequence[Usage]) -> Usage:
    """Return the least time of several runs, since disturbance only adds, and the highest peak."""
    return Usage(
        min(usage.processor_s for usage in usages),
        min(usage.wall_s for usage in usages),
        max(usage.peak_mb for usage in usages),
    )


def alternately(rounds: int, *works: Callable[[], Usage]) -> list[Usage]:
    """Run each work in turn, that often, and return the best of each: whatever else goes on disturbs all alike."""
    found = [[work() for work in works] for _ in range(rounds)]
    return [best([usages[number] for usages in found]) for number in range(len(works))]


def added_s(work: Usage, floor: Usage) -> float:
    """Return the processor seconds of `work` above those of `floor`, never less than what is chance."""
    return max(work.processor_s - floor.processor_s, NOISE_S)


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Return k of cost ~ size**k, by least squares on the logarithms.

    Raises ValueError for fewer than three points: two lie on a line whatever they say.
    """
    if len(points) < 3:
        raise ValueError("an exponent needs at least three sizes")
    xs, ys = ([math.log(value) for value in column] for column in zip(*points, strict=True))
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - mean_x) ** 2 for x in xs)
