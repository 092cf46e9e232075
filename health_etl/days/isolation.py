"""Isolation of people in work that is done for many at once: if it fails, find those at fault and do it for the rest.

The caller decides what the work is, and what becomes of those who are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from health_etl.errors import HealthEtlError

Made = TypeVar("Made")


def isolated(people: Sequence[str], make: Callable[[Sequence[str]], Made]) -> tuple[Made, dict[str, str]]:
    """Call `make` for these people; if it fails, call it without those for whom it fails on their own.

    Returns the result, and the class of the error for each person who was left out. Our own errors are raised: they
    concern the lake, the settings or the code, never a person. So is an error that no single person causes.
    """
    try:
        return make(people), {}
    except HealthEtlError:
        raise
    except Exception:  # noqa: BLE001 - raised again below, unless someone is found to be at fault
        failed = _at_fault(people, make)
    return make([person for person in people if person not in failed]), failed


def _at_fault(people: Sequence[str], make: Callable[[Sequence[str]], object]) -> dict[str, str]:
    """Return the people who fail on their own, given that these fail together. Halves that succeed are not split."""
    if len(people) <= 1:
        return _error(people, make)
    middle = len(people) // 2
    halves = [half for half in (people[:middle], people[middle:]) if _error(half, make)]
    return {person: error for half in halves for person, error in _at_fault(half, make).items()}


def _error(people: Sequence[str], make: Callable[[Sequence[str]], object]) -> dict[str, str]:
    """Return these people with the class of the error that they raise together; empty if they raise none."""
    try:
        make(people)
    except HealthEtlError:
        raise
    except Exception as error:  # noqa: BLE001 - the caller names it
        return dict.fromkeys(people, type(error).__name__)
    return {}
