"""What Dagster loads: the assets of every type, described for readers of the UI, and how they are connected."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

from health_etl.definitions import build_definitions
from health_etl.orchestration.jobs import BRING_UP_TO_DATE, SORT_OUT_UNCLAIMED, WRITE_JOURNAL
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl_tests.support.waiting import PATIENCE_SECONDS

LAYERS = ("raw", "records", "insights")
ACROSS_TYPES = dg.AssetKey(["insights", "daily_journal"])
OFFSETS = dg.AssetKey(["records", "utc_offsets"])
JOURNAL = dg.AssetKey(["training", "health_journal"])
RELEASES = dg.AssetKey(["quarantine", "releases"])
UNCLAIMED = dg.AssetKey(["quarantine", "unclaimed_uploads"])
START = date(2025, 9, 1)
# Indices and sums of risks, which have none; a logarithm.
WITHOUT_UNIT = {
    *("lbgi", "hbgi", "gri", "j_index", "window_lbgi", "window_hbgi", "window_gri", "window_j_index", "adrr"),
    *("low_risk_mean", "high_risk_mean", "low_risk_highest", "high_risk_highest", "ln_rmssd"),
}

# Measured quantity and unit of each type, as the tables call them.
UNITS = {
    "active_calories_burned": ("active_kcal", "kcal"),
    "blood_glucose": ("glucose_mg_dl", "mg/dL"),
    "heart_rate": ("bpm", "beats/min"),
    "heart_rate_variability_rmssd": ("rmssd_ms", "ms"),
    "sleep_session": ("start_utc", "UTC"),
    "steps": ("steps", "steps"),
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings(lake="file:///lake", start_date=START))


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> Any:
    return definitions.resolve_asset_graph()


def every_asset(*layers: str) -> pytest.MarkDecorator:
    keys = [dg.AssetKey([layer, name]) for layer in layers for name in record_types()]
    return pytest.mark.parametrize("key", keys, ids=lambda key: key.to_user_string())


def constraints(column: dg.TableColumn) -> list[str]:
    return list(column.constraints.other)


def test_definitions_load_with_no_warnings_except_about_beta_features() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dg.Definitions.validate_loadable(build_definitions(Settings(lake="file:///lake")))
    assert {warning.category for warning in caught} <= {dg.BetaWarning, dg.PreviewWarning}


def test_dagster_validates_the_workspace(checkout: Path, tmp_path: Path) -> None:
    """In another folder, so that no .env of the checkout has a say."""
    shutil.copyfile(checkout / "dagster.yaml", tmp_path / "dagster.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(checkout / "workspace.yaml")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(checkout), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "All code locations passed validation." in done.stdout + done.stderr


def test_definitions_sent_to_the_ui_hold_no_secret() -> None:
    secrets = {
        "pseudonym_key": "hidden pseudonym key",
        "alert_webhook": "https://127.0.0.1/hidden",
        "s3_access_key_id": "access",
        "s3_secret_access_key": "hidden",
        "rabbitmq_url": "amqp://guest:hidden@127.0.0.1",
        "dagster_postgres_url": "postgresql+psycopg2://dagster:hidden@127.0.0.1/dagster",
    }
    definitions = build_definitions(Settings.model_validate({"lake": "s3://health-data", **secrets}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Dagster's own, of a property that it reads itself
        sent = serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))
    assert "The lake at s3://health-data" in sent
    assert "hidden" not in sent


LIGHT = """
import sys
from health_etl.definitions import build_definitions
from health_etl.settings import Settings
build_definitions(Settings())
print(*sys.modules)
"""


def test_loading_the_definitions_imports_nothing_that_only_some_steps_need(checkout: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIGHT], cwd=checkout, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "health_etl.orchestration.assets.records" in loaded
    assert loaded.isdisjoint(
        {"matplotlib", "pandera", "boto3", "botocore", "jinja2", "health_etl.report", "health_etl.synthetic"}
    )


def test_every_type_has_its_assets_and_the_shared_ones_exist(graph: Any) -> None:
    of_types = {dg.AssetKey([layer, name]) for layer in LAYERS for name in record_types()}
    quarantine = {dg.AssetKey(["quarantine", name]) for name in record_types()}
    assert graph.get_all_asset_keys() == of_types | quarantine | {OFFSETS, ACROSS_TYPES, JOURNAL, UNCLAIMED, RELEASES}


def test_the_six_types_are_there() -> None:
    assert record_types().keys() >= UNITS.keys()


def test_every_asset_has_a_description_a_group_and_an_owner(graph: Any) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description
        assert node.group_name == key.path[0]
        assert node.kinds
        assert node.owners == ["team:health-data"]


def test_every_materialisable_asset_has_a_code_version_and_one_writer(graph: Any) -> None:
    for key in graph.get_all_asset_keys() - {dg.AssetKey(["raw", name]) for name in record_types()}:
        assert graph.get(key).code_version
        assert graph.get(key).pools == {"_".join(key.path)}


@every_asset("raw")
def test_raw_assets_are_external_and_state_their_location(graph: Any, key: dg.AssetKey) -> None:
    node = graph.get(key)
    assert node.is_external
    assert node.metadata["dagster/uri"] == f"file:///lake/raw/{record_types()[key.path[1]].avro_name}/"


@every_asset("records", "insights")
def test_every_table_shows_its_columns(graph: Any, key: dg.AssetKey) -> None:
    schema = graph.get(key).metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert all(column.description for column in schema.columns)
    assert {"user_id"} < {column.name for column in schema.columns}


@pytest.mark.parametrize(("record_type", "measured"), UNITS.items(), ids=list(UNITS))
def test_a_records_table_shows_the_unit_of_what_was_measured(
    graph: Any, record_type: str, measured: tuple[str, str]
) -> None:
    name, unit = measured
    schema = graph.get(dg.AssetKey(["records", record_type])).metadata["dagster/column_schema"]
    assert f"unit: {unit}" in constraints(next(column for column in schema.columns if column.name == name))


@every_asset("records", "insights")
def test_every_time_column_says_that_it_is_utc(graph: Any, key: dg.AssetKey) -> None:
    schema = graph.get(key).metadata["dagster/column_schema"]
    times = [column for column in schema.columns if column.type.startswith("timestamp")]
    assert times
    assert all(column.name.endswith("_utc") and "unit: UTC" in constraints(column) for column in times)


@every_asset("insights")
def test_every_measure_of_an_insight_has_a_unit(graph: Any, key: dg.AssetKey) -> None:
    schema = graph.get(key).metadata["dagster/column_schema"]
    fractional = [column for column in schema.columns if column.type == "double"]
    assert fractional
    without = {column.name for column in fractional if not any(c.startswith("unit: ") for c in constraints(column))}
    assert without <= WITHOUT_UNIT


@pytest.mark.parametrize("name", UNITS)
def test_lineage_runs_from_the_upload_to_the_training_line(graph: Any, name: str) -> None:
    raw, records, insights = (dg.AssetKey([layer, name]) for layer in LAYERS)
    assert graph.get(raw).parent_keys == set()
    assert graph.get(records).parent_keys == {raw, RELEASES}
    assert graph.get(dg.AssetKey(["quarantine", name])).parent_keys == {records}
    assert graph.get(insights).parent_keys == {records, OFFSETS}
    assert {ACROSS_TYPES, JOURNAL} <= graph.get(insights).child_keys
    assert records in graph.get(OFFSETS).parent_keys


@pytest.mark.parametrize("name", UNITS)
def test_every_step_of_an_insight_is_shown_by_name(definitions: dg.Definitions, name: str) -> None:
    handles = definitions.resolve_job_def(BRING_UP_TO_DATE).graph.iterate_node_handles()
    steps = [str(handle) for handle in handles if str(handle).startswith(f"insights__{name}.")]
    assert steps == [f"insights__{name}.{verb}_{name}" for verb in ("select", "analyse", "narrate")]


@every_asset("raw", "records", "insights")
def test_daily_assets_are_partitioned_by_upload_date_including_today(graph: Any, key: dg.AssetKey) -> None:
    found = graph.get(key).partitions_def.get_partition_keys(current_time=datetime(2025, 9, 3, 12, tzinfo=UTC))
    assert found == ["2025-09-01", "2025-09-02", "2025-09-03"]


def test_the_journal_is_partitioned_by_local_month_one_ahead_for_people_east_of_utc(graph: Any) -> None:
    found = graph.get(JOURNAL).partitions_def.get_partition_keys(current_time=datetime(2025, 9, 30, 12, tzinfo=UTC))
    assert found[0] == "1999-12-01"
    assert found[-2:] == ["2025-09-01", "2025-10-01"]


@every_asset("records", "insights")
def test_backfills_run_as_ranges_no_longer_than_the_setting_allows(graph: Any, key: dg.AssetKey) -> None:
    assert graph.get(key).backfill_policy == dg.BackfillPolicy.multi_run(max_partitions_per_run=92)
    of_a_week = build_definitions(Settings(dates_per_run=7)).resolve_asset_graph()
    assert of_a_week.get(key).backfill_policy == dg.BackfillPolicy.multi_run(max_partitions_per_run=7)


@every_asset("insights")
def test_an_insight_looks_back_a_week_on_records(graph: Any, key: dg.AssetKey) -> None:
    node = graph.get(key)
    one = node.partitions_def.subset_with_partition_keys(["2025-09-20"])
    for parent in node.parent_keys:
        mapped = graph.get_partition_mapping(key, parent).get_upstream_mapped_partitions_result_for_partitions(
            one, node.partitions_def, graph.get(parent).partitions_def, current_time=datetime(2025, 10, 1, tzinfo=UTC)
        )
        days = mapped.partitions_subset.get_partition_keys()
        assert sorted(days) == [f"2025-09-{day}" for day in range(13, 21)]


def test_jobs_that_people_launch_exist_and_are_described(definitions: dg.Definitions) -> None:
    for name in (BRING_UP_TO_DATE, WRITE_JOURNAL, SORT_OUT_UNCLAIMED):
        assert definitions.resolve_job_def(name).description
