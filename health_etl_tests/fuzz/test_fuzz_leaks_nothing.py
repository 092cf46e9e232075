"""Mutants of files, keys and names together, through the command: neither Dagster nor the command names anybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.record_types import record_types
from health_etl_tests.fuzz import hostile_keys, hostile_names, seeds
from health_etl_tests.fuzz.conftest import DEFAULT_MUTANTS
from health_etl_tests.fuzz.families import FAMILIES
from health_etl_tests.fuzz.hostile import CANARY as CANARY_IN_FILES
from health_etl_tests.fuzz.mutants import mutants
from health_etl_tests.fuzz.run_keys import CLAIMABLE, is_placed
from health_etl_tests.fuzz.run_names import check_training, upload
from health_etl_tests.isolation.bad_days import CANARY_NAME
from health_etl_tests.isolation.items import CANARY, Store
from health_etl_tests.isolation.worlds import FolderWorld
from health_etl_tests.orchestration.test_privacy import around, stored
from health_etl_tests.support.exports import blood_glucose, put, put_content

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

# Of a short run: two of every kind of damage, ten of every kind of key, five of every kind of name. Each type costs
# seconds; the names bring others than the files.
FEW = {"files/blood_glucose": 60, "keys": 110, "names": 30}
NO_OTHER_TIMES = {kind: make for kind, make in hostile_names.KINDS.items() if kind != "time at an edge"}
RECORD_IDS = ("record-0", "record-1")  # of the files before they were damaged
READINGS_MG_DL = [101.0078125, 4711.0078125]  # cannot be mistaken for counts; the second is out of range


def test_a_run_over_mutants_of_all_families_names_neither_a_person_nor_a_reading(
    command_line: type[CommandLine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutants_wanted: int
) -> None:
    command = command_line(tmp_path)
    world = FolderWorld(command.lake, monkeypatch)
    wanted = {name: round(mutants_wanted * family.share) for name, family in FAMILIES.items()}
    wanted = FEW if mutants_wanted <= DEFAULT_MUTANTS else wanted
    for name in record_types():
        for mutant in mutants(name, wanted.get(f"files/{name}", 0)):
            put_content(world.lake, name, mutant.content, user_id=CANARY)
    for key in seeds.mutants("keys", hostile_keys.kinds_on(Store.FOLDER), wanted["keys"]):
        if not CLAIMABLE.fullmatch(
            key.content
        ):  # those have partitions of many types and dates, which cost seconds each
            is_placed(world, key)
    for names in seeds.mutants("names", NO_OTHER_TIMES, wanted["names"]):
        upload(world.lake, names)
    readings = [blood_glucose(f"r{number}", mg_dl=value) for number, value in enumerate(READINGS_MG_DL)]
    put(world.lake, "blood_glucose", readings, user_id=CANARY)

    ran = command("run")
    assert ran.exit_code == 0, ran.output
    said = ran.output + command("quarantine", "list").output
    text = stored(command.dagster_home)
    for reason in ("quarantined", "out_of_range", "unreadable", "key_unparseable"):
        assert reason in text  # what is searched is the right thing
    for word in (CANARY, CANARY_NAME, CANARY_IN_FILES, *RECORD_IDS, *map(str, READINGS_MG_DL)):
        assert around(text, word) == []
        assert word not in said
    check_training(world.lake)
