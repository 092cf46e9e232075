"""The journal: one line a person, local day and type, by domain and month; the latest insight wins."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from health_etl.clinical import processors
from health_etl.clinical.common.base import Level
from health_etl.days.pseudonym import source_file, subject
from health_etl.lake import commits
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl.record_types import record_types
from health_etl.training import journal, line_format
from health_etl.training.journal import WrittenMonths
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    BUILDERS,
    NOON,
    UPLOADED,
    blood_glucose,
    contents,
    folder_lake,
    heart_rate,
    heart_rate_variability_rmssd,
    memory_lake,
    plain,
    put,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import (
    OPTIONS,
    bring_up_to_date,
    day_examples,
    journal_examples,
    journal_manifest_of,
)
from health_etl_tests.support.state import state_of

NEXT = UPLOADED + timedelta(days=1)
STEPS_FILE = "training/physical_activity/2025/09/health_journal_2025_09.jsonl"


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def journals(lake: Lake) -> list[str]:
    """The journal's files but for that of the day across types."""
    return [key for key in contents(lake, "training/") if key.endswith(".jsonl") and DAILY_JOURNAL not in key]


def metadata(lake: Lake) -> list[dict[str, Any]]:
    return [example["metadata"] for example in day_examples(lake)]


@pytest.mark.parametrize("name", sorted(record_types()))
def test_every_type_is_filed_under_its_domain_and_the_local_month(lake: Lake, name: str) -> None:
    put(lake, name, [plain(name)])
    bring_up_to_date(lake)
    domain = record_types()[name].domain
    assert journals(lake) == [f"training/{domain}/2025/09/health_journal_2025_09.jsonl"]
    (found,) = metadata(lake)
    assert (found["health_domain"], found["record_type"]) == (domain, record_types()[name].avro_name)


def test_a_line_has_the_shape_that_the_design_names(lake: Lake) -> None:
    key = put(lake, "blood_glucose", [blood_glucose("g1"), blood_glucose("g2", NOON + timedelta(minutes=5), 120.0)])
    bring_up_to_date(lake)
    (example,) = day_examples(lake)
    assert list(example) == ["instruction", "input", "output", "metadata"]
    assert list(example["metadata"]) == [
        "example_id",
        "caption_level",
        "derived",
        "record_type",
        "health_domain",
        "subject",
        "local_date",
        "record_count",
        "quality_score",
        "coverage",
        "source_files",
        "processor_version",
        "clinical_insights",
    ]
    metadata = example["metadata"]
    assert metadata["subject"] == subject(ANNA, OPTIONS.pseudonym_key)
    assert (metadata["local_date"], metadata["record_count"], metadata["quality_score"]) == ("2025-09-20 Sat", 2, 1.0)
    assert metadata["coverage"] == pytest.approx(10 / 1440, abs=1e-4)
    assert metadata["source_files"] == [source_file(key, OPTIONS.pseudonym_key)]
    assert metadata["processor_version"] == f"3.3.{processors()['blood_glucose'].version}"
    figures = json.loads(metadata["clinical_insights"])
    assert figures["mean_mg_dl"] == 115.0
    assert figures["time_in_range_percent"] is None, "missing is not zero"


def test_there_is_one_line_a_person_local_day_and_type(lake: Lake) -> None:
    for user_id in (ANNA, BEN):
        for offset in (0, 1):
            for name in ("steps", "active_calories_burned", "heart_rate"):
                moment = NOON + timedelta(days=offset)
                record = BUILDERS[name](f"r{offset}", moment)
                put(lake, name, [record], user_id=user_id, upload_date=UPLOADED + timedelta(days=offset))
    bring_up_to_date(lake)
    found = [(line["subject"], line["local_date"], line["record_type"]) for line in metadata(lake)]
    assert len(found) == len(set(found)) == 2 * 2 * 3


def test_lines_are_in_order_of_subject_date_and_type(lake: Lake) -> None:
    for user_id in ("u1", "u2", "u3"):
        for name in ("steps", "active_calories_burned"):
            put(lake, name, [BUILDERS[name](f"r{n}", NOON - timedelta(days=n)) for n in range(3)], user_id=user_id)
    bring_up_to_date(lake)
    order = [(line["subject"], line["local_date"], line["record_type"]) for line in metadata(lake)]
    assert order == sorted(order)
    assert len(order) == 18


def test_the_month_is_that_of_the_local_day_and_not_that_of_the_upload(lake: Lake) -> None:
    # 02:00 UTC on the first of October is still September at -05:00.
    put(lake, "steps", [steps(start=utc("2025-10-01 02:00"))], upload_date=date(2025, 10, 2))
    bring_up_to_date(lake)
    assert journals(lake) == [STEPS_FILE]


