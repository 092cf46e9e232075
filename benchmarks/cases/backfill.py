"""A backfill of many dates with one small file of each type, and the same again with nothing to do."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import lakes
from benchmarks.bench import Bench, cold, made_cold, start_up
from benchmarks.measure import Usage, added_s, alternately
from benchmarks.results import Curve, Figure, Item
from benchmarks.site import Site

ASSETS = 20  # records, quarantine and insights of six types, offsets, the day across types


def backfill(bench: Bench) -> Iterator[Item]:
    """Measure it cold and unchanged, and a Dagster job that makes as many partitions of nothing."""
    *fewer, most = bench.pick((31, 92, 365), (3, 6, 12))
    site = _site(bench, most)
    whole, empty = alternately(1, lambda: cold(site), lambda: _empty(bench, most))
    what, against = f"backfill of {most} dates × six types", "as many empty partitions in Dagster"
    yield Figure("backfill", what, against, whole.processor_s, empty.processor_s)
    nothing, imports = alternately(bench.rounds, made_cold(site).run, site.imports)
    again = f"{what}, nothing new"
    against = "importing dagster and pandas"
    yield Figure("backfill_unchanged", again, against, nothing.processor_s, imports.processor_s)
    single = start_up(bench)
    usages = {dates: cold(_site(bench, dates)) for dates in fewer} | {most: whole}
    points = tuple((float(dates), added_s(usage, single)) for dates, usage in usages.items())
    yield Curve("backfill", "backfill", "dates", points)


def _site(bench: Bench, dates: int) -> Site:
    site = bench.site(f"backfill-{dates}")
    site.put(lakes.one_of_each_type(dates))
    return site


def _empty(bench: Bench, dates: int) -> Usage:
    return bench.site("empty-backfill").baseline("empty_backfill.py", str(dates), str(ASSETS))
