"""Lake sensors: one per record type, over the bucket. Decide nothing here: decisions live in planning/.

Each tick looks at the latest upload dates, at those that a run failed at, and, when a full sweep is due, at as many
older ones as fit the tick; the next tick continues there. What is out of date is read from listing and manifests
each time, so the cursor holds only where the sweep is, and a lost tick loses nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from health_etl.lake.manifest_cache import ManifestCache
from health_etl.lake.store import connect
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.jobs import BRING_UP_TO_DATE, SWEPT
from health_etl.orchestration.resources import LakeResource
from health_etl.orchestration.sensors import earlier_runs
from health_etl.orchestration.sensors.alerts import alert_exhausted
from health_etl.orchestration.sensors.pending_requests import PendingRequests
from health_etl.orchestration.sensors.uploads import Report, Uploads, run_request
from health_etl.orchestration.standing_checks import evaluation
from health_etl.planning.run_requests import Plan
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl.records.quality import QualityRules
from health_etl.settings import Settings
from health_etl.wording import counted

LOOKING_SECONDS = 12  # of a tick; planning and reporting take the rest of its 20
SWEEP_AT_ONCE = 7  # upload dates between two looks at the clock
MAX_FAILED = 62  # upload dates that failed, of one tick
MAX_EXHAUSTED = 100  # upload dates that the cursor names
MAX_HIDDEN = 10  # upload dates that a sentence names

Clock = Callable[[], float]


@dataclass(frozen=True)
class Cursor:
    """What a tick leaves to the next."""

    sweep_from: str | None = None  # upload date at which the full sweep continues, None between two sweeps
    sweep_began_s: float = 0.0
    swept_for: str | None = None  # the latest run of the job full_sweep that was seen
    exhausted: tuple[str, ...] = ()  # upload dates that people were alerted about

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """Read a cursor back; one that was cleared, or written by another version, starts a sweep."""
        raw = json.loads(text) if text else {}
        if not raw.keys() <= cls.__dataclass_fields__.keys():
            return cls()
        return cls(**{**raw, "exhausted": tuple(raw.get("exhausted", ()))})

    def to_json(self) -> str:
        """Return the text that Dagster keeps."""
        return json.dumps(asdict(self))


def bucket_sensors(
    settings: Settings, cache: ManifestCache, clock: Clock = time.time, pending: PendingRequests | None = None
) -> list[dg.SensorDefinition]:
    """Return the sensor of every record type; they share the manifests already read and the requests made."""
    shared = pending or PendingRequests()
    return [_lake_sensor(record_type, settings, cache, shared, clock) for record_type in record_types().values()]


def sensor_name(record_type: str) -> str:
    """Return the name of a type's sensor."""
    return f"uploads_{record_type}"


