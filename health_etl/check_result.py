"""What a check of a partition says. What is checked lies with what it is about: records, insights, journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class CheckResult:
    """What one check found. `is_serious` says that somebody has to act; `rows` are shown as a table.

    None of it holds a health value or a user id.
    """

    passed: bool
    summary: str
    is_serious: bool = False
    facts: Mapping[str, int | float | str] = field(default_factory=dict)
    rows: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """One check; a blocking one that fails keeps bad data from whatever is downstream."""

    name: str
    description: str
    judge: Callable[[Subject], CheckResult]
    is_blocking: bool = False
