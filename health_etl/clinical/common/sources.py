"""Numbers with their source. Every number in clinical/ but 0, 1 and 2 stands in a call of `sourced` or `definition`;
docs/clinical-sources.md is generated from these calls, and a test looks for numbers without one.
"""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def sourced(value: Value, unit: str, population: str, source: str) -> Value:
    """Return a clinical number (or tuple of numbers) as it is.

    unit: as a clinician writes it; population: whom it holds for; source: author, year and DOI, or the word
    ASSUMPTION and why.
    """
    del unit, population, source  # read from the source text by docs/generate_clinical_sources.py
    return value


def definition(value: Value, what: str) -> Value:
    """Return a number that is so by definition and not by evidence (minutes per hour, say) as it is."""
    del what
    return value
