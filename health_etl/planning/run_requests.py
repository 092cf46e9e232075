"""What to ask for: (what is out of date, earlier runs) -> run requests. Pure; looks at neither lake nor instance."""

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
# Waits after a failure before an attempt of that number: a store that is away for minutes costs no attempt.
WAITS = MappingProxyType({2: 1, 3: 5})
# Partitions in one run, by attempt: what brings its process down is alone at last, and takes no neighbour with it.
MAX_PARTITIONS_PER_RUN = MappingProxyType({1: 31, 2: 7, 3: 1})

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
ATTEMPT = "health_etl/attempt"
REQUESTED = "health_etl/requested"  # the state wanted of each partition, so that a later tick knows what failed
SHORT_DIGEST = 12  # hex digits; tells states of one partition apart, and 31 of them fit an index of PostgreSQL


def state(parts: Iterable[str]) -> str:
    """Return a short digest of the state that a partition is wanted in."""
    return digest(parts)[:SHORT_DIGEST]


@dataclass(frozen=True)
class Attempt:
    """The latest run that had a partition to make, which is still out of date."""

    running: bool
    wanted: str | None = None  # the state that it was asked for; None when no sensor asked
    number: int = 0
    ended_s: float = 0.0  # epoch seconds


@dataclass(frozen=True)
class RunPlan:
    """One run to ask for."""

    run_key: str
    attempt: int
    wanted: Mapping[str, str]  # state by partition, consecutive, in order

    @property
    def partitions(self) -> list[str]:
        """The partitions of the run, in order."""
        return list(self.wanted)

    @property
    def tags(self) -> dict[str, str]:
        """Tags that let Dagster run the range, and a later tick recognise the attempt."""
        return {
            RANGE_START: self.partitions[0],
            RANGE_END: self.partitions[-1],
            ATTEMPT: str(self.attempt),
            REQUESTED: json.dumps(dict(self.wanted), separators=(",", ":")),
        }


@dataclass(frozen=True)
class Plan:
    """What to ask for now, and what of the rest."""

    run_plans: tuple[RunPlan, ...] = ()
    running: tuple[str, ...] = ()  # a run is on its way to them
    backing_off: tuple[str, ...] = ()  # failed a moment ago
    exhausted: tuple[str, ...] = ()  # failed as often as allowed
    postponed: tuple[str, ...] = ()  # the next tick asks for them
    covered: tuple[str, ...] = ()  # of those running, the ones that are brought to just the state that is wanted

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is out of date that a run could mend."""
        return not (self.run_plans or self.running or self.backing_off or self.postponed)

    def sentence(self) -> str:
        """Return the counts in words."""
        told = [
            f"{counted(sum(len(run_plan.wanted) for run_plan in self.run_plans), 'partition')} asked for in "
            f"{counted(len(self.run_plans), 'run')}"
        ]
        for partitions, what in (
            (self.running, "running or queued"),
            (self.backing_off, "failed and tried again soon"),
            (self.exhausted, f"given up after {MAX_ATTEMPTS} attempts"),
            (self.postponed, "left for the next tick"),
        ):
            if partitions:
                told.append(f"{len(partitions)} {what}")
        return ", ".join(told)


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
    """Return the runs to ask for.

    `stale` has the state wanted of each partition that is out of date; `attempts` the latest run that was to make
    it; `generations` a number that grows whenever a partition is made, so that a run key is never used twice for
    different work and always twice for the same; `retry_seconds` is how long the second attempt waits.
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
        elif before is not None and failures and now_s < before.ended_s + WAITS[failures + 1] * retry_seconds:
            backing_off.append(partition)
        else:
            due[failures + 1].append(partition)
    run_plans = [
        _run_plan(what, number, {partition: stale[partition] for partition in keys}, generations)
        for number, partitions in due.items()
        for keys in ranges(partitions, MAX_PARTITIONS_PER_RUN[number], following)
    ]
    run_plans.sort(
        key=lambda run_plan: run_plan.partitions[-1], reverse=True
    )  # people wait for today, not for what lies years back
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
    """Return the state that a run was asked to bring a partition to, and the number of the attempt."""
    return requested_states(tags).get(partition), int(tags.get(ATTEMPT, 0))


def requested_states(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the state that a run was asked to bring each partition to; nothing where no sensor asked."""
    found: dict[str, str] = json.loads(tags.get(REQUESTED, "{}"))
    return found


def _run_plan(what: str, attempt: int, wanted: Mapping[str, str], generations: Mapping[str, int]) -> RunPlan:
    parts = [f"{partition} {found} {generations.get(partition, 0)}" for partition, found in wanted.items()]
    first, last = min(wanted), max(wanted)
    return RunPlan(f"{what}:{first}..{last}:{state(parts)}:{attempt}", attempt, wanted)
