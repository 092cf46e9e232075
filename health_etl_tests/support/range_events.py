"""A range of an asset and its check, and what a Dagster instance holds of it afterwards."""

from collections import Counter
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

DATES = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-02-01")
RANGE = {"dagster/asset_partition_range_start": "2025-01-01", "dagster/asset_partition_range_end": "2025-01-31"}
ASSET = dg.AssetKey("made")
ABOUT = ("ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED", "ASSET_CHECK_EVALUATION")


@dg.asset(partitions_def=DATES, backfill_policy=dg.BackfillPolicy.single_run())
def made(context: dg.AssetExecutionContext) -> None:
    for partition in context.partition_keys:
        context.add_asset_metadata({"number": int(partition[-2:])}, partition_key=partition)


@dg.multi_asset_check(specs=[dg.AssetCheckSpec("good", asset=ASSET, partitions_def=DATES)])
def check(context: dg.AssetCheckExecutionContext) -> Any:
    yield dg.AssetCheckResult(asset_key=ASSET, check_name="good", passed=False)
    op = context.op_execution_context
    for _ in range(2):  # as in a step that is tried again
        for partition in op.partition_keys:
            one: Any = AssetCheckEvaluation(
                ASSET, "good", passed=partition != "2025-01-07", metadata={}, partition=partition
            )
            op.log_event(one)


def run_over_the_range(instance: dg.DagsterInstance) -> str:
    """Make the range, and return the run."""
    job = dg.Definitions(assets=[made], asset_checks=[check]).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, tags=RANGE)
    assert result.success
    return result.run_id


def told(instance: dg.DagsterInstance, run_id: str) -> Counter[tuple[str, str | None, str]]:
    """Return the events of a run about partitions by type, partition and message."""
    events = [record.get_dagster_event() for record in instance.all_logs(run_id) if record.is_dagster_event]
    return Counter((e.event_type_value, e.partition, e.message or "") for e in events if e.event_type_value in ABOUT)


def status_by_partition(instance: dg.DagsterInstance) -> dict[str | None, str]:
    """Return the last word of the check on each partition; fails where one has two."""
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        columns = AssetCheckExecutionsTable.c
        rows = connection.execute(
            AssetCheckExecutionsTable.select().with_only_columns(columns.partition, columns.execution_status)
        )
        found = [tuple(row) for row in rows]
    assert len(found) == len(dict(found))
    return dict(found)
