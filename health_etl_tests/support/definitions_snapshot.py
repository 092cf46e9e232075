"""The Dagster definitions as readable JSON: every asset, check, job, sensor and schedule.

`python -m health_etl_tests.support.definitions_snapshot` writes the snapshot; its diff shows what changed.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from health_etl.definitions import build_definitions
from health_etl.settings import Settings

SNAPSHOT = Path(__file__).resolve().parents[1] / "orchestration" / "definitions_snapshot.json"
SETTINGS = Settings(lake="s3://health-data", start_date=date(2025, 9, 1))


def snapshot(settings: Settings = SETTINGS) -> str:
    """Return the definitions for these settings as JSON text, sorted by name."""
    definitions = build_definitions(settings)
    graph = definitions.resolve_asset_graph()
    named = {job.name for job in definitions.jobs or ()}  # without Dagster's own job of all assets
    found = {
        "assets": {key.to_user_string(): _asset(graph, key) for key in graph.get_all_asset_keys()},
        "checks": {
            f"{key.asset_key.to_user_string()}:{key.name}": _check(graph, key) for key in graph.asset_check_keys
        },
        "jobs": {job.name: _job(job) for job in definitions.get_repository_def().get_all_jobs() if job.name in named},
        "sensors": {sensor.name: _sensor(sensor) for sensor in definitions.sensors or ()},
        "schedules": {schedule.name: _schedule(schedule) for schedule in definitions.schedules or ()},
        "resources": sorted(definitions.resources or ()),
    }
    return json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _asset(graph: Any, key: dg.AssetKey) -> dict[str, Any]:
    node = graph.get(key)
    return {
        "description": node.description,
        "group": node.group_name,
        "kinds": sorted(node.kinds),
        "owners": sorted(node.owners),
        "tags": dict(node.tags),
        "pools": sorted(node.pools or ()),
        "code_version": node.code_version,
        "is_external": node.is_external,
        "partitions": _partitions(node.partitions_def),
        "backfill_policy": str(node.backfill_policy) if node.backfill_policy else None,
        "deps": {parent.to_user_string(): str(graph.get_partition_mapping(key, parent)) for parent in node.parent_keys},
        "metadata": {name: _shown(value) for name, value in node.metadata.items()},
    }


def _partitions(partitions: dg.PartitionsDefinition[str] | None) -> str | None:
    if partitions is None:
        return None
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    return f"{partitions.cron_schedule} from {partitions.start:%Y-%m-%d}, end offset {partitions.end_offset}"


def _shown(value: Any) -> Any:
    if isinstance(value, dg.TableSchema):
        return [" ".join(filter(None, [c.name, c.type, *c.constraints.other])) for c in value.columns]
    return str(value)


def _check(graph: Any, key: dg.AssetCheckKey) -> dict[str, Any]:
    spec = graph.get_check_spec(key)
    return {
        "description": spec.description,
        "is_blocking": spec.blocking,
        "partitions": _partitions(spec.partitions_def),
    }


def _job(job: dg.JobDefinition) -> dict[str, Any]:
    nodes = [str(handle) for handle in job.graph.iterate_node_handles()]
    ops = [node for node in job.all_node_defs if isinstance(node, dg.OpDefinition)]
    return {
        "description": job.description,
        "tags": dict(job.tags),
        "steps": sorted(nodes),
        "pools": sorted({op.pool for op in ops if op.pool}),
        "partitions": _partitions(job.partitions_def),
        "config": {op.name: fields for op in ops if (fields := _config(op)) is not None},
    }


def _config(op: dg.OpDefinition) -> dict[str, str] | None:
    fields = getattr(op.config_schema.config_type, "fields", None) if op.config_schema else None
    return (
        {name: f"{field.description} Default: {_default(field)}" for name, field in fields.items()} if fields else None
    )


def _default(field: Any) -> str:
    return json.dumps(field.default_value) if field.default_provided else "none"


def _sensor(sensor: dg.SensorDefinition) -> dict[str, Any]:
    return {
        "description": sensor.description,
        "type": sensor.sensor_type.value,
        "jobs": _names(sensor.targets),
        "interval_seconds": sensor.minimum_interval_seconds,
        "default_status": sensor.default_status.value,
        "tags": dict(sensor.tags),
    }


def _schedule(schedule: dg.ScheduleDefinition) -> dict[str, Any]:
    return {
        "description": schedule.description,
        "job": schedule.job_name,
        "cron": schedule.cron_schedule,
        "timezone": schedule.execution_timezone,
        "default_status": schedule.default_status.value,
    }


def _names(targets: Iterable[Any]) -> list[str]:
    return sorted(target.job_name for target in targets)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    SNAPSHOT.write_text(snapshot(), encoding="utf-8")
