"""Brings the lake up to date through Dagster, in this process, on the instance that the UI shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from health_etl.definitions import build_definitions
from health_etl.insights.partition import InsightOptions
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.assets.unclaimed import last_upload_date
from health_etl.orchestration.home import dagster_home, open_instance
from health_etl.orchestration.jobs import BRING_UP_TO_DATE, SORT_OUT_UNCLAIMED, WRITE_JOURNAL
from health_etl.orchestration.partitions import upload_dates
from health_etl.orchestration.run_lock import STARTED_HERE, alone_on_this_host, end_dead_runs
from health_etl.orchestration.selection import OFFSETS, selection
from health_etl.planning import staleness
from health_etl.planning.spans import month_key, month_of, next_month, ranges
from health_etl.planning.staleness import DailyWork, Scope
from health_etl.records import unclaimed
from health_etl.records.quality import QualityRules
from health_etl.settings import Settings
from health_etl.uploads.listing import Listing, list_all

MAX_DAYS_PER_RUN = 31
MAX_MONTHS_PER_RUN = 1200
MAX_ROUNDS = 10  # each makes stale what looks back on it; two or three are usual
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# Runs started elsewhere, for example by the daemon, hold the pools of their steps.
IN_PROGRESS = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])

Announce = Callable[[str, int, int], None]  # what comes next, files to read, steps
OnWait = Callable[[str], None]  # how long this run waits for another


@dataclass
class Outcome:
    """What a run did."""

    listing: Listing
    runs: int = 0
    files_to_read: int = 0
    failures: list[str] = field(default_factory=list)


def bring_up_to_date(settings: Settings, scope: Scope, announce: Announce, on_wait: OnWait) -> Outcome:
    """Materialise whatever is out of date, from records to journal; unchanged partitions are left alone.

    `on_wait` is called before this run may have to wait for another. Raises PermanentError or TransientError when the
    lake or Dagster's instance cannot be used; failures of runs are in the outcome.
    """
    with alone_on_this_host(dagster_home(), lambda: on_wait("waiting for its end")):
        lake = connect(settings)
        instance = open_instance()
        # Even when there is nothing to do: a run may be killed between its last object and its end.
        end_dead_runs(instance)
        listing = list_all(lake, settings.start_date, last_upload_date(upload_dates(settings.start_date)))
        run = _Runner(settings, lake, instance, scope, announce, on_wait, Outcome(listing))
        run.unclaimed()
        run.daily()
        run.journal()
        return run.outcome


class _Runner:
    """One call of bring_up_to_date: looks, then runs what is stale, stage by stage."""

    def __init__(
        self,
        settings: Settings,
        lake: Lake,
        instance: dg.DagsterInstance,
        scope: Scope,
        announce: Announce,
        on_wait: OnWait,
        outcome: Outcome,
    ) -> None:
        self.settings = settings
        self.lake = lake
        self.instance = instance
        self.scope = scope
        self.announce = announce
        self.on_wait = on_wait
        self.outcome = outcome
        self._has_company = False
        self._defs: dg.Definitions | None = None

    def unclaimed(self) -> None:
        """Sort out uploads that no partition claims."""
        if unclaimed.read_report(self.lake) != unclaimed.build_report(self.outcome.listing.unclaimed):
            self.announce("uploads that no partition claims", 0, 1)
            self._execute(SORT_OUT_UNCLAIMED, None, {})

    def daily(self) -> None:
        """Run what is stale, then what that makes stale: later dates that look back on what has changed."""
        rules = QualityRules.of(self.settings)
        stale = staleness.stale_records(self.outcome.listing, self._catalogue(), self.scope, rules)
        work = self._work(stale)
        self.outcome.files_to_read = sum(len(uploads) for uploads in stale.values())
        files = self.outcome.files_to_read
        for _ in range(MAX_ROUNDS):
            if not work.dates or self.outcome.failures:
                break
            self._run_daily(work, files)
            files, done = 0, work
            work = self._work(())
            if work == done:
                break

    def journal(self) -> None:
        """Write the months whose insights have changed."""
        months = staleness.stale_months(self.lake, self._catalogue())
        for keys in ranges(map(month_key, months), MAX_MONTHS_PER_RUN, next_month):
            self.announce(f"journal {_span(map(month_of, keys))}", 0, 2)
            self._execute(WRITE_JOURNAL, None, _range_tags(keys))

    def _work(self, stale: Iterable[tuple[str, Any]]) -> DailyWork:
        options = InsightOptions.of(self.settings, self.lake)
        return staleness.daily_work(list(stale), self._catalogue(), options, self.settings.start_date)

    def _run_daily(self, work: DailyWork, files: int) -> None:
        for dates in ranges(work.dates, MAX_DAYS_PER_RUN):
            self.announce(f"upload dates {_span(dates)}", files, _steps(work, dates))
            self._execute(BRING_UP_TO_DATE, selection(work, dates), _range_tags(dates))

    def _execute(self, job: str, selected: list[dg.AssetKey] | None, tags: Mapping[str, str]) -> None:
        result = self._execute_quietly(job, selected, tags)
        self.outcome.runs += 1
        steps = [event for event in result.all_events if event.is_step_failure]
        reasons = map(_reason, steps or [event for event in result.all_events if event.is_run_failure])
        # The same fault may hit several stages; it is reported once.
        self.outcome.failures += [reason for reason in dict.fromkeys(reasons) if reason not in self.outcome.failures]

    def _execute_quietly(
        self, job: str, selected: list[dg.AssetKey] | None, tags: Mapping[str, str]
    ) -> dg.ExecuteInProcessResult:
        if self._defs is None:
            self._defs = build_definitions(self.settings)
        if not self._has_company and self.instance.get_runs_count(IN_PROGRESS):
            self._has_company = True
            self.on_wait("this one waits wherever both write the same asset")
        return self._defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            asset_selection=selected,
            tags={**tags, **STARTED_HERE},
            run_config=QUIET,
            raise_on_error=False,
        )

    def _catalogue(self) -> Catalogue:
        catalogue = Catalogue(self.lake)
        catalogue.read_all()
        return catalogue


def _steps(work: DailyWork, dates: Collection[str]) -> int:
    """Count the steps of a run: records and insights come with a step of checks."""
    of_group = {"records": 2, "insights": 4}
    keys = selection(work, dates)
    unchecked = sum(key == OFFSETS for key in keys)
    return sum(of_group.get(key.path[0], 1) for key in keys) - unchecked


def _range_tags(keys: Iterable[str]) -> dict[str, str]:
    ordered = sorted(keys)
    return {
        "dagster/asset_partition_range_start": ordered[0],
        "dagster/asset_partition_range_end": ordered[-1],
    }


def _span(keys: Iterable[str]) -> str:
    ordered = sorted(keys)
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


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
