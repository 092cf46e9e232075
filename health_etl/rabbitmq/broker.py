"""RabbitMQ, through pika: takes messages, gives them back, puts dead letters aside. Reads no message; messages.py does.

What is taken and not acknowledged goes back to its queue when the connection ends, however it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)
from pydantic import AnyUrl, Secret

from health_etl.errors import PermanentError, TransientError

EXCHANGE = "health_data_exchange"
QUEUE = "health_data_processing"
DEAD_LETTERS = "health_data_dead_letters"
# Upload messages (health.processing.{type}.{priority}), and where S3 servers are told to send their events.
BINDINGS = ("health.processing.#", "health.uploads.#")

REASON = "x-health-etl-reason"
NOT_FOUND = 404
CONNECT_SECONDS = 5

Declare = Callable[[BlockingChannel], object]


@dataclass(frozen=True)
class Message:
    """One message that was taken and not yet acknowledged."""

    tag: int
    body: bytes
    routing_key: str
    properties: pika.BasicProperties

    @property
    def reason(self) -> str | None:
        """Why it is a dead letter."""
        found = (self.properties.headers or {}).get(REASON)
        return str(found) if found is not None else None


class Broker:
    """A channel to the queues of this project."""

    def __init__(self, connection: pika.BlockingConnection, channel: BlockingChannel) -> None:
        self._connection = connection
        self._channel = channel

    def has_messages(self) -> bool:
        """Say whether a message waits."""
        return bool(self._channel.queue_declare(QUEUE, passive=True).method.message_count)

    def take(self, most: int, seconds: float) -> list[Message]:
        """Take messages until there are none, or enough, or time is up."""
        return self._take(QUEUE, most, seconds)

    def take_dead_letters(self, most: int, seconds: float) -> list[Message]:
        """Take dead letters likewise."""
        return self._take(DEAD_LETTERS, most, seconds)

    def _take(self, queue: str, most: int, seconds: float) -> list[Message]:
        until = time.monotonic() + seconds
        found: list[Message] = []
        while len(found) < most and time.monotonic() < until:
            method, properties, body = self._channel.basic_get(queue)
            if method is None:
                break
            found.append(Message(method.delivery_tag, body, method.routing_key, properties))
        return found

    def acknowledge(self, message: Message) -> None:
        """Let the broker forget a message."""
        self._channel.basic_ack(message.tag)

    def dead_letter(self, message: Message, reason: str) -> None:
        """Make a message a dead letter: first there, then gone here, so that it is never in neither."""
        headers = {**(message.properties.headers or {}), REASON: reason}
        self._publish("", DEAD_LETTERS, message, headers)
        self.acknowledge(message)

    def redrive(self, message: Message) -> None:
        """Send a dead letter to the queue that it came from."""
        headers = {name: value for name, value in (message.properties.headers or {}).items() if name != REASON}
        self._publish("", QUEUE, message, headers)
        self.acknowledge(message)

    def _publish(self, exchange: str, routing_key: str, message: Message, headers: dict[str, object]) -> None:
        properties = pika.BasicProperties(
            content_type=message.properties.content_type,
            correlation_id=message.properties.correlation_id,
            message_id=message.properties.message_id,
            headers=headers,
            delivery_mode=pika.DeliveryMode.Persistent.value,
        )
        # With confirms on, this returns when the broker has it, and raises when it has not.
        self._channel.basic_publish(exchange, routing_key, message.body, properties, mandatory=True)


@contextmanager
def open_broker(url: Secret[AnyUrl]) -> Iterator[Broker]:
    """Connect, make exchange and queues where they are not there, and close at the end.

    Raises TransientError when the broker does not answer, PermanentError when it refuses the user.
    """
    address = url.get_secret_value()
    where = f"RabbitMQ at {address.host}:{address.port or 5672}"
    parameters = pika.URLParameters(str(address))
    parameters.socket_timeout = parameters.blocked_connection_timeout = CONNECT_SECONDS
    try:
        connection = pika.BlockingConnection(parameters)
        try:
            yield Broker(connection, _opened(connection))
        finally:
            if connection.is_open:
                connection.close()
    except (ProbableAuthenticationError, ProbableAccessDeniedError):
        raise PermanentError(f"{where} refuses user or virtual host; check HEALTH_ETL_RABBITMQ_URL.") from None
    except (AMQPError, OSError) as error:
        found = f"{where} does not answer ({type(error).__name__}); start it, or check HEALTH_ETL_RABBITMQ_URL."
        raise TransientError(found) from None


def _opened(connection: pika.BlockingConnection) -> BlockingChannel:
    """Return a channel with confirms. What somebody declared with properties of their own is taken as it is."""
    declared: list[tuple[Declare, Declare]] = [
        (
            lambda c: c.exchange_declare(EXCHANGE, passive=True),
            lambda c: c.exchange_declare(EXCHANGE, exchange_type="topic", durable=True),
        ),
        (lambda c: c.queue_declare(QUEUE, passive=True), lambda c: c.queue_declare(QUEUE, durable=True)),
        (lambda c: c.queue_declare(DEAD_LETTERS, passive=True), lambda c: c.queue_declare(DEAD_LETTERS, durable=True)),
    ]
    channel = connection.channel()
    for is_there, make in declared:
        try:
            is_there(channel)
        except ChannelClosedByBroker as error:
            if error.reply_code != NOT_FOUND:
                raise
            channel = connection.channel()
            make(channel)
    for routing_key in BINDINGS:
        channel.queue_bind(QUEUE, EXCHANGE, routing_key)
    channel.confirm_delivery()
    return channel
