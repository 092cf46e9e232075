"""Message bodies: any bytes, any JSON, and events of S3 servers that were changed somewhere."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from health_etl_tests.fuzz import hostile_keys
from health_etl_tests.isolation.bad_messages import BUCKET, GOOD_KEY, event, record

NAMES = (
    "Records",
    "s3",
    "bucket",
    "name",
    "object",
    "key",
    "record_type",
    "correlation_id",
    "retry_count",
    "Event",
    "",
)
EDGES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1e308, float("nan"), float("inf"), "", "raw/", "\x00", "\ud800", "é", [], {}),
    *([[]], [None], {"": None}, "raw/StepsRecord/2025/09/21/", GOOD_KEY, BUCKET, "s3:TestEvent", "x" * 100_000),
)


def _edge(rng: random.Random) -> Any:
    """Return one of them as a copy of its own: what is changed further must not change for the next mutant."""
    return copy.deepcopy(rng.choice(EDGES))


def _any_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randint(0, 200))


def _any_json(rng: random.Random) -> bytes:
    return _dumped(_value(rng, 5))


def _value(rng: random.Random, depth: int) -> Any:
    if depth == 0 or rng.random() < 0.3:
        return _edge(rng)
    if rng.random() < 0.5:
        return [_value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    return {rng.choice(NAMES): _value(rng, depth - 1) for _ in range(rng.randint(0, 4))}


def _changed_event(rng: random.Random) -> bytes:
    """Change, remove or add something in an event of several records; the first of them is left as it is."""
    bad = copy.deepcopy([record(GOOD_KEY) for _ in range(rng.randint(1, 3))])
    for _ in range(rng.randint(1, 3)):
        holder, key = rng.choice(list(_places(bad)))
        if rng.random() < 0.3 and isinstance(holder, dict):
            del holder[key]
        else:
            holder[key] = _edge(rng)
    records = [*bad, record(GOOD_KEY)]
    rng.shuffle(records)
    return _dumped({"Records": records})


def _changed_upload(rng: random.Random) -> bytes:
    body: dict[str, Any] = {"bucket": BUCKET, "key": GOOD_KEY, "record_type": "StepsRecord", "correlation_id": "c-1"}
    for _ in range(rng.randint(1, 2)):
        body[rng.choice([*body, *NAMES])] = _edge(rng)
    return _dumped(body)


def _any_key(rng: random.Random) -> bytes:
    """Name a hostile key, as it is or percent-encoded, beside a good one."""
    key = hostile_keys.KINDS[rng.choice(sorted(hostile_keys.KINDS))](rng) or b""
    text = key.decode(errors="replace")
    return event(record(rng.choice([text, quote(key), quote_plus(key), quote(text, safe="")])), record(GOOD_KEY))


def _bytes_changed(rng: random.Random) -> bytes:
    body = bytearray(event(record(GOOD_KEY), record(GOOD_KEY.replace("21", "20"))))
    for _ in range(rng.randint(1, 6)):
        body[rng.randrange(len(body))] = rng.randrange(256)
    return bytes(body)


def _cut(rng: random.Random) -> bytes:
    body = event(record(GOOD_KEY))
    return body[: rng.randrange(len(body))]


def _long_number(rng: random.Random) -> bytes:
    digits = b"9" * rng.choice([4300, 4301, 5000, 100_000])
    number = rng.choice([digits, b"-" + digits, b"1." + digits, b"1e" + digits, digits + b"." + digits])
    where = rng.choice(
        [b'{"Records": %s}', b'{"Records": [%s]}', b"[%s]", b"%s", b'{"bucket": "b", "key": "k", "n": %s}']
    )
    return where % number


def _deep(rng: random.Random) -> bytes:
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}"), (b'{"Records":[', b"]}")])
    depth = rng.choice([50, 900, 1100, 100_000])
    return opening * depth + rng.choice([b"", b"1"]) + closing * rng.choice([0, depth])


def _other_encoding(rng: random.Random) -> bytes:
    body = event(record(GOOD_KEY)).decode()
    return body.encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037"]))


def _repeated_names(rng: random.Random) -> bytes:
    """Say the same name twice in an object; JSON leaves open which counts."""
    return b'{"Records": %s, "Records": %s}' % tuple(
        rng.sample([b"[]", b"null", _dumped([record(GOOD_KEY)]), b"7", b'[{"s3": 1}]'], k=2)
    )


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


KINDS: Mapping[str, Callable[[random.Random], bytes | None]] = {
    "any bytes": _any_bytes,
    "any JSON": _any_json,
    "event changed": _changed_event,
    "upload message changed": _changed_upload,
    "any key": _any_key,
    "bytes changed": _bytes_changed,
    "cut": _cut,
    "long number": _long_number,
    "deep": _deep,
    "other encoding": _other_encoding,
    "names repeated": _repeated_names,
}
BESIDE_A_GOOD_RECORD = {"event changed", "any key"}
