"""RabbitMQ through pika: taking and acknowledging messages, dead letters. Does not look into the messages.

A message that is taken but not acknowledged returns to its queue when the connection ends, however it ends.
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
# Upload messages (health.processing.{type}.{priority}), and the routing keys of S3 bucket notifications.
BINDINGS = ("health.processing.#", "health.uploads.#")

REASON = "x-health-etl-reason"
NOT_FOUND = 404
CONNECT_SECONDS = 5

Declare = Callable[[BlockingChannel], object]


@dataclass(frozen=True)
class Message:
    """A message that was taken but not yet acknowledged."""

    tag: int
    body: bytes
    routing_key: str
    properties: pika.BasicProperties

    @property
    def reason(self) -> str | None:
        """Why the message is a dead letter; None if it is not."""
        found = (self.properties.headers or {}).get(REASON)
        return str(found) if found is not None else None


class Broker:
    """A channel to this project's queues."""

    def __init__(self, connection: pika.BlockingConnection, channel: BlockingChannel) -> None:
        self._connection = connection
        self._channel = channel

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

    def dead_letter(self, message: Message, reason: str) -> None:
        """Move a message to the dead letters: published there first, so that it is always in at least one queue."""
        headers = {**(message.properties.headers or {}), REASON: reason}
        self._publish("", DEAD_LETTERS, message, headers)
        self.acknowledge(message)

    def redrive(self, message: Message) -> None:
        """Move a dead letter back to the queue that it came from."""
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
        # With publisher confirms, this returns once the broker has the message and raises if it does not.
        self._channel.basic_publish(exchange, routing_key, message.body, properties, mandatory=True)


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
    """Return a channel with publisher confirms. Exchanges and queues that exist with other properties are kept."""
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
    channel.confirm_delivery()
    return channel
