"""Makes the partitions of a run one after the other; one that fails does not stop the others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from health_etl.dagster_internals.queries import DATA_VERSION_TAG
from health_etl.errors import HealthEtlError, PermanentError, TransientError
from health_etl.lake.manifest import digest
from health_etl.orchestration.assets.catalogue_metadata import add_partition_metadata
from health_etl.orchestration.steps import RETRIES
from health_etl.wording import counted

NAMED_PARTITIONS = 5


@dataclass(frozen=True)
class PartitionResult:
    """What became of one partition: the metadata that the UI shows, and the data version."""

    metadata: Mapping[str, Any]
    version: str


def make_each(
    context: dg.AssetExecutionContext,
    make: Callable[[str], PartitionResult | None],
    finish: Callable[[dict[str, PartitionResult]], dict[str, PartitionResult]] = lambda made: made,
) -> dg.MaterializeResult[Any]:
    """Make every partition of the run, oldest first. `make` returns None for a partition that is not needed; `finish`
    adds to the metadata once all are made.

    When some fail, the others are reported to Dagster as materialised before the step fails. A transient failure
    retries the whole step first: what is up to date by then costs nothing.
    """
    made: dict[str, PartitionResult] = {}
    failed: dict[str, Exception] = {}
    for partition in sorted(context.partition_keys):
        try:
            found = make(partition)
        except Exception as error:  # noqa: BLE001 - raised below, after the other partitions
            failed[partition] = error
        else:
            if found is not None:
                made[partition] = found
    made = finish(made)
    if failed:
        raise _failure(context, made, failed)
    for partition, one in made.items():
        add_partition_metadata(context, one.metadata, partition)
    versions = [one.version for one in made.values()]
    version = versions[0] if len(versions) == 1 else digest(versions)
    return dg.MaterializeResult(data_version=dg.DataVersion(version))


def _failure(
    context: dg.AssetExecutionContext, made: Mapping[str, PartitionResult], failed: Mapping[str, Exception]
) -> Exception:
    """Return the failure of the step. Nothing is reported to Dagster before the last attempt."""
    first = next(iter(failed.values()))
    transient = [error for error in failed.values() if isinstance(error, TransientError)]
    if transient and context.retry_number < RETRIES:
        return transient[0]
    for partition, one in made.items():
        context.log_event(
            dg.AssetMaterialization(
                context.asset_key, partition=partition, metadata=one.metadata, tags={DATA_VERSION_TAG: one.version}
            )
        )
    unexpected = next((error for error in failed.values() if not isinstance(error, HealthEtlError)), None)
    if unexpected is not None or not made:
        return unexpected or first
    names = ", ".join(list(failed)[:NAMED_PARTITIONS]) + (", …" if len(failed) > NAMED_PARTITIONS else "")
    whole = len(made) + len(failed)
    return PermanentError(
        f"{len(failed)} of {counted(whole, 'partition')} failed ({names}); the others succeeded: {first}"
    )
