"""A training line leads back to its person, objects and records, and to no others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from health_etl.clinical.common.base import Level
from health_etl.lake.store import Lake
from health_etl.training.trace import trace
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    NOON,
    UPLOADED,
    blood_glucose,
    heart_rate,
    memory_lake,
    put,
    steps,
)
from health_etl_tests.support.pipeline import OPTIONS, bring_up_to_date, journal_examples

NEXT = UPLOADED + timedelta(days=1)
WATCH = "Anna's watch"


@pytest.fixture(scope="module")
def made() -> tuple[Lake, list[str]]:
    """A lake, and the keys of Anna's steps, Anna's later steps and Anna's pulse on the same day."""
    lake = memory_lake()
    keys = [put(lake, "steps", [steps("s1", app=WATCH), steps("elsewhere", NOON - timedelta(days=5))])]
    keys.append(put(lake, "steps", [steps("s2", NOON + timedelta(hours=2))], upload_date=NEXT))
    keys.append(put(lake, "heart_rate", [heart_rate("h1", NOON, (61, 62, 63))]))
    put(lake, "steps", [steps("b1")], user_id=BEN)
    put(lake, "blood_glucose", [blood_glucose("g1", NOON)])
    put(lake, "blood_glucose", [blood_glucose("g1", NOON + timedelta(days=1), version=2)], upload_date=NEXT)
    bring_up_to_date(lake)
    return lake, keys


def id_of(lake: Lake, record_type: str, day: str, level: Level = Level.SEMANTIC, people: int = 0) -> str:
    lines = [example["metadata"] for example in journal_examples(lake)]
    (found,) = [
        line["example_id"]
        for line in lines
        if (line["record_type"], line["local_date"][:10], line["caption_level"]) == (record_type, day, level)
        and line["record_count"] != people
    ]
    return str(found)


def test_a_line_leads_to_the_objects_and_records_of_its_day_alone(made: tuple[Lake, list[str]]) -> None:
    lake, keys = made
    found = trace(lake, id_of(lake, "StepsRecord", "2025-09-20", people=1), OPTIONS.default_zone)
    assert found is not None
    assert (found.name, found.level, found.user_id, found.local_date) == ("steps", "semantic", ANNA, "2025-09-20")
    assert found.source_keys == tuple(sorted(keys[:2]))
    assert found.records[["record_id", "source_app", "source_key"]].to_numpy().tolist() == [
        ["s1", WATCH, keys[0]],
        ["s2", "com.example.watch", keys[1]],
    ]


def test_a_line_across_types_leads_to_the_records_of_every_type(made: tuple[Lake, list[str]]) -> None:
    lake, keys = made
    found = trace(lake, id_of(lake, "daily_journal", "2025-09-20", people=1), OPTIONS.default_zone)
    assert found is not None
    assert found.source_keys == tuple(sorted(keys))
    records = found.records[["record_type", "record_id"]].to_numpy().tolist()
    assert records == [["heart_rate", "h1"], ["steps", "s1"], ["steps", "s2"]]


def test_every_line_can_be_traced(made: tuple[Lake, list[str]]) -> None:
    lake, _ = made
    for example in journal_examples(lake):
        wanted = example["metadata"]
        found = trace(lake, wanted["example_id"], OPTIONS.default_zone)
        assert found is not None
        assert (found.level, found.local_date) == (wanted["caption_level"], wanted["local_date"][:10])
        assert len(found.records) == wanted["record_count"]
        assert len(found.source_keys) == len(wanted["source_files"])


def test_an_unknown_id_leads_nowhere_after_all_tables_were_searched(made: tuple[Lake, list[str]]) -> None:
    lake, _ = made
    told: list[tuple[int, int]] = []
    assert trace(lake, "0" * 32, OPTIONS.default_zone, lambda done, of: told.append((done, of))) is None
    assert told == [(count, len(told)) for count in range(1, len(told) + 1)]
    assert told


def test_a_withdrawn_day_has_no_sources() -> None:
    lake = memory_lake()
    put(lake, "blood_glucose", [blood_glucose("g1", NOON)])
    bring_up_to_date(lake)
    wanted = id_of(lake, "BloodGlucoseRecord", "2025-09-20")
    put(lake, "blood_glucose", [blood_glucose("g1", NOON + timedelta(days=1), version=2)], upload_date=NEXT)
    bring_up_to_date(lake)
    found = trace(lake, wanted, OPTIONS.default_zone)
    assert found is not None
    assert (found.user_id, found.source_keys, len(found.records)) == (ANNA, (), 0)
