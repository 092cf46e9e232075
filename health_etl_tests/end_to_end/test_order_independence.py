"""Once nothing is stale, the training data do not depend on the order of uploads.

The same records uploaded under other dates, within each other's look-back window, give the same examples; only the
files that these name differ.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from health_etl.lake.store import Lake
from health_etl_tests.support import hypothesis_profiles
from health_etl_tests.support.exports import memory_lake
from health_etl_tests.support.pipeline import bring_up_to_date, journal_examples
from health_etl_tests.support.random_uploads import Export, exports, upload_dates
from health_etl_tests.support.state import journal_files

profile = hypothesis_profiles.end_to_end_profile()

Upload = tuple[Export, date]


@st.composite
def dated_exports(draw: st.DrawFn) -> list[Upload]:
    """Draw exports, each with an upload date."""
    found = draw(exports())
    return list(zip(found, draw(upload_dates(len(found))), strict=True))


@st.composite
def in_two_orders(draw: st.DrawFn) -> tuple[list[Upload], list[Upload]]:
    """Draw the same uploads in two orders."""
    found = draw(dated_exports())
    return found, draw(st.permutations(found))


@st.composite
def under_two_sets_of_dates(draw: st.DrawFn) -> tuple[list[Upload], list[Upload]]:
    """Draw the same exports with two sets of upload dates."""
    found = draw(exports())
    first, second = draw(upload_dates(len(found))), draw(upload_dates(len(found)))
    return list(zip(found, first, strict=True)), list(zip(found, second, strict=True))


def fill_lake(uploads: list[Upload], one_run_each: bool) -> Lake:
    lake = memory_lake()
    for export, upload_date in uploads:
        export.put(lake, upload_date)
        if one_run_each:
            bring_up_to_date(lake)
    bring_up_to_date(lake)
    return lake


def texts(lake: Lake) -> dict[str, tuple[Any, ...]]:
    """Return instruction, input and output of each example, by its id."""
    return {
        example["metadata"]["example_id"]: (example["instruction"], example["input"], example["output"])
        for example in journal_examples(lake)
    }


@profile
@given(orders=in_two_orders())
def test_uploads_one_by_one_in_any_order_give_the_same_bytes_as_all_at_once(
    orders: tuple[list[Upload], list[Upload]],
) -> None:
    at_once, one_by_one = orders
    expected = journal_files(fill_lake(at_once, one_run_each=False))
    lake = fill_lake(one_by_one, one_run_each=True)
    assert journal_files(lake) == expected
    assert bring_up_to_date(lake).nothing


@profile
@given(splits=under_two_sets_of_dates())
def test_the_same_records_under_other_upload_dates_give_the_same_examples(
    splits: tuple[list[Upload], list[Upload]],
) -> None:
    first, second = splits
    assert texts(fill_lake(first, one_run_each=False)) == texts(fill_lake(second, one_run_each=False))
