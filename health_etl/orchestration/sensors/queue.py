"""The sensor for upload events from RabbitMQ, the second way in. Decide nothing here: decisions live in planning/.

A message is acknowledged only when nothing can be lost by it: when the partitions that it names are up to date, or a
run for exactly that state of them is stored, or they are no longer retried and people were alerted. Until then it goes
back to the queue at the end of the tick, and the next tick examines it again. So no message depends on an unstored
request: if a daemon, code server or broker dies at any moment, the message is still in the queue, and a second delivery
finds the work done or in progress. What a broker loses, the lake sensors find.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from health_etl.lake.manifest_cache import ManifestCache
from health_etl.orchestration.jobs import BRING_UP_TO_DATE
from health_etl.orchestration.resources import LakeResource
from health_etl.orchestration.sensors.pending_requests import PendingRequests
from health_etl.orchestration.sensors.uploads import Report, Uploads, run_request
from health_etl.planning.upload_messages import MessageFilter, ParsedMessage, Refusal, parse
from health_etl.record_types import record_types
from health_etl.records.quality import QualityRules
from health_etl.settings import Settings
from health_etl.wording import counted

if TYPE_CHECKING:
    from health_etl.rabbitmq.broker import Broker, Message

NAME = "upload_events"
INTERVAL_SECONDS = 1  # whenever the daemon evaluates sensors, every 5 s
MAX_MESSAGES = 2_000
TAKING_SECONDS = 5
CORRELATION_IDS = "health_etl/correlation_ids"
MAX_CORRELATION_IDS = 20  # of one run; an index of PostgreSQL cannot hold longer tags

Partition = tuple[str, str]  # record type and upload date
Clock = Callable[[], float]


def queue_sensor(
    settings: Settings, cache: ManifestCache, clock: Clock = time.time, pending: PendingRequests | None = None
) -> dg.SensorDefinition:
    """Return the sensor; without a broker in the settings it is off."""
    shared = pending or PendingRequests()
    is_set = settings.rabbitmq_url is not None

    @dg.sensor(
        name=NAME,
        job_name=BRING_UP_TO_DATE,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if is_set else dg.DefaultSensorStatus.STOPPED,
        description=(
            "Requests a run within seconds of an upload: takes S3 events and upload messages from the queue of "
            "HEALTH_ETL_RABBITMQ_URL. What cannot be used goes to the dead letters with the reason."
        ),
    )
    def upload_events(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        shared.begin(NAME)
        of_now = lake.settings
        if of_now.rabbitmq_url is None:
            return dg.SensorResult(skip_reason="HEALTH_ETL_RABBITMQ_URL is not set.")
        from health_etl.rabbitmq.broker import open_broker  # not at the top: every run imports this module

        with open_broker(of_now.rabbitmq_url) as broker:
            if not broker.has_messages():
                return dg.SensorResult(skip_reason="No messages are waiting.")
            messages = broker.take(MAX_MESSAGES, TAKING_SECONDS)
            return _Tick(context, lake, of_now, cache, shared, clock).result(broker, messages)

    return upload_events


class _Tick:
    def __init__(
        self,
        context: dg.SensorEvaluationContext,
        lake: LakeResource,
        settings: Settings,
        cache: ManifestCache,
        pending: PendingRequests,
        clock: Clock,
    ) -> None:
        self.context = context
        self.lake = lake.open()
        self.settings = settings
        self.cache = cache
        self.pending = pending
        self.clock = clock
        self.settled: set[Partition] = set()
        self.events: list[Report] = []

    def result(self, broker: Broker, messages: Sequence[Message]) -> dg.SensorResult:
        """Read the messages, look at what they name, acknowledge those that are done with."""
        last = datetime.fromtimestamp(self.clock(), UTC).date()
        message_filter = MessageFilter.of(self.settings.lake, self.settings.start_date, last)
        parsed = [(m, parse(m.body, message_filter, m.properties.correlation_id)) for m in messages]
        requests = self._requests([found for _, found in parsed])
        done = [(message, found.refusals) for message, found in parsed if found.partitions <= self.settled]
        for message, refusals in done:
            if not refusals:
                broker.acknowledge(message)
        unusable = [(message, refusals) for message, refusals in done if refusals]
        held = len(messages) - len(done)
        stuck = sum(not _put_aside(broker, message, refusals) for message, refusals in unusable)
        summary = (
            f"{counted(len(messages), 'message')}: {counted(len(requests), 'run')} requested, "
            f"{held} kept until their run is stored, {counted(len(unusable) - stuck, 'dead letter')}, "
            f"{sum(found.ignored for _, found in parsed)} about other objects of the lake."
        )
        if stuck:
            summary += (
                f" RabbitMQ does not take {counted(stuck, 'unusable message')} into the dead letters, so they stay in "
                "the queue; check the limits of the queue for dead letters, or remove them by hand."
            )
            self.context.log.warning(summary)
        if requests:  # a skip carries the summary as its reason
            self.context.log.info(summary)
        skip_reason = None if requests else summary
        return dg.SensorResult(run_requests=requests, skip_reason=skip_reason, asset_events=self.events)

    def _requests(self, found: Sequence[ParsedMessage]) -> list[dg.RunRequest]:
        """Request each record type and upload date once, and note which need no further request."""
        ids: dict[Partition, set[str]] = defaultdict(set)
        for parsed in found:
            for partition in parsed.partitions:
                ids[partition].update(filter(None, [parsed.correlation_id]))
        requests: list[dg.RunRequest] = []
        for name in sorted({name for name, _ in ids}):
            requests += self._of_type(name, {day: of for (of_type, day), of in ids.items() if of_type == name})
        return requests

    def _of_type(self, name: str, ids: Mapping[str, set[str]]) -> list[dg.RunRequest]:
        record_type = record_types()[name]
        uploads = Uploads(record_type, self.lake, self.context.instance, self.cache, QualityRules.of(self.settings))
        uploads.look(ids)
        plan = uploads.plan(self.pending, NAME, self.clock(), self.settings.run_retry_seconds)
        self.events += uploads.reports()
        settled = {*ids} - uploads.seen.stale.keys() | {*plan.covered, *plan.backing_off, *plan.exhausted}
        self.settled |= {(name, day) for day in settled}
        requests = []
        for run_plan in plan.run_plans:
            known = sorted({found for day in run_plan.partitions for found in ids[day]})[:MAX_CORRELATION_IDS]
            tags = {CORRELATION_IDS: ",".join(known)} if known else {}
            requests.append(run_request(record_type, run_plan, tags))
        return requests


def _put_aside(broker: Broker, message: Message, refusals: Sequence[Refusal]) -> bool:
    """Move a message to the dead letters; return False when the broker does not take it there."""
    from health_etl.rabbitmq.broker import MoveRefusedError

    try:
        broker.dead_letter(message, refusals)
    except MoveRefusedError:
        return False
    return True
