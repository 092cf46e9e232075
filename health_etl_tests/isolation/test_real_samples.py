"""Real exports with one bad item of every kind beside them: the same bytes as without, and each is named once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.lake.store import Lake
from health_etl.uploads.ingest import ingest
from health_etl_tests.isolation.items import Store
from health_etl_tests.isolation.naming import check_listed_once
from health_etl_tests.isolation.neighbours import tables
from health_etl_tests.isolation.table import REFUSED, items_on
from health_etl_tests.isolation.worlds import FolderWorld
from health_etl_tests.support.exports import UPLOADED, memory_lake
from health_etl_tests.support.pipeline import bring_up_to_date

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

JOURNALS = 5  # one of each domain, all of one month


def ingest_samples(lake: Lake, samples: Path) -> None:
    """Upload the real exports under the upload date of the bad items."""
    done = list(ingest(lake, sorted(samples.glob("*.avro")), "person_one", UPLOADED, "phone"))
    assert done
    assert all(item.is_new for item in done)


def test_bad_items_of_every_kind_beside_real_exports_change_no_byte(
    shared: Path, command_line: type[CommandLine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = memory_lake()
    ingest_samples(alone, shared / "samples")
    bring_up_to_date(alone)

    command = command_line(tmp_path)
    world = FolderWorld(command.lake, monkeypatch)
    ingest_samples(world.lake, shared / "samples")
    for item in items_on(Store.FOLDER, REFUSED):
        item.put_into(world)
    bring_up_to_date(world.lake)

    expected = tables(alone)
    assert tables(world.lake) == expected
    assert sum(key.endswith(".jsonl") for key in expected) == JOURNALS
    listed = command("quarantine", "list").stdout
    for item in items_on(Store.FOLDER, REFUSED):
        check_listed_once(item, listed)
