"""Grounding: every number in an example's output stands in its input."""

from __future__ import annotations

import re

# Numbers as people write them: 132.4, -05:00, 2025-09-20. A number inside a word (HbA1c, e.g.) names something.
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:\.\d+)?(?![A-Za-z0-9_])")


def numbers(text: str) -> set[str]:
    """Return the numbers of a text, as written."""
    return set(_NUMBER.findall(text))


def ungrounded(output: str, given: str) -> set[str]:
    """Return the numbers of an output that its input does not hold."""
    return numbers(output) - numbers(given)
