"""People whose days or names no formula was made for: the others' days and training lines stay the same bytes."""

from __future__ import annotations

import time
from collections import Counter

import pandas as pd
import pytest

from health_etl.clinical import all_processors
from health_etl.days.pseudonym import subject
from health_etl.insights.failed_people import failed_in
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl_tests.isolation.bad_days import APPS, CANARY_NAME, DAYS, MAX_SECONDS, NAMES, many_apps
from health_etl_tests.isolation.items import CANARY
from health_etl_tests.isolation.neighbours import of_good_people, put_good
from health_etl_tests.support.exports import NOON, contents, memory_lake, put, steps
from health_etl_tests.support.pipeline import OPTIONS, bring_up_to_date, journal_examples, records_of

LINE_ENDS = {"\u2028", "\u2029", "\x85"}
MAX_INPUT_CHARACTERS = 5_000


@pytest.fixture
def lake() -> Lake:
    """A lake of the good uploads."""
    found = memory_lake()
    put_good(found)
    return found


def test_days_that_no_formula_was_made_for_cost_nobody_else_anything(lake: Lake, alone: Lake) -> None:
    sent: Counter[str] = Counter()
    for number, day in enumerate(DAYS):
        for name, records in day.records.items():
            put(lake, name, records, user_id=f"{CANARY}-{number}")
            sent[f"{CANARY}-{number}"] += len(records)
    bring_up_to_date(lake)
    assert of_good_people(lake) == of_good_people(alone)
    names = sorted({name for day in DAYS for name in day.records})
    rows = pd.concat([records_of(lake, name)[["user_id", "record_id"]] for name in names]).drop_duplicates()
    assert Counter(rows["user_id"][rows["user_id"].str.startswith(CANARY)]) == sent
    manifests = [found for name in all_processors() for found in Catalogue(lake).insights(name).values()]
    assert [person for manifest in manifests for person in failed_in(manifest)] == []
    subjects = {line["metadata"]["subject"] for line in journal_examples(lake)}
    assert {subject(person, OPTIONS.pseudonym_key) for person in sent} <= subjects
    assert [key for key, content in contents(lake, "training/").items() if CANARY.encode() in content] == []


def test_a_day_of_many_apps_takes_neither_minutes_nor_pages(lake: Lake, alone: Lake) -> None:
    put(lake, "steps", many_apps(APPS), user_id=CANARY)
    started = time.thread_time()
    bring_up_to_date(lake)
    assert time.thread_time() - started < MAX_SECONDS
    assert of_good_people(lake) == of_good_people(alone)
    assert max(len(line["input"]) for line in journal_examples(lake)) < MAX_INPUT_CHARACTERS


def test_what_people_typed_as_the_name_of_an_app_is_in_no_training_file(lake: Lake, alone: Lake) -> None:
    for number, name in enumerate(NAMES):
        put(lake, "steps", [steps(f"s{number}", NOON, count=400, app=name)], user_id=f"{CANARY}-{number}")
    every_name = [steps(f"t{number}", NOON, count=400 + number, app=name) for number, name in enumerate(NAMES)]
    put(lake, "steps", every_name, user_id=f"{CANARY}-all")
    bring_up_to_date(lake)
    assert of_good_people(lake) == of_good_people(alone)
    for key, content in contents(lake, "training/").items():
        text = content.decode()
        found = [name for name in (CANARY, CANARY_NAME, CANARY_NAME.lower(), *filter(str.strip, NAMES)) if name in text]
        assert found == [], key
        assert not LINE_ENDS & set(text), key
    assert len({line["metadata"]["subject"] for line in journal_examples(lake)}) == len(NAMES) + 3
