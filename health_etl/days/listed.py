"""Lists of names as text, bounded: a few are named, the others counted. Which names, and in which order, is up to the
caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pandas as pd

MAX_NAMED = 5  # ASSUMPTION: nobody uses more sources a day; more are an exporter that makes up names
_OTHERS = re.compile(r"(\d+ )?others?\Z")


def listed(rows: pd.DataFrame, by: Sequence[str], column: str, separator: str = ", ") -> pd.Series:
    """Return the texts of each group joined in the order of the rows: the first MAX_NAMED, then "7 others"."""
    groups = rows.groupby([*by])[column]
    found: pd.Series = rows[groups.cumcount() < MAX_NAMED].groupby([*by])[column].agg(separator.join)
    unnamed = groups.size() - MAX_NAMED
    many = unnamed[unnamed > 0]
    if len(many):
        found = found.astype("object")
        found[many.index] = [
            f"{found[group]}{separator}{_others(count)}" for group, count in zip(many.index, many, strict=True)
        ]
    return found


def united(texts: Iterable[str]) -> str:
    """Return what these lists name together, sorted, in the same form; how many others, only where it is known."""
    items = {item for text in texts for item in text.split(", ")}
    names = sorted(item for item in items if not _OTHERS.match(item))
    shown, unnamed = names[:MAX_NAMED], len(names) - MAX_NAMED
    if len(names) < len(items):
        shown.append("others")
    elif unnamed > 0:
        shown.append(_others(unnamed))
    return ", ".join(shown)


def _others(count: int) -> str:
    return f"{count} other{'s' if count > 1 else ''}"
