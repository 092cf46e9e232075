"""The sensor for what follows from changed records: insights of later dates that look back on them, then months of
the journal. Decide nothing here: planning/staleness.py says what is stale, planning/run_requests.py what to request.

A sensor rather than declarative automation, for three reasons seen in Dagster 1.13: `eager()` updates only the latest
date, never an old one; an evaluation takes 11 to 20 s to lead to a run; and it follows events, so whatever the event
log lost or never had (a lake made elsewhere) stays stale. Here manifests are compared.

It is debounced: while daily runs or backfills are in progress it waits, since each of them may change the same month
again, but never longer than MAX_WAIT_SECONDS, or MAX_BACKFILL_SECONDS. A hundred files lead to a handful of runs, and
a month is never in two of them.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta

import dagster as dg

from health_etl.clinical import all_processors
from health_etl.dagster_internals.queries import latest_materializations, unfinished_backfills
from health_etl.insights.partition import InsightOptions
from health_etl.lake.catalogue import Catalogue, Manifests
from health_etl.lake.manifest import DerivedManifest, RecordsManifest, digest
from health_etl.lake.manifest_cache import ManifestCache
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.assets.training import JOURNAL
from health_etl.orchestration.dead_runs import UNFINISHED
from health_etl.orchestration.jobs import BRING_UP_TO_DATE, WRITE_JOURNAL, jobs
from health_etl.orchestration.resources import LakeResource
from health_etl.orchestration.selection import selection
from health_etl.orchestration.sensors import earlier_runs
from health_etl.orchestration.sensors.alerts import alert_exhausted
from health_etl.orchestration.standing_checks import evaluation
from health_etl.planning import run_requests, staleness
from health_etl.planning.run_requests import Plan
from health_etl.planning.spans import month_key, next_day, next_month
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl.training import journal
from health_etl.wording import counted

NAME = "follow_up"
MONTHS = "journal"
DAILY_RUN, BACKFILL = "daily run", "backfill"
FOLLOWS = "health_etl/follows"
INTERVAL_SECONDS = 1  # whenever the daemon evaluates sensors, every 5 s
MAX_WAIT_SECONDS = 60
MAX_BACKFILL_SECONDS = 600
MAX_RUNS_PER_TICK = 10
MAX_EXHAUSTED = 100  # names in the cursor
LOOK_AGAIN_SECONDS = 30  # when idle, to find what changed without a Dagster run; a listing is expensive
REACH_DAYS = 40  # what an insights partition looks back on: window, baselines and days that reach over their edges

Clock = Callable[[], float]


@dataclass(frozen=True)
class Cursor:
    """What a tick leaves to the next."""

    waiting_since_s: float | None = None
    exhausted: tuple[str, ...] = ()  # that people were alerted about

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """Read a cursor back; one written by another version counts as empty."""
        raw = json.loads(text) if text else {}
        if not raw.keys() <= cls.__dataclass_fields__.keys():
            return cls()
        return cls(**{**raw, "exhausted": tuple(raw.get("exhausted", ()))})

    def to_json(self) -> str:
        """Return the text that Dagster keeps."""
        return json.dumps(asdict(self))


@dataclass
class _AtRest:
    """What the lake looked like when nothing was left to do. Lost with the process, and then worked out again."""

    digest: str = ""
    until_s: float = 0.0
    latest_run: str | None = None  # the latest change of a run before the last look, if that found the same
    looked_s: float = 0.0

    def is_sure(self, latest_run: str, now_s: float) -> bool:
        """Say without looking whether it is still so: no run has progressed since, and the last look is recent."""
        recent = now_s < min(self.looked_s + LOOK_AGAIN_SECONDS, self.until_s)
        return recent and self.latest_run == latest_run

    def is_as_before(self, digest: str, latest_run: str, now_s: float) -> bool:
        """Say whether a look found the same, and remember when."""
        same = self.digest == digest and now_s < self.until_s
        self.latest_run, self.looked_s = latest_run if same else None, now_s
        return same


@dataclass
class _Follow:
    """One kind of dependent partition: the wanted state of each, and the assets that are out of date."""

    what: str
    stale: dict[str, str] = field(default_factory=dict)
    assets: dict[dg.AssetKey, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the runs that are requested."""
        return {FOLLOWS: self.what}

    def plan(
        self, instance: dg.DagsterInstance, now_s: float, retry_seconds: float, following: Callable[[str], str]
    ) -> Plan:
        """Return what to request."""
        made = {key: latest_materializations(instance, key, dates) for key, dates in self.assets.items()}
        attempts = earlier_runs.attempts(instance, self.assets, made, dg.RunsFilter(tags=self.tags))
        newest = {p: max(of_key.get(p, 0) for of_key in made.values()) for p in self.stale}
        return run_requests.plan(
            self.what,
            self.stale,
            attempts,
            newest,
            now_s=now_s,
            max_runs=MAX_RUNS_PER_TICK,
            retry_seconds=retry_seconds,
            following=following,
        )


