"""Events of a range are written in few transactions, and are the same as those that Dagster writes singly."""

from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from health_etl.sqlite_events import BatchingEventLog

DATES = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-02-01")
RANGE = {"dagster/asset_partition_range_start": "2025-01-01", "dagster/asset_partition_range_end": "2025-01-31"}
ASSET = dg.AssetKey("made")
CHECK = dg.AssetCheckKey(ASSET, "good")


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


@pytest.fixture
def home(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dagster.yaml").write_text((checkout / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    return tmp_path


def run_over_the_range(instance: dg.DagsterInstance) -> str:
    job = dg.Definitions(assets=[made], asset_checks=[check]).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, tags=RANGE)
    assert result.success
    return result.run_id


def told(instance: dg.DagsterInstance, run_id: str) -> Counter[tuple[str, str | None, str]]:
    """Return the events of a run about the asset by type, partition and message."""
    events = [record.get_dagster_event() for record in instance.all_logs(run_id) if record.is_dagster_event]
    return Counter((e.event_type_value, e.partition, e.message or "") for e in events if "ASSET" in e.event_type_value)


def status_by_partition(instance: dg.DagsterInstance) -> dict[str | None, str]:
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        columns = AssetCheckExecutionsTable.c
        rows = connection.execute(
            AssetCheckExecutionsTable.select().with_only_columns(columns.partition, columns.execution_status)
        )
        found = [tuple(row) for row in rows]
    assert len(found) == len(dict(found))
    return dict(found)


def test_what_is_written_in_batches_is_what_dagster_writes_singly(home: Path, tmp_path: Path) -> None:
    del home
    with dg.DagsterInstance.get() as batching:
        assert isinstance(batching.event_log_storage, BatchingEventLog)
        run_id = run_over_the_range(batching)
        in_batches = told(batching, run_id)
        statuses = status_by_partition(batching)
        latest = batching.get_latest_materialization_event(ASSET)
        partitions = batching.get_materialized_partitions(ASSET)
    (tmp_path / "plain").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "plain")) as plain:
        assert type(plain.event_log_storage) is SqliteEventLogStorage
        singly = told(plain, run_over_the_range(plain))
        assert status_by_partition(plain) == statuses
        assert plain.get_materialized_partitions(ASSET) == partitions
    mine = {"ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED", "ASSET_CHECK_EVALUATION", "STEP_SUCCESS"}
    assert {key: n for key, n in in_batches.items() if key[0] in mine} == {
        k: n for k, n in singly.items() if k[0] in mine
    }
    assert statuses["2025-01-07"] == "FAILED"
    assert Counter(statuses.values())["SUCCEEDED"] == 30
    assert latest is not None
    assert latest.get_dagster_event().partition == "2025-01-31"


def test_a_range_takes_few_transactions(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    opened: Counter[str] = Counter()
    connect = SqliteEventLogStorage._connect

    def counted(storage: Any, shard: str) -> Any:
        opened[shard] += 1
        return connect(storage, shard)

    monkeypatch.setattr(SqliteEventLogStorage, "_connect", counted)
    with dg.DagsterInstance.get() as instance:
        run_id = run_over_the_range(instance)
        written = opened["index"] + opened[run_id]
        assert len([*instance.all_logs(run_id)]) > 4 * 31
    assert written < 4 * 31


def test_what_waits_is_written_when_dagster_ends(home: Path) -> None:
    del home
    with dg.DagsterInstance.get() as instance:
        run_id = run_over_the_range(instance)
        before = [*instance.all_logs(run_id)]
        last = [event for event in before if event.dagster_event_type is DagsterEventType.ASSET_CHECK_EVALUATION][-1]
        instance.event_log_storage.store_event(last)
        assert len([*instance.all_logs(run_id)]) == len(before)
    with dg.DagsterInstance.get() as again:
        assert len([*again.all_logs(run_id)]) == len(before) + 1
