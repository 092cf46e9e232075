"""The checks of a month of the journal: each one passes on what was written and fails on what it is there for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from health_etl.check_result import CheckResult
from health_etl.clinical.common.base import Level
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.training.checks import CHECKS, Month
from health_etl_tests.support.exports import ANNA, BEN, BUILDERS, NOON, blood_glucose, contents, memory_lake, put, steps
from health_etl_tests.support.pipeline import bring_up_to_date, make_insights, update_offsets, update_records

FILE = "training/physical_activity/2025/09/health_journal_2025_09.jsonl"
LINES = 2 * 2 * len(Level)  # two people, steps and the day across types
Example = dict[str, Any]


@pytest.fixture
def lake() -> Lake:
    """A journal of two people's steps."""
    lake = memory_lake()
    put(lake, "steps", [steps()])
    put(lake, "steps", [steps(count=900)], user_id=BEN)
    bring_up_to_date(lake)
    return lake


def results(lake: Lake, month: str = "2025-09") -> dict[str, CheckResult]:
    subject = Month(lake, Catalogue(lake), month)
    return {check.name: check.judge(subject) for check in CHECKS}


def failing(lake: Lake) -> set[str]:
    return {name for name, found in results(lake).items() if not found.passed}


def tamper(lake: Lake, change: Callable[[Example], object]) -> None:
    """Change the first line of the journal."""
    first, *others = lake.get(FILE).decode().splitlines()
    example = json.loads(first)
    change(example)
    lake.put(FILE, "\n".join([json.dumps(example), *others, ""]).encode())


def test_every_check_passes_on_the_journal_of_every_type() -> None:
    lake = memory_lake()
    for name, build in BUILDERS.items():
        put(lake, name, [build("r1"), build("r2", NOON - timedelta(days=3))])
    bring_up_to_date(lake)
    found = results(lake)
    assert [name for name, result in found.items() if not result.passed] == []
    of_types = 2 * len(BUILDERS)
    across_types = 3  # a night is named after the day on which it ends
    assert found["grounded"].facts["lines"] == (of_types + across_types) * len(Level)


def test_every_check_passes_on_a_month_that_nothing_speaks_of(lake: Lake) -> None:
    assert [name for name, found in results(lake, "2024-01").items() if not found.passed] == []


def test_what_spoils_training_data_keeps_them_from_whatever_is_downstream() -> None:
    assert [check.name for check in CHECKS if check.is_blocking] == ["grounded", "one_line_an_example", "fields"]


def test_a_number_that_the_input_does_not_hold_is_serious(lake: Lake) -> None:
    tamper(lake, lambda example: example.update(output=example["output"] + " Your heart rate was 7777."))
    assert failing(lake) == {"grounded", "as_written"}
    found = results(lake)["grounded"]
    assert found.is_serious
    assert found.facts == {"lines": LINES, "lines_ungrounded": 1}
    assert "7777" not in repr(found)


def test_an_example_that_stands_there_twice_is_serious(lake: Lake) -> None:
    content = lake.get(FILE)
    lake.put(FILE, content + content)
    assert failing(lake) == {"one_line_an_example", "as_written"}
    assert results(lake)["one_line_an_example"].facts == {"lines": LINES + LINES // 2, "lines_repeated": LINES // 2}


@pytest.mark.parametrize(
    "change",
    [
        lambda example: example.update(user_id=ANNA),
        lambda example: example["metadata"].update(user_id=ANNA),
        lambda example: example.pop("instruction"),
        lambda example: example["metadata"].update(
            source_files=[f"raw/StepsRecord/2025/09/21/{ANNA}_1758456000_a.avro"]
        ),
        lambda example: example["metadata"].update(local_date="2025-09-20"),
        lambda example: example["metadata"].update(coverage=1),
        lambda example: example["metadata"].update(coverage=None),
        lambda example: example["metadata"].update(record_count=True),
        lambda example: example["metadata"].update(derived=[]),
        lambda example: example["metadata"].update(derived="no JSON"),
        lambda example: example["metadata"].update(derived='[{"value": "1", "of": ["1"], "rule": "difference"}]'),
        lambda example: example["metadata"].update(clinical_insights="{}"),
        lambda example: example["metadata"].update(source_files=[]),
        lambda example: example["metadata"].update(subject=example["metadata"].pop("subject")),
    ],
)
def test_a_line_with_foreign_fields_or_a_person_is_serious(lake: Lake, change: Callable[[Example], object]) -> None:
    tamper(lake, change)
    assert failing(lake) == {"fields", "as_written"}
    found = results(lake)["fields"]
    assert found.is_serious
    assert found.facts == {"lines": LINES, "lines_misshapen": 1}
    assert ANNA not in repr(found)


@pytest.mark.parametrize("line", [b'{"instruction": "half', b"\xff\xfe", b'"a text"', b'{"metadata": null}', b"[]"])
def test_a_line_that_is_no_example_is_misshapen(lake: Lake, line: bytes) -> None:
    lake.put(FILE, lake.get(FILE) + line + b"\n")
    assert failing(lake) >= {"fields", "as_written"}
    assert results(lake)["fields"].facts == {"lines": LINES + 1, "lines_misshapen": 1}


def test_a_file_that_was_changed_is_reported_with_its_remedy(lake: Lake) -> None:
    lake.put(FILE, lake.get(FILE) + b"\n")
    found = results(lake)["as_written"]
    assert (found.passed, found.is_serious, found.facts) == (False, True, {"files_changed": 1})


def test_a_file_that_is_gone_is_reported_as_changed(lake: Lake) -> None:
    lake.delete([FILE])
    assert failing(lake) == {"as_written"}


def test_the_way_out_of_a_changed_file_puts_it_right(lake: Lake) -> None:
    before = contents(lake, "training/")
    lake.put(FILE, b"somebody else\n")
    lake.delete([FILE.rpartition("/")[0] + "/manifest.json"])
    bring_up_to_date(lake)
    assert contents(lake, "training/") == before
    assert failing(lake) == set()


def test_new_insights_make_the_month_stale_and_name_the_domain(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose()])
    update_records(lake, "blood_glucose")
    update_offsets(lake)
    make_insights(lake, "blood_glucose", "2025-09-21")
    assert failing(lake) == {"freshness"}
    assert "metabolic_diabetes" in results(lake)["freshness"].summary
    assert "physical_activity" not in results(lake)["freshness"].summary
    bring_up_to_date(lake)
    assert failing(lake) == set()
