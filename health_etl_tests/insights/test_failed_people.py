"""A person who makes a step fail costs only that person's days: everybody else's are as if the person did not exist."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from health_etl.clinical import all_processors
from health_etl.days.isolation import isolated
from health_etl.days.pseudonym import subject
from health_etl.errors import PermanentError
from health_etl.insights.batches import analyse_all, select_changed
from health_etl.insights.checks import CHECKS, CheckContext, Partition
from health_etl.insights.failed_people import FailedPerson, Stage, failed_in
from health_etl.insights.table import schema
from health_etl.insights.writer import InsightsWriter
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame
from health_etl.planning import staleness
from health_etl.record_types import record_types
from health_etl.training import checks as training_checks
from health_etl.training.checks import Month
from health_etl_tests.support.exports import ANNA, BEN, UPLOADED, contents, memory_lake, plain, put
from health_etl_tests.support.pipeline import (
    OPTIONS,
    bring_up_to_date,
    insights_manifest_of,
    make_daily_journal,
    manifest_of,
    overwrite_table,
    update_offsets,
    update_records,
    write_journal,
)

PARTITION = UPLOADED.isoformat()
BENS = subject(BEN, OPTIONS.pseudonym_key)
# A glucose value that validation refuses. In the tests numpy's warning of it is an error, in production it is not.
ONLY_WARN = pytest.mark.filterwarnings("ignore::RuntimeWarning")
HOSTILE = [
    pytest.param("blood_glucose", "glucose_mg_dl", np.inf, Stage.ANALYSE, "RuntimeWarning", id="analyse"),
    pytest.param("blood_glucose", "glucose_mg_dl", np.inf, Stage.NARRATE, "KeyError", id="narrate", marks=ONLY_WARN),
]


def uploaded(name: str, *people: str) -> Lake:
    lake = memory_lake()
    for person in people:
        put(lake, name, [plain(name)], user_id=person)
    update_records(lake, name)
    update_offsets(lake)
    return lake


def damage(lake: Lake, name: str, column: str, value: Any, partition: str = PARTITION) -> None:
    """Give Ben's rows of a records table a value that validation would have refused."""
    key = manifest_of(lake, name, date.fromisoformat(partition)).table_key
    rows = read_frame(lake, key)
    rows.loc[rows["user_id"] == BEN, column] = value
    known = record_types()[name].arrow_schema
    schema = known.set(known.get_field_index(column), known.field(column).with_nullable(True))
    overwrite_table(lake, key, rows, schema)


def make(lake: Lake, name: str, *partitions: str) -> DerivedManifest:
    """Select, analyse, narrate and write partitions as the ops do; return the manifest of the last."""
    partitions = partitions or (PARTITION,)
    analysed = analyse_all(lake, name, select_changed(lake, name, partitions, OPTIONS), OPTIONS)
    assert not analysed.failed
    writer = InsightsWriter(lake, Catalogue(lake), name, OPTIONS.clinical)
    for key, days in analysed.partitions.items():
        writer.stage(key, days.days_digest, days.rows, days.failed)
    written = [writer.write(key) for key in partitions]
    assert written[-1] is not None
    return written[-1]


def journal(lake: Lake) -> dict[str, bytes]:
    write_journal(lake)
    return {key: found for key, found in contents(lake, "training/").items() if key.endswith(".jsonl")}


@pytest.mark.parametrize(("name", "column", "value", "stage", "error"), HOSTILE)
def test_everybody_elses_days_are_as_if_the_failing_person_did_not_exist(
    name: str, column: str, value: Any, stage: Stage, error: str
) -> None:
    without = uploaded(name, ANNA)
    make(without, name)
    lake = uploaded(name, ANNA, BEN)
    damage(lake, name, column, value)
    manifest = make(lake, name)
    assert failed_in(manifest) == (FailedPerson(BENS, stage, error),)
    assert journal(lake) == journal(without) != {}
    assert staleness.stale_insights(Catalogue(lake), name, OPTIONS) == []  # the same inputs would fail again


@pytest.mark.parametrize(("name", "column", "value", "stage", "error"), HOSTILE)
def test_several_partitions_made_at_once_leave_out_the_person_only_where_it_fails(
    name: str, column: str, value: Any, stage: Stage, error: str
) -> None:
    lake, later = uploaded(name, ANNA, BEN), UPLOADED + timedelta(days=9)
    for person in (ANNA, BEN):
        put(lake, name, [plain(name, "later")], user_id=person, upload_date=later)
    update_records(lake, name, later)
    update_offsets(lake, later)
    damage(lake, name, column, value, later.isoformat())
    last = make(lake, name, PARTITION, later.isoformat())
    assert failed_in(last) == (FailedPerson(BENS, stage, error),)
    first = Catalogue(lake).insights(name)[PARTITION]
    assert (failed_in(first), first.details["person_days"]) == ((), 2)


