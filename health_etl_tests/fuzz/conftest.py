"""A summary at the end of a full fuzz run: what became of the mutants, and the cost of the worst one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

MUTANTS = "TEST_HEALTH_ETL_FUZZ_MUTANTS"
DEFAULT_MUTANTS = 150  # mutants a type where nobody asks for more


@pytest.fixture(scope="session")
def mutants_per_type() -> int:
    """Return how many mutants of each record type to try."""
    return int(os.environ.get(MUTANTS, DEFAULT_MUTANTS))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    if MUTANTS not in os.environ:
        return
    counts: Counter[tuple[str, str, str]] = Counter()
    for name, kind, outcome, count in _recorded(terminalreporter, "outcome"):
        counts[name, kind, outcome] += count
    for position, heading in ((0, "by type"), (1, "by kind of damage")):
        terminalreporter.section(f"mutants {heading}")
        for row in sorted({key[position] for key in counts}):
            outcomes: Counter[str] = Counter()
            for key, count in counts.items():
                if key[position] == row:
                    outcomes[key[2]] += count
            counted = ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items()))
            terminalreporter.write_line(f"{row}: {sum(outcomes.values())} = {counted}")
    terminalreporter.section("the most expensive mutant of each type")
    for name, seconds, grown in sorted(_recorded(terminalreporter, "cost")):
        terminalreporter.write_line(f"{name}: {seconds:.2f} s, {grown / 1024**2:.0f} MiB above the start")


def _recorded(terminalreporter: TerminalReporter, wanted: str) -> Iterator[Any]:
    """Yield what passed tests recorded under a name."""
    for report in terminalreporter.stats.get("passed", []):
        yield from (value for name, value in report.user_properties if name == wanted)
