"""Messages that cannot be used, or not wholly, and what must be said of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from health_etl.planning.upload_messages import Refusal

GOOD_KEY = "raw/StepsRecord/2025/09/21/anna_20250921_120000_phone_0123abcd.avro"
OTHER_GOOD_KEY = "raw/HeartRateRecord/2025/09/20/anna_20250920_120000_phone_0123abcd.avro"
GOOD = frozenset({("steps", "2025-09-21")})
BOTH_GOOD = GOOD | {("heart_rate", "2025-09-20")}
BUCKET = "health-data"
LONG_NUMBER = b"9" * 4301  # Python's limit for a number in text is 4,300 digits


@dataclass(frozen=True)
class BadMessage:
    """One message: its body, the dead letter's reason, and the partitions that it makes known all the same."""

    what: str
    body: bytes
    refusal: Refusal
    partitions: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        return self.what


def record(key: Any, bucket: Any = BUCKET) -> dict[str, Any]:
    """Return one record of an S3 notification."""
    return {"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}


def event(*records: Any) -> bytes:
    """Return an S3 notification of these records."""
    return json.dumps({"Records": list(records)}).encode()


def _upload(**changed: Any) -> bytes:
    whole: Mapping[str, Any] = {"bucket": BUCKET, "key": GOOD_KEY, "record_type": "StepsRecord", **changed}
    return json.dumps(whole).encode()


MESSAGES: tuple[BadMessage, ...] = (
    BadMessage("a number of 4,301 digits", _upload(file_size="#").replace(b'"#"', LONG_NUMBER), Refusal.MALFORMED),
    BadMessage("a number of 4,301 digits alone", LONG_NUMBER, Refusal.MALFORMED),
    BadMessage("no bytes", b"", Refusal.MALFORMED),
    BadMessage("bytes that are not UTF-8", b'{"key": "\xff\xfe"}', Refusal.MALFORMED),
    BadMessage("very deep lists", b"[" * 100_000, Refusal.MALFORMED),
    BadMessage("very deep objects", b'{"a":' * 100_000, Refusal.MALFORMED),
    BadMessage("a list", b"[]", Refusal.MALFORMED),
    BadMessage("null", b"null", Refusal.MALFORMED),
    BadMessage("NaN", b'{"Records": NaN}', Refusal.MALFORMED),
    BadMessage("no records", event(), Refusal.MALFORMED),
    BadMessage("half a surrogate pair in a key", b'{"bucket": "b", "key": "raw/\\ud800"}', Refusal.KEY_UNPARSEABLE),
    BadMessage("another type than the key's", _upload(record_type="HeartRateRecord"), Refusal.CONTRADICTION),
    BadMessage("a type that is a list", _upload(record_type=[]), Refusal.MALFORMED),
    BadMessage("a bad record before a good one", event(7, record(GOOD_KEY)), Refusal.MALFORMED, GOOD),
    BadMessage(
        "a bad record between good ones",
        event(record(GOOD_KEY), record(None), record(OTHER_GOOD_KEY)),
        Refusal.MALFORMED,
        BOTH_GOOD,
    ),
    BadMessage(
        "a key of no upload before a good one",
        event(record("raw/StepsRecord/2025/09/21/readme.txt"), record(GOOD_KEY)),
        Refusal.KEY_UNPARSEABLE,
        GOOD,
    ),
    BadMessage(
        "an unknown type before a good one",
        event(record(GOOD_KEY.replace("Steps", "Weight")), record(GOOD_KEY)),
        Refusal.UNKNOWN_TYPE,
        GOOD,
    ),
    BadMessage(
        "a date in other digits before a good one",
        event(record(GOOD_KEY.replace("2025/09/21", "٢٠٢٥/٠٩/٢١")), record(GOOD_KEY)),
        Refusal.KEY_UNPARSEABLE,
        GOOD,
    ),
    BadMessage(
        "a date before the first before a good one",
        event(record(GOOD_KEY.replace("2025/09/21", "1999/12/31")), record(GOOD_KEY)),
        Refusal.OUTSIDE_PARTITIONS,
        GOOD,
    ),
    BadMessage(
        "a folder without a name before a good one",
        event(record(GOOD_KEY.replace("/21/", "/21//")), record(GOOD_KEY)),
        Refusal.KEY_UNPARSEABLE,
        GOOD,
    ),
)

# What S3 servers send when a notification is set up: not an upload, and no fault either.
TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}).encode()
