"""Glucose in bulk: the whole path against a plain script, and memory and cost as the number of files grows."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import lakes
from benchmarks.bench import Bench, cold, start_up
from benchmarks.measure import added_s, alternately
from benchmarks.results import Curve, Figure, Item

DATES = lakes.days_from(lakes.FIRST_UPLOAD, range(10))


def bulk(bench: Bench) -> Iterator[Item]:
    """Measure the whole path from uploads to training lines, and a plain script that does the essential part of it."""
    site = bench.site("bulk")
    files = site.put(lakes.glucose(bench.pick(200, 30), DATES[: bench.pick(10, 3)]))
    whole, plain = alternately(
        bench.rounds,
        lambda: cold(site),
        lambda: site.baseline("plain_script.py", site.lake, site.folder / "plain.jsonl"),
    )
    what, against = f"glucose in bulk, {files:,} files of {lakes.ROWS} rows", "plain script"
    facts = {"files": float(files), "peak_mb": whole.peak_mb, "wall_s": whole.wall_s}
    yield Figure("bulk", what, against, whole.processor_s, plain.processor_s, "s", facts)
    yield Figure("bulk_peak", f"{what}: peak memory", against, whole.peak_mb, plain.peak_mb, "MB")


def memory(bench: Bench) -> Iterator[Item]:
    """Measure peak memory and cost at three sizes, the last four times the second."""
    single = start_up(bench)
    points, peaks_mb = [], {}
    for files in bench.pick((500, 5_000, 20_000), (20, 50, 200)):
        site = bench.site(f"memory-{files}")
        site.put(lakes.glucose(files // len(DATES), DATES))
        usage = cold(site)
        points.append((float(files), added_s(usage, single)))
        peaks_mb[files] = usage.peak_mb
    _, some, four_times = peaks_mb
    facts = {f"peak_mb_at_{files}_files": peak_mb for files, peak_mb in peaks_mb.items()}
    what, against = f"glucose in bulk, {four_times:,} files: peak memory", f"{some:,} files"
    yield Figure("memory", what, against, peaks_mb[four_times], peaks_mb[some], "MB", facts)
    yield Curve("bulk", "glucose in bulk", "files", tuple(points))
