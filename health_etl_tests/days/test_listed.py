"""Lists of source apps in texts name a few and count the others, however many there are."""

from __future__ import annotations

import pandas as pd
import pytest

from health_etl.days.listed import listed, united


def names(count: int) -> list[str]:
    return [f"com.example.a{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("count", "others"), [(1, ""), (5, ""), (6, ", 1 other"), (7, ", 2 others"), (4_000, ", 3995 others")]
)
def test_a_list_names_five_and_counts_the_others(count: int, others: str) -> None:
    rows = pd.DataFrame({"day": "one", "app": names(count)})
    rows = pd.concat([rows, pd.DataFrame({"day": ["two"], "app": ["com.example.b"]})], ignore_index=True)
    found = listed(rows, ["day"], "app")
    assert found["one"] == ", ".join(names(min(count, 5))) + others
    assert found["two"] == "com.example.b"
    assert united(names(count)) == ", ".join(sorted(names(count))[:5]) + others


def test_lists_are_united_by_name_and_count_only_what_is_known() -> None:
    assert united(["com.b, com.a", "com.b, com.c"]) == "com.a, com.b, com.c"
    assert united(["com.a, com.b, com.c, com.d, com.e, 7 others", "com.another"]) == (
        "com.a, com.another, com.b, com.c, com.d, others"
    )
