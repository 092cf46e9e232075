"""Grounding: every number in an example's output must appear in its input with the same unit, or follow from numbers
there by a named rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from health_etl.clinical import all_processors

# Numbers as people write them: 2025-09-20, 23:40, 132.4. A number inside a word (as in HbA1c) is part of a name, and so
# is that of a source: "app 2" is grounded by "app 2" alone, and grounds no other 2.
_NUMBER = r"(?<![A-Za-z0-9_.])(?:app \d+|\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}|\d+(?:\.\d+)?)(?![A-Za-z0-9_])"
_MAX_OPERANDS = 2

Quantity = tuple[str, str | None]  # as written, with its unit where one follows


def quantities(text: str) -> set[Quantity]:
    """Return the numbers in a text, as written, each with the unit after it; both ends of a range share one unit."""
    found = set()
    unit_after = None
    for number, unit, dash in reversed(_pattern().findall(text)):
        unit_after = unit or (unit_after if dash else None)
        found.add((number, unit_after))
    return found


def ungrounded(output: str, given: str, derived: Iterable[Mapping[str, Any]] = ()) -> set[str]:
    """Return the numbers of an output that neither appear in its input nor are derived from it.

    derived: mappings of value, rule and of (the operands, as written in the input). A number with a unit must
    have the same unit in the input, or none.
    """
    known, written = _given(given)
    allowed = {str(one["value"]) for one in derived if _follows(one, written)}
    return {
        number
        for number, unit in quantities(output)
        if number not in allowed
        and not ((number, unit) in known or (number, None) in known if unit else number in written)
    }


@lru_cache(maxsize=16)  # a day's lines share their input
def _given(text: str) -> tuple[frozenset[Quantity], frozenset[str]]:
    """Return the quantities of an input, and its numbers alone."""
    figures, reference, guidelines = text.partition("\nReference: ")
    known = _of_guidelines(reference + guidelines) | quantities(figures)
    return known, frozenset(number for number, _ in known)


@lru_cache(maxsize=64)  # those of a record type are the same in every input
def _of_guidelines(text: str) -> frozenset[Quantity]:
    return frozenset(quantities(text))


def _follows(one: Mapping[str, Any], written: frozenset[str]) -> bool:
    operands = [str(operand) for operand in one["of"]]
    rule = _RULES.get(str(one["rule"]))
    if rule is None or not operands or len(operands) > _MAX_OPERANDS or not written.issuperset(operands):
        return False
    try:
        return bool(Decimal(str(one["value"])) == rule(*map(Decimal, operands)))
    except (ArithmeticError, TypeError):  # operands that are not numbers, or the wrong count of them
        return False


def _difference(one: Decimal, other: Decimal) -> Decimal:
    return abs(one - other)


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return (100 * part / whole).quantize(Decimal(1), rounding="ROUND_HALF_UP")


def _rounding(number: Decimal) -> Decimal:
    return number.quantize(Decimal(1), rounding="ROUND_HALF_UP")


_RULES: Mapping[str, Any] = {"difference": _difference, "share": _share, "rounding": _rounding}


@cache
def _pattern() -> re.Pattern[str]:
    units = {metric.unit for processor in all_processors().values() for metric in processor.all_metrics if metric.unit}
    longest_first = "|".join(re.escape(unit) for unit in sorted(units, key=lambda unit: (-len(unit), unit)))
    return re.compile(rf"(?P<number>{_NUMBER})(?: ?(?P<unit>{longest_first})(?![A-Za-z/])|(?P<dash>–(?=\d)))?")
