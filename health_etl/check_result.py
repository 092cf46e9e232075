"""The shape of a partition check and of its result. The checks themselves live in records/, insights/ and training/."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check. `is_serious` means that somebody has to act; `rows` are shown as a table.

    No field contains a health value or a user id.
    """

    passed: bool
    summary: str
    is_serious: bool = False
    facts: Mapping[str, int | float | str] = field(default_factory=dict)
    rows: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """One check. When a blocking check fails, nothing downstream is materialised."""

    name: str
    description: str
    judge: Callable[[Subject], CheckResult]
    is_blocking: bool = False
