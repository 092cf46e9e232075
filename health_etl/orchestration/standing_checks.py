"""Standing checks: what must hold for a type as a whole, at any time. Run by the job `standing_checks`.

They belong to the raw assets, which no run makes, so they look at everything downstream and run only on request.
"""

from collections.abc import Collection, Iterator, Mapping

import dagster as dg

from health_etl.dagster_internals.queries import unfulfilled_runs
from health_etl.lake.keys import DAILY_JOURNAL, UTC_OFFSETS
from health_etl.orchestration.assets.insights import insights_key
from health_etl.orchestration.assets.quarantine import quarantine_key
from health_etl.orchestration.assets.raw import raw_key
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.assets.training import JOURNAL
from health_etl.record_types import record_types
from health_etl.wording import counted

NO_FAILED_PARTITIONS = "no_failed_partitions"
SHOWN_PARTITIONS = 50
NAMED_PARTITIONS = 5


def no_failed_partitions() -> dg.AssetChecksDefinition:
    """Return the check, for every type, that no partition made from its uploads was left failed."""
    specs = [
        dg.AssetCheckSpec(
            NO_FAILED_PARTITIONS,
            asset=raw_key(name),
            description="No partition made from these uploads was left failed without being made since.",
        )
        for name in record_types()
    ]

    @dg.multi_asset_check(name=NO_FAILED_PARTITIONS, specs=specs, can_subset=True)
    def run(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        op_context = context.op_execution_context
        for check_key in sorted(op_context.selected_asset_check_keys):
            found = evaluation(op_context.instance, check_key.asset_key.path[-1])
            yield dg.AssetCheckResult(
                asset_key=found.asset_key,
                check_name=found.check_name,
                passed=found.passed,
                severity=found.severity,
                description=found.description,
                metadata=found.metadata,
            )

    return run


def evaluation(
    instance: dg.DagsterInstance, name: str, exhausted: Mapping[dg.AssetKey, Collection[str]] | None = None
) -> dg.AssetCheckEvaluation:
    """Evaluate the check for a type: what was left failed, and what the sensors no longer retry."""
    exhausted = exhausted or {}
    failed = [
        {"asset": key.to_user_string(), "partition": partition}
        for key in _downstream(name)
        for partition in sorted({*_failed_partitions(instance, key), *exhausted.get(key, ())})
    ]
    return dg.AssetCheckEvaluation(
        asset_key=raw_key(name),
        check_name=NO_FAILED_PARTITIONS,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_sentence(failed),
        metadata={"failed": len(failed)} | ({"partitions": _table(failed)} if failed else {}),
    )


def _downstream(name: str) -> list[dg.AssetKey]:
    """Return every asset that is made from a type's uploads."""
    across_types = [records_key(UTC_OFFSETS), insights_key(DAILY_JOURNAL), JOURNAL]
    return [records_key(name), quarantine_key(name), insights_key(name), *across_types]


def _failed_partitions(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[str]:
    """Return the partitions whose last attempt is over and made nothing."""
    attempts = unfulfilled_runs(instance, key)
    run_ids = sorted(set(attempts.values()))
    runs = instance.get_runs(dg.RunsFilter(run_ids=run_ids)) if run_ids else []
    over = {run.run_id for run in runs if run.is_finished and run.status != dg.DagsterRunStatus.SUCCESS}
    return sorted(partition for partition, run_id in attempts.items() if run_id in over)


def _table(failed: list[dict[str, str]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(row)) for row in failed[:SHOWN_PARTITIONS]],
        schema=dg.TableSchema([dg.TableColumn("asset", "string"), dg.TableColumn("partition", "string")]),
    )


def _sentence(failed: list[dict[str, str]]) -> str:
    if not failed:
        return "No partition was left failed."
    named = ", ".join(f"{row['asset']} {row['partition']}" for row in failed[:NAMED_PARTITIONS])
    more = ", …" if len(failed) > NAMED_PARTITIONS else ""
    remedy = "Read the error of the last run, then materialise again."
    return f"Left failed: {counted(len(failed), 'partition')} ({named}{more}). {remedy}"
