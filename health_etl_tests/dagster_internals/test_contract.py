"""What health_etl expects of Dagster beyond its public API: a sentence for each name, with signature and answer.

`make contract` runs this file on the newest release of Dagster. A failure here says which assumption no longer holds;
queries.py and kept_connections.py are the only places to change.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import dagster_postgres.event_log.event_log as postgres_event_log
import pytest
from dagster_aws.s3 import S3ComputeLogManager
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import QueuePool

from health_etl.dagster_internals import queries
from health_etl.dagster_internals.queries import BackfillRequest

DATES = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-06")
KEYS = ["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04", "2025-01-05"]
ASSET = dg.AssetKey("made")
CHECK = dg.AssetCheckKey(ASSET, "good")
MAX_PRIVATE_NAMES = 10


@dg.asset(partitions_def=DATES, pool="made", backfill_policy=dg.BackfillPolicy.single_run())
def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    if context.run.tags.get("fail"):
        raise dg.Failure("requested by the test")
    return dg.MaterializeResult(data_version=dg.DataVersion(f"version of {context.run.run_id}"))


@dg.multi_asset_check(specs=[dg.AssetCheckSpec("good", asset=ASSET, partitions_def=DATES)])
def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    op = context.op_execution_context
    yield dg.AssetCheckResult(asset_key=ASSET, check_name="good", passed=False)
    targets = queries.materialization_targets(op.instance, ASSET, op.partition_keys)
    for partition, target in targets.items():
        passed = partition != KEYS[1]
        one: Any = dg.AssetCheckEvaluation(
            ASSET, "good", passed=passed, partition=partition, target_materialization_data=target
        )
        op.log_event(one)


DEFINITIONS = dg.Definitions(assets=[made], asset_checks=[check])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on disk with one slot per pool, as dagster.yaml has it."""
    overrides = {"concurrency": {"pools": {"default_limit": 1}}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as found:
        yield found


def run(instance: dg.DagsterInstance, first: str, last: str, **tags: str) -> dg.ExecuteInProcessResult:
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    job = DEFINITIONS.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, tags={**span, **tags}, raise_on_error=False)


def test_few_private_names_are_used_and_in_one_file_only(checkout: Path) -> None:
    found = {
        (path.name, alias.name)
        for path in (checkout / "health_etl").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dagster._")
        for alias in node.names
    }
    assert {file for file, _ in found} == {"queries.py"}
    assert len(found) <= MAX_PRIVATE_NAMES
    using = [
        path.name
        for path in (checkout / "health_etl").rglob("*.py")
        if "event_log_storage" in path.read_text(encoding="utf-8")
    ]
    assert using == ["queries.py"]


def test_partition_backfill_takes_the_same_partitions_of_several_assets_and_waits_for_the_daemon(
    instance: dg.DagsterInstance,
) -> None:
    graph = DEFINITIONS.get_repository_def().asset_graph
    request = BackfillRequest("title", "description", [ASSET], [KEYS[0], KEYS[1], KEYS[3]], {"by": "test"})
    assert queries.unfinished_backfills(instance) == 0
    backfill_id = queries.request_backfill(instance, graph, request)
    stored = instance.get_backfill(backfill_id)
    assert stored is not None
    assert (stored.title, stored.description, stored.tags) == ("title", "description", {"by": "test"})
    assert stored.status.value == "REQUESTED"
    subset = stored.get_asset_backfill_data(graph).target_subset.get_partitions_subset(ASSET)
    assert sorted(subset.get_partition_keys()) == [KEYS[0], KEYS[1], KEYS[3]]


def test_bulk_actions_filter_by_requested_counts_what_the_daemon_still_works_on(instance: dg.DagsterInstance) -> None:
    graph = DEFINITIONS.get_repository_def().asset_graph
    backfill_id = queries.request_backfill(instance, graph, BackfillRequest("t", "d", [ASSET], KEYS, {}))
    assert queries.unfinished_backfills(instance) == 1
    stored = instance.get_backfill(backfill_id)
    assert stored is not None
    instance.update_backfill(stored.with_status(type(stored.status).COMPLETED_SUCCESS))
    assert queries.unfinished_backfills(instance) == 0


