"""No case that can be measured in seconds has become twice as dear, relative to its baseline, as it was."""

from __future__ import annotations

import pytest

from benchmarks.bench import Bench, warm_up
from benchmarks.cases import CASES
from benchmarks.measure import default_core
from benchmarks.report import slower
from benchmarks.results import Results, load


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = Bench(tmp_path_factory.mktemp("bench"), default_core(), "quick", rounds=1)
    warm_up(made)
    return made


@pytest.mark.parametrize("case", ["bulk", "planner"])
def test_a_case_costs_at_most_twice_the_ratio_that_is_kept(bench: Bench, case: str) -> None:
    kept = load()["quick"]
    results = Results.of(*CASES[case](bench))
    assert results.figures
    assert results.figures.keys() <= kept.figures.keys(), "keep them: make bench BENCH_ARGS=--quick"
    assert slower(results, kept) == []