def follow_up_sensor(cache: ManifestCache, clock: Clock = time.time) -> dg.SensorDefinition:
    """Return the sensor."""
    at_rest = _AtRest()

    @dg.sensor(
        name=NAME,
        jobs=[job for job in jobs() if job.name in (BRING_UP_TO_DATE, WRITE_JOURNAL)],
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Requests what follows from changed records: insights of later dates that look back on them, then months "
            f"of the journal. Waits while daily runs are in progress, for {MAX_WAIT_SECONDS} s at most, and while a "
            f"backfill is, for {MAX_BACKFILL_SECONDS // 60} minutes at most."
        ),
    )
    def follow_up(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        instance, cursor, now_s = context.instance, Cursor.read(context.cursor), clock()
        latest_run = earlier_runs.latest_change(instance)  # before the look, so that none slips in between
        if at_rest.is_sure(latest_run, now_s):
            return _nothing_changed(cursor)
        settings = lake.settings
        tick = _Tick(settings, connect(settings), instance, cache, now_s)
        return tick.result(cursor, at_rest, latest_run, context.log)

    return follow_up


def _in_progress(instance: dg.DagsterInstance) -> dict[str, int]:
    """Return what may change the same months again, with the number of each; nothing when all is idle."""
    daily = dg.RunsFilter(job_name=BRING_UP_TO_DATE, statuses=UNFINISHED)
    found = {DAILY_RUN: len(instance.get_run_records(daily)), BACKFILL: unfinished_backfills(instance)}
    return {what: count for what, count in found.items() if count}


def _nothing_changed(cursor: Cursor) -> dg.SensorResult:
    return dg.SensorResult(skip_reason="Nothing changed since everything was up to date.", cursor=cursor.to_json())


class _Tick:
    def __init__(
        self, settings: Settings, lake: Lake, instance: dg.DagsterInstance, cache: ManifestCache, now_s: float
    ) -> None:
        self.settings = settings
        self.lake = lake
        self.instance = instance
        self.now_s = now_s
        self.catalogue = Catalogue(lake, cache)
        self.options = InsightOptions.of(settings, lake)

    def result(self, cursor: Cursor, at_rest: _AtRest, latest_run: str, log: logging.Logger) -> dg.SensorResult:
        seen = digest([self.catalogue.listing_digest, self.options.fingerprint])
        if at_rest.is_as_before(seen, latest_run, self.now_s):
            return _nothing_changed(cursor)
        self.catalogue.read_all()
        work = staleness.daily_work((), self.catalogue, self.options, self.settings.start_date)
        daily, months = self._daily(work), self._months()
        waiting_since_s = cursor.waiting_since_s or self.now_s
        busy = _in_progress(self.instance) if daily.stale or months.stale else {}
        longest_s = MAX_BACKFILL_SECONDS if BACKFILL in busy else MAX_WAIT_SECONDS
        if busy and self.now_s < waiting_since_s + longest_s:
            what = " and ".join(counted(count, name) for name, count in busy.items())
            found = f"{len(daily.stale)} upload dates and {len(months.stale)} months wait for {what}."
            return dg.SensorResult(skip_reason=found, cursor=Cursor(waiting_since_s, cursor.exhausted).to_json())
        retry_seconds = self.settings.run_retry_seconds
        plan = daily.plan(self.instance, self.now_s, retry_seconds, next_day)
        is_next = busy or not plan.run_plans
        monthly = months.plan(self.instance, self.now_s, retry_seconds, next_month) if is_next else Plan()
        exhausted = self._exhausted(daily, plan, monthly)
        named = [f"{asset} {p}" for asset, partitions in exhausted.items() for p in partitions][:MAX_EXHAUSTED]
        events: list[dg.AssetCheckEvaluation] = []
        if set(named) != set(cursor.exhausted):
            events = self._judged(exhausted)
            named = named if self._alert(log, exhausted) else list(cursor.exhausted)
        if plan.is_idle and monthly.is_idle:
            at_rest.digest, at_rest.until_s = seen, self.now_s + 60 * self.settings.full_sweep_minutes
        requests = [self._daily_request(work, run_plan) for run_plan in plan.run_plans]
        requests += [self._monthly_request(run_plan) for run_plan in monthly.run_plans]
        summary = f"Upload dates: {plan.sentence()}. Months: {monthly.sentence()}."
        left = None if plan.is_idle and monthly.is_idle else self.now_s if requests else waiting_since_s
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else summary,
            asset_events=events,
            cursor=Cursor(left, tuple(named)).to_json(),
        )

    def _daily(self, work: staleness.DailyWork) -> _Follow:
        found = _Follow(NAME)
        for key in work.dates:
            assets = selection(work, [key])
            for asset in assets:
                found.assets[asset].add(key)
            names = [asset.to_user_string() for asset in assets]
            found.stale[key] = run_requests.state([*names, *self._looked_back_on(key)])
        return found

    def _looked_back_on(self, key: str) -> list[str]:
        first = (date.fromisoformat(key) - timedelta(days=REACH_DAYS)).isoformat()
        return [
            f"{name} {partition} {manifests[partition].digest}"
            for name in all_processors()
            for manifests in self._manifests(name)
            for partition in manifests
            if first <= partition <= key
        ]

    def _manifests(self, name: str) -> list[Manifests[RecordsManifest] | Manifests[DerivedManifest]]:
        records = [self.catalogue.records(name)] if name in record_types() else []
        return [*records, self.catalogue.insights(name)]

    def _months(self) -> _Follow:
        found = _Follow(MONTHS)
        for month in staleness.stale_months(self.lake, self.catalogue):
            key = month_key(month)
            found.stale[key] = run_requests.state(
                wanted.inputs_digest for wanted in journal.plan(self.catalogue, month)
            )
            found.assets[JOURNAL].add(key)
        return found

    def _daily_request(self, work: staleness.DailyWork, run_plan: run_requests.RunPlan) -> dg.RunRequest:
        selected = selection(work, run_plan.partitions)
        tags = {FOLLOWS: NAME, **run_plan.tags}
        return dg.RunRequest(run_plan.run_key, job_name=BRING_UP_TO_DATE, asset_selection=selected, tags=tags)

    def _monthly_request(self, run_plan: run_requests.RunPlan) -> dg.RunRequest:
        return dg.RunRequest(run_plan.run_key, job_name=WRITE_JOURNAL, tags={FOLLOWS: MONTHS, **run_plan.tags})

    def _exhausted(self, daily: _Follow, plan: Plan, monthly: Plan) -> dict[str, list[str]]:
        """Return what is no longer retried, by asset."""
        gone = set(plan.exhausted)
        found = {key.to_user_string(): sorted(dates & gone) for key, dates in daily.assets.items() if dates & gone}
        return found | ({JOURNAL.to_user_string(): sorted(monthly.exhausted)} if monthly.exhausted else {})

    def _alert(self, log: logging.Logger, exhausted: Mapping[str, Sequence[str]]) -> bool:
        return all(alert_exhausted(self.settings, log, asset, partitions) for asset, partitions in exhausted.items())

    def _judged(self, exhausted: Mapping[str, Sequence[str]]) -> list[dg.AssetCheckEvaluation]:
        named = {dg.AssetKey.from_user_string(asset): partitions for asset, partitions in exhausted.items()}
        return [evaluation(self.instance, name, named) for name in record_types()]
