"""Executes runs in Dagster, in this process, on the instance that the UI shows. What to run is decided in runner.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property

import dagster as dg

from health_etl.definitions import build_definitions
from health_etl.orchestration.assets.clinical_ops import NO_PICTURES
from health_etl.orchestration.dead_runs import STARTED_HERE, end_dead_runs
from health_etl.orchestration.home import open_instance
from health_etl.orchestration.jobs import BRING_UP_TO_DATE, SORT_OUT_UNCLAIMED, WRITE_JOURNAL
from health_etl.orchestration.selection import OFFSETS, selection
from health_etl.planning.run_requests import partition_tags
from health_etl.planning.staleness import DailyWork
from health_etl.settings import Settings

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# Runs started elsewhere, for example by the daemon, hold the pools of their steps.
IN_PROGRESS = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])


class Executor:
    """Executes one run after the other; each method returns the reasons of what failed.

    On construction it opens the instance and ends earlier runs that were killed: call it with the host's lock held.
    """

    def __init__(self, settings: Settings, on_wait: Callable[[str], None], *, pictures: bool) -> None:
        self._settings = settings
        self._on_wait = on_wait
        self._tags = STARTED_HERE if pictures else {**STARTED_HERE, **NO_PICTURES}
        self._instance = open_instance()
        self._has_company = False
        end_dead_runs(self._instance)

    def sort_out_unclaimed(self) -> list[str]:
        """Sort out uploads that no partition claims."""
        return self._execute(SORT_OUT_UNCLAIMED, None, {})

    def daily(self, work: DailyWork, dates: Collection[str]) -> list[str]:
        """Do the work of consecutive upload dates."""
        return self._execute(BRING_UP_TO_DATE, selection(work, dates), partition_tags(min(dates), max(dates)))

    def write_journal(self, months: Collection[str]) -> list[str]:
        """Write consecutive months of the journal, by partition key."""
        return self._execute(WRITE_JOURNAL, None, partition_tags(min(months), max(months)))

    def steps(self, work: DailyWork, dates: Collection[str]) -> int:
        """Count the steps of a run of `daily`: records and insights come with a step of checks."""
        of_group = {"records": 2, "insights": 4}
        keys = selection(work, dates)
        unchecked = sum(key == OFFSETS for key in keys)
        return sum(of_group.get(key.path[0], 1) for key in keys) - unchecked

    @cached_property
    def _definitions(self) -> dg.Definitions:
        return build_definitions(self._settings)

    def _execute(self, job: str, selected: list[dg.AssetKey] | None, tags: Mapping[str, str]) -> list[str]:
        if not self._has_company and self._instance.get_runs_count(IN_PROGRESS):
            self._has_company = True
            self._on_wait("this one waits wherever both write the same asset")
        result = self._definitions.resolve_job_def(job).execute_in_process(
            instance=self._instance,
            asset_selection=selected,
            tags={**tags, **self._tags},
            run_config=QUIET,
            raise_on_error=False,
        )
        steps = [event for event in result.all_events if event.is_step_failure]
        return [_reason(event) for event in steps or [e for e in result.all_events if e.is_run_failure]]


def _reason(event: dg.DagsterEvent) -> str:
    """Return one line about a failure: our own message where there is one, no text of an error that we do not know."""
    if event.is_step_failure:
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return data.user_failure_data.description
        cause = data.error.cause if data.error and data.error.cause else data.error
        kind = (cause.cls_name if cause else None) or "unknown"
        return f"{event.step_key} met an unexpected error ({kind}); the run's log in Dagster has its traceback."
    return event.message or "the run failed"
