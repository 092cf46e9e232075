"""Clinical numbers with their sources.

Every number in clinical/ other than 0, 1 and 2 is passed through `sourced` or `definition`. docs/clinical-sources.md is
generated from these calls, and a test fails for a number without one.
"""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def sourced(value: Value, unit: str, population: str, source: str) -> Value:
    """Return a clinical number (or tuple of numbers) unchanged.

    unit: as a clinician writes it; population: whom it applies to; source: author, year and DOI, or the word
    ASSUMPTION and the reason.
    """
    del unit, population, source  # read from the source text by docs/generate_clinical_sources.py
    return value


def definition(value: Value, what: str) -> Value:
    """Return a number that holds by definition and not by evidence (minutes per hour, for example) unchanged."""
    del what
    return value
