"""No stage without its rows: what Dagster runs belongs to stages of the table; each stage and reason has an item."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from health_etl.definitions import build_definitions
from health_etl.reasons import FileReason
from health_etl.record_types import record_types
from health_etl.records.validate import RowReason
from health_etl.settings import Settings
from health_etl_tests.isolation.items import Stage
from health_etl_tests.isolation.table import ITEMS, stages

# What each definition does, by its name; {} stands for a record type.
STAGES_OF: dict[str, set[Stage]] = {
    "raw/{}": {Stage.LIST},
    "uploads_{}": {Stage.LIST},
    "upload_events": {Stage.PARSE_MESSAGES},
    "records/{}": {Stage.FETCH, Stage.DECODE, Stage.VALIDATE, Stage.WRITE},
    "records/utc_offsets": {Stage.SELECT},
    "quarantine/{}": {Stage.WRITE},
    "quarantine/releases": {Stage.LIST},
    "quarantine/unclaimed_uploads": {Stage.LIST, Stage.WRITE},
    "select_{}": {Stage.SELECT},
    "analyse_{}": {Stage.ANALYSE},
    "narrate_{}": {Stage.NARRATE},
    "insights/{}": {Stage.SELECT, Stage.ANALYSE, Stage.NARRATE},
    "insights/daily_journal": {Stage.SELECT, Stage.ANALYSE, Stage.NARRATE},
    "training/health_journal": {Stage.PUBLISH},
}
READ_NO_ITEM = {"follow_up", "post_failed_runs"}  # they look at manifests and at runs

# A file of 100 MiB, which test_refused_files.py has in small; and what the code does not know, which has no example.
WITHOUT_ITEM = {FileReason.TOO_LARGE, "unexpected"}
# A symbol that the schema does not have, which is the schema's fault: see test_schema_evolution.py.
ROW_REASONS_WITHOUT_ITEM = {RowReason.UNKNOWN_VALUE}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings(lake="file:///lake"))


def names(definitions: dg.Definitions) -> Iterator[str]:
    """Yield the name of every asset, op and sensor."""
    for key in definitions.resolve_asset_graph().get_all_asset_keys():
        yield key.to_user_string()
    for asset in definitions.assets or ():
        if isinstance(asset, dg.AssetsDefinition) and isinstance(asset.node_def, dg.GraphDefinition):
            yield from (node.name for node in asset.node_def.nodes)
    for sensor in definitions.sensors or ():
        yield sensor.name


def test_whatever_dagster_runs_belongs_to_stages_of_the_table(definitions: dg.Definitions) -> None:
    known = {pattern.format(name) for pattern in STAGES_OF for name in record_types()}
    assert set(names(definitions)) == known | READ_NO_ITEM


def test_every_stage_has_bad_items() -> None:
    assert set.union(*STAGES_OF.values()) == set(Stage) == stages()


def test_every_reason_to_keep_something_out_has_a_bad_item() -> None:
    reasons = {item.reason for item in ITEMS}
    assert set(FileReason) - WITHOUT_ITEM <= reasons
    assert set(RowReason) - ROW_REASONS_WITHOUT_ITEM <= reasons
