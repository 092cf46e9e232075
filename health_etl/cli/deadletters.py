"""`health-etl deadletters`: upload messages that were put aside, and how to retry them."""

from __future__ import annotations

import hashlib

from pydantic import AnyUrl, Secret
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from health_etl.errors import PermanentError
from health_etl.planning.upload_messages import Refusal, known_correlation_id
from health_etl.rabbitmq.broker import Broker, Message, MoveRefusedError, open_broker
from health_etl.settings import Settings
from health_etl.wording import counted

MAX_LETTERS = 10_000
TAKE_SECONDS = 60


def print_list(console: Console, settings: Settings) -> None:
    """Print every dead letter: reason, size and a fingerprint; never its body, which names people."""
    with open_broker(_url(settings)) as broker:
        letters = _take(broker)
    if not letters:
        console.print("There are no dead letters.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("message", "reason", "bytes", "correlation id"):
        table.add_column(heading, no_wrap=True)
    for letter in letters:
        fingerprint = hashlib.sha256(letter.body).hexdigest()[:12]
        reasons = escape(", ".join(letter.reasons) or "unknown")
        correlation_id = known_correlation_id(letter.properties.correlation_id) or ""
        table.add_row(fingerprint, reasons, f"{len(letter.body):,}", correlation_id)
    console.print(table)
    console.print(f"{counted(len(letters), 'dead letter')}. `health-etl deadletters redrive` retries them.")


def redrive(console: Console, settings: Settings, reasons: frozenset[str] | None) -> None:
    """Send dead letters back to the queue: all of them, or those with these reasons."""
    unknown = sorted((reasons or frozenset()) - set(Refusal))
    if unknown:
        raise PermanentError(f"{unknown[0]} is not a reason; choose from {', '.join(Refusal)}.")
    with open_broker(_url(settings)) as broker:
        # All taken before any is sent, so that a message that comes straight back is not sent over and over.
        letters = [letter for letter in _take(broker) if reasons is None or not reasons.isdisjoint(letter.reasons)]
        sent = sum(_sent_back(broker, letter) for letter in letters)
    console.print(f"{counted(sent, 'message')} sent back to the queue.")
    if sent < len(letters):
        raise PermanentError(
            f"RabbitMQ does not take {counted(len(letters) - sent, 'message')} back into the queue; they are still "
            "dead letters. Check the queue's limits, then try again."
        )


def _sent_back(broker: Broker, letter: Message) -> bool:
    try:
        broker.redrive(letter)
    except MoveRefusedError:
        return False
    return True


def _take(broker: Broker) -> list[Message]:
    return broker.take_dead_letters(MAX_LETTERS, TAKE_SECONDS)


def _url(settings: Settings) -> Secret[AnyUrl]:
    url = settings.rabbitmq_url
    if url is None:
        raise PermanentError("HEALTH_ETL_RABBITMQ_URL is not set; without a broker there are no dead letters.")
    return url
