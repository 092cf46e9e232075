"""Asset checks of one month of the journal, independent of Dagster.

Results hold counts and reasons only, never a health value or a user id.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from health_etl.check_result import Check, CheckResult
from health_etl.errors import ObjectNotFoundError
from health_etl.insights import failed_people
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake
from health_etl.training import journal
from health_etl.training.grounding import ungrounded
from health_etl.training.journal import WrittenMonths
from health_etl.training.known_identifiers import MonthSources
from health_etl.training.line_format import KEYED_IDS, is_well_formed, json_of
from health_etl.training.personal_data import (
    contact_details,
    kinds_in,
    strings,
    suspects,
    telling_words,
    telling_words_of,
    words,
)
from health_etl.training.scan import Scan, scan

BLOCK_BYTES = 1 << 20

PEOPLE = "Every person-day has its lines."


@dataclass
class Counts:
    """What one pass over a month's files found."""

    lines: int = 0
    checked_again: int = 0
    ungrounded: int = 0
    repeated: int = 0
    misshapen: int = 0
    files_changed: int = 0
    keys: list[str] = field(default_factory=list)  # files that were read
    personal: Counter[str] = field(default_factory=Counter)  # lines by the kind of personal data in them
    telling: set[str] = field(default_factory=set)  # words that could belong to an identifier
    keyed_ids: set[str] = field(default_factory=set)


@dataclass
class Month:
    """One month of every domain, each file read once, or twice if somebody else has changed it."""

    lake: Lake
    catalogue: Catalogue
    month: str

    @cached_property
    def counts(self) -> Counts:
        """Counts over every line; most were checked when they were made, and only a sample is again."""
        found = Counts()
        for manifest in (manifest for manifest in self.manifests if manifest.rows):
            scanned = _scanned(self.lake, manifest)
            if scanned is None:
                found.files_changed += 1
                continue
            is_as_written = (scanned.sha256, scanned.lines) == (manifest.output_sha256, manifest.rows)
            found.files_changed += not is_as_written
            found.keys.append(manifest.details["key"])
            found.lines += scanned.lines
            if is_as_written:
                found.repeated += scanned.repeated
                found.telling |= telling_words_of(scanned.tokens)
                for line in scanned.sample:
                    _look_at(line, found)
            else:
                _look_at_all(_lines(self.lake, manifest.details["key"]), found)
        self._look_for_identifiers(found)
        return found

    def _look_for_identifiers(self, found: Counts) -> None:
        """Count the lines with a known identifier, by kind.

        Records are read only if a line has a word that is not the project's own, and none has as a rule.
        """
        if not found.telling and not found.keyed_ids:
            return
        sources = MonthSources.of(self.lake, self.catalogue, self.month)
        wanted = suspects(sources.identifiers(), found.telling | found.keyed_ids)
        if found.telling:
            for word, of_records in suspects(sources.of_records(self.lake, self.catalogue), found.telling).items():
                wanted[word] += of_records
        if not wanted:
            return
        for key in found.keys:
            for line in _lines(self.lake, key):
                texts = strings(_example(line) or line.decode("utf-8", "replace"))
                found.personal.update({kind for text in texts for kind in kinds_in(text, wanted)})

    @cached_property
    def written(self) -> WrittenMonths:
        """The journal as it is now."""
        return WrittenMonths(self.lake)

    @cached_property
    def manifests(self) -> tuple[DerivedManifest, ...]:
        """The manifests of the month, one per domain that has insights."""
        found = (self.written.manifest(domain, self.month) for domain in journal.domains())
        return tuple(manifest for manifest in found if manifest is not None)


def grounded(month: Month) -> CheckResult:
    """Count the lines whose output has a number that is neither in the input nor follows from it by a named rule."""
    return _none(month, "ungrounded", "have numbers in the output that do not come from the input")


def one_line_an_example(month: Month) -> CheckResult:
    """Count the examples that appear in a file more than once."""
    return _none(month, "repeated", "repeat an example")


def fields(month: Month) -> CheckResult:
    """Count the lines that are not in the format (line_format.py), or that hold personal data (personal_data.py)."""
    found = month.counts
    facts = {"lines": found.lines, "lines_checked_again": found.checked_again, "lines_misshapen": found.misshapen}
    facts |= {f"lines_with_{kind.replace(' ', '_')}": count for kind, count in sorted(found.personal.items())}
    if found.personal:
        listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(found.personal.items()))
        text = f"Lines hold personal data: {listed}. Do not train on this month; report it as a bug."
        return CheckResult(False, text, True, facts)
    return _none(month, "misshapen", "are not in the format of training lines")


