"""Standing checks: what must hold of a type as a whole, whenever somebody looks. Run by the job `standing_checks`.

They hang on the raw assets, which no run makes: so they look at everything downstream, and run only when asked to.
"""

from collections.abc import Iterator

import dagster as dg

from health_etl.assets.insights import insights_key
from health_etl.assets.quarantine import quarantine_key
from health_etl.assets.raw import raw_key
from health_etl.assets.records import records_key
from health_etl.assets.training import JOURNAL
from health_etl.core import utc_offsets
from health_etl.core.wording import counted
from health_etl.record_types import record_types

NO_FAILED_PARTITIONS = "no_failed_partitions"
SHOWN_PARTITIONS = 50


def no_failed_partitions() -> dg.AssetChecksDefinition:
    """Return the check, for every type, that no partition made from its uploads was left failed."""
    specs = [
        dg.AssetCheckSpec(
            NO_FAILED_PARTITIONS,
            asset=raw_key(name),
            description="Of everything made from these uploads no partition was left failed, or it was made since.",
        )
        for name in record_types()
    ]

    @dg.multi_asset_check(name=NO_FAILED_PARTITIONS, specs=specs, can_subset=True)
    def run(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        op_context = context.op_execution_context
        for check_key in sorted(op_context.selected_asset_check_keys):
            name = check_key.asset_key.path[-1]
            failed = [
                {"asset": key.to_user_string(), "partition": partition}
                for key in _downstream(name)
                for partition in _failed_partitions(op_context.instance, key)
            ]
            yield dg.AssetCheckResult(
                asset_key=check_key.asset_key,
                check_name=NO_FAILED_PARTITIONS,
                passed=not failed,
                severity=dg.AssetCheckSeverity.ERROR,
                description=_sentence(len(failed)),
                metadata={"failed": len(failed)} | ({"partitions": _table(failed)} if failed else {}),
            )

    return run


def _downstream(name: str) -> list[dg.AssetKey]:
    """Return every asset that is made from a type's uploads."""
    return [records_key(name), quarantine_key(name), records_key(utc_offsets.NAME), insights_key(name), JOURNAL]


def _failed_partitions(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[str]:
    """Return the partitions whose last attempt is over and made nothing."""
    storage = instance.event_log_storage
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations(key)
    run_ids = sorted({run_id for run_id, _ in attempts.values()})
    runs = instance.get_runs(dg.RunsFilter(run_ids=run_ids)) if run_ids else []
    over = {run.run_id for run in runs if run.is_finished and run.status != dg.DagsterRunStatus.SUCCESS}
    return sorted(partition for partition, (run_id, _) in attempts.items() if run_id in over)


def _table(failed: list[dict[str, str]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(row)) for row in failed[:SHOWN_PARTITIONS]],
        schema=dg.TableSchema([dg.TableColumn("asset", "string"), dg.TableColumn("partition", "string")]),
    )


def _sentence(failed: int) -> str:
    if not failed:
        return "No partition was left failed."
    return f"Left failed: {counted(failed, 'partition')}. Read the error of the last run, then materialise anew."
