"""One bad item of every kind in a bucket, beside good uploads: the same bytes as without, and each is named once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.insights.partition import InsightOptions
from health_etl.settings import Settings
from health_etl_tests.isolation.items import Store
from health_etl_tests.isolation.naming import check_listed_once, check_named_by_run
from health_etl_tests.isolation.neighbours import put_good, tables
from health_etl_tests.isolation.table import REFUSED, items_on
from health_etl_tests.isolation.worlds import S3World, bucket_world
from health_etl_tests.support.exports import folder_lake
from health_etl_tests.support.pipeline import bring_up_to_date

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine
    from health_etl_tests.services.conftest import S3Server

ITEMS = items_on(Store.S3, REFUSED)


@pytest.fixture
def command(command_line: type[CommandLine], tmp_path: Path, s3_server: S3Server, s3_bucket: str) -> CommandLine:
    """The command, on a bucket."""
    return command_line(tmp_path, {**s3_server.environment(), "HEALTH_ETL_LAKE": f"s3://{s3_bucket}"})


@pytest.fixture
def world(s3_server: S3Server, s3_bucket: str) -> Iterator[S3World]:
    """A lake in a bucket, with the good uploads."""
    with closing(s3_server.client()) as client, bucket_world(client, s3_server, s3_bucket) as found:
        put_good(found.lake)
        yield found


def test_bad_items_of_every_kind_cost_nothing_but_themselves(
    world: S3World, command: CommandLine, tmp_path: Path
) -> None:
    for item in ITEMS:
        item.put_into(world)
    ran = command("run")
    assert ran.exit_code == 0, ran.output
    check_named_by_run(ITEMS, ran.stdout)

    alone = folder_lake(tmp_path / "alone")
    put_good(alone)
    bring_up_to_date(alone, InsightOptions.of(Settings(), alone))
    assert tables(world.lake) == tables(alone)

    listed = command("quarantine", "list").stdout
    for item in ITEMS:
        check_listed_once(item, listed)
    assert "Everything was up to date; no file was read." in command("run").stdout
