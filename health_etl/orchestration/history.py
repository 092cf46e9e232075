"""Dagster's history: deletes old runs, with their events and output, once nothing refers to them any more.

Deleting a run deletes its materialisations too, and a partition without any counts as never made. So the run that made
a partition last stays, however old it is, and so does the last failed attempt at one, which sensors count.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from health_etl.dagster_internals.queries import delete_run_file, latest_materializations, unfulfilled_runs
from health_etl.orchestration.dead_runs import FINISHED
from health_etl.orchestration.jobs import PRUNE_HISTORY
from health_etl.orchestration.resources import LakeResource
from health_etl.orchestration.sensors.earlier_runs import makers
from health_etl.orchestration.steps import run_step
from health_etl.wording import counted

RUNS_AT_ONCE = 500


@dg.op(description="Deletes runs that ended long ago, unless one made the current state of a partition.")
def prune(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Delete old runs."""
    with run_step(context):
        settings = lake.settings
        before = datetime.now(UTC) - timedelta(days=settings.history_days)
        deleted = delete_old_runs(context.instance, before, with_output=settings.run_logs_bucket is None)
        context.log.info(f"{counted(deleted, 'run')} from before {before.date()} deleted.")
        context.add_output_metadata({"deleted_runs": deleted})


@dg.job(
    name=PRUNE_HISTORY,
    description=(
        "Deletes runs that ended more than HEALTH_ETL_HISTORY_DAYS days ago, with their events and output. Runs that "
        "made the current state of a partition stay. Runs every night."
    ),
)
def prune_history() -> None:
    """Prune."""
    prune()


def delete_old_runs(instance: dg.DagsterInstance, before: datetime, *, with_output: bool = True) -> int:
    """Delete the runs that ended before this time and are not needed; return how many.

    with_output: delete what their steps printed as well; in a bucket that is left to a lifecycle rule.
    """
    needed = needed_runs(instance)
    old = [run_id for run_id in _ended_runs(instance, before) if run_id not in needed]
    for run_id in old:
        if with_output:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
        delete_run_file(instance, run_id)
    return len(old)


def needed_runs(instance: dg.DagsterInstance) -> set[str]:
    """Return the runs that made a partition last, or were the last to try."""
    needed: set[str] = set()
    for key in instance.get_asset_keys():
        needed |= set(makers(instance, key, latest_materializations(instance, key)).values())
        needed |= set(unfulfilled_runs(instance, key).values())
        latest = instance.get_latest_materialization_event(key)  # of an asset without partitions
        needed |= {latest.run_id} if latest is not None else set()
    return needed


def _ended_runs(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    ended = dg.RunsFilter(statuses=FINISHED, updated_before=before)
    cursor = None
    while runs := instance.get_runs(ended, limit=RUNS_AT_ONCE, cursor=cursor):
        yield from (run.run_id for run in runs)
        cursor = runs[-1].run_id
