"""Parsing of upload messages into the partitions that they concern. Knows no broker, no lake and no Dagster.

Two kinds of message are supported: S3 event notifications (JSON from MinIO or Ceph, with several records per message
and keys that may be URL-encoded) and the upload message of the predecessor, about a single object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from health_etl.lake.keys import RAW, KeyRefusedError, RawKey, parse_raw_key

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")


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
    refusal: Refusal | None = None
    ignored: int = 0  # objects in the lake that are not uploads


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def parse(body: bytes, message_filter: MessageFilter, correlation_id: str | None = None) -> ParsedMessage:
    """Parse one message; never raises. `correlation_id` is that of the envelope; one in the body takes precedence."""
    try:
        raw = json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        return ParsedMessage(refusal=Refusal.MALFORMED)
    if not isinstance(raw, dict):
        return ParsedMessage(refusal=Refusal.MALFORMED)
    stated = raw.get("correlation_id", correlation_id)
    known_id = stated if isinstance(stated, str) and _CORRELATION_ID.match(stated) else None
    partitions, refusals, ignored = set(), [], 0
    try:
        for bucket, key, record_type in _objects(raw):
            try:
                found = _partition(bucket, key, record_type, message_filter)
            except _RefusedError as error:
                refusals.append(error.refusal)
                continue
            if found is None:
                ignored += 1
            else:
                partitions.add(found)
    except _RefusedError as error:
        refusals.append(error.refusal)
    return ParsedMessage(frozenset(partitions), known_id, refusals[0] if refusals else None, ignored)


def _objects(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield bucket, key and stated record type of every object in a message."""
    if "Records" in raw:
        records = raw["Records"]
        if not isinstance(records, list) or not records:
            raise _RefusedError(Refusal.MALFORMED)
        for record in records:
            try:
                bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
            except (KeyError, TypeError, IndexError):
                raise _RefusedError(Refusal.MALFORMED) from None
            yield _text(bucket), _text(key), None
        return
    record_type = raw.get("record_type")
    yield _text(raw.get("bucket")), _text(raw.get("key")), None if record_type is None else _text(record_type)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _RefusedError(Refusal.MALFORMED)
    return value


def _partition(bucket: str, key: str, record_type: str | None, message_filter: MessageFilter) -> tuple[str, str] | None:
    """Return the partition of an object; None if it is in the lake but not an upload."""
    if message_filter.bucket is not None and bucket != message_filter.bucket:
        raise _RefusedError(Refusal.FOREIGN_BUCKET)
    spellings = [spelling.removeprefix(message_filter.prefix) for spelling in (key, unquote_plus(key))]
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


def _parsed(spellings: list[str]) -> RawKey:
    for spelling in spellings:
        try:
            return parse_raw_key(spelling)
        except KeyRefusedError:
            continue
    raise _RefusedError(Refusal.KEY_UNPARSEABLE)
