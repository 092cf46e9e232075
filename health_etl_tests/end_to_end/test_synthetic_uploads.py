"""Ten days of three synthetic people through the whole pipeline: accounting, grounding, privacy, shape of days.

Their phones upload every fifth day, which gives few partitions with many exports.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from health_etl.days.pseudonym import subject
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.record_types import by_avro_name, record_types
from health_etl.synthetic import generate
from health_etl.synthetic.avro_schemas import WRITER_SCHEMAS
from health_etl.training.grounding import ungrounded
from health_etl_tests.support.exports import contents, memory_lake, put_content
from health_etl_tests.support.pipeline import OPTIONS, all_files, bring_up_to_date, journal_examples, records_of

PEOPLE, DAYS, SEED = 3, 10, 20250921


def upload_date_of(exported: date) -> date:
    """Return the next fifth day."""
    return exported + timedelta(days=-exported.toordinal() % 5)


@pytest.fixture(scope="module")
def lake() -> Lake:
    lake = memory_lake()
    for file in generate(PEOPLE, DAYS, SEED):
        name = by_avro_name()[file.record_type.lower()].name
        exported = datetime.fromtimestamp(file.export_ms / 1000, tz=UTC)
        put_content(
            lake,
            name,
            file.content,
            user_id=file.person,
            upload_date=upload_date_of(file.uploaded),
            exported=exported,
        )
    bring_up_to_date(lake)
    return lake


def test_every_row_of_every_file_is_accounted_for(lake: Lake) -> None:
    for file in all_files(lake):
        file.check()
        assert file.reason is None
        assert file.quarantined == 0


def test_every_accepted_record_is_in_its_table_once(lake: Lake) -> None:
    catalogue = Catalogue(lake)
    for name in record_types():
        for partition, manifest in catalogue.records(name).items():
            rows = records_of(lake, name, datetime.fromisoformat(partition).date())
            assert rows.groupby(["user_id", "record_id"]).ngroups == manifest.total()[1]
            assert len(rows) == manifest.measurement_rows


def test_every_person_has_lines_of_every_type_on_most_days(lake: Lake) -> None:
    lines = [example["metadata"] for example in journal_examples(lake)]
    for index in range(1, PEOPLE + 1):
        own = [line for line in lines if line["subject"] == subject(f"person_{index:02d}", OPTIONS.pseudonym_key)]
        for avro_name in WRITER_SCHEMAS:
            days = {line["local_date"][:10] for line in own if line["record_type"] == avro_name}
            assert DAYS - 1 <= len(days) <= DAYS + 2, (index, avro_name, sorted(days))


def test_every_number_in_every_output_is_in_its_input(lake: Lake) -> None:
    examples = journal_examples(lake)
    assert len(examples) > 100
    wrong = {
        metadata["example_id"]: ungrounded(example["output"], example["input"], json.loads(metadata["derived"]))
        for example in examples
        for metadata in [example["metadata"]]
    }
    assert {key: numbers for key, numbers in wrong.items() if numbers} == {}


def test_every_line_of_the_training_data_is_unique(lake: Lake) -> None:
    examples = journal_examples(lake)
    assert len({example["metadata"]["example_id"] for example in examples}) == len(examples)


def test_no_person_is_named_in_the_training_data(lake: Lake) -> None:
    for key, content in contents(lake, "training/").items():
        assert "person_" not in key
        assert b"person_" not in content


def test_glucose_with_offset_z_follows_the_person_s_other_apps(lake: Lake) -> None:
    glucose = [
        example for example in journal_examples(lake) if example["metadata"]["record_type"] == "BloodGlucoseRecord"
    ]
    assert glucose
    assert not [example for example in glucose if "assumed, no record states it" in example["input"]]


def test_a_second_run_finds_nothing_to_do(lake: Lake) -> None:
    assert bring_up_to_date(lake).nothing
