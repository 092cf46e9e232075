"""One upload date with very many files of two rows each."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import lakes
from benchmarks.bench import Bench, cold, start_up
from benchmarks.measure import Usage, added_s, alternately
from benchmarks.results import Curve, Figure, Item


def tiny(bench: Bench) -> Iterator[Item]:
    """Measure the whole path at three sizes, and fastavro's decoding at the largest."""
    *fewer, most = bench.pick((5_000, 10_000, 20_000), (100, 200, 400))
    site = bench.site("tiny")
    site.put(lakes.tiny_steps(most))
    whole, decode = alternately(bench.rounds, lambda: cold(site), lambda: site.baseline("bare_decode.py", site.lake))
    what, facts = f"one date of {most:,} files of {lakes.TINY_ROWS} rows", {"peak_mb": whole.peak_mb}
    yield Figure("tiny", what, "fastavro's decoding alone", whole.processor_s, decode.processor_s, "s", facts)
    single = start_up(bench)
    usages = {files: _cold_run(bench, files) for files in fewer} | {most: whole}
    points = tuple((float(files), added_s(usage, single)) for files, usage in usages.items())
    yield Curve("tiny", "one date of tiny files", "files", points)


def _cold_run(bench: Bench, files: int) -> Usage:
    site = bench.site(f"tiny-{files}")
    site.put(lakes.tiny_steps(files))
    return cold(site)
