"""Where the processor seconds of the whole path go, by package."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks import lakes
from benchmarks.bench import Bench
from benchmarks.results import Item, Shares
from benchmarks.site import PROGRAMS


def profile(bench: Bench) -> Iterator[Item]:
    """Sample a cold run over glucose in bulk, and one over the six types mixed."""
    dates = lakes.days_from(lakes.FIRST_UPLOAD, range(10))
    people, days = bench.pick((20, 30), (1, 3))
    for key, what, uploads in (
        ("bulk", "glucose in bulk", lakes.glucose(bench.pick(200, 5), dates)),
        ("mixed", "six types mixed", lakes.mixed(people, days)),
    ):
        site = bench.site(f"profile-{key}")
        site.put(uploads)
        out = site.folder / "seconds.json"
        site.python(PROGRAMS / "where_time_goes.py", out)
        yield Shares(key, what, json.loads(out.read_text(encoding="utf-8")))
