"""How many mutants to try; and at the end of a full fuzz run, what became of them and what the worst one cost."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from health_etl_tests.isolation.items import Stage

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

MUTANTS = "TEST_HEALTH_ETL_FUZZ_MUTANTS"
DEFAULT_MUTANTS = 5_000  # of all families together, where nobody asks for more


@pytest.fixture(scope="session")
def mutants_wanted() -> int:
    """Return how many mutants to try, of all families together."""
    return int(os.environ.get(MUTANTS, DEFAULT_MUTANTS))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    if MUTANTS not in os.environ:
        return
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for family, stage, outcome, kind, count in _recorded(terminalreporter, "outcome"):
        counts[stage, outcome, family.partition("/")[0], kind] += count
    terminalreporter.section(f"{counts.total():,} mutants by stage and outcome")
    for stage in Stage:
        for outcome, count in sorted(_sums(counts, stage, 0, 1).items()):
            terminalreporter.write_line(f"{stage:15} {outcome:45} {count:8,}")
    terminalreporter.section("mutants by kind")
    for family in sorted({family for _, _, family, _ in counts}):
        for kind, count in sorted(_sums(counts, family, 2, 3).items()):
            terminalreporter.write_line(f"{family:15} {kind:35} {count:8,}")
    terminalreporter.section("the most expensive file of each type")
    for name, seconds, grown in sorted(_recorded(terminalreporter, "cost")):
        terminalreporter.write_line(f"{name}: {seconds:.2f} s, {grown / 1024**2:.0f} MiB above the start")


def _sums(counts: Counter[tuple[str, str, str, str]], only: str, chosen: int, by: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for names, count in counts.items():
        if names[chosen] == only:
            sums[names[by]] += count
    return sums


def _recorded(terminalreporter: TerminalReporter, wanted: str) -> Iterator[Any]:
    """Yield what passed tests recorded under a name."""
    for report in terminalreporter.stats.get("passed", []):
        yield from (value for name, value in report.user_properties if name == wanted)