def _lake_sensor(
    record_type: RecordType, settings: Settings, cache: ManifestCache, pending: PendingRequests, clock: Clock
) -> dg.SensorDefinition:
    runs = earlier_runs.Runs(records_key(record_type.name), SWEPT)

    @dg.sensor(
        name=sensor_name(record_type.name),
        job_name=BRING_UP_TO_DATE,
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Requests a run whenever uploads of {record_type.title} are added, changed or removed: today's and those "
            f"of the {settings.sensor_look_back_days} days before at every tick, older ones in a sweep every "
            f"{settings.full_sweep_minutes} minutes. A failed run is retried; a partition gets three attempts in all."
        ),
    )
    def uploads(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        pending.begin(sensor_name(record_type.name))
        of_now = lake.settings
        found = Uploads(record_type, connect(of_now), context.instance, cache, QualityRules.of(of_now))
        return _Tick(found, runs, pending, of_now, Cursor.read(context.cursor), clock).result(context)

    return uploads


class _Tick:
    """One tick of one sensor."""

    def __init__(
        self,
        uploads: Uploads,
        runs: earlier_runs.Runs,
        pending: PendingRequests,
        settings: Settings,
        cursor: Cursor,
        clock: Clock,
    ) -> None:
        self.uploads = uploads
        self.pending = pending
        self.runs = runs
        self.settings = settings
        self.cursor = cursor
        self.clock = clock
        self.started_s = clock()
        self.first = settings.start_date
        # Not taken from the partitions definition: Dagster caches every answer forever, keyed by the current time.
        self.last = datetime.fromtimestamp(self.started_s, UTC).date()

    def result(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Look, plan, and return what Dagster is to do."""
        left = self.runs.left(context.instance, self.started_s)
        failed = set(filter(self._is_partition, left.failed))
        alerted = set(self.cursor.exhausted)
        # The sweep finds out whether uploads of exhausted dates changed; here, whether they were repaired by hand.
        self.uploads.look([*self._latest(), *sorted(failed - alerted)[:MAX_FAILED], *(alerted - failed)])
        sweep_from, began_s = self._sweep(is_ordered=left.swept != self.cursor.swept_for)
        name = self.uploads.record_type.name
        plan = self.uploads.plan(self.pending, sensor_name(name), self.clock(), self.settings.run_retry_seconds)
        sweep_from = self._back_to_what_is_left(sweep_from, plan)
        exhausted = sorted({*plan.exhausted, *((alerted & failed) - self.uploads.seen.looked_at)})[:MAX_EXHAUSTED]
        events: list[Report] = self.uploads.reports()
        if set(exhausted) != alerted:
            key = records_key(name)
            events.append(evaluation(context.instance, name, {key: exhausted}))
            if exhausted and not alert_exhausted(self.settings, context.log, key.to_user_string(), exhausted):
                exhausted = sorted(alerted)
        summary = self._sentence(plan, sweep_from)
        if plan.run_plans:  # a skip carries the summary as its reason
            context.log.info(summary)
        return dg.SensorResult(
            run_requests=[run_request(self.uploads.record_type, run_plan) for run_plan in plan.run_plans],
            skip_reason=None if plan.run_plans else summary,
            asset_events=events,
            cursor=Cursor(sweep_from, began_s, left.swept, tuple(exhausted)).to_json(),
        )

    def _latest(self) -> Iterator[str]:
        for days in range(self.settings.sensor_look_back_days + 1):
            day = self.last - timedelta(days=days)
            if day >= self.first:
                yield day.isoformat()

    def _is_partition(self, key: str) -> bool:
        return self.first.isoformat() <= key <= self.last.isoformat()

    def _sweep(self, is_ordered: bool) -> tuple[str | None, float]:
        """Look at older dates while there is time and room; return where to continue, and when the sweep began."""
        began_s, sweep_from = self.cursor.sweep_began_s, self.cursor.sweep_from
        if sweep_from is None or is_ordered:
            if not is_ordered and self.started_s < began_s + 60 * self.settings.full_sweep_minutes:
                return None, began_s
            began_s, sweep_from = self.started_s, self.first.isoformat()
        for dates in self._older(sweep_from):
            if self.clock() > self.started_s + LOOKING_SECONDS or self.uploads.seen.is_full:
                return dates[0], began_s
            self.uploads.look(dates)
        return None, began_s

    def _back_to_what_is_left(self, sweep_from: str | None, plan: Plan) -> str | None:
        """Return where the sweep is to continue, so that it covers again what this tick had no room for."""
        latest = set(self._latest())  # the next tick looks at these anyway
        left = [key for key in (*plan.postponed, *self.uploads.left_unreported()) if key not in latest]
        return min(left, default=sweep_from) if sweep_from is None else min([*left, sweep_from])

    def _older(self, sweep_from: str) -> Iterator[Sequence[str]]:
        """Yield upload dates from there on that hold uploads or records, a few at a time."""
        manifests = set(self.uploads.manifests)
        months = {*self.uploads.listing.months(), *(key[:7] for key in manifests)}
        for month in sorted(month for month in months if month >= sweep_from[:7]):
            dates = {*self.uploads.listing.dates(month), *(key for key in manifests if key.startswith(month))}
            due = sorted(key for key in dates if key >= sweep_from and self._is_partition(key))
            yield from (due[start : start + SWEEP_AT_ONCE] for start in range(0, len(due), SWEEP_AT_ONCE))

    def _sentence(self, plan: Plan, sweep_from: str | None) -> str:
        seen = self.uploads.seen
        looked = f"Looked at {counted(len(seen.looked_at), 'upload date')} with {counted(seen.uploads, 'upload')}"
        sweep = f" The full sweep continues at {sweep_from}." if sweep_from else ""
        if seen.hidden:
            sweep += f" This account may not look into {', '.join(sorted(seen.hidden)[:MAX_HIDDEN])}."
        if not seen.stale:
            return f"{looked}: everything is accounted for.{sweep}"
        return f"{looked}: {plan.sentence()}.{sweep}"
