"""RabbitMQ through pika: taking and acknowledging messages, dead letters. Does not look into the messages.

A message that is taken but not acknowledged returns to its queue when the connection ends, however it ends.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    NackError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    UnroutableError,
)
from pydantic import AnyUrl, Secret

from health_etl.errors import PermanentError, TransientError

EXCHANGE = "health_data_exchange"
QUEUE = "health_data_processing"
DEAD_LETTERS = "health_data_dead_letters"
# Upload messages (health.processing.{type}.{priority}), and the routing keys of S3 bucket notifications.
BINDINGS = ("health.processing.#", "health.uploads.#")

REASON = "x-health-etl-reason"
_AND = ", "  # between the reasons of one message
NOT_FOUND = 404
CONNECT_SECONDS = 5
MAX_PROPERTIES_BYTES = 65_536  # half of what RabbitMQ takes; it ends the connection of a sender of more

Declare = Callable[[BlockingChannel], object]


class MoveRefusedError(Exception):
    """The broker does not take a message into another queue; it stays in its own."""


class _Properties(pika.BasicProperties):  # type: ignore[misc]  # untyped in pika
    """Properties as far as they can be decoded: AMQP allows headers that Python has no value for, such as a time after
    the year 9999.
    """

    def decode(self, encoded: bytes, offset: int = 0) -> _Properties:
        try:
            super().decode(encoded, offset)
        except (AMQPError, ArithmeticError, LookupError, OSError, RecursionError, ValueError, struct.error):
            self.headers = None
        return self


# Where pika looks up the class for the properties of every message that it receives.
pika.spec.props[pika.BasicProperties.INDEX] = _Properties


@dataclass(frozen=True)
class Message:
    """A message that was taken but not yet acknowledged."""

    tag: int
    body: bytes
    routing_key: str
    properties: pika.BasicProperties

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the message is a dead letter; empty if it is not."""
        found = self.headers.get(REASON)
        return () if found is None else tuple(str(found).split(_AND))

    @property
    def headers(self) -> dict[str, object]:
        """The message's headers."""
        return dict(self.properties.headers or {})


class Broker:
    """A channel to this project's queues."""

    def __init__(self, connection: pika.BlockingConnection, channel: BlockingChannel) -> None:
        self._connection = connection
        self._channel = channel
        self._publishing: BlockingChannel | None = None

    def has_messages(self) -> bool:
        """Tell whether there are messages in the queue."""
        return bool(self._channel.queue_declare(QUEUE, passive=True).method.message_count)

    def take(self, max_messages: int, seconds: float) -> list[Message]:
        """Take messages until the queue is empty, there are `max_messages`, or `seconds` have passed."""
        return self._take(QUEUE, max_messages, seconds)

    def take_dead_letters(self, max_messages: int, seconds: float) -> list[Message]:
        """Take dead letters, within the same limits as `take`."""
        return self._take(DEAD_LETTERS, max_messages, seconds)

    def _take(self, queue: str, max_messages: int, seconds: float) -> list[Message]:
        until = time.monotonic() + seconds
        found: list[Message] = []
        while len(found) < max_messages and time.monotonic() < until:
            method, properties, body = self._channel.basic_get(queue)
            if method is None:
                break
            found.append(Message(method.delivery_tag, body, method.routing_key, properties))
        return found

    def acknowledge(self, message: Message) -> None:
        """Acknowledge a message, which removes it from its queue."""
        self._channel.basic_ack(message.tag)

    def dead_letter(self, message: Message, reasons: Sequence[str]) -> None:
        """Move a message to the dead letters; raises MoveRefusedError if the broker does not take it there."""
        self._move(message, DEAD_LETTERS, {**message.headers, REASON: _AND.join(reasons)})

    def redrive(self, message: Message) -> None:
        """Move a dead letter back to the queue that it came from; raises MoveRefusedError as `dead_letter` does."""
        self._move(message, QUEUE, {name: value for name, value in message.headers.items() if name != REASON})

    def _move(self, message: Message, queue: str, headers: dict[str, object]) -> None:
        """Publish to a queue, then acknowledge, so that the message is always in at least one."""
        properties = _copied(message.properties, headers) or _copied(
            message.properties, {name: value for name, value in headers.items() if name == REASON}
        )
        try:
            # With publisher confirms, this returns once the broker has the message and raises if it does not.
            self._publisher().basic_publish("", queue, message.body, properties, mandatory=True)
        except (ChannelClosedByBroker, NackError, UnroutableError) as error:
            raise MoveRefusedError(type(error).__name__) from None
        self.acknowledge(message)

    def _publisher(self) -> BlockingChannel:
        """Return a channel with publisher confirms, apart from that on which messages are taken: the broker closes the
        channel of a message that it refuses, and what was taken on it returns to the queue.
        """
        if self._publishing is None or not self._publishing.is_open:
            self._publishing = self._connection.channel()
            self._publishing.confirm_delivery()
        return self._publishing


