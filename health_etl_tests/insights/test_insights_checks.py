"""The checks of an insights partition: each one passes on good insights and fails on what it is there for."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pandas as pd
import pytest

from health_etl.check_result import CheckResult
from health_etl.clinical import processors
from health_etl.insights.checks import CHECKS, CheckContext, Partition
from health_etl.insights.table import schema
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl.record_types import record_types
from health_etl_tests.support.exports import ANNA, BEN, NOON, UPLOADED, blood_glucose, memory_lake, plain, put, utc
from health_etl_tests.support.pipeline import (
    OPTIONS,
    bring_up_to_date,
    insights_manifest_of,
    insights_of,
    overwrite_table,
    update_records,
)

MIDNIGHT = utc("2025-09-20 05:00")  # where the person is


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def subject(lake: Lake, name: str = "blood_glucose") -> Partition:
    catalogue = Catalogue(lake)
    return Partition(lake, catalogue, name, UPLOADED.isoformat(), OPTIONS, CheckContext(catalogue, name))


def result(check: str, partition: Partition) -> CheckResult:
    (judge,) = [known.judge for known in CHECKS if known.name == check]
    return judge(partition)


def worn_all_day(lake: Lake, user_id: str) -> None:
    """Put a reading every five minutes of a local day."""
    moments = [MIDNIGHT + timedelta(minutes=5 * n) for n in range(288)]
    put(lake, "blood_glucose", [blood_glucose(f"w{n}", at) for n, at in enumerate(moments)], user_id=user_id)


def rewritten(lake: Lake, rows: pd.DataFrame) -> None:
    key = insights_manifest_of(lake, "blood_glucose").table_key
    overwrite_table(lake, key, rows, schema(processors()["blood_glucose"]))


def test_only_repeated_days_keep_insights_from_the_journal() -> None:
    assert [check.name for check in CHECKS if check.is_blocking] == ["one_row_a_day"]


@pytest.mark.parametrize("name", sorted([*record_types(), DAILY_JOURNAL]))
def test_what_was_just_made_is_fresh_and_has_every_day_once(lake: Lake, name: str) -> None:
    uploaded = "steps" if name == DAILY_JOURNAL else name
    put(lake, uploaded, [plain(uploaded)])
    bring_up_to_date(lake)
    assert result("one_row_a_day", subject(lake, name)).facts == {"person_days": 1, "rows_too_many": 0}
    assert result("one_row_a_day", subject(lake, name)).passed
    assert result("freshness", subject(lake, name)).passed


def test_every_check_passes_where_nothing_was_written_and_nothing_is_called_for(lake: Lake) -> None:
    assert [check.name for check in CHECKS if not check.judge(subject(lake)).passed] == []


def test_a_day_with_two_rows_is_serious(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose()])
    bring_up_to_date(lake)
    rows = insights_of(lake, "blood_glucose")
    rewritten(lake, pd.concat([rows, rows], ignore_index=True))
    found = result("one_row_a_day", subject(lake))
    assert (found.passed, found.is_serious) == (False, True)
    assert found.facts["rows_too_many"] == 1


def test_the_same_day_of_two_people_is_no_repetition(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose()])
    put(lake, "blood_glucose", [blood_glucose()], user_id=BEN)
    bring_up_to_date(lake)
    found = result("one_row_a_day", subject(lake))
    assert (found.passed, found.facts["person_days"]) == (True, 2)


def test_days_that_are_recorded_all_day_have_coverage(lake: Lake) -> None:
    worn_all_day(lake, ANNA)
    bring_up_to_date(lake)
    found = result("coverage", subject(lake))
    assert (found.passed, found.facts) == (True, {"person_days": 1, "without_coverage": 0})


@pytest.mark.parametrize(("sparse", "passes"), [(1, True), (2, False)])
def test_coverage_fails_once_most_days_are_recorded_sparsely(lake: Lake, sparse: int, passes: bool) -> None:
    worn_all_day(lake, ANNA)
    for number in range(sparse):
        put(lake, "blood_glucose", [blood_glucose()], user_id=f"sparse_{number}")
    bring_up_to_date(lake)
    found = result("coverage", subject(lake))
    assert (found.passed, found.is_serious) == (passes, False)
    assert found.facts == {"person_days": 1 + sparse, "without_coverage": sparse}


def test_a_withdrawn_day_counts_for_nothing(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose()])
    bring_up_to_date(lake)
    rewritten(lake, insights_of(lake, "blood_glucose").assign(withdrawn=True))
    assert result("coverage", subject(lake)).facts == {"person_days": 0, "without_coverage": 0}


def test_records_that_have_no_insights_yet_make_the_partition_stale(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose()])
    update_records(lake, "blood_glucose")
    assert not result("freshness", subject(lake)).passed


def test_new_records_make_insights_stale_until_they_are_made(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose()])
    bring_up_to_date(lake)
    put(lake, "blood_glucose", [blood_glucose("late", NOON + timedelta(minutes=5))])
    update_records(lake, "blood_glucose")
    assert not result("freshness", subject(lake)).passed
    bring_up_to_date(lake)
    assert result("freshness", subject(lake)).passed


def test_other_options_make_insights_stale(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose()])
    bring_up_to_date(lake)
    elsewhere = dataclasses.replace(OPTIONS, default_zone_name="America/Chicago")
    assert not result("freshness", dataclasses.replace(subject(lake), options=elsewhere)).passed


def test_no_verdict_names_a_person(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose()])
    bring_up_to_date(lake)
    rows = insights_of(lake, "blood_glucose")
    rewritten(lake, pd.concat([rows, rows], ignore_index=True))
    text = repr([check.judge(subject(lake)) for check in CHECKS])
    assert [name for name in (ANNA, str(rows["subject"][0])) if name in text] == []
