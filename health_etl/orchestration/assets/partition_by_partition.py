"""Makes the partitions of a run one after the other: one that fails does not take its neighbours with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from health_etl.dagster_internals.queries import DATA_VERSION_TAG
from health_etl.errors import HealthEtlError, PermanentError, TransientError
from health_etl.lake.manifest import digest
from health_etl.orchestration.assets.catalogue_metadata import add_partition_metadata
from health_etl.orchestration.resources import RETRIES
from health_etl.wording import counted

NAMED_PARTITIONS = 5


@dataclass(frozen=True)
class Made:
    """One partition: what the UI shows of it, and its data version."""

    metadata: Mapping[str, Any]
    version: str


def make_each(
    context: dg.AssetExecutionContext,
    make: Callable[[str], Made | None],
    finish: Callable[[dict[str, Made]], dict[str, Made]] = lambda made: made,
) -> dg.MaterializeResult[Any]:
    """Make every partition of the run, oldest first; None is one that nothing calls for. `finish` adds to what the UI
    shows of them, once all are made.

    When some fail, those that did not are told to Dagster as made, and then the step fails. A failure that may pass
    makes the whole step be tried again first: what is made by then costs nothing.
    """
    made: dict[str, Made] = {}
    failed: dict[str, Exception] = {}
    for partition in sorted(context.partition_keys):
        try:
            found = make(partition)
        except Exception as error:  # noqa: BLE001 - raised below, once the other partitions are made
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


def _failure(context: dg.AssetExecutionContext, made: Mapping[str, Made], failed: Mapping[str, Exception]) -> Exception:
    """Return the failure of the step; before the last try is over nothing is told."""
    first = next(iter(failed.values()))
    may_pass = [error for error in failed.values() if isinstance(error, TransientError)]
    if may_pass and context.retry_number < RETRIES:
        return may_pass[0]
    for partition, one in made.items():
        context.log_event(
            dg.AssetMaterialization(
                context.asset_key, partition=partition, metadata=one.metadata, tags={DATA_VERSION_TAG: one.version}
            )
        )
    unforeseen = next((error for error in failed.values() if not isinstance(error, HealthEtlError)), None)
    if unforeseen is not None or not made:
        return unforeseen or first
    names = ", ".join(list(failed)[:NAMED_PARTITIONS]) + (", …" if len(failed) > NAMED_PARTITIONS else "")
    whole = len(made) + len(failed)
    return PermanentError(
        f"{len(failed)} of {counted(whole, 'partition')} failed ({names}), the others are made: {first}"
    )