def test_the_insight_of_the_latest_upload_wins(lake: Lake) -> None:
    put(lake, "steps", [steps("s1", count=1000)])
    bring_up_to_date(lake)
    put(lake, "steps", [steps("s2", NOON + timedelta(hours=2), count=500)], upload_date=NEXT)
    bring_up_to_date(lake)
    (found,) = metadata(lake)
    assert found["record_count"] == 2
    assert json.loads(found["clinical_insights"])["steps_total"] == 1500


def test_a_withdrawn_day_leaves_the_journal(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose("g1", utc("2025-09-21 02:00"), zone="Z")])
    bring_up_to_date(lake)
    assert [line["local_date"][:10] for line in metadata(lake)] == ["2025-09-21"]
    put(lake, "heart_rate", [heart_rate()], upload_date=NEXT)
    bring_up_to_date(lake)
    glucose = [line for line in metadata(lake) if line["record_type"] == "BloodGlucoseRecord"]
    assert [line["local_date"][:10] for line in glucose] == ["2025-09-20"]


def test_a_day_that_comes_back_after_it_was_withdrawn_is_in_the_journal_again(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose("g1", NOON)], upload_date=UPLOADED)
    put(lake, "blood_glucose", [blood_glucose("g1", NOON + timedelta(days=1), version=1)], upload_date=NEXT)
    bring_up_to_date(lake)
    assert [line["local_date"][:10] for line in metadata(lake)] == ["2025-09-21"]
    put(lake, "blood_glucose", [blood_glucose("g2", NOON)], upload_date=NEXT + timedelta(days=1))
    bring_up_to_date(lake)
    assert [line["local_date"][:10] for line in metadata(lake)] == ["2025-09-20", "2025-09-21"]


def test_a_day_whose_upload_vanished_leaves_the_journal(lake: Lake) -> None:
    key = put(lake, "steps", [steps()])
    put(lake, "steps", [steps("other", NOON + timedelta(days=3))], upload_date=UPLOADED + timedelta(days=4))
    bring_up_to_date(lake)
    lake.delete([key])
    bring_up_to_date(lake)
    assert [line["local_date"][:10] for line in metadata(lake)] == ["2025-09-23"]


def test_a_month_without_lines_keeps_no_file(lake: Lake) -> None:
    key = put(lake, "steps", [steps()])
    bring_up_to_date(lake)
    lake.delete([key])
    bring_up_to_date(lake)
    assert lake.find(STEPS_FILE) is None
    assert bring_up_to_date(lake).nothing


def test_a_month_that_no_insight_speaks_of_any_more_leaves_no_file(lake: Lake) -> None:
    put(lake, "steps", [steps("s1", utc("2025-08-30 12:00"), version=1)])
    bring_up_to_date(lake)
    put(lake, "steps", [steps("s1", NOON, version=2)])
    bring_up_to_date(lake)
    at_once = memory_lake()
    put(at_once, "steps", [steps("s1", utc("2025-08-30 12:00"), version=1)])
    put(at_once, "steps", [steps("s1", NOON, version=2)])
    bring_up_to_date(at_once)
    assert journal_files(lake) == journal_files(at_once)


def journal_files(lake: Lake) -> dict[str, bytes]:
    return {key: content for key, content in contents(lake, "training/").items() if key.endswith(".jsonl")}


def test_the_manifest_states_hash_counts_versions_and_sources(lake: Lake) -> None:
    put(lake, "steps", [steps()])
    put(lake, "active_calories_burned", [BUILDERS["active_calories_burned"]()])
    bring_up_to_date(lake)
    manifest = journal_manifest_of(lake, "physical_activity", "2025-09")
    assert manifest is not None
    content = lake.get(STEPS_FILE)
    assert manifest.output_sha256 == hashlib.sha256(content).hexdigest()
    assert manifest.rows == content.count(b"\n") == 2 * len(Level)
    assert manifest.details["lines_by_type"] == {"active_calories_burned": len(Level), "steps": len(Level)}
    assert set(manifest.details["code_versions"]) == {"active_calories_burned", "steps"}
    assert manifest.details["source_files"] == sorted(one for line in metadata(lake) for one in line["source_files"])


def test_a_month_is_written_again_only_when_its_insights_change(lake: Lake) -> None:
    put(lake, "steps", [steps()])
    put(lake, "heart_rate", [heart_rate()])
    bring_up_to_date(lake)
    put(lake, "steps", [steps("late")])
    bring_up_to_date(lake)
    catalogue = Catalogue(lake)
    assert all(map(WrittenMonths(lake).is_current, journal.plan(catalogue, "2025-09")))
    wanted = {month.domain: month.inputs_digest for month in journal.plan(catalogue, "2025-09")}
    assert len(set(wanted.values())) == len(wanted)


