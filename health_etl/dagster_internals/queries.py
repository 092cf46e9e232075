"""Every private name of Dagster's that this project uses, and nothing else; test_contract.py guards each of them.

Four needs have no public way in Dagster 1.13: a job that requests a backfill, an evaluation of a check for one
partition of a range, what SQLite leaves of a deleted run, and questions about many partitions at once. The public
`fetch_materializations` returns one event at a time, which a sensor over a thousand partitions cannot wait for.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as MaterializationTarget,
)
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.storage.event_log import SqliteEventLogStorage

# The tag in which Dagster keeps the data version of an event; its constant is private.
DATA_VERSION_TAG = "dagster/data_version"
_MATERIALIZATION = dg.DagsterEventType.ASSET_MATERIALIZATION


@dataclass(frozen=True)
class BackfillRequest:
    """A backfill over the same partitions of several assets, as the UI launches it."""

    title: str
    description: str
    assets: Sequence[dg.AssetKey]
    partitions: Sequence[str]
    tags: Mapping[str, str]
    run_config: Mapping[str, Any] = field(default_factory=dict)


def request_backfill(instance: dg.DagsterInstance, asset_graph: Any, request: BackfillRequest) -> str:
    """Hand a backfill to the daemon and return its id. `asset_graph` is that of the repository definition."""
    backfill_id = uuid.uuid4().hex[:8]
    subsets = {
        key: asset_graph.get(key).partitions_def.subset_with_partition_keys(request.partitions)
        for key in request.assets
    }
    instance.add_backfill(
        PartitionBackfill.from_asset_graph_subset(
            backfill_id=backfill_id,
            backfill_timestamp=time.time(),
            tags=request.tags,
            dynamic_partitions_store=instance,
            asset_graph_subset=AssetGraphSubset(subsets),  # type: ignore[call-arg]  # its decorator hides the fields
            title=request.title,
            description=request.description,
            run_config=request.run_config,
        )
    )
    return backfill_id


def unfinished_backfills(instance: dg.DagsterInstance) -> int:
    """Count the backfills that the daemon still works on."""
    return instance.get_backfills_count(BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))


def latest_materializations(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Collection[str] | None = None
) -> dict[str, int]:
    """Return the event id of the latest materialization of every partition that has one, or of those among
    `partitions`; ids grow.
    """
    storage = instance.event_log_storage
    among = None if partitions is None else set(partitions)
    return dict(storage.get_latest_storage_id_by_partition(key, _MATERIALIZATION, among))


def latest_data_versions(instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Collection[str]) -> dict[str, str]:
    """Return the data version of the latest materialization of every partition that has one."""
    if not partitions:
        return {}
    found = instance.event_log_storage.get_latest_tags_by_partition(
        key, _MATERIALIZATION, [DATA_VERSION_TAG], asset_partitions=list(partitions)
    )
    return {partition: tags[DATA_VERSION_TAG] for partition, tags in found.items() if DATA_VERSION_TAG in tags}


def unfulfilled_runs(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, str]:
    """Return the run id of every partition whose latest planned materialization has not come, or not yet."""
    storage = instance.event_log_storage
    found = storage.get_latest_asset_partition_materialization_attempts_without_materializations(key)
    return {partition: run_id for partition, (run_id, _) in found.items()}


def materialization_targets(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Collection[str]
) -> dict[str, MaterializationTarget]:
    """Return what an evaluation must point to so that the UI shows it: each partition's latest materialization."""
    latest = latest_materializations(instance, key, partitions)
    if not latest:
        return {}
    wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=list(latest.values()))
    records = instance.fetch_materializations(wanted, limit=len(latest)).records
    return {
        str(record.partition_key): MaterializationTarget(
            run_id=record.run_id, storage_id=record.storage_id, timestamp=record.timestamp
        )
        for record in records
    }


def free_pool_slots(instance: dg.DagsterInstance, run_id: str) -> None:
    """Free what a run holds in pools, for a run whose process was killed."""
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def delete_run_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete the file that SQLite keeps of a run's events, which is left, empty, once the run is deleted."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        for suffix in ("", "-wal", "-shm"):
            Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)


def create_pools(instance: dg.DagsterInstance, pools: Iterable[str]) -> None:
    """Create pools that do not exist yet, with the limit of dagster.yaml.

    Left to the first runs, two at once collide in PostgreSQL and one of them fails.
    """
    storage = instance.event_log_storage
    for pool in set(pools) - storage.get_concurrency_keys():
        storage.initialize_concurrency_limit_to_default(pool)
