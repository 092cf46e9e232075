"""Wording shared by messages that people read."""

from __future__ import annotations


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return a count with its noun: "1 file", "2 files"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
