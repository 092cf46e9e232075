"""Asset checks: report the results of the pure checks to Dagster, partition by partition. Nothing is judged here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import dagster as dg

from health_etl.check_result import Check, CheckResult
from health_etl.dagster_internals.queries import materialization_targets
from health_etl.insights import checks as insights_checks
from health_etl.insights.partition import InsightOptions
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl.orchestration.assets.insights import insights_key
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.assets.training import JOURNAL
from health_etl.orchestration.resources import LakeResource
from health_etl.orchestration.steps import run_step
from health_etl.planning.run_requests import PARTITION
from health_etl.planning.spans import month_of
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl.records import checks as records_checks
from health_etl.records.quality import QualityRules
from health_etl.settings import Settings
from health_etl.training import checks as training_checks

MAX_TABLE_ROWS = 50  # the event log keeps every one of them, run after run

Subject = TypeVar("Subject")
# What the partitions of a run are checked against: built once per run, so that manifests are read once.
Subjects = Callable[[Lake, Settings, Sequence[str]], Iterator[tuple[str, Subject]]]


def asset_checks(
    upload_dates: dg.PartitionsDefinition[str], local_months: dg.PartitionsDefinition[str]
) -> list[dg.AssetChecksDefinition]:
    """Return the checks of every partition: records and insights by type, and the journal."""
    found = []
    for record_type in record_types().values():
        name = record_type.name
        found.append(_partition_checks(records_key(name), upload_dates, records_checks.CHECKS, _records(record_type)))
        found.append(_partition_checks(insights_key(name), upload_dates, insights_checks.CHECKS, _insights(name)))
    journal = _partition_checks(
        insights_key(DAILY_JOURNAL), upload_dates, insights_checks.CHECKS, _insights(DAILY_JOURNAL)
    )
    return [*found, journal, _partition_checks(JOURNAL, local_months, training_checks.CHECKS, _months)]


def _partition_checks(
    key: dg.AssetKey,
    partitions: dg.PartitionsDefinition[str],
    checks: Sequence[Check[Subject]],
    subjects: "Subjects[Subject]",
) -> dg.AssetChecksDefinition:
    """Return the checks of one asset as one op: they read the same manifests and tables."""
    specs = [
        dg.AssetCheckSpec(
            check.name,
            asset=key,
            description=check.description,
            blocking=check.is_blocking,
            partitions_def=partitions,
        )
        for check in checks
    ]

    @dg.multi_asset_check(name=f"check_{'_'.join(key.path)}", specs=specs, can_subset=True)
    def run(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        op_context = context.op_execution_context
        wanted = {check_key.name for check_key in op_context.selected_asset_check_keys}
        with run_step(op_context):
            found = {
                partition: {check.name: check.judge(subject) for check in checks if check.name in wanted}
                for partition, subject in subjects(lake.open(), lake.settings, op_context.partition_keys)
            }
        for check in checks:
            if check.name in wanted:
                yield _result(key, check.name, {p: results[check.name] for p, results in found.items()})
        if PARTITION not in op_context.run.tags:  # a range, even of one partition
            for event in _evaluations(op_context, key, checks, found):
                op_context.log_event(event)  # type: ignore[arg-type]  # accepted, though not declared

    return run


def _result(key: dg.AssetKey, name: str, results: Mapping[str, CheckResult]) -> dg.AssetCheckResult:
    """Return the result of one check for a run: its partition's, or one over its range."""
    failed = [partition for partition, result in results.items() if not result.passed]
    if len(results) == 1:
        (result,) = results.values()
        return dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=result.passed,
            severity=_severity(result),
            description=result.summary,
            metadata=_metadata(result),
        )
    serious = any(results[partition].is_serious for partition in failed)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if serious else dg.AssetCheckSeverity.WARN,
        description=f"{len(failed)} of {len(results)} partitions fail." if failed else "Every partition passes.",
        metadata={"failed_partitions": ", ".join(failed[:MAX_TABLE_ROWS])} if failed else {},
    )


def _evaluations(
    context: dg.OpExecutionContext,
    key: dg.AssetKey,
    checks: Sequence[Check[Subject]],
    found: Mapping[str, Mapping[str, CheckResult]],
) -> Iterator[dg.AssetCheckEvaluation]:
    """Return one evaluation per check and partition, since the results of a range run name no partition.

    This includes partitions that have not changed: Dagster plans the evaluations of every partition of a run, and one
    that is planned and never received leaves its partition without a status.
    """
    targets = materialization_targets(context.instance, key, found)
    for partition, results in found.items():
        target = targets.get(partition)
        for check in checks:
            if check.name in results and target is not None:
                result = results[check.name]
                yield dg.AssetCheckEvaluation(
                    asset_key=key,
                    check_name=check.name,
                    passed=result.passed,
                    metadata=_metadata(result),
                    target_materialization_data=target,
                    severity=_severity(result),
                    description=result.summary,
                    blocking=check.is_blocking,
                    partition=partition,
                )


def _severity(result: CheckResult) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if result.is_serious else dg.AssetCheckSeverity.WARN


def _metadata(result: CheckResult) -> dict[str, Any]:
    found: dict[str, Any] = dict(result.facts)
    if result.rows:
        names = list(result.rows[0])
        found["details"] = dg.MetadataValue.table(
            [dg.TableRecord(dict(row)) for row in result.rows[:MAX_TABLE_ROWS]],
            schema=dg.TableSchema([dg.TableColumn(name, "string") for name in names]),
        )
    return found


def _records(record_type: RecordType) -> "Subjects[records_checks.Partition]":
    def subjects(
        lake: Lake, settings: Settings, partitions: Sequence[str]
    ) -> Iterator[tuple[str, records_checks.Partition]]:
        return records_checks.partitions(lake, record_type, partitions, QualityRules.of(settings))

    return subjects


def _insights(name: str) -> "Subjects[insights_checks.Partition]":
    def subjects(
        lake: Lake, settings: Settings, partitions: Sequence[str]
    ) -> Iterator[tuple[str, insights_checks.Partition]]:
        catalogue, options = Catalogue(lake), InsightOptions.of(settings, lake)
        known = insights_checks.CheckContext(catalogue, name)
        for partition in partitions:
            yield partition, insights_checks.Partition(lake, catalogue, name, partition, options, known)

    return subjects


def _months(lake: Lake, settings: Settings, partitions: Sequence[str]) -> Iterator[tuple[str, training_checks.Month]]:
    del settings
    catalogue = Catalogue(lake)
    for partition in partitions:
        yield partition, training_checks.Month(lake, catalogue, month_of(partition))