def as_written(month: Month) -> CheckResult:
    """Count the files whose bytes differ from what their manifest states."""
    changed = month.counts.files_changed
    if changed:
        text = "Files were changed by someone else. Materialise the month: it is written again."
        return CheckResult(False, text, True, {"files_changed": changed})
    return CheckResult(True, "Every file has the bytes that its manifest states.", facts={"files_changed": 0})


def people(month: Month) -> CheckResult:
    """List the people of whom a day makes no line."""
    failed = sorted({person for manifest in month.manifests for person in failed_people.failed_in(manifest)})
    left_out = "left out: a day of theirs makes no valid line until their insights or the code change."
    return failed_people.check(failed, PEOPLE, left_out)


def freshness(month: Month) -> CheckResult:
    """Check whether the month is made from the insights as they are now."""
    wanted = journal.plan(month.catalogue, month.month)
    stale = [of_domain.domain for of_domain in wanted if not month.written.is_current(of_domain)]
    if stale:
        return CheckResult(False, f"Insights changed since ({', '.join(stale)}). Materialise the month.")
    return CheckResult(True, "Made from the insights as they are now.")


CHECKS: tuple[Check[Month], ...] = (
    Check(
        "grounded",
        "Every number in an output appears in its input or follows from it by a named rule.",
        grounded,
        True,
    ),
    Check("one_line_an_example", "No example appears twice in a file.", one_line_an_example, True),
    Check("fields", "Lines are in the documented format and hold no personal data.", fields, True),
    Check("people", PEOPLE, people),
    Check("as_written", "The files have the bytes that their manifests state.", as_written),
    Check("freshness", "The month is made from the insights as they are now.", freshness),
)


def _none(month: Month, count: str, what: str) -> CheckResult:
    found = month.counts
    bad = int(getattr(found, count))
    facts = {"lines": found.lines, "lines_checked_again": found.checked_again, f"lines_{count}": bad}
    if bad:
        return CheckResult(
            False, f"Lines that {what}: {bad}. Do not train on this month; report it as a bug.", True, facts
        )
    return CheckResult(True, f"None of {found.lines} lines.", facts=facts)


def _lines(lake: Lake, key: str) -> Iterator[bytes]:
    with io.BufferedReader(lake.open(key)) as file:
        yield from file


def _example(line: bytes) -> dict[str, Any] | None:
    """Return the example in a line; None when it holds none, because someone else wrote it."""
    try:
        example = json.loads(line)
    except ValueError:
        return None
    return example if isinstance(example, dict) and isinstance(example.get("metadata"), dict) else None


def _scanned(lake: Lake, manifest: DerivedManifest) -> Scan | None:
    """Read a month's file once; None if there is none."""
    try:
        file = lake.open(manifest.details["key"])
    except ObjectNotFoundError:
        return None
    with io.BufferedReader(file) as whole:
        return scan(iter(partial(whole.read, BLOCK_BYTES), b""), manifest.output_sha256, manifest.rows)


def _look_at_all(lines: Iterable[bytes], found: Counts) -> None:
    """Check lines that somebody else has written: all of them, for any identifier, and whether one is there twice."""
    ids: Counter[str] = Counter()
    for line in lines:
        example = _look_at(line, found)
        if example is not None:
            metadata = example["metadata"]
            ids[str(metadata.get("example_id"))] += 1
            for text in _texts(example):
                found.telling |= telling_words(text)
            for text in strings([metadata.get(name) for name in KEYED_IDS]):
                found.keyed_ids |= set(words(text))
    found.repeated += ids.total() - len(ids)


def _look_at(line: bytes, found: Counts) -> dict[str, Any] | None:
    """Check a line by itself, and return the example in it."""
    example = _example(line)
    found.checked_again += 1
    found.misshapen += not is_well_formed(example)
    if example is not None:
        derived = json_of(example["metadata"], "derived") or ()
        found.ungrounded += bool(ungrounded(str(example.get("output")), str(example.get("input")), derived))
        found.personal.update({kind for text in _texts(example) for kind in contact_details(text)})
    return example


def _texts(example: dict[str, Any]) -> tuple[str, ...]:
    """Return all that an example says, but for pseudonyms: what the lines of a day share, and what is its own."""
    metadata = {name: value for name, value in example["metadata"].items() if name not in KEYED_IDS}
    shared = (str(example.get("input")), str(metadata.pop("clinical_insights", "")))
    return *shared, "\n".join(strings({**example, "input": "", "metadata": metadata}))
