"""`health-etl trace`: the way back from a training line, for the lake's owner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from health_etl.days.pseudonym import source_file
from health_etl.settings import load

if TYPE_CHECKING:
    from health_etl_tests.cli.conftest import Finished


def lines(demo: Finished, domain: str) -> list[dict[str, Any]]:
    written = demo.command.contents(f"training/{domain}")
    return [json.loads(line) for key, raw in written.items() if key.endswith(".jsonl") for line in raw.splitlines()]


@pytest.mark.parametrize("domain", ["physical_activity", "daily_journal"])
def test_it_names_the_person_the_objects_and_the_records_of_a_line(demo: Finished, domain: str) -> None:
    metadata = lines(demo, domain)[0]["metadata"]
    result = demo.command("trace", metadata["example_id"])
    assert result.exit_code == 0, result.stderr
    text = result.stdout
    assert f"{metadata['caption_level']} text of demo on {metadata['local_date'][:10]}" in text
    objects = [line.split() for line in text.splitlines() if line.endswith(".avro")]
    assert sorted(file for file, _ in objects) == metadata["source_files"]
    assert all(f"{key}" in demo.command.contents("raw") for _, key in objects)
    key = load().pseudonym_key.get_secret_value()
    assert all(source_file(name, key) == file for file, name in objects)
    assert f"{metadata['record_count']} record" in text
    assert text.count(" UTC  com.example.") == metadata["record_count"]


@pytest.mark.parametrize(
    ("example_id", "message"),
    [("0" * 32, "No insight in file:///"), ("abc", "has 32 hexadecimal digits"), ("G" * 32, "32 hexadecimal digits")],
)
def test_an_id_that_leads_nowhere_gets_one_sentence(demo: Finished, example_id: str, message: str) -> None:
    result = demo.command("trace", example_id)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
