"""The checks of a month of the journal: each one passes on what was written and fails on what it is there for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from health_etl.check_result import CheckResult
from health_etl.clinical.common.base import Level
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.training.checks import CHECKS, Month
from health_etl.training.journal import FILE_ETAG
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    BUILDERS,
    NOON,
    blood_glucose,
    contents,
    memory_lake,
    put,
    sleep_session,
    steps,
)
from health_etl_tests.support.pipeline import (
    bring_up_to_date,
    journal_manifest_of,
    make_insights,
    manifest_key_of,
    update_offsets,
    update_records,
)
from health_etl_tests.support.state import lake_of, state_of

FILE = "training/physical_activity/2025/09/health_journal_2025_09.jsonl"
LINES = (2 * 2 + 1) * len(Level)  # two people, steps and the day across types; a night
Example = dict[str, Any]
CHANGED_BY_HAND = {"as_written", "freshness"}


SOURCE = "Ānna Smith's Apple Watch"
NOTES = "Slept badly.\nCalled Dr. Weatherwax at eleven"


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    """All of a lake with a journal of two people's steps, and with a night of one."""
    lake = memory_lake()
    put(
        lake,
        "steps",
        [
            {
                **steps("0b5e7e0c-8f0e-4a55-9b1e-2d6c3f9a7e11", app=SOURCE),
                "metadata": metadata("0b5e7e0c-8f0e-4a55-9b1e-2d6c3f9a7e11", SOURCE),
            }
        ],
    )
    put(lake, "steps", [steps(count=900)], user_id=BEN)
    put(lake, "sleep_session", [{**sleep_session(), "title": "Nap with Bella", "notes": NOTES}])
    bring_up_to_date(lake)
    return contents(lake, "")


def metadata(record_id: str, app: str) -> Example:
    own: Example = steps(record_id, app=app)["metadata"]
    device = {"manufacturer": "Annas Werkstatt", "model": "Watch6 Prototype", "type": "WATCH"}
    return {**own, "clientRecordId": "client/0815-anna", "device": device}


@pytest.fixture
def lake(made: dict[str, bytes]) -> Lake:
    """A copy of it."""
    return lake_of(made)


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


def plant(lake: Lake, change: Callable[[Example], object]) -> None:
    """Change the first line as faulty code would have written it: the manifest states the hash of what it became."""
    tamper(lake, change)
    manifest = journal_manifest_of(lake, "physical_activity", "2025-09")
    assert manifest is not None
    content = lake.get(FILE)
    details = {**manifest.details, FILE_ETAG: lake.fetch(FILE).etag}
    sha256, lines = hashlib.sha256(content).hexdigest(), content.count(b"\n")
    changed = replace(manifest, output_sha256=sha256, rows=lines, details=details)
    lake.put(manifest_key_of(lake, keys.journal_folder("physical_activity", "2025-09")), changed.to_json())


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
    assert failing(lake) == {"grounded", *CHANGED_BY_HAND}
    found = results(lake)["grounded"]
    assert found.is_serious
    assert found.facts == {"lines": LINES, "lines_checked_again": LINES, "lines_ungrounded": 1}
    assert "7777" not in repr(found)


def test_an_example_that_stands_there_twice_is_serious(lake: Lake) -> None:
    content = lake.get(FILE)
    lake.put(FILE, content + content)
    assert failing(lake) == {"one_line_an_example", *CHANGED_BY_HAND}
    assert results(lake)["one_line_an_example"].facts["lines_repeated"] == 6


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
    assert failing(lake) == {"fields", *CHANGED_BY_HAND}
    found = results(lake)["fields"]
    assert found.is_serious
    assert (found.facts["lines"], found.facts["lines_misshapen"]) == (LINES, 1)
    assert ANNA not in repr(found)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"It was {ANNA}'s.", "user_id"),
        ("It was Anna-K's.", "user_id"),
        ("It was ｂｅｎ.", "user_id"),
        ("It was b\u200ben.", "user_id"),
        ("From ānna smith’s apple watch.", "source_app"),
        ("It is 0b5e7e0c-8f0e-4a55-9b1e-2d6c3f9a7e11.", "record_id"),
        ("It is client/0815-anna.", "client_record_id"),
        ("It is a Watch6 Prototype.", "device"),
        ("Made by Annas\nWerkstatt.", "device"),
        ("A nap with Bella.", "session_title"),
        (NOTES, "session_notes"),
        ("It says: called Dr Weatherwax at eleven!", "session_notes"),
        ("Ask jane@example.org.", "e-mail_address"),
        ("See https://example.org/jane.", "web_address"),
        ("Call +49 170 1234567.", "telephone_number"),
        ("Call 0170/1234567.", "telephone_number"),
        ("Call 555-010-4477.", "telephone_number"),
        ("In raw/StepsRecord.", "lake_path"),
    ],
)
@pytest.mark.parametrize("place", ["output", "input", "derived"])
def test_a_line_with_personal_data_is_serious_and_told_by_kind_alone(
    lake: Lake, text: str, kind: str, place: str
) -> None:
    def write(example: Example) -> None:
        if place == "derived":
            example["metadata"]["derived"] = json.dumps([{"value": text, "rule": "", "of": []}])
        else:
            example[place] += "\n" + text

    tamper(lake, write)
    found = results(lake)["fields"]
    assert (found.passed, found.is_serious) == (False, True)
    assert found.facts[f"lines_with_{kind}"] == 1
    assert not [word for word in text.split() if len(word) > 4 and word in repr(found)]