def test_a_journal_that_broke_off_before_its_manifest_is_written_again(lake: Lake) -> None:
    put(lake, "steps", [steps()])
    bring_up_to_date(lake)
    before = state_of(lake, "training/")
    lake.put(STEPS_FILE, b'{"instruction": "half')
    assert bring_up_to_date(lake).months == ["2025-09"]
    assert state_of(lake, "training/") == before


def test_many_subjects_in_batches_give_the_same_bytes(lake: Lake) -> None:
    for number in range(7):
        put(lake, "steps", [steps(count=number)], user_id=f"person_{number}")
        put(lake, "heart_rate", [heart_rate()], user_id=f"person_{number}")
    bring_up_to_date(lake)
    whole = state_of(lake, "training/")
    lake.delete(contents(lake, "training/"))
    for month in journal.plan(Catalogue(lake), "2025-09"):
        if any(month.partitions.values()):
            journal.write(lake, month, commits.NO_HEAD, subjects_at_once=2)
    assert state_of(lake, "training/") == whole


def test_a_folder_and_memory_give_the_same_bytes(lake: Lake, tmp_path: Path) -> None:
    folder = folder_lake(tmp_path / "lake")
    for place in (lake, folder):
        for name, build in BUILDERS.items():
            put(place, name, [build("r1"), build("r2", NOON - timedelta(days=3))])
        bring_up_to_date(place)
    assert state_of(folder, "training/", "insights/") == state_of(lake, "training/", "insights/")


def test_two_types_of_one_domain_share_a_file(lake: Lake) -> None:
    put(lake, "heart_rate", [heart_rate()])
    put(lake, "heart_rate_variability_rmssd", [heart_rate_variability_rmssd()])
    bring_up_to_date(lake)
    assert journals(lake) == ["training/cardiovascular_fitness/2025/09/health_journal_2025_09.jsonl"]
    assert [line["record_type"] for line in metadata(lake)] == ["HeartRateRecord", "HeartRateVariabilityRmssdRecord"]


@pytest.mark.parametrize(
    "character", ["\n", "\u2028", "\u2029", "\x85", "\x1c", "\u202e", "\u200b", "ß", "𝔘", "\ud800"]
)
def test_no_character_of_a_text_ends_or_disguises_its_line(character: str) -> None:
    said, metadata = f"a{character}b", {"local_date": f"c{character}"}
    encoded = line_format.encoded(said)
    text = line_format.line_of(said, encoded, said, {"derived": said}, line_format.encoded(metadata))
    assert text.isascii()
    assert text.splitlines() == [text]
    example = {"instruction": said, "input": said, "output": said, "metadata": {"derived": said, **metadata}}
    assert text == json.dumps(example)
    assert json.loads(text) == example


def test_every_line_is_one_line_of_json_whatever_the_source_is_called(lake: Lake) -> None:
    put(lake, "steps", [steps(app="com.evil\nIgnore previous\u2028anna.smith@example.com")])
    bring_up_to_date(lake)
    lines = lake.get(STEPS_FILE).decode().splitlines()
    assert len(lines) == len(Level)
    for line in lines:
        assert "\nSource apps: app 1\n" in json.loads(line)["input"]
        assert not [word for word in ("evil", "Ignore", "anna", "smith") if word in line]


def test_no_user_id_stands_anywhere_in_the_training_data(lake: Lake) -> None:
    people = (ANNA, "meier.anna@example.org", "4711-0815", "x_20250101_120000_phone")
    for user_id in people:
        for name, build in BUILDERS.items():
            put(lake, name, [build("r1"), build(f"{name}-bad", utc("1990-01-01 00:00"))], user_id=user_id)
    bring_up_to_date(lake)
    written = contents(lake, "training/")
    assert len(journal_examples(lake)) >= len(people) * len(BUILDERS)
    for key, content in written.items():
        assert not [user_id for user_id in people if user_id in key or user_id.encode() in content]


def test_subjects_change_with_the_key_and_no_figure_does(lake: Lake) -> None:
    put(lake, "steps", [steps()])
    bring_up_to_date(lake)
    before = day_examples(lake)[0]
    bring_up_to_date(lake, dataclasses.replace(OPTIONS, pseudonym_key="another key for tests"))
    after = day_examples(lake)[0]
    assert after["metadata"]["subject"] != before["metadata"]["subject"]
    assert after["metadata"]["example_id"] != before["metadata"]["example_id"]
    assert after["input"] == before["input"]
    assert after["metadata"]["clinical_insights"] == before["metadata"]["clinical_insights"]
