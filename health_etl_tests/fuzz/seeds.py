"""Mutants by name: a seed is a text from which exactly this mutant can be made again, alone.

`python -m health_etl_tests.fuzz.replay 'keys/one byte changed/17'` shows the mutant and what becomes of it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Generic, TypeVar

from health_etl_tests.isolation.items import Stage

Content = TypeVar("Content")
Make = Callable[[random.Random], Content | None]
Outcomes = Counter[tuple[tuple[Stage, str], str]]  # how many came to their end at a stage and how, by kind


@dataclass(frozen=True)
class Mutant(Generic[Content]):
    """One hostile variant; `seed` says which, and `kind` what was done to it."""

    seed: str
    kind: str
    content: Content


def make(family: str, kinds: Mapping[str, Make[Content]], kind: str, number: int) -> Mutant[Content] | None:
    """Make one mutant; None where this kind has none of this number."""
    seed = f"{family}/{kind}/{number}"
    content = kinds[kind](random.Random(seed))
    return None if content is None else Mutant(seed, kind, content)


def remake(seed: str, family: str, kinds: Mapping[str, Make[Content]]) -> Mutant[Content]:
    """Make the mutant of a seed again."""
    kind, _, number = seed.removeprefix(f"{family}/").rpartition("/")
    found = make(family, kinds, kind, int(number))
    if found is None:
        raise ValueError(f"{seed} is no mutant")
    return found


def mutants(family: str, kinds: Mapping[str, Make[Content]], wanted: int) -> list[Mutant[Content]]:
    """Return so many different mutants, evenly over the kinds."""
    return list(islice(_different(_endless(family, kinds)), wanted))


def _endless(family: str, kinds: Mapping[str, Make[Content]]) -> Iterator[Mutant[Content]]:
    for number in count():
        for kind in kinds:
            found = make(family, kinds, kind, number)
            if found is not None:
                yield found


def _different(all_mutants: Iterator[Mutant[Content]]) -> Iterator[Mutant[Content]]:
    seen: set[Content] = set()
    for mutant in all_mutants:
        if mutant.content not in seen:
            seen.add(mutant.content)
            yield mutant


def run_or_blame(tried: Sequence[Mutant[Content]], run: Callable[[Sequence[Mutant[Content]]], Outcomes]) -> Outcomes:
    """Run mutants together; if that fails, say with the failure which of them do it alone, and how to replay them."""
    try:
        outcomes = run(tried)
    except Exception as failure:
        for mutant in _culprits(tried, run):
            failure.add_note(f"again: python -m health_etl_tests.fuzz.replay {mutant.seed!r}")
        raise
    assert outcomes.total() == len(tried)
    return outcomes


def _culprits(
    tried: Sequence[Mutant[Content]], run: Callable[[Sequence[Mutant[Content]]], Outcomes]
) -> Sequence[Mutant[Content]]:
    """Return a smallest part that fails: one mutant, or a few that fail only together."""
    half = len(tried) // 2
    for part in (tried[:half], tried[half:]) if half else ():
        try:
            run(part)
        except Exception:  # noqa: BLE001 - the failure itself is raised by the caller
            return _culprits(part, run)
    return tried
