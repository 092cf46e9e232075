"""Upload events through a real RabbitMQ: each partition is requested once, and no message is ever lost."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dagster as dg
import pika
import pytest

from health_etl.errors import PermanentError, TransientError
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.orchestration.sensors.queue import CORRELATION_IDS, NAME
from health_etl.planning.upload_messages import MessageFilter, Refusal, parse
from health_etl.rabbitmq import broker as broker_module
from health_etl.settings import Settings
from health_etl_tests.fuzz import hostile_messages
from health_etl_tests.fuzz.seeds import mutants
from health_etl_tests.orchestration.conftest import Project
from health_etl_tests.support.daemon import Daemon, spans
from health_etl_tests.support.exports import heart_rate, put, steps

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

    from health_etl_tests.conftest import CommandLine

pytestmark = pytest.mark.services

TODAY = datetime.now(UTC).date()
OLD = TODAY - timedelta(days=700)
HOSTILE_MESSAGES = 220  # twenty of every kind


@dataclass(frozen=True)
class Queues:
    """Exchange and queues of one test, and a channel to them."""

    exchange: str
    queue: str
    dead_letters: str
    channel: BlockingChannel

    def publish(self, body: bytes, routing_key: str = "health.processing.steps.normal", **properties: Any) -> None:
        # Until something declared the queue, a message to the exchange would go nowhere: so, to the queue.
        self.channel.queue_declare(self.queue, durable=True)
        self.channel.exchange_declare(self.exchange, exchange_type="topic", durable=True)
        self.channel.queue_bind(self.queue, self.exchange, routing_key)
        self.channel.basic_publish(self.exchange, routing_key, body, pika.BasicProperties(**properties))

    def waiting(self, queue: str | None = None) -> int:
        return int(self.channel.queue_declare(queue or self.queue, passive=True).method.message_count)

    def reasons(self) -> list[str]:
        found = []
        while (letter := self.channel.basic_get(self.dead_letters, auto_ack=True))[0] is not None:
            found.append(str(letter[1].headers[broker_module.REASON]))
        return sorted(found)


@pytest.fixture
def queues(rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    parameters = pika.URLParameters(rabbitmq_url)
    parameters.heartbeat = 0  # nobody answers the broker while a test runs what was requested
    connection = pika.BlockingConnection(parameters)
    own = uuid.uuid4().hex[:8]
    found = Queues(f"exchange_{own}", f"queue_{own}", f"dead_{own}", connection.channel())
    for name, value in (("EXCHANGE", found.exchange), ("QUEUE", found.queue), ("DEAD_LETTERS", found.dead_letters)):
        monkeypatch.setattr(broker_module, name, value)
    yield found
    for queue in (found.queue, found.dead_letters):
        found.channel.queue_delete(queue)
    found.channel.exchange_delete(found.exchange)
    connection.close()


@pytest.fixture
def daemon(queues: Queues, rabbitmq_url: str, tmp_path: Path) -> Iterator[Daemon]:
    del queues
    settings = Settings.model_validate({"lake": (tmp_path / "lake").as_uri(), "rabbitmq_url": rabbitmq_url})
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(Project(settings, instance))


def s3_event(*keys: str) -> bytes:
    return json.dumps({"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": key}}} for key in keys]}).encode()


def upload_message(key: str, correlation_id: str) -> bytes:
    whole = {"bucket": "b", "key": key, "correlation_id": correlation_id, "retry_count": 0}
    return json.dumps(whole).encode()


def upload(lake: Lake, record_id: str = "s1", day: Any = OLD) -> str:
    return put(lake, "steps", [steps(record_id)], upload_date=day)


def test_an_empty_queue_requests_nothing(daemon: Daemon) -> None:
    assert "No messages are waiting" in str(daemon.tick(NAME).skip_reason)


def test_messages_about_one_partition_lead_to_one_run_with_their_correlation_ids(
    daemon: Daemon, queues: Queues
) -> None:
    for number in range(3):
        queues.publish(upload_message(upload(daemon.project.lake, f"s{number}"), f"c-{number}"))
    queues.publish(s3_event(upload(daemon.project.lake, "s9")), "health.uploads.minio")
    result = daemon.tick(NAME)
    assert spans(result) == [(OLD.isoformat(), OLD.isoformat())]
    (request,) = result.run_requests or ()
    assert request.tags[CORRELATION_IDS] == "c-0,c-1,c-2"
    assert [event.partition for event in result.asset_events or () if isinstance(event, dg.AssetMaterialization)] == [
        OLD.isoformat()
    ]


def test_a_message_stays_in_the_queue_until_its_run_is_stored(daemon: Daemon, queues: Queues) -> None:
    queues.publish(upload_message(upload(daemon.project.lake), "c-1"))
    lost = daemon.evaluate(NAME)
    assert queues.waiting() == 1
    again = daemon.tick(NAME)
    assert [r.run_key for r in again.run_requests or ()] == [r.run_key for r in lost.run_requests or ()]
    assert queues.waiting() == 1
    (request,) = again.run_requests or ()
    selected = set(request.asset_selection or ())
    job = daemon.definitions.resolve_job_def(request.job_name or "").get_subset(asset_selection=selected)
    daemon.project.instance.create_run_for_job(job, tags=dict(request.tags), asset_selection=job.asset_selection)
    assert not daemon.tick(NAME).run_requests
    assert queues.waiting() == 0


def test_a_message_about_an_upload_newer_than_the_run_stays_until_that_is_processed_too(
    daemon: Daemon, queues: Queues
) -> None:
    upload(daemon.project.lake)
    queues.publish(upload_message(upload(daemon.project.lake), "c-1"))
    (request,) = daemon.tick(NAME).run_requests or ()
    selected = set(request.asset_selection or ())
    job = daemon.definitions.resolve_job_def(request.job_name or "").get_subset(asset_selection=selected)
    instance = daemon.project.instance
    run = instance.create_run_for_job(job, tags=dict(request.tags), asset_selection=job.asset_selection)
    queues.publish(upload_message(upload(daemon.project.lake, "late"), "c-2"))
    assert not daemon.tick(NAME).run_requests
    assert queues.waiting() == 2  # both name a partition whose present state the active run does not cover
    instance.delete_run(run.run_id)
    (done,) = daemon.tick_and_run(NAME)
    assert done.success
    assert not daemon.tick(NAME).run_requests
    assert queues.waiting() == 0


def test_a_second_delivery_of_a_processed_message_requests_nothing(daemon: Daemon, queues: Queues) -> None:
    key = upload(daemon.project.lake)
    queues.publish(s3_event(key))
    daemon.tick_and_run(NAME)
    queues.publish(s3_event(key))
    assert not daemon.tick(NAME).run_requests
    assert queues.waiting() == 0


def test_several_records_in_a_message_lead_to_a_run_for_each_type(daemon: Daemon, queues: Queues) -> None:
    lake = daemon.project.lake
    queues.publish(s3_event(upload(lake), put(lake, "heart_rate", [heart_rate()], upload_date=TODAY)))
    done = daemon.tick_and_run(NAME)
    assert [run.success for run in done] == [True, True]
    assert not daemon.tick(NAME).run_requests
    assert queues.waiting() == 0


def test_unusable_messages_are_put_aside_with_a_reason_and_the_rest_are_processed(
    daemon: Daemon, queues: Queues
) -> None:
    key = upload(daemon.project.lake)
    for body in (b"{", s3_event("raw/StepsRecord/2025/09/21/readme.txt"), s3_event(key.replace("Steps", "Weight"))):
        queues.publish(body)
    queues.publish(s3_event(key))
    (done,) = daemon.tick_and_run(NAME)
    assert done.success
    daemon.tick(NAME)
    assert queues.waiting() == 0
    assert queues.reasons() == sorted([Refusal.MALFORMED, Refusal.KEY_UNPARSEABLE, Refusal.UNKNOWN_TYPE])


@pytest.mark.usefixtures("queues")
def test_an_exhausted_partition_does_not_hold_its_messages_back(daemon: Daemon, queues: Queues) -> None:
    daemon.restart(run_retry_seconds=0)
    queues.publish(s3_event(upload(daemon.project.lake)))
    path = daemon.project.folder / "records" / "steps"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"in the way")
    for _ in range(3):
        (done,) = daemon.tick_and_run(NAME)
        assert not done.success
    daemon.tick(NAME)
    assert queues.waiting() == 0


def test_a_poison_message_costs_only_itself(daemon: Daemon, queues: Queues) -> None:
    days = [OLD - timedelta(days=number) for number in range(100)]
    keys = [upload(daemon.project.lake, f"s{number}", day) for number, day in enumerate(days)]
    poison = upload_message(keys[0], "c-p").replace(b'"retry_count": 0', b'"retry_count": 9' + b"9" * 5_000)
    for number, key in enumerate(keys):
        queues.publish(s3_event(key))
        if number == 50:
            queues.publish(poison)
    assert all(run.success for run in daemon.tick_and_run(NAME))
    assert sorted(Catalogue(daemon.project.lake).records("steps")) == sorted(day.isoformat() for day in days)
    assert not daemon.tick(NAME).run_requests
    assert queues.waiting() == 0
    assert queues.reasons() == [Refusal.MALFORMED]


def test_the_reported_poison_message_costs_only_itself(daemon: Daemon, queues: Queues, shared: Path) -> None:
    queues.publish((next(shared.glob("reports/*-poison-message")) / "message.json").read_bytes())
    queues.publish(s3_event(upload(daemon.project.lake)))
    (done,) = daemon.tick_and_run(NAME)
    assert done.success
    daemon.tick(NAME)
    assert queues.waiting() == 0
    assert queues.reasons() == [Refusal.MALFORMED]


def test_hostile_messages_are_each_read_or_put_aside_and_hold_no_good_one_back(daemon: Daemon, queues: Queues) -> None:
    tried = mutants("messages", hostile_messages.KINDS, HOSTILE_MESSAGES)
    settings = daemon.project.settings
    known = MessageFilter.of(settings.lake, settings.start_date, TODAY)
    refused = sum(bool(parse(mutant.content, known).refusals) for mutant in tried)
    for number, mutant in enumerate(tried):
        queues.publish(mutant.content)
        if number == HOSTILE_MESSAGES // 2:
            queues.publish(s3_event(upload(daemon.project.lake)))
    assert OLD.isoformat() in {first for first, _ in spans(daemon.evaluate(NAME))}
    assert all(run.success for run in daemon.tick_and_run(NAME))
    daemon.tick(NAME)
    assert list(Catalogue(daemon.project.lake).records("steps")) == [OLD.isoformat()]
    assert queues.waiting() == 0
    assert len(queues.reasons()) == refused > HOSTILE_MESSAGES // 2


def test_a_bad_record_of_a_notification_hides_none_of_the_others(daemon: Daemon, queues: Queues) -> None:
    whole = json.loads(s3_event(upload(daemon.project.lake), "raw/StepsRecord/2025/09/21/readme.txt"))
    whole["Records"].insert(0, {"s3": None})
    queues.publish(json.dumps(whole).encode())
    (done,) = daemon.tick_and_run(NAME)
    assert done.success
    daemon.tick(NAME)
    assert queues.waiting() == 0
    assert queues.reasons() == [f"{Refusal.KEY_UNPARSEABLE}, {Refusal.MALFORMED}"]


def test_the_test_event_of_s3_is_acknowledged(daemon: Daemon, queues: Queues) -> None:
    queues.publish(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}).encode())
    assert not daemon.tick(NAME).run_requests
    assert (queues.waiting(), queues.reasons()) == (0, [])


ODD_HEADERS: list[dict[str, Any]] = [
    {"odd": "x" * 100_000},
    {"many": [{str(number): number} for number in range(8_000)]},
    {"nothing": None, "list": [1, b"\xff", {"deep": True}], "when": datetime(1970, 1, 1, tzinfo=UTC)},
]


@pytest.mark.parametrize("headers", ODD_HEADERS, ids=["long", "many", "mixed"])
def test_a_message_with_odd_headers_goes_to_the_dead_letters_too(
    daemon: Daemon, queues: Queues, headers: dict[str, Any]
) -> None:
    queues.publish(b"{", headers=headers, correlation_id="no id, but text")
    queues.publish(s3_event(upload(daemon.project.lake)))
    assert len(daemon.tick(NAME).run_requests or ()) == 1
    assert queues.waiting() == 1  # until its run is stored
    assert queues.reasons() == [Refusal.MALFORMED]


# As AMQP encodes it: the name, T for a timestamp, and seconds that end long after the year 9999.
LATE = b"\x03oddT" + struct.pack(">Q", 2**63)


def test_headers_that_cannot_be_decoded_do_not_stop_the_queue(daemon: Daemon, queues: Queues) -> None:
    class Raw(pika.BasicProperties):  # type: ignore[misc]  # untyped in pika
        def encode(self) -> list[bytes]:
            return [struct.pack(">H", self.FLAG_HEADERS), struct.pack(">I", len(LATE)), LATE]

    queues.publish(s3_event(upload(daemon.project.lake, "s1")))
    queues.channel.basic_publish("", queues.queue, b"{", Raw())
    queues.publish(s3_event(upload(daemon.project.lake, "s2")))
    (done,) = daemon.tick_and_run(NAME)
    assert done.success
    daemon.tick(NAME)
    assert queues.waiting() == 0
    assert queues.reasons() == [Refusal.MALFORMED]


def test_dead_letters_that_the_broker_refuses_stay_in_the_queue_and_hold_nothing_else_back(
    daemon: Daemon, queues: Queues
) -> None:
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    queues.channel.queue_declare(queues.dead_letters, durable=True, arguments=full)
    for body in (b"{", s3_event(upload(daemon.project.lake)), b"["):
        queues.publish(body)
    daemon.tick_and_run(NAME)
    skipped = daemon.tick(NAME).skip_reason
    assert "does not take 2 unusable messages into the dead letters" in str(skipped)
    assert queues.waiting() == 2


def test_a_queue_declared_with_other_arguments_is_used_as_it_is(daemon: Daemon, queues: Queues) -> None:
    queues.channel.queue_declare(queues.queue, durable=True, arguments={"x-max-priority": 5})
    queues.channel.basic_publish("", queues.queue, s3_event(upload(daemon.project.lake)))
    assert len(daemon.tick(NAME).run_requests or ()) == 1


def test_a_broker_that_is_down_or_refuses_is_reported_in_one_sentence(daemon: Daemon, rabbitmq_url: str) -> None:
    daemon.restart(rabbitmq_url="amqp://guest:guest@127.0.0.1:9/%2F")
    with pytest.raises(TransientError, match=r"^RabbitMQ at 127\.0\.0\.1:9 does not answer .*\.$"):
        daemon.evaluate(NAME)
    refused = urlsplit(rabbitmq_url)._replace(netloc=f"nobody:wrong@127.0.0.1:{urlsplit(rabbitmq_url).port}")
    daemon.restart(rabbitmq_url=refused.geturl())
    with pytest.raises(PermanentError, match="check HEALTH_ETL_RABBITMQ_URL") as caught:
        daemon.evaluate(NAME)
    assert "wrong" not in str(caught.value)


def test_dead_letters_are_listed_without_their_text_and_sent_back_on_demand(
    daemon: Daemon, queues: Queues, rabbitmq_url: str, command_line: type[CommandLine], tmp_path: Path
) -> None:
    command = command_line(tmp_path, {"HEALTH_ETL_RABBITMQ_URL": rabbitmq_url})
    assert command("deadletters", "list").stdout == "There are no dead letters.\n"
    queues.publish(s3_event("raw/StepsRecord/2025/09/21/secret_person.txt"), correlation_id="c-7")
    queues.publish(b"{")
    daemon.tick(NAME)
    listed = command("deadletters", "list").stdout
    assert Refusal.KEY_UNPARSEABLE in listed
    assert "c-7" in listed
    assert "secret_person" not in listed
    assert "2 dead letters." in listed
    wrong = command("deadletters", "redrive", "--reason", "odd")
    assert wrong.exit_code == 1
    assert "odd is not a reason" in wrong.stderr
    sent = command("deadletters", "redrive", "--reason", "malformed")
    assert sent.stdout == "1 message sent back to the queue.\n"
    assert (queues.waiting(), queues.waiting(queues.dead_letters)) == (1, 1)
    daemon.tick(NAME)
    assert (queues.waiting(), queues.waiting(queues.dead_letters)) == (0, 2)
    assert "2 messages sent back" in command("deadletters", "redrive").stdout
