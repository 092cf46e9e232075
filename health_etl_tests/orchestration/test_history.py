"""Pruning deletes old runs and loses no partition's current state, no result of a check and no failed attempt."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from health_etl.orchestration.history import delete_old_runs

ASSET = dg.AssetKey("made")
WHOLE = dg.AssetKey("whole")
CHECK = dg.AssetCheckKey(ASSET, "good")
DATES = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-06")
FIRST, SECOND, THIRD = "2025-01-01", "2025-01-02", "2025-01-03"


@dg.asset(partitions_def=DATES)
def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    if context.run.tags.get("fail"):
        raise dg.Failure("requested by the test")
    return dg.MaterializeResult(data_version=dg.DataVersion(context.run.run_id))


@dg.asset
def whole() -> None:
    """Have no partitions."""


@dg.asset_check(asset=ASSET)
def good() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


CHECKED = dg.define_asset_job("checked", selection=dg.AssetSelection.checks(CHECK))
DEFINITIONS = dg.Definitions(assets=[made, whole], asset_checks=[good], jobs=[CHECKED])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on disk, as people have one."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as found:
        yield found


def run(instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str | None = None, **tags: str) -> str:
    """Run an asset and return the run's id."""
    result = DEFINITIONS.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[asset], partition_key=partition, tags=tags, raise_on_error=False
    )
    return result.run_id


def known(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def test_only_runs_that_hold_no_current_state_are_deleted(instance: dg.DagsterInstance) -> None:
    replaced = [run(instance, ASSET, FIRST), run(instance, WHOLE), run(instance, ASSET, SECOND, fail="yes")]
    needed = [run(instance, ASSET, FIRST), run(instance, WHOLE), run(instance, ASSET, SECOND)]
    needed.append(run(instance, ASSET, THIRD, fail="yes"))  # sensors count attempts
    assert delete_old_runs(instance, later()) == len(replaced)
    assert known(instance) == set(needed)
    assert instance.get_materialized_partitions(ASSET) == {FIRST, SECOND}
    latest = instance.get_latest_data_version_record(ASSET, partition_key=FIRST)
    assert latest is not None
    assert latest.run_id == needed[0]
    assert instance.get_latest_materialization_event(WHOLE) is not None
    assert delete_old_runs(instance, later()) == 0


def test_runs_that_are_recent_or_in_progress_stay(instance: dg.DagsterInstance) -> None:
    recent = {run(instance, ASSET, FIRST), run(instance, ASSET, FIRST)}
    assert delete_old_runs(instance, datetime.now(UTC) - timedelta(days=7)) == 0
    instance.add_run(dg.DagsterRun("made", run_id="0" * 32, status=dg.DagsterRunStatus.STARTED))
    assert delete_old_runs(instance, later()) == 1
    assert len(known(instance) & recent) == 1
    assert "0" * 32 in known(instance)


def test_what_a_deleted_run_wrote_on_disk_goes_with_it(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    old, current = run(instance, ASSET, FIRST), run(instance, ASSET, FIRST)

    def left(run_id: str) -> list[Path]:
        return [path for path in tmp_path.rglob("*") if run_id in path.name]

    assert left(old)
    delete_old_runs(instance, later())
    assert left(old) == []
    assert left(current)


def test_a_check_keeps_its_result_when_the_run_that_gave_it_is_deleted(instance: dg.DagsterInstance) -> None:
    run(instance, ASSET, FIRST)
    checked = DEFINITIONS.resolve_job_def("checked").execute_in_process(instance=instance)
    assert delete_old_runs(instance, later()) == 1
    assert checked.run_id not in known(instance)
    kept = instance.get_latest_asset_check_evaluation_record(CHECK)
    assert kept is not None
    assert kept.run_id == checked.run_id
    assert kept.event is not None
