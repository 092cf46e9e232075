"""The cases: each puts uploads into a lake of its own, measures, and yields figures and curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmarks.bench import Bench
from benchmarks.cases.backfill import backfill
from benchmarks.cases.bulk import bulk, memory
from benchmarks.cases.changes import mixed, people
from benchmarks.cases.planner import planner
from benchmarks.cases.profile import profile
from benchmarks.cases.s3 import s3
from benchmarks.cases.tiny import tiny
from benchmarks.results import Item

CASES: Mapping[str, Callable[[Bench], Iterator[Item]]] = {
    case.__name__: case for case in (bulk, memory, mixed, people, tiny, backfill, planner, s3, profile)
}
