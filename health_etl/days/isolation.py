"""Work on many people at once that one of them may make fail: who that is, and the work without them.

What is done for the people, and what becomes of those who are left out, is up to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from health_etl.errors import HealthEtlError

Made = TypeVar("Made")


def isolated(people: Sequence[str], make: Callable[[Sequence[str]], Made]) -> tuple[Made, dict[str, str]]:
    """Make something of these people; where that fails, make it without those of whom alone it cannot be made.

    Returns what was made, and the class of the error of each person who was left out. Our own errors are raised: they
    tell of the lake, the settings or the code, never of a person. So is an error that no single person causes.
    """
    try:
        return make(people), {}
    except HealthEtlError:
        raise
    except Exception:  # noqa: BLE001 - raised again below, unless someone is found to be at fault
        failed = _at_fault(people, make)
    return make([person for person in people if person not in failed]), failed


def _at_fault(people: Sequence[str], make: Callable[[Sequence[str]], object]) -> dict[str, str]:
    """Return whoever fails alone, given that these people fail together: halves that succeed are not split."""
    if len(people) <= 1:
        return _error(people, make)
    middle = len(people) // 2
    halves = [half for half in (people[:middle], people[middle:]) if _error(half, make)]
    return {person: error for half in halves for person, error in _at_fault(half, make).items()}


def _error(people: Sequence[str], make: Callable[[Sequence[str]], object]) -> dict[str, str]:
    """Return these people with the class of the error that they make, if they make one."""
    try:
        make(people)
    except HealthEtlError:
        raise
    except Exception as error:  # noqa: BLE001 - the caller names it
        return dict.fromkeys(people, type(error).__name__)
    return {}
