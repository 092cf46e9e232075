"""The table that a run ends with: counted from manifests, for the requested dates and types."""

from __future__ import annotations

from datetime import timedelta

import pytest

from health_etl.cli.summary import TypeSummary, journal_months, summarise
from health_etl.clinical.common.base import Level
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.planning.staleness import Scope
from health_etl.record_types import record_types
from health_etl.training.journal import WrittenMonths
from health_etl_tests.support.exports import (
    BEN,
    NOON,
    UPLOADED,
    blood_glucose,
    heart_rate,
    memory_lake,
    put,
    put_content,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import bring_up_to_date

NEXT = UPLOADED + timedelta(days=1)
WHOLE = Scope()


@pytest.fixture(scope="module")
def lake() -> Lake:
    """Steps of two people over two upload dates, a bad row and a bad file; glucose whose day moves."""
    lake = memory_lake()
    put(lake, "steps", [steps("s1"), steps("s2", NOON - timedelta(days=1)), steps("bad", count=-1)])
    put(lake, "steps", [steps("s1", fetched=utc("2025-09-22 09:00"))], upload_date=NEXT)
    put(lake, "steps", [steps("s1")], user_id=BEN)
    put_content(lake, "steps", b"not avro", user_id=BEN)
    put(lake, "blood_glucose", [blood_glucose("g1", utc("2025-09-21 02:00"), zone="Z")])
    put(lake, "heart_rate", [heart_rate("h1", utc("2025-09-21 02:00"))], upload_date=NEXT)
    bring_up_to_date(lake)
    return lake


def of_type(lake: Lake, name: str, scope: Scope = WHOLE) -> TypeSummary:
    (found,) = [
        summary for summary in summarise(lake, Catalogue(lake), WrittenMonths(lake), scope) if summary.name == name
    ]
    return found


def test_every_type_has_a_line_even_without_uploads(lake: Lake) -> None:
    assert [summary.name for summary in summarise(lake, Catalogue(lake), WrittenMonths(lake), WHOLE)] == list(
        record_types()
    )
    assert of_type(lake, "sleep_session") == TypeSummary("sleep_session", "Sleep session")


def test_files_and_rows_add_up_over_dates(lake: Lake) -> None:
    found = of_type(lake, "steps")
    assert found.files == 4
    assert (found.rows, found.accepted, found.duplicate, found.quarantined) == (5, 4, 0, 1)
    assert [entry.reason for entry in found.refused] == ["not_avro"]


def test_a_person_day_that_several_uploads_touch_counts_once(lake: Lake) -> None:
    assert of_type(lake, "steps").person_days == 3
    assert of_type(lake, "steps").training_lines == 3 * len(Level)


def test_a_withdrawn_day_does_not_count(lake: Lake) -> None:
    found = of_type(lake, "blood_glucose")
    assert (found.person_days, found.training_lines) == (1, len(Level))


def test_a_scope_counts_only_its_dates_and_types(lake: Lake) -> None:
    found = of_type(lake, "steps", Scope(first=NEXT))
    assert (found.files, found.rows, found.person_days) == (1, 1, 1)
    alone = summarise(lake, Catalogue(lake), WrittenMonths(lake), Scope(types=frozenset({"steps"})))
    assert [summary.name for summary in alone] == ["steps"]


def test_every_month_of_the_journal_is_listed(lake: Lake) -> None:
    found = journal_months(Catalogue(lake), WrittenMonths(lake))
    assert [(manifest.name, manifest.partition, manifest.rows) for manifest in found] == [
        ("cardiovascular_fitness", "2025-09", len(Level)),
        ("daily_journal", "2025-09", 3 * len(Level)),
        ("metabolic_diabetes", "2025-09", len(Level)),
        ("physical_activity", "2025-09", 3 * len(Level)),
    ]


def test_an_empty_lake_sums_up_to_nothing() -> None:
    lake = memory_lake()
    found = summarise(lake, Catalogue(lake), WrittenMonths(lake), WHOLE)
    assert {(summary.files, summary.rows, summary.person_days, summary.training_lines) for summary in found} == {
        (0, 0, 0, 0)
    }
    assert journal_months(Catalogue(lake), WrittenMonths(lake)) == []
