"""Earlier runs, read from Dagster's instance: which partitions are being made, which failed, which were made when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import dagster as dg

from health_etl.dagster_internals.queries import unfulfilled_runs
from health_etl.planning.run_requests import Attempt, requested_state, requested_states

RUNS_AT_ONCE = 200
EVENTS_AT_ONCE = 200
CACHE_SECONDS = 30

Item = TypeVar("Item")


@dataclass(frozen=True)
class Left:
    """What earlier runs left for a lake sensor."""

    failed: Collection[str]  # partitions, as of `failed`
    swept: str | None  # the latest run that requested a sweep


class Runs:
    """Finds out what earlier runs left, again once a run has progressed, and at least every CACHE_SECONDS.

    The query grows with everything that was ever made, and before most ticks nothing has run since the last query.
    """

    def __init__(self, key: dg.AssetKey, sweeps: Mapping[str, str]) -> None:
        self._key = key
        self._sweeps = sweeps
        self._kept: Left | None = None
        self._change = ""
        self._queried_s = 0.0

    def left(self, instance: dg.DagsterInstance, now_s: float) -> Left:
        """Return what they left."""
        change = latest_change(instance)  # before the rest, so that nothing slips in between
        if self._kept is None or change != self._change or now_s >= self._queried_s + CACHE_SECONDS:
            self._kept = Left(failed(instance, self._key), latest(instance, self._sweeps))
            self._change, self._queried_s = change, now_s
        return self._kept


def failed(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[str]:
    """Return the partitions whose last run is over and made nothing, in order."""
    run_of = unfulfilled_runs(instance, key)
    records = _records(instance, set(run_of.values()))
    over = {run_id for run_id, record in records.items() if record.dagster_run.is_finished}
    return sorted(partition for partition, run_id in run_of.items() if run_id in over)


def latest(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> str | None:
    """Return the id of the latest run with these tags."""
    found = instance.get_run_records(dg.RunsFilter(tags=dict(tags)), limit=1)
    return found[0].dagster_run.run_id if found else None


def latest_change(instance: dg.DagsterInstance) -> str:
    """Return a text that changes once any run starts or ends."""
    found = instance.get_run_records(limit=1, order_by="update_timestamp", ascending=False)
    return " ".join(f"{one.dagster_run.run_id} {one.dagster_run.status.value} {one.update_timestamp}" for one in found)


def attempts(
    instance: dg.DagsterInstance,
    stale: Mapping[dg.AssetKey, Collection[str]],
    made: Mapping[dg.AssetKey, Mapping[str, int]],
    requested_by: dg.RunsFilter,
) -> dict[str, Attempt]:
    """Return, for partitions that are out of date, the latest run that was to make them.

    A run that did make its partition counts too: if that was requested for the state that is still missing, it had
    no effect. Where several assets of a partition are out of date, a run in progress counts before a failed one.
    `made` has the event ids of their latest materializations; `requested_by` finds the runs that sensors requested: a
    daemon that died while it stored one may have left no event of what that run was to make.
    """
    runs_of: dict[str, set[str]] = defaultdict(set)
    for key, partitions in stale.items():
        open_runs = unfulfilled_runs(instance, key)
        made_by = makers(instance, key, {p: i for p, i in made[key].items() if p not in open_runs})
        for partition in partitions:
            run_id = open_runs.get(partition) or made_by.get(partition)
            if run_id is not None:
                runs_of[partition].add(run_id)
    for partition, run_id in _requested(instance, requested_by).items():
        if any(partition in partitions for partitions in stale.values()):
            runs_of[partition].add(run_id)
    records = _records(instance, {run_id for run_ids in runs_of.values() for run_id in run_ids})
    found = {}
    for partition, run_ids in runs_of.items():
        known = [records[run_id] for run_id in sorted(run_ids) if run_id in records]
        if known:  # a run that was deleted does not count
            latest_of = max(known, key=lambda record: (not record.dagster_run.is_finished, record.storage_id))
            found[partition] = _attempt(latest_of, partition)
    return found


def _requested(instance: dg.DagsterInstance, requested_by: dg.RunsFilter) -> dict[str, str]:
    """Return, of the latest runs that sensors requested, the last of each partition."""
    records = instance.get_run_records(requested_by, limit=RUNS_AT_ONCE)
    return {
        partition: record.dagster_run.run_id
        for record in reversed(records)
        for partition in requested_states(record.dagster_run.tags)
    }


def makers(instance: dg.DagsterInstance, key: dg.AssetKey, made: Mapping[str, int]) -> dict[str, str]:
    """Return the runs that made partitions latest."""
    found = {}
    for ids in _chunks(sorted(made.values()), EVENTS_AT_ONCE):
        wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids)
        for record in instance.fetch_materializations(wanted, limit=len(ids)).records:
            if record.partition_key is not None:
                found[record.partition_key] = record.run_id
    return found


def _records(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> dict[str, dg.RunRecord]:
    return {
        record.dagster_run.run_id: record
        for ids in _chunks(sorted(run_ids), RUNS_AT_ONCE)
        for record in instance.get_run_records(dg.RunsFilter(run_ids=ids))
    }


def _attempt(record: dg.RunRecord, partition: str) -> Attempt:
    run = record.dagster_run
    wanted, number = requested_state(run.tags, partition)
    return Attempt(not run.is_finished, wanted, number, record.end_time or record.update_timestamp.timestamp())


def _chunks(items: list[Item], size: int) -> list[list[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
