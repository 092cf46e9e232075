"""Outdated partitions are found by comparing the listing with the manifests; nothing is run."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from health_etl.insights import partition as insights_partition
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl.planning import staleness
from health_etl.planning.staleness import Scope
from health_etl.records import partition as records_partition
from health_etl.records.quality import QualityRules
from health_etl.training import journal
from health_etl.uploads.listing import list_all
from health_etl_tests.support.exports import (
    NOON,
    UPLOADED,
    blood_glucose,
    contents,
    heart_rate,
    memory_lake,
    put,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import FIRST_DATE, LAST_DATE, OPTIONS, bring_up_to_date, update_records

PARTITION = UPLOADED.isoformat()
NEXT = UPLOADED + timedelta(days=1)
WHOLE = Scope()


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def stale_records(lake: Lake, scope: Scope = WHOLE) -> list[tuple[str, str]]:
    found = staleness.stale_records(list_all(lake, FIRST_DATE, LAST_DATE), Catalogue(lake), scope, QualityRules())
    return [(name, upload_date.isoformat()) for name, upload_date in found]


def daily_work(lake: Lake) -> staleness.DailyWork:
    found = staleness.stale_records(list_all(lake, FIRST_DATE, LAST_DATE), Catalogue(lake), WHOLE, QualityRules())
    return staleness.daily_work(list(found), Catalogue(lake), OPTIONS)


def test_an_empty_lake_has_no_work(lake: Lake) -> None:
    assert stale_records(lake) == []
    assert daily_work(lake).dates == []
    assert staleness.stale_months(lake, Catalogue(lake)) == []


def test_new_uploads_make_their_partitions_stale(lake: Lake) -> None:
    put(lake, "steps", [steps()])
    put(lake, "steps", [steps()], upload_date=NEXT)
    put(lake, "heart_rate", [heart_rate()])
    assert stale_records(lake) == [("heart_rate", PARTITION), ("steps", PARTITION), ("steps", NEXT.isoformat())]


def test_nothing_is_stale_once_everything_is_up_to_date(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose(zone="Z")])
    put(lake, "heart_rate", [heart_rate()], upload_date=NEXT)
    assert not bring_up_to_date(lake).nothing
    before = contents(lake, "records/") | contents(lake, "insights/") | contents(lake, "training/")
    assert bring_up_to_date(lake).nothing
    assert contents(lake, "records/") | contents(lake, "insights/") | contents(lake, "training/") == before


def test_a_late_file_makes_its_own_partition_stale_and_no_other(lake: Lake) -> None:
    for day in (UPLOADED, NEXT):
        put(lake, "steps", [steps()], upload_date=day)
    bring_up_to_date(lake)
    put(lake, "steps", [steps("late")])
    assert stale_records(lake) == [("steps", PARTITION)]


def test_an_upload_that_changed_makes_its_partition_stale(lake: Lake) -> None:
    key = put(lake, "steps", [steps()])
    bring_up_to_date(lake)
    lake.put(key, lake.get(key))
    assert stale_records(lake) == [("steps", PARTITION)]


def test_a_partition_whose_uploads_vanished_is_stale(lake: Lake) -> None:
    lake.delete([put(lake, "steps", [steps()])])
    key = put(lake, "steps", [steps()])
    bring_up_to_date(lake)
    lake.delete([key])
    assert stale_records(lake) == [("steps", PARTITION)]
    bring_up_to_date(lake)
    assert stale_records(lake) == []


def test_a_partition_before_the_start_date_is_left_alone(lake: Lake) -> None:
    put(lake, "steps", [steps()])
    put(lake, "steps", [steps()], upload_date=NEXT)
    bring_up_to_date(lake)
    listing = list_all(lake, NEXT, LAST_DATE)
    assert [item.reason for item in listing.unclaimed] == ["outside_partitions"]
    assert staleness.stale_records(listing, Catalogue(lake), WHOLE, QualityRules()) == {}


def test_a_new_code_version_makes_every_partition_stale(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, "steps", [steps()])
    put(lake, "heart_rate", [heart_rate()], upload_date=NEXT)
    bring_up_to_date(lake)
    monkeypatch.setattr(records_partition, "CODE_VERSION", "next")
    assert stale_records(lake) == [("heart_rate", NEXT.isoformat()), ("steps", PARTITION)]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(first=NEXT), [("steps", NEXT.isoformat())]),
        (Scope(last=UPLOADED), [("heart_rate", PARTITION), ("steps", PARTITION)]),
        (Scope(types=frozenset({"heart_rate"})), [("heart_rate", PARTITION)]),
        (Scope(first=NEXT, types=frozenset({"heart_rate"})), []),
        (Scope(first=UPLOADED, last=UPLOADED, types=frozenset({"steps"})), [("steps", PARTITION)]),
    ],
)
def test_a_scope_excludes_everything_outside_it(lake: Lake, scope: Scope, expected: list[tuple[str, str]]) -> None:
    put(lake, "steps", [steps()])
    put(lake, "heart_rate", [heart_rate()])
    put(lake, "steps", [steps()], upload_date=NEXT)
    assert stale_records(lake, scope) == expected


def test_stale_records_include_their_offsets_and_insights(lake: Lake) -> None:
    put(lake, "steps", [steps()])
    work = daily_work(lake)
    assert work.dates == [PARTITION]
    assert work.records == {PARTITION: frozenset({"steps"})}
    assert work.offsets == {PARTITION}
    assert work.insights == {PARTITION: frozenset({"steps", DAILY_JOURNAL})}


def test_offsets_left_behind_by_an_interrupted_run_are_stale(lake: Lake) -> None:
    put(lake, "steps", [steps()])
    update_records(lake, "steps")
    work = daily_work(lake)
    assert work.records == {}
    assert work.offsets == {PARTITION}


def test_late_records_make_insights_that_look_back_on_them_stale(lake: Lake) -> None:
    for offset in (0, 7, 8):
        put(lake, "steps", [steps(f"s{offset}")], upload_date=UPLOADED + timedelta(days=offset))
    bring_up_to_date(lake)
    put(lake, "steps", [steps("late", utc("2025-09-20 02:00"))])
    update_records(lake, "steps")
    work = daily_work(lake)
    assert work.records == {}
    assert set(work.insights) >= {PARTITION, "2025-09-28"}


def test_evidence_at_a_later_date_requires_insights_for_that_date(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose(zone="Z")])
    bring_up_to_date(lake)
    put(lake, "heart_rate", [heart_rate()], upload_date=NEXT)
    done = bring_up_to_date(lake)
    assert ("blood_glucose", NEXT.isoformat()) in done.insights
    assert ("blood_glucose", PARTITION) not in done.insights


def test_a_re_export_that_brings_nothing_new_leaves_insights_and_journal_alone(lake: Lake) -> None:
    put(lake, "steps", [steps(fetched=utc("2025-09-21 09:00"))])
    bring_up_to_date(lake)
    put(lake, "steps", [steps(fetched=utc("2025-09-21 08:00"))])
    done = bring_up_to_date(lake)
    assert done.records == [("steps", PARTITION)]
    assert (done.offsets, done.insights, done.months) == ([], [], [])


def test_a_new_code_version_of_insights_does_not_reread_uploads(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, "steps", [steps()])
    bring_up_to_date(lake)
    monkeypatch.setattr(insights_partition, "CODE_VERSION", "next")
    done = bring_up_to_date(lake)
    assert (done.records, done.files_read) == ([], 0)
    assert done.insights == [("steps", PARTITION)]
    assert done.months == ["2025-09"]


def test_a_new_code_version_of_the_journal_makes_every_month_stale(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, "steps", [steps("s1", NOON), steps("s2", NOON - timedelta(days=31))])
    bring_up_to_date(lake)
    monkeypatch.setattr(journal, "CODE_VERSION", "next")
    assert staleness.stale_months(lake, Catalogue(lake)) == ["2025-08", "2025-09"]


def test_a_scope_without_bounds_includes_everything() -> None:
    assert Scope().holds("steps", date(1999, 1, 1))
    assert Scope(first=UPLOADED).holds_date(PARTITION)
    assert not Scope(first=NEXT).holds_date(PARTITION)
    assert not Scope(types=frozenset()).holds_type("steps")
