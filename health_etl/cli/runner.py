"""Brings the lake up to date: looks for what is stale, and has Dagster run it. Dagster is loaded only for that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from health_etl.insights.partition import InsightOptions
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.home import dagster_home
from health_etl.orchestration.run_lock import alone_on_this_host
from health_etl.planning import staleness
from health_etl.planning.spans import last_upload_date, month_key, month_of, next_month, ranges
from health_etl.planning.staleness import DailyWork, Scope
from health_etl.records import unclaimed
from health_etl.records.quality import QualityRules
from health_etl.settings import Settings
from health_etl.uploads.listing import Listing, list_all

if TYPE_CHECKING:
    from health_etl.cli.executor import Executor

MAX_DAYS_PER_RUN = 31
MAX_MONTHS_PER_RUN = 1200
MAX_ROUNDS = 10  # each makes stale what looks back on it; two or three are usual

Announce = Callable[[str, int, int], None]  # what comes next, files to read, steps
OnWait = Callable[[str], None]  # how long this run waits for another


@dataclass
class Outcome:
    """What a run did, and the catalogue of the lake as it left it."""

    listing: Listing
    catalogue: Catalogue
    runs: int = 0
    failures: list[str] = field(default_factory=list)


def bring_up_to_date(
    settings: Settings, scope: Scope, announce: Announce, on_wait: OnWait, *, pictures: bool = False
) -> Outcome:
    """Materialise whatever is out of date, from records to journal; unchanged partitions are left alone.

    `on_wait` is called before this run may have to wait for another. Raises PermanentError or TransientError when the
    lake or Dagster's instance cannot be used; failures of runs are in the outcome.
    """
    with alone_on_this_host(dagster_home(), lambda: on_wait("waiting for its end")) as lock, ExitStack() as until_end:

        @cache
        def dagster() -> Executor:
            from health_etl.cli.executor import Executor  # takes longer to load than a run that finds nothing to do

            until_end.enter_context(lock.open_runs())
            return Executor(settings, on_wait, pictures=pictures)

        if not lock.all_ended:
            dagster()
        lake = connect(settings)
        listing = list_all(lake, settings.start_date, last_upload_date(settings.start_date))
        run = _Runner(settings, lake, scope, announce, dagster, Outcome(listing, _read(lake)))
        run.unclaimed()
        run.daily()
        run.journal()
        return run.outcome


@dataclass
class _Runner:
    """One call of bring_up_to_date: looks, then runs what is stale, stage by stage."""

    settings: Settings
    lake: Lake
    scope: Scope
    announce: Announce
    dagster: Callable[[], Executor]
    outcome: Outcome

    def unclaimed(self) -> None:
        """Sort out uploads that no partition claims."""
        if unclaimed.read_report(self.lake) != unclaimed.build_report(self.outcome.listing.unclaimed):
            self.announce("uploads that no partition claims", 0, 1)
            self._note(self.dagster().sort_out_unclaimed())

    def daily(self) -> None:
        """Run what is stale, then what that makes stale: later dates that look back on what has changed."""
        rules = QualityRules.of(self.settings)
        stale = staleness.stale_records(self.outcome.listing, self.outcome.catalogue, self.scope, rules)
        work = self._work(stale)
        files = sum(len(uploads) for uploads in stale.values())
        for _ in range(MAX_ROUNDS):
            if not work.dates or self.outcome.failures:
                break
            self._run_daily(work, files)
            self.outcome.catalogue = _read(self.lake)
            files, done = 0, work
            work = self._work(())
            if work == done:
                break

    def journal(self) -> None:
        """Write the months whose insights have changed."""
        months = staleness.stale_months(self.lake, self.outcome.catalogue)
        for keys in ranges(map(month_key, months), MAX_MONTHS_PER_RUN, next_month):
            self.announce(f"journal {_span(map(month_of, keys))}", 0, 2)
            self._note(self.dagster().write_journal(keys))

    def _work(self, stale: Iterable[tuple[str, Any]]) -> DailyWork:
        options = InsightOptions.of(self.settings, self.lake)
        return staleness.daily_work(list(stale), self.outcome.catalogue, options, self.settings.start_date)

    def _run_daily(self, work: DailyWork, files: int) -> None:
        for dates in ranges(work.dates, MAX_DAYS_PER_RUN):
            self.announce(f"upload dates {_span(dates)}", files, self.dagster().steps(work, dates))
            self._note(self.dagster().daily(work, dates))

    def _note(self, failures: Iterable[str]) -> None:
        self.outcome.runs += 1
        # The same fault may hit several stages; it is reported once.
        self.outcome.failures += [one for one in dict.fromkeys(failures) if one not in self.outcome.failures]


def _read(lake: Lake) -> Catalogue:
    catalogue = Catalogue(lake)
    catalogue.read_all()
    return catalogue


def _span(keys: Iterable[str]) -> str:
    ordered = sorted(keys)
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
