"""Days look back on the person's earlier days: which, from which uploads, and what a late upload narrates again."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from health_etl.clinical.common.base import Level
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS, earlier_days
from health_etl.insights.look_back import to_renarrate
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl_tests.support.exports import ANNA, BEN, NOON, UPLOADED, blood_glucose, memory_lake, put, steps
from health_etl_tests.support.pipeline import bring_up_to_date, day_examples, insights_of, journal_examples
from health_etl_tests.support.state import journal_files

LATER = UPLOADED + timedelta(days=20)


@pytest.fixture
def lake() -> Lake:
    """Ten days of one person's glucose, a reading a day, each uploaded on the day after."""
    lake = memory_lake()
    for n in range(10):
        record = blood_glucose(f"g{n}", NOON + timedelta(days=n), 100.0 + n)
        put(lake, "blood_glucose", [record], upload_date=UPLOADED + timedelta(days=n))
    bring_up_to_date(lake)
    return lake


def frame(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_earlier_days_are_the_person_s_own_within_the_look_back() -> None:
    days = frame(subject=["a", "b"], local_date=["2025-03-01", "2025-03-01"])
    history = frame(
        subject=["a", "a", "a", "a", "b"],
        local_date=["2025-02-28", "2025-02-01", "2025-01-31", "2025-03-01", "2025-02-27"],
        value=[1.0, 2.0, 3.0, 4.0, 5.0],
    )
    found = earlier_days(days, history, ["value"])
    assert LOOK_BACK_DAYS == 28
    assert found.to_dict("list") == {"day": [0, 0, 1], "days_before": [1, 28, 2], "value": [1.0, 2.0, 5.0]}


def test_a_changed_day_calls_for_the_later_days_that_look_back_on_it() -> None:
    changed = frame(subject=["a"], local_date=["2025-03-01"])
    known = frame(
        subject=["a"] * 5 + ["b"],
        local_date=["2025-02-28", "2025-03-01", "2025-03-02", "2025-03-29", "2025-03-30", "2025-03-02"],
        withdrawn=[False] * 6,
        partition=["p1", "p2", "p3", "p4", "p5", "p6"],
    )
    found = to_renarrate(changed, known)
    assert found["partition"].tolist() == ["p3", "p4"]


def test_a_withdrawn_day_is_not_narrated_again() -> None:
    changed = frame(subject=["a"], local_date=["2025-03-01"])
    known = frame(subject=["a"], local_date=["2025-03-02"], withdrawn=[True], partition=["p"])
    assert len(to_renarrate(changed, known)) == 0


def test_a_late_upload_narrates_again_the_days_that_look_back_on_its_day(lake: Lake) -> None:
    before = {line["metadata"]["local_date"][:10]: line["input"] for line in day_examples(lake)}
    put(lake, "blood_glucose", [blood_glucose("late", NOON - timedelta(days=20))], upload_date=LATER)
    done = bring_up_to_date(lake)
    assert done.insights == [("blood_glucose", LATER.isoformat())]
    rows = insights_of(lake, "blood_glucose", LATER)
    # Its own day, and of the ten days those that lie at most 28 days behind it: 20 to 28 days.
    assert rows.loc[~rows["retold"], "local_date"].tolist() == ["2025-08-31"]
    assert len(rows[rows["retold"]]) == 9
    after = {line["metadata"]["local_date"][:10]: line["input"] for line in day_examples(lake)}
    assert {day for day in before if before[day] != after[day]} <= set(rows.loc[rows["retold"], "local_date"])
    assert bring_up_to_date(lake).nothing


def test_the_order_of_uploads_leaves_no_trace_in_what_looks_back(lake: Lake) -> None:
    late = blood_glucose("late", NOON - timedelta(days=2), 180.0)
    put(lake, "blood_glucose", [late], upload_date=LATER)
    bring_up_to_date(lake)
    at_once = memory_lake()
    put(at_once, "blood_glucose", [late], upload_date=LATER)
    for n in reversed(range(10)):
        record = blood_glucose(f"g{n}", NOON + timedelta(days=n), 100.0 + n)
        put(at_once, "blood_glucose", [record], upload_date=UPLOADED + timedelta(days=n))
        bring_up_to_date(at_once)
    assert journal_files(at_once) == journal_files(lake)


def test_the_day_of_another_person_changes_nobody_else_s_text(lake: Lake) -> None:
    before = list(journal_examples(lake))
    put(lake, "blood_glucose", [blood_glucose("b", NOON, 300.0)], upload_date=LATER, user_id=BEN)
    bring_up_to_date(lake)
    after = list(journal_examples(lake))
    assert [line for line in after if line in before] == before
    assert len(after) == len(before) + 2 * len(Level)


def test_a_day_across_types_joins_what_several_uploads_brought(lake: Lake) -> None:
    put(lake, "steps", [steps("s", NOON, count=4321)], upload_date=LATER)
    done = bring_up_to_date(lake)
    assert done.days_across_types == [LATER.isoformat()]
    (row,) = insights_of(lake, DAILY_JOURNAL, LATER).query("not retold").to_dict("records")
    assert (row["user_id"], row["local_date"]) == (ANNA, "2025-09-20")
    assert (row["steps"], row["mean_glucose_mg_dl"], row["record_count"]) == (4321, 100.0, 2)
    assert "heart rate" in row["coverage_reason"]
    assert "steps" not in row["coverage_reason"]
    assert bring_up_to_date(lake).nothing


def test_a_day_that_loses_its_last_type_leaves_the_journal_of_days() -> None:
    lake = memory_lake()
    put(lake, "blood_glucose", [blood_glucose("g", NOON - timedelta(days=1))])
    bring_up_to_date(lake)
    put(lake, "blood_glucose", [blood_glucose("g", NOON, version=2)], upload_date=UPLOADED + timedelta(days=1))
    bring_up_to_date(lake)
    days = {line["metadata"]["local_date"][:10] for line in journal_examples(lake)}
    assert days == {"2025-09-20"}
