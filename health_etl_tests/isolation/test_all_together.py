"""`health-etl run` over one bad item of every kind beside good uploads: the same bytes, and each is named once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.cli import doctor
from health_etl.insights.partition import InsightOptions
from health_etl.settings import Settings
from health_etl_tests.isolation.items import CANARY, Kept, Store
from health_etl_tests.isolation.naming import MASKED, check_named_by_run
from health_etl_tests.isolation.neighbours import put_good, tables
from health_etl_tests.isolation.table import REFUSED, items_on, named
from health_etl_tests.isolation.worlds import FolderWorld
from health_etl_tests.orchestration.test_privacy import around, stored
from health_etl_tests.support.exports import folder_lake
from health_etl_tests.support.pipeline import bring_up_to_date

if TYPE_CHECKING:
    from typer.testing import Result

    from health_etl_tests.conftest import CommandLine

ITEMS = items_on(Store.FOLDER, REFUSED)


@dataclass(frozen=True)
class Ran:
    """A lake with every bad item, and what the command said of it."""

    command: CommandLine
    world: FolderWorld
    result: Result


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, command_line: type[CommandLine]) -> Ran:
    command = command_line(tmp_path_factory.mktemp("together"))
    with pytest.MonkeyPatch.context() as patch:
        world = FolderWorld(command.lake, patch)
        put_good(world.lake)
        for item in ITEMS:
            item.put_into(world)
        return Ran(command, world, command("run"))


def test_the_run_succeeds(ran: Ran) -> None:
    assert ran.result.exit_code == 0, ran.result.output


def test_all_tables_and_training_files_are_the_bytes_that_they_are_without(ran: Ran, tmp_path: Path) -> None:
    alone = folder_lake(tmp_path)
    put_good(alone)
    bring_up_to_date(alone, InsightOptions.of(Settings(), alone))
    assert tables(ran.world.lake) == tables(alone)


def test_the_run_names_every_bad_item_once_with_its_reason(ran: Ran) -> None:
    check_named_by_run(ITEMS, ran.result.output)


def test_what_is_no_upload_is_not_mentioned(ran: Ran) -> None:
    listed = ran.command("quarantine", "list").stdout
    unnamed = [item for item in ITEMS if item.kept is Kept.NOTHING]
    assert [item for item in unnamed if item.fingerprint in listed + ran.result.output] == []
    assert listed.count("upload-") == len(named(ITEMS))


def test_the_next_run_finds_nothing_to_do(ran: Ran) -> None:
    assert "Everything was up to date; no file was read." in ran.command("run").stdout


def test_dagster_keeps_no_name_of_their_uploader(ran: Ran) -> None:
    text = stored(ran.command.dagster_home)
    assert "key_unparseable" in text
    assert around(text, CANARY) == []


def test_the_doctor_finds_what_belongs_to_no_partition(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ran.command.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(doctor, "_code_location", lambda: doctor.Finding("code location", "not looked at here"))
    (uploads,) = [finding for finding in doctor.examine() if finding.what == "uploads"]
    unclaimed = [item for item in named(ITEMS) if item.kept is Kept.UNCLAIMED]
    assert f" {len(unclaimed)} belong to no partition" in uploads.found
    assert len(set(MASKED.findall(uploads.found)) & {item.fingerprint for item in unclaimed}) == doctor.MAX_NAMED
    assert CANARY not in uploads.found + str(uploads.wrong)
