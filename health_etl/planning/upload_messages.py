"""Parsing of upload messages into the partitions that they concern. Knows no broker, no lake and no Dagster.

Two kinds of message are supported: S3 event notifications (JSON from MinIO or Ceph, with several records per message
and keys that may be URL-encoded) and the upload message of the predecessor, about a single object. The test event that
S3 sends when notifications are enabled, and a notification of no records, are about no object and are ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import unquote_plus, urlsplit

from health_etl.lake.keys import RAW, KeyRefusedError, RawKey, parse_raw_key

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_TEST_EVENT = "s3:TestEvent"
MAX_DIGITS = 4_000  # of a whole number: Python refuses to convert longer ones, and no field of a message needs them
Object: TypeAlias = tuple[str, str, str | None]  # bucket, key, stated record type
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # the store's client refuses keys that hold one
_UNREADABLE = object()  # stands for a value that JSON allows and nobody can rely on


class Refusal(StrEnum):
    """Why a message cannot be used; recorded in the dead letter."""

    MALFORMED = "malformed"  # not a JSON object of a supported kind
    FOREIGN_BUCKET = "foreign_bucket"
    UNKNOWN_TYPE = "unknown_type"
    KEY_UNPARSEABLE = "key_unparseable"
    OUTSIDE_PARTITIONS = "outside_partitions"
    CONTRADICTION = "contradiction"  # the stated record type differs from that of the key


@dataclass(frozen=True)
class MessageFilter:
    """Which objects messages may be about: bucket and prefix of the lake, and its upload dates. No bucket means any."""

    bucket: str | None
    prefix: str
    first: date
    last: date

    @classmethod
    def of(cls, lake_url: str, first: date, last: date) -> MessageFilter:
        """Return the filter for a lake's URL; a lake in a folder has no bucket."""
        url = urlsplit(lake_url)
        if url.scheme != "s3":
            return cls(None, "", first, last)
        prefix = url.path.strip("/")
        return cls(url.netloc, f"{prefix}/" if prefix else "", first, last)


@dataclass(frozen=True)
class ParsedMessage:
    """A parsed message: the partitions (record type, upload date) it concerns, and why (part of) it is unusable."""

    partitions: frozenset[tuple[str, str]] = frozenset()
    correlation_id: str | None = None
    refusals: tuple[Refusal, ...] = ()  # each once, sorted
    ignored: int = 0  # objects in the lake that are not uploads


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def parse(body: bytes, message_filter: MessageFilter, correlation_id: object = None) -> ParsedMessage:
    """Parse one message; never raises. `correlation_id` is that of the envelope; one in the body takes precedence.

    Every record of a notification is judged on its own.
    """
    raw = _decoded(body)
    if not isinstance(raw, dict):
        return ParsedMessage(refusals=(Refusal.MALFORMED,))
    known_id = known_correlation_id(raw.get("correlation_id", correlation_id))
    partitions, refusals, ignored = set(), set(), 0
    records, read = _records(raw)
    for record in records:
        try:
            found = _partition(*_read(record, read), message_filter)
        except _RefusedError as error:
            refusals.add(error.refusal)
            continue
        if found is None:
            ignored += 1
        else:
            partitions.add(found)
    return ParsedMessage(frozenset(partitions), known_id, tuple(sorted(refusals)), ignored)


def known_correlation_id(stated: object) -> str | None:
    """Return a correlation id that may go into tags and tables; None for anything else."""
    return stated if isinstance(stated, str) and _CORRELATION_ID.match(stated) else None


def _decoded(body: bytes) -> object:
    """Return a body's JSON, with _UNREADABLE in place of NaN, infinity, endless numbers and objects whose names repeat;
    None if it is not JSON.
    """
    try:
        return json.loads(
            body, object_pairs_hook=_object, parse_int=_whole_number, parse_constant=lambda _: _UNREADABLE
        )
    except (ValueError, RecursionError):
        return None


def _object(pairs: Sequence[tuple[str, object]]) -> object:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _UNREADABLE


def _whole_number(digits: str) -> object:
    return int(digits) if len(digits) <= MAX_DIGITS else _UNREADABLE


def _records(raw: dict[str, object]) -> tuple[Sequence[object], Callable[[Any], Object]]:
    """Return what a message says of each object, and the function that reads it."""
    records = raw.get("Records", [])
    if records == [] and _TEST_EVENT in (raw.get("Event"), raw.get("EventName")):
        return [], _of_event
    if "Records" not in raw:
        return [raw], _of_upload_message
    return records if isinstance(records, list) and records else [records], _of_event


def _of_event(record: Any) -> Object:
    return _text(record["s3"]["bucket"]["name"]), _text(record["s3"]["object"]["key"]), None


def _of_upload_message(message: Any) -> Object:
    stated = message.get("record_type")
    return _text(message["bucket"]), _text(message["key"]), None if stated is None else _text(stated)


def _read(record: object, read: Callable[[Any], Object]) -> Object:
    try:
        json.dumps(record)  # raises if any of it is unreadable
        return read(record)
    except (LookupError, TypeError, ValueError, RecursionError):
        raise _RefusedError(Refusal.MALFORMED) from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _partition(bucket: str, key: str, record_type: str | None, message_filter: MessageFilter) -> tuple[str, str] | None:
    """Return the partition of an object; None if it is in the lake but not an upload."""
    if message_filter.bucket is not None and bucket != message_filter.bucket:
        raise _RefusedError(Refusal.FOREIGN_BUCKET)
    spellings = [spelling.removeprefix(message_filter.prefix) for spelling in _spellings(key)]
    of_raw = [spelling for spelling in spellings if spelling.startswith(RAW)]
    if not of_raw:
        return None
    found = _parsed(of_raw)
    known = found.record_type
    if known is None:
        raise _RefusedError(Refusal.UNKNOWN_TYPE)
    if not message_filter.first <= found.upload_date <= message_filter.last:
        raise _RefusedError(Refusal.OUTSIDE_PARTITIONS)
    if record_type is not None and record_type.lower() not in (known.name, known.avro_name.lower()):
        raise _RefusedError(Refusal.CONTRADICTION)
    return known.name, found.upload_date.isoformat()


def _spellings(key: str) -> tuple[str, str]:
    """Return a key decoded, as S3 encodes it in events, and as it stands: Ceph and the predecessor do not encode it."""
    try:
        decoded = unquote_plus(key, errors="strict")
        f"{key}{decoded}".encode()
    except UnicodeError:  # not UTF-8
        raise _RefusedError(Refusal.KEY_UNPARSEABLE) from None
    if _CONTROL.search(decoded):
        raise _RefusedError(Refusal.KEY_UNPARSEABLE)
    return decoded, key


def _parsed(spellings: list[str]) -> RawKey:
    for spelling in spellings:
        try:
            return parse_raw_key(spelling)
        except KeyRefusedError:
            continue
    raise _RefusedError(Refusal.KEY_UNPARSEABLE)
