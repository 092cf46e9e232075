"""Planning run requests from what is out of date and from earlier runs. Accesses neither the lake nor Dagster."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from health_etl.lake.manifest import digest
from health_etl.planning.spans import next_day, ranges
from health_etl.wording import counted

MAX_ATTEMPTS = 3
# Multiples of the retry wait before each attempt, so that an outage of minutes does not use up the attempts.
BACKOFF_FACTORS = MappingProxyType({2: 1, 3: 5})
# By attempt: a partition that crashes its process is finally run alone and affects no other.
MAX_PARTITIONS_PER_RUN = MappingProxyType({1: 31, 2: 7, 3: 1})

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
ATTEMPT = "health_etl/attempt"
REQUESTED = "health_etl/requested"  # the requested state of each partition, so that a later tick knows what failed
SHORT_DIGEST = 12  # hex digits; enough for the states of one partition, and 31 of them fit into a PostgreSQL index


def state(parts: Iterable[str]) -> str:
    """Return a short digest of the state that a partition should be brought to."""
    return digest(parts)[:SHORT_DIGEST]


def partition_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags of a run over these partitions and all between.

    One partition is no range: Dagster then knows what a check's result is about, which in a range takes a second event.
    """
    return {PARTITION: first} if first == last else {RANGE_START: first, RANGE_END: last}


@dataclass(frozen=True)
class Attempt:
    """The latest run that was to materialise a partition that is still out of date."""

    running: bool
    wanted: str | None = None  # the requested state; None if no sensor requested the run
    number: int = 0
    ended_s: float = 0.0  # epoch seconds


@dataclass(frozen=True)
class RunPlan:
    """One run to request."""

    run_key: str
    attempt: int
    wanted: Mapping[str, str]  # state by partition; consecutive partitions, in order

    @property
    def partitions(self) -> list[str]:
        """The partitions of the run, in order."""
        return list(self.wanted)

    @property
    def tags(self) -> dict[str, str]:
        """Tags by which Dagster runs the partitions and a later tick recognises the attempt."""
        return {
            **partition_tags(self.partitions[0], self.partitions[-1]),
            ATTEMPT: str(self.attempt),
            REQUESTED: json.dumps(dict(self.wanted), separators=(",", ":")),
        }


@dataclass(frozen=True)
class Plan:
    """The runs to request now, and the status of all other partitions that are out of date."""

    run_plans: tuple[RunPlan, ...] = ()
    running: tuple[str, ...] = ()  # in a queued or running run
    backing_off: tuple[str, ...] = ()  # failed recently, waiting for the next attempt
    exhausted: tuple[str, ...] = ()  # out of attempts
    postponed: tuple[str, ...] = ()  # left for the next tick
    covered: tuple[str, ...] = ()  # the running ones that are being brought to exactly the requested state

    @property
    def is_idle(self) -> bool:
        """Whether nothing is out of date, except partitions that are out of attempts."""
        return not (self.run_plans or self.running or self.backing_off or self.postponed)

    def sentence(self) -> str:
        """Return the counts in words."""
        phrases = [
            f"{counted(sum(len(run_plan.wanted) for run_plan in self.run_plans), 'partition')} requested in "
            f"{counted(len(self.run_plans), 'run')}"
        ]
        for partitions, what in (
            (self.running, "running or queued"),
            (self.backing_off, "failed and will be retried"),
            (self.exhausted, f"given up after {MAX_ATTEMPTS} attempts"),
            (self.postponed, "left for the next tick"),
        ):
            if partitions:
                phrases.append(f"{len(partitions)} {what}")
        return ", ".join(phrases)


def plan(
    what: str,
    stale: Mapping[str, str],
    attempts: Mapping[str, Attempt],
    generations: Mapping[str, int],
    *,
    now_s: float,
    max_runs: int,
    retry_seconds: float,
    following: Callable[[str], str] = next_day,
) -> Plan:
    """Return the runs to request.

    `stale` holds the state that each outdated partition should have, `attempts` the latest run for it.
    `generations` holds a number that grows whenever a partition is materialised, so that the same work always gets
    the same run key and different work never does. `retry_seconds` is the wait before the second attempt.
    """
    running, backing_off, exhausted, covered = [], [], [], []
    due: dict[int, list[str]] = defaultdict(list)
    for partition in sorted(stale):
        before = attempts.get(partition)
        failures = before.number if before is not None and before.wanted == stale[partition] else 0
        if before is not None and before.running:
            running.append(partition)
            covered += [partition] if before.wanted == stale[partition] else []
        elif failures >= MAX_ATTEMPTS:
            exhausted.append(partition)
        elif before is not None and failures and now_s < before.ended_s + BACKOFF_FACTORS[failures + 1] * retry_seconds:
            backing_off.append(partition)
        else:
            due[failures + 1].append(partition)
    run_plans = [
        _run_plan(what, number, {partition: stale[partition] for partition in keys}, generations)
        for number, partitions in due.items()
        for keys in ranges(partitions, MAX_PARTITIONS_PER_RUN[number], following)
    ]
    # Newest first: people wait for today's partition, not for those of years ago.
    run_plans.sort(key=lambda run_plan: run_plan.partitions[-1], reverse=True)
    later = [partition for run_plan in run_plans[max_runs:] for partition in run_plan.wanted]
    return Plan(
        tuple(run_plans[:max_runs]),
        tuple(running),
        tuple(backing_off),
        tuple(exhausted),
        tuple(sorted(later)),
        tuple(covered),
    )


def requested_state(tags: Mapping[str, str], partition: str) -> tuple[str | None, int]:
    """Return the state that a run was requested to bring a partition to, and the number of the attempt."""
    return requested_states(tags).get(partition), int(tags.get(ATTEMPT, 0))


def requested_states(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the state that a run was requested to bring each partition to; empty if no sensor requested it."""
    found: dict[str, str] = json.loads(tags.get(REQUESTED, "{}"))
    return found


def _run_plan(what: str, attempt: int, wanted: Mapping[str, str], generations: Mapping[str, int]) -> RunPlan:
    parts = [f"{partition} {found} {generations.get(partition, 0)}" for partition, found in wanted.items()]
    first, last = min(wanted), max(wanted)
    return RunPlan(f"{what}:{first}..{last}:{state(parts)}:{attempt}", attempt, wanted)