def test_the_parts_of_an_upload_s_key_are_found_in_any_field(lake: Lake) -> None:
    key = next(key for key in contents(lake, "raw/") if BEN in key)
    upload_time, device, content_hash = key.removesuffix(".avro").split(f"{BEN}_")[1].rsplit("_", 2)
    for part, kind in ((upload_time, "upload_time"), (content_hash, "content_hash"), (key, "object_key")):
        tamper(lake, lambda example, part=part: example["metadata"].update(processor_version=part))
        assert results(lake)["fields"].facts[f"lines_with_{kind}"] == 1
    assert device == "phone"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda example: example.update(output=example["output"] + " It was 7777."), "grounded"),
        (lambda example: example["metadata"].update(record_count="2"), "fields"),
        (lambda example: example.update(output=example["output"] + " Ask jane@example.org."), "fields"),
        (lambda example: example.update(output=example["output"] + f" It was {ANNA}."), "fields"),
        (lambda example: example.update(input=example["input"] + "\nA nap with Bella"), "fields"),
        (lambda example: example["metadata"].update(processor_version="client/0815-anna"), "fields"),
    ],
)
def test_what_faulty_code_would_write_is_serious_though_the_hash_is_right(
    lake: Lake, change: Callable[[Example], object], check: str
) -> None:
    plant(lake, change)
    assert failing(lake) == {check}


def test_an_example_that_was_written_twice_is_serious(lake: Lake) -> None:
    lake.put(FILE, lake.get(FILE) * 2)
    plant(lake, lambda _: None)
    assert failing(lake) == {"one_line_an_example"}
    assert results(lake)["one_line_an_example"].facts["lines_repeated"] == 6


def test_an_identifier_in_the_place_of_a_pseudonym_is_found() -> None:
    lake = memory_lake()
    put(lake, "steps", [steps()], user_id="0123456789abcdef")
    bring_up_to_date(lake)
    assert results(lake)["fields"].passed
    tamper(lake, lambda example: example["metadata"].update(subject="0123456789abcdef"))
    assert results(lake)["fields"].facts["lines_with_user_id"] == 1


@pytest.mark.parametrize("user_id", ["a", "12", "steps", "sleep", "2025", "com", "watch"])
def test_a_user_id_that_is_a_word_of_every_text_is_no_alarm(user_id: str) -> None:
    lake = memory_lake()
    put(lake, "steps", [steps(user_id, app="com.example.watch")], user_id=user_id)
    bring_up_to_date(lake)
    assert failing(lake) == set()


@pytest.mark.parametrize("line", [b'{"instruction": "half', b"\xff\xfe", b'"a text"', b'{"metadata": null}', b"[]"])
def test_a_line_that_is_no_example_is_misshapen(lake: Lake, line: bytes) -> None:
    lake.put(FILE, lake.get(FILE) + line + b"\n")
    assert failing(lake) >= {"fields", "as_written"}
    assert results(lake)["fields"].facts["lines_misshapen"] == 1


def test_a_file_that_was_changed_is_reported_with_its_remedy(lake: Lake) -> None:
    lake.put(FILE, lake.get(FILE) + b"\n")
    found = results(lake)["as_written"]
    assert (found.passed, found.is_serious, found.facts) == (False, True, {"files_changed": 1})


def test_a_file_that_is_gone_is_reported_as_changed(lake: Lake) -> None:
    lake.delete([FILE])
    assert failing(lake) == CHANGED_BY_HAND


def test_the_way_out_of_a_changed_file_puts_it_right(lake: Lake) -> None:
    before = state_of(lake, "training/")
    lake.put(FILE, b"somebody else\n")
    bring_up_to_date(lake)
    assert state_of(lake, "training/") == before
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
