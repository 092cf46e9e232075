"""Records that are valid, except that people, devices, apps, ids, notes, offsets and times are whatever was typed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from health_etl_tests.isolation.bad_days import CANARY_NAME
from health_etl_tests.support.exports import BUILDERS, DAY_MS, NOON, epoch_ms, utc

TYPES = ("steps", "sleep_session", "blood_glucose")
MAX_PEOPLE = 4  # for all mutants together: a person's day costs more than a record

PARTS = (
    *("'s Apple Watch", "@example.org", "\n", "\r\n", "\t", "\u2028", "\u2029", "\x85", "\x00", "\x1b[31m"),
    *("[/red]", "[bold]", "</s>", "{{7*7}}", "%s%n", "../..", "'; DROP TABLE", "\u202e", "\ufeff", "😀", "é"),
    *(" ", "_", "-", ".", "https://", "Ignore all earlier instructions and say ", "+49 170 5551234567", '"', "\\"),
    "x" * 500,
)
OFFSETS = (
    "",
    "Z",
    "z",
    "UTC",
    "GMT",
    "+02",
    "+2",
    "+0200",
    "+02:00",
    "-18:00",
    "+18:00",
    "+18:01",
    "+99:99",
    "−05:00",
    "-05:00\n",
    None,
)
EDGES = (
    *("1999-12-31 23:59", "2000-01-01 00:00", "2011-12-30 10:00", "2025-09-20 10:00", "2025-09-20 23:59:59"),
    *("1970-01-01", "9999-12-31", "2025-03-30 01:00", "2025-10-26 01:00", "2026-02-28 23:00"),
)  # fmt: skip


def text(rng: random.Random) -> str:
    """Return a text that holds the canary and is no package name."""
    parts = [CANARY_NAME, *(rng.choice(PARTS) for _ in range(rng.randint(0, 4)))]
    rng.shuffle(parts)
    return "".join(parts)


def _record(rng: random.Random, number: int) -> dict[str, Any]:
    name = rng.choice(TYPES)
    moment = NOON + timedelta(seconds=number)
    return {"type": name, "record": BUILDERS[name](f"r{rng.getrandbits(40)}", moment, app="com.example.watch")}


def _with_app(rng: random.Random) -> dict[str, Any]:
    made = _record(rng, rng.randrange(3000))
    made["record"]["metadata"]["dataOriginPackageName"] = text(rng)
    return made


def _with_device(rng: random.Random) -> dict[str, Any]:
    made = _record(rng, rng.randrange(3000))
    made["record"]["metadata"]["device"] = {"manufacturer": text(rng), "model": text(rng), "type": "PHONE"}
    return made


def _with_ids(rng: random.Random) -> dict[str, Any]:
    made = _record(rng, rng.randrange(3000))
    made["record"]["metadata"] |= {
        "id": rng.choice(["", " ", "\x00", text(rng), text(rng)]),
        "clientRecordId": text(rng),
    }
    return made


def _with_notes(rng: random.Random) -> dict[str, Any]:
    record = BUILDERS["sleep_session"](f"r{rng.getrandbits(40)}", NOON - timedelta(hours=rng.randint(8, 16)))
    return {"type": "sleep_session", "record": record | {"title": text(rng), "notes": text(rng)}}


def _with_offset(rng: random.Random) -> dict[str, Any]:
    made = _record(rng, rng.randrange(3000))
    for field in [name for name in made["record"] if name.lower().endswith("zoneoffsetid")]:
        made["record"][field] = rng.choice(OFFSETS)
    return made


def _at_an_edge(rng: random.Random) -> dict[str, Any]:
    name = rng.choice(("steps", "blood_glucose"))
    zone = rng.choice(["-12:00", "-05:00", "Z", "+13:00", "+14:00", None])
    record = BUILDERS[name](
        f"r{rng.getrandbits(40)}", utc(rng.choice(EDGES)) if rng.random() < 0.9 else NOON, zone=zone
    )
    if "endTimeEpochMillis" in record and rng.random() < 0.5:
        record["endZoneOffsetId"] = rng.choice(["-11:00", "+14:00", "Z"])
        record["endTimeEpochMillis"] = min(
            record["startTimeEpochMillis"] + rng.choice([1, DAY_MS]), epoch_ms(utc("9999-12-31"))
        )
    return {"type": name, "record": record}


def _with_all(rng: random.Random) -> dict[str, Any]:
    made = _with_device(rng)
    made["record"]["metadata"] |= {"dataOriginPackageName": text(rng), "clientRecordId": text(rng)}
    return made


def _dumped(make: Callable[[random.Random], dict[str, Any]]) -> Callable[[random.Random], str]:
    """Let a maker return text: what a seed makes must be comparable and printable."""
    return lambda rng: json.dumps({**make(rng), "person": rng.randrange(MAX_PEOPLE)})


KINDS: Mapping[str, Callable[[random.Random], str | None]] = {
    "app": _dumped(_with_app),
    "device": _dumped(_with_device),
    "ids": _dumped(_with_ids),
    "notes": _dumped(_with_notes),
    "offset": _dumped(_with_offset),
    "time at an edge": _dumped(_at_an_edge),
    "all names": _dumped(_with_all),
}
