"""Six types mixed, and what a change costs in a lake that is up to date: nothing new, one new file, one late file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from benchmarks import lakes
from benchmarks.bench import Bench, cold, made_cold, start_up
from benchmarks.measure import Usage, added_s, alternately
from benchmarks.results import Curve, Figure, Item
from benchmarks.site import Site

LATE = timedelta(days=16)  # before the latest upload date


def mixed(bench: Bench) -> Iterator[Item]:
    """Measure the whole path over synthetic people with all six types, then small changes to the same lake."""
    people, days = bench.pick((20, 30), (3, 17))
    site = bench.site("mixed")
    files = site.put(lakes.mixed(people, days))
    whole, decode = alternately(bench.rounds, lambda: cold(site), lambda: site.baseline("bare_decode.py", site.lake))
    made = made_cold(site)
    raw_mb = made.size_mb("raw")
    facts = {
        "files": float(files),
        "people_days": float(people * days),
        "training_lines": float(made.training_lines()),
        "raw_mb": raw_mb,
        "made_mb": made.size_mb() - raw_mb,
        "peak_mb": whole.peak_mb,
    }
    what = f"six types mixed, {people} people × {days} days, {files:,} files"
    yield Figure("mixed", what, "fastavro's decoding alone", whole.processor_s, decode.processor_s, "s", facts)
    yield from _changes(bench, made)
    yield _curve(bench, people, days, whole)


def people(bench: Bench) -> Iterator[Item]:
    """Measure the same change at a growing number of people; it should cost the same."""
    dates = lakes.days_from(lakes.FIRST_UPLOAD, range(0, LATE.days + 1, 4))
    before: dict[str, float] = {}
    for count in bench.pick((10, 100, 1_000), (2, 20)):
        site = bench.site(f"people-{count}")
        site.put(lakes.glucose(count, dates))
        site.run()
        added = {"new_file": added_by_file(bench, site, "user00000", dates[-1])[1]}
        added["late_file"] = added_by_file(bench, site, "user00001", dates[-1] - LATE)[1]
        for key, seconds in added.items():
            if key in before:
                what = f"one {key.replace('_', ' ')} at {count:,} people, above nothing new"
                yield Figure(f"{key}_at_{count}", what, f"at {count // 10:,} people", seconds, before[key])
        before = added


def _changes(bench: Bench, site: Site) -> Iterator[Figure]:
    """Yield what nothing new costs, and what one more file adds to that."""
    nothing, imports = alternately(bench.rounds, site.run, site.imports)
    against = "importing dagster and pandas"
    yield Figure("unchanged", "the same again, nothing new", against, nothing.processor_s, imports.processor_s)
    last = _last_upload_date(site)
    for key, what, upload_date in (
        ("new_file", "one new file on the latest date", last),
        ("late_file", f"one late file, {LATE.days} days before", last - LATE),
    ):
        _, seconds = added_by_file(bench, site, "person_01", upload_date)
        yield Figure(key, f"{what}, above nothing new", against, seconds, imports.processor_s)


def added_by_file(bench: Bench, site: Site, person: str, upload_date: date) -> tuple[Usage, float]:
    """Return what a run with nothing new takes, and the processor seconds that one more upload of a person adds."""
    hours = iter(range(24))

    def with_one_more() -> Usage:
        site.put([lakes.glucose_upload(person, upload_date, hour=next(hours))])
        return site.run()

    nothing, more = alternately(bench.rounds, site.run, with_one_more)
    return nothing, added_s(more, nothing)


def _curve(bench: Bench, people: int, days: int, whole: Usage) -> Curve:
    """Measure fewer people as well."""
    single = start_up(bench)
    usages = {fewer: _cold_run(bench, fewer, days) for fewer in bench.pick((5, 10), (1, 2))} | {people: whole}
    points = tuple((float(count), added_s(usage, single)) for count, usage in usages.items())
    return Curve("mixed", f"six types mixed over {days} days", "people", points)


def _cold_run(bench: Bench, people: int, days: int) -> Usage:
    site = bench.site(f"mixed-{people}")
    site.put(lakes.mixed(people, days))
    return cold(site)


def _last_upload_date(site: Site) -> date:
    folders = (site.lake / "raw").glob("*/*/*/*")
    return max(date(*map(int, folder.parts[-3:])) for folder in folders)
