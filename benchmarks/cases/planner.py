"""A sensor's plan over a simulated bucket of very many objects, against going through its listing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.measure import added_s, alternately
from benchmarks.results import Curve, Figure, Item
from benchmarks.site import PROGRAMS

PROGRAM = PROGRAMS / "plan_large_bucket.py"
DATES = 730


def planner(bench: Bench) -> Iterator[Item]:
    """Measure both above what the imports take."""
    site = bench.site("planner")
    most = bench.pick(1_000_000, 300_000)

    def program(objects: int, what: str) -> tuple[str | Path, ...]:
        return PROGRAM, str(objects), str(DATES), what

    plan, listing, nothing = alternately(
        bench.rounds,
        lambda: site.python(*program(most, "plan")),
        lambda: site.python(*program(most, "list")),
        lambda: site.python(*program(0, "list")),
    )
    facts = {"added_peak_mb": plan.peak_mb - nothing.peak_mb}
    what = f"plan over {most:,} objects on {DATES} dates"
    yield Figure("planner", what, "the listing alone", added_s(plan, nothing), added_s(listing, nothing), "s", facts)
    fewer = {objects: site.python(*program(objects, "plan")) for objects in (most // 4, most // 2)}
    points = tuple((float(objects), added_s(usage, nothing)) for objects, usage in [*fewer.items(), (most, plan)])
    yield Curve("planner", "plan", "objects", points)
