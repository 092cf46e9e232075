"""What the lake holds where nothing bad lies beside the good uploads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.lake.store import Lake
from health_etl_tests.isolation.neighbours import of_records, put_good, tables
from health_etl_tests.isolation.worlds import FolderWorld
from health_etl_tests.support.exports import folder_lake
from health_etl_tests.support.pipeline import bring_up_to_date

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of the good uploads alone, with everything made of them."""
    lake = folder_lake(tmp_path_factory.mktemp("alone") / "lake")
    put_good(lake)
    bring_up_to_date(lake)
    return lake


@pytest.fixture(scope="session")
def records_alone(alone: Lake) -> dict[str, str]:
    """The tables of records of the good uploads alone."""
    return of_records(tables(alone))


@pytest.fixture
def command(command_line: type[CommandLine], tmp_path: Path) -> CommandLine:
    """The command, on the lake of `world`."""
    return command_line(tmp_path)


@pytest.fixture
def world(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> FolderWorld:
    """A lake in a folder, with the good uploads."""
    found = FolderWorld(command.lake, monkeypatch)
    put_good(found.lake)
    return found
