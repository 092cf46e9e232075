"""Damaged files leave neither the person nor a reading behind in what Dagster stores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from health_etl.lake.store import connect
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl_tests.fuzz.mutants import mutants
from health_etl_tests.orchestration.test_privacy import around, stored
from health_etl_tests.support.exports import blood_glucose, put, put_content

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

PERSON = "erika.mustermann@example.org"
MUTANTS_PER_TYPE = 66  # three of every kind of damage
READINGS_MG_DL = [101.0078125, 4711.0078125]  # cannot be mistaken for counts; the second is out of range


def test_a_run_over_damaged_files_stores_neither_the_person_nor_a_reading(
    command_line: type[CommandLine], tmp_path: Path
) -> None:
    command = command_line(tmp_path)
    lake = connect(Settings(lake=command.lake.as_uri()))
    for name in record_types():
        for mutant in mutants(name, MUTANTS_PER_TYPE):
            put_content(lake, name, mutant.content, user_id=PERSON)
    readings = [blood_glucose(f"r{number}", mg_dl=value) for number, value in enumerate(READINGS_MG_DL)]
    put(lake, "blood_glucose", readings, user_id=PERSON)
    assert command("run").exit_code == 0

    text = stored(command.dagster_home)
    assert text.count("quarantined") > len(record_types())  # the right text is being searched
    assert "out_of_range" in text
    assert "unreadable" in text
    assert around(text, PERSON) == []
    assert around(text, "record-") == []
    assert [value for value in READINGS_MG_DL if str(value) in text] == []