def test_path_for_shard_names_the_file_that_a_deleted_run_leaves_behind(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run_id = run(instance, KEYS[0], KEYS[0]).run_id
    instance.delete_run(run_id)
    assert [path for path in tmp_path.rglob("*.db") if run_id in path.name]
    queries.delete_run_file(instance, run_id)
    assert [path for path in tmp_path.rglob("*") if run_id in path.name and path.is_file()] == []
    queries.delete_run_file(instance, run_id)


def test_get_latest_storage_id_by_partition_grows_with_each_materialization_and_leaves_out_what_has_none(
    instance: dg.DagsterInstance,
) -> None:
    assert queries.latest_materializations(instance, ASSET, KEYS) == {}
    assert run(instance, KEYS[0], KEYS[1]).success
    first = queries.latest_materializations(instance, ASSET, KEYS)
    assert sorted(first) == KEYS[:2]
    assert run(instance, KEYS[1], KEYS[2]).success
    second = queries.latest_materializations(instance, ASSET, KEYS[1:])
    assert sorted(second) == KEYS[1:3]
    assert second[KEYS[1]] > first[KEYS[1]]


def test_get_latest_tags_by_partition_knows_the_data_version_of_the_latest_materialization(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, KEYS[0], KEYS[1])
    latest = run(instance, KEYS[1], KEYS[1])
    found = queries.latest_data_versions(instance, ASSET, KEYS)
    assert sorted(found) == KEYS[:2]
    assert found[KEYS[1]] == f"version of {latest.run_id}"
    assert queries.latest_data_versions(instance, ASSET, []) == {}


def test_attempts_without_materializations_names_the_run_of_each_partition_that_was_planned_and_not_made(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, KEYS[0], KEYS[2])
    failed = run(instance, KEYS[1], KEYS[3], fail="yes")
    assert not failed.success
    assert queries.unfulfilled_runs(instance, ASSET) == dict.fromkeys(KEYS[1:4], failed.run_id)
    run(instance, KEYS[1], KEYS[3])
    assert queries.unfulfilled_runs(instance, ASSET) == {}


def test_an_evaluation_with_a_target_gives_its_partition_the_status_that_the_ui_shows(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, KEYS[0], KEYS[2])
    latest = queries.latest_materializations(instance, ASSET, KEYS)
    storage = instance.event_log_storage
    found = {info.partition_key: info for info in storage.get_asset_check_partition_info([CHECK], partition_keys=KEYS)}
    assert {key: info.latest_execution_status.value for key, info in found.items()} == {
        KEYS[0]: "SUCCEEDED",
        KEYS[1]: "FAILED",
        KEYS[2]: "SUCCEEDED",
    }
    assert {key: info.latest_target_materialization_storage_id for key, info in found.items()} == latest
    assert all(info.is_current for info in found.values())


def test_every_planned_evaluation_of_a_range_must_be_answered_or_its_partition_has_no_status(
    instance: dg.DagsterInstance,
) -> None:
    """This is why each run logs each partition's results, even those that have not changed."""
    run(instance, KEYS[0], KEYS[0])
    run(instance, KEYS[0], KEYS[0], fail="yes")
    storage = instance.event_log_storage
    (info,) = storage.get_asset_check_partition_info([CHECK], partition_keys=[KEYS[0]])
    assert info.latest_execution_status.value == "PLANNED"


def test_free_concurrency_slots_for_run_frees_what_a_killed_run_holds(instance: dg.DagsterInstance) -> None:
    queries.create_pools(instance, ["made"])
    storage = instance.event_log_storage
    assert storage.claim_concurrency_slot("made", "killed", "step").is_claimed
    assert not storage.claim_concurrency_slot("made", "next", "step").is_claimed
    queries.free_pool_slots(instance, "killed")
    assert storage.claim_concurrency_slot("made", "next", "step").is_claimed


def test_pools_are_created_with_the_default_limit_and_left_alone_once_they_exist(instance: dg.DagsterInstance) -> None:
    queries.create_pools(instance, ["made", "other"])
    instance.event_log_storage.set_concurrency_slots("made", 2)
    queries.create_pools(instance, ["made", "other", "third"])
    limits = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}
    assert limits == {"made": 2, "other": 1, "third": 1}


def test_the_data_version_tag_is_the_one_that_dagster_writes(instance: dg.DagsterInstance) -> None:
    result = run(instance, KEYS[0], KEYS[0])
    (event,) = result.asset_materializations_for_node("made")
    assert event.tags is not None
    assert event.tags[queries.DATA_VERSION_TAG] == f"version of {result.run_id}"


def test_the_postgresql_storage_creates_its_engines_from_the_url_with_a_pool_that_keeps_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that the plugin in the URL is loaded, and finds the pool that it replaces."""
    monkeypatch.setattr(postgres_event_log, "retry_pg_connection_fn", lambda _function: ["event_logs", "asset_keys"])
    url = "postgresql+psycopg2://nobody:secret@127.0.0.1:9/nothing?plugin=kept_connections"
    storage = postgres_event_log.PostgresEventLogStorage(url, should_autocreate_tables=False)
    assert isinstance(storage._engine.pool, QueuePool)
    plain = postgres_event_log.PostgresEventLogStorage(url.partition("?")[0], should_autocreate_tables=False)
    assert not isinstance(plain._engine.pool, QueuePool)


def test_the_classes_of_deploy_dagster_yaml_take_the_fields_that_it_gives_them() -> None:
    assert "postgres_url" in set(DagsterPostgresStorage.config_type())  # type: ignore[arg-type]
    fields = set(S3ComputeLogManager.config_type())
    assert {"bucket", "prefix", "local_dir", "endpoint_url", "region", "skip_empty_files", "upload_interval"} <= fields


def test_the_private_classes_have_the_parameters_that_we_name() -> None:
    def parameters(of: Any) -> set[str]:
        return set(inspect.signature(of).parameters)

    expected = {"backfill_id", "backfill_timestamp", "tags", "dynamic_partitions_store", "asset_graph_subset"}
    expected |= {"title", "description", "run_config"}
    assert parameters(queries.PartitionBackfill.from_asset_graph_subset) == expected
    assert "partitions_subsets_by_asset_key" in parameters(queries.AssetGraphSubset)
    assert "statuses" in parameters(queries.BulkActionsFilter)
    target = queries.MaterializationTarget(storage_id=1, run_id="run", timestamp=0.0)
    assert (target.storage_id, target.run_id, target.timestamp) == (1, "run", 0.0)