@pytest.mark.parametrize(("name", "column", "value", "stage", "error"), HOSTILE)
def test_a_failing_day_is_withdrawn_also_where_an_earlier_upload_had_made_it(
    name: str, column: str, value: Any, stage: Stage, error: str
) -> None:
    lake, later = uploaded(name, ANNA, BEN), UPLOADED + timedelta(days=1)
    make(lake, name)
    assert BENS.encode() in b"".join(journal(lake).values())
    put(lake, name, [plain(name, "later")], user_id=BEN, upload_date=later)
    update_records(lake, name, later)
    update_offsets(lake, later)
    damage(lake, name, column, value, later.isoformat())
    assert failed_in(make(lake, name, later.isoformat())) == (FailedPerson(BENS, stage, error),)
    assert BENS.encode() not in b"".join(journal(lake).values())
    put(lake, name, [plain(name, "corrected")], user_id=BEN, upload_date=later)  # which rebuilds the table
    bring_up_to_date(lake)
    assert failed_in(Catalogue(lake).insights(name)[later.isoformat()]) == ()
    assert BENS.encode() in b"".join(journal(lake).values())


def test_a_person_whose_days_cannot_be_joined_is_left_out_of_the_day_across_types_alone() -> None:
    without = uploaded("steps", ANNA)
    make(without, "steps")
    make_daily_journal(without, PARTITION)
    lake = uploaded("steps", ANNA, BEN)
    make(lake, "steps")
    key = insights_manifest_of(lake, "steps").table_key
    rows = read_frame(lake, key)
    rows.loc[rows["user_id"] == BEN, "source_apps"] = None
    overwrite_table(lake, key, rows, schema(all_processors()["steps"]))
    manifest = make_daily_journal(lake, PARTITION)
    assert manifest is not None
    assert failed_in(manifest) == (FailedPerson(BENS, Stage.JOIN, "AttributeError"),)
    of_days = {key: found for key, found in journal(lake).items() if DAILY_JOURNAL in key or "daily" in key}
    assert of_days == {key: found for key, found in journal(without).items() if key in of_days}


@ONLY_WARN
def test_the_check_names_the_people_left_out_and_does_not_block() -> None:
    lake = uploaded("blood_glucose", ANNA, BEN)
    damage(lake, "blood_glucose", "glucose_mg_dl", np.inf)
    make(lake, "blood_glucose")
    catalogue = Catalogue(lake)
    partition = Partition(
        lake, catalogue, "blood_glucose", PARTITION, OPTIONS, CheckContext(catalogue, "blood_glucose")
    )
    (check,) = [check for check in CHECKS if check.name == "people"]
    found = check.judge(partition)
    assert (found.passed, found.is_serious, check.is_blocking) == (False, True, False)
    assert found.facts == {"people_left_out": 1}
    assert list(found.rows) == [{"subject": BENS, "stage": "narrate", "error": "KeyError"}]


@pytest.mark.parametrize("bad", [[], [3], [0, 1], [0, 4, 9], list(range(10))])
def test_only_people_who_fail_on_their_own_are_left_out(bad: list[int]) -> None:
    people = [f"p{number}" for number in range(10)]
    at_fault = [people[number] for number in bad]

    def work(some: Any) -> list[str]:
        assert not {*some} & {*at_fault}
        return list(some)

    made, failed = isolated(people, work)
    assert made == [person for person in people if person not in at_fault]
    assert failed == dict.fromkeys(at_fault, "AssertionError")


def test_what_nobody_alone_causes_is_raised() -> None:
    def crowded(some: Any) -> None:
        if len(some) > 1:
            raise MemoryError

    with pytest.raises(MemoryError):
        isolated(["a", "b", "c"], crowded)


def test_an_error_of_the_lake_is_nobodys_fault() -> None:
    asked = []

    def unreadable(some: Any) -> None:
        asked.append(some)
        raise PermanentError("the bucket is gone")

    with pytest.raises(PermanentError):
        isolated(["a", "b"], unreadable)
    assert len(asked) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=["nothing", "infinity"])
def test_a_day_that_makes_no_training_line_costs_only_its_own_lines(value: float) -> None:
    without = uploaded("steps", ANNA)
    make(without, "steps")
    lake = uploaded("steps", ANNA, BEN)
    make(lake, "steps")
    key = insights_manifest_of(lake, "steps").table_key
    rows = read_frame(lake, key)
    rows.loc[rows["user_id"] == BEN, "quality_score"] = value
    overwrite_table(lake, key, rows, schema(all_processors()["steps"]))
    assert journal(lake) == journal(without) != {}
    found = {check.name: check.judge(Month(lake, Catalogue(lake), "2025-09")) for check in training_checks.CHECKS}
    assert [name for name, result in found.items() if not result.passed] == ["people"]
    assert [(row["subject"], row["stage"]) for row in found["people"].rows] == [(BENS, Stage.PUBLISH)]
