"""One bad item among good ones: the good ones end byte-equal, the bad one is named once, masked, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from health_etl.lake.store import Lake
from health_etl.record_types import record_types
from health_etl_tests.isolation.items import BadItem, Store
from health_etl_tests.isolation.naming import check_listed_once
from health_etl_tests.isolation.neighbours import of_good_people, of_records, tables
from health_etl_tests.isolation.table import PARTLY_GOOD, REFUSED, items_on
from health_etl_tests.isolation.worlds import FolderWorld
from health_etl_tests.support.pipeline import Done, take_in

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine


@pytest.mark.parametrize("item", items_on(Store.FOLDER, REFUSED), ids=str)
def test_a_bad_item_costs_nothing_but_itself(
    item: BadItem, world: FolderWorld, command: CommandLine, records_alone: dict[str, str]
) -> None:
    item.put_into(world)
    take_in(world.lake, Done())
    assert tables(world.lake) == records_alone
    check_listed_once(item, command("quarantine", "list").stdout)


@pytest.mark.parametrize("name", sorted(record_types()))
def test_a_bad_record_costs_nothing_but_itself(
    name: str, world: FolderWorld, command: CommandLine, alone: Lake
) -> None:
    """All reasons of a type in one run, each in an upload of its own."""
    folder = record_types()[name].avro_name.encode()
    items = [item for item in PARTLY_GOOD if item.key.startswith(b"raw/" + folder)]
    for item in items:
        item.put_into(world)
    take_in(world.lake, Done())
    assert of_good_people(world.lake) == of_records(of_good_people(alone))
    listed = command("quarantine", "list").stdout
    for item in items:
        check_listed_once(item, listed)
