"""Several partitions in one frame. Where each holds little, the number of steps decides how long a range takes.

A person of each partition is named for that partition alone, so whatever looks at people one by one never meets
another partition's rows.
"""

from __future__ import annotations

import pandas as pd

_BETWEEN = "\n"  # in no name; puts people in order of the partitions first


def named_apart(partitions: str | pd.Series[str], people: pd.Series[str]) -> pd.Series[str]:
    """Return people's names for these partitions alone."""
    return partitions + _BETWEEN + people


def are_apart(people: pd.Series[str]) -> bool:
    """Say whether people are named for a partition alone."""
    return bool(len(people)) and _BETWEEN in str(people.iloc[0])


def person_of(people: pd.Series[str]) -> pd.Series[str]:
    """Return people's own names, whether or not they are named for a partition."""
    return people.str.split(_BETWEEN, n=1).str[-1] if are_apart(people) else people


def partition_of(people: pd.Series[str]) -> pd.Series[str]:
    """Return the partition that each name is for."""
    return people.str.split(_BETWEEN, n=1).str[0]


def by_partition(rows: pd.DataFrame, person_column: str) -> dict[str, pd.DataFrame]:
    """Return the rows of every partition, with people's own names."""
    people = rows[person_column]
    named = rows.assign(**{person_column: person_of(people)})
    groups = named.groupby(partition_of(people).to_numpy()) if len(rows) else ()
    return {str(partition): found.reset_index(drop=True) for partition, found in groups}