def _copied(properties: pika.BasicProperties, headers: dict[str, object]) -> pika.BasicProperties | None:
    """Return the properties that a moved message keeps, with these headers; None if the broker would not take them."""
    kept = pika.BasicProperties(
        content_type=properties.content_type,
        correlation_id=properties.correlation_id,
        message_id=properties.message_id,
        headers=headers,
        delivery_mode=pika.DeliveryMode.Persistent.value,
    )
    try:
        size = sum(map(len, kept.encode()))
    except (AMQPError, ArithmeticError, RecursionError, TypeError, ValueError, struct.error):
        return None
    return kept if size <= MAX_PROPERTIES_BYTES else None


@contextmanager
def open_broker(url: Secret[AnyUrl]) -> Iterator[Broker]:
    """Connect, create the exchange and queues if they do not exist, and close the connection at the end.

    Raises TransientError when the broker does not answer, PermanentError when it rejects the user.
    """
    address = url.get_secret_value()
    where = f"RabbitMQ at {address.host}:{address.port or 5672}"
    parameters = pika.URLParameters(str(address))
    parameters.socket_timeout = parameters.blocked_connection_timeout = CONNECT_SECONDS
    try:
        connection = pika.BlockingConnection(parameters)
        try:
            yield Broker(connection, _open_channel(connection))
        finally:
            if connection.is_open:
                connection.close()
    except (ProbableAuthenticationError, ProbableAccessDeniedError):
        raise PermanentError(f"{where} rejects the user or virtual host; check HEALTH_ETL_RABBITMQ_URL.") from None
    except (AMQPError, OSError) as error:
        message = f"{where} does not answer ({type(error).__name__}); start it, or check HEALTH_ETL_RABBITMQ_URL."
        raise TransientError(message) from None


def _open_channel(connection: pika.BlockingConnection) -> BlockingChannel:
    """Return a channel to take messages on. Exchanges and queues that exist with other properties are kept."""
    declared: list[tuple[Declare, Declare]] = [
        (
            lambda c: c.exchange_declare(EXCHANGE, passive=True),
            lambda c: c.exchange_declare(EXCHANGE, exchange_type="topic", durable=True),
        ),
        (lambda c: c.queue_declare(QUEUE, passive=True), lambda c: c.queue_declare(QUEUE, durable=True)),
        (lambda c: c.queue_declare(DEAD_LETTERS, passive=True), lambda c: c.queue_declare(DEAD_LETTERS, durable=True)),
    ]
    channel = connection.channel()
    for exists, create in declared:
        try:
            exists(channel)
        except ChannelClosedByBroker as error:
            if error.reply_code != NOT_FOUND:
                raise
            channel = connection.channel()
            create(channel)
    for routing_key in BINDINGS:
        channel.queue_bind(QUEUE, EXCHANGE, routing_key)
    return channel
