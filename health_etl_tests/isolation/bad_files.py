"""Uploads with valid keys whose bytes cannot be had, read or kept."""

from __future__ import annotations

import copy
from typing import Any

from health_etl.reasons import FileReason
from health_etl.record_types import record_types
from health_etl_tests.isolation.items import CANARY, STEPS_FOLDER, BadItem, Kept, Stage, Store, World, file_name
from health_etl_tests.support.exports import NOON, Record, avro_bytes, blood_glucose, steps

NOT_AVRO = b"xx"
LONGEST_NAME_BYTES = 250  # the copy of it needs a suffix, which a folder has no room for
LONGEST_KEY_BYTES = 1020  # and S3 neither


def own(number: int = 0) -> Record:
    """Return a steps record of the person who uploads the bad items."""
    return steps(f"{CANARY}-{number}", count=3333)


def schema() -> dict[str, Any]:
    """Return a copy of the schema of steps, to be changed."""
    return copy.deepcopy(dict(record_types()["steps"].avro_schema))


def _with_field(kind: Any, value: Any) -> bytes:
    changed = schema()
    changed["fields"].append({"name": "padding", "type": kind})
    return avro_bytes("steps", [{**own(), "padding": value}], changed)


def _without(name: str) -> bytes:
    changed = schema()
    changed["fields"] = [field for field in changed["fields"] if field["name"] != name]
    return avro_bytes("steps", [own()], changed)


def _in_microseconds() -> bytes:
    changed = schema()
    field = next(field for field in changed["fields"] if field["name"] == "startTimeEpochMillis")
    field["type"] = {"type": "long", "logicalType": "timestamp-micros"}
    return avro_bytes("steps", [{**own(), "startTimeEpochMillis": NOON}], changed)


def _of_unknown_codec() -> bytes:
    content = avro_bytes("steps", [own()], codec="null")
    return content.replace(b"avro.codec\x08null", b"avro.codec\x06lz4")


def _refused(stage: Stage, what: str, content: bytes, reason: str, key: str | None = None, **more: Any) -> BadItem:
    who = f"{CANARY}-{what.replace(' ', '-')}"
    place = key or f"{STEPS_FOLDER}{file_name(who, content)}"
    return BadItem(stage, what, place.encode(), content, Kept.FILE, reason, **more)


def _deny(world: World, item: BadItem) -> None:
    world.put(item.key, item.content)
    world.deny(item.key)


def _named(length: int, folder: str) -> str:
    """Return a key of that many bytes, folder included, of an upload of `NOT_AVRO`."""
    rest = file_name("", NOT_AVRO)
    return folder + (CANARY * length)[: length - len(folder) - len(rest)] + rest


FETCHED: tuple[BadItem, ...] = (
    _refused(
        Stage.FETCH, "an object that the store refuses", avro_bytes("steps", [own(1)]), "store_refused", place=_deny
    ),
)

DECODED: tuple[BadItem, ...] = (
    _refused(Stage.DECODE, "no bytes", b"", FileReason.EMPTY),
    _refused(Stage.DECODE, "no records", avro_bytes("steps", []), FileReason.EMPTY),
    _refused(Stage.DECODE, "another format", b"PK\x03\x04 not Avro", FileReason.NOT_AVRO),
    _refused(Stage.DECODE, "a truncated file", avro_bytes("steps", [own(2), own(3)])[:-25], FileReason.UNREADABLE),
    _refused(
        Stage.DECODE, "another record type", avro_bytes("blood_glucose", [blood_glucose()]), FileReason.WRONG_TYPE
    ),
    _refused(Stage.DECODE, "a needed field that is missing", _without("count"), FileReason.SCHEMA_INCOMPATIBLE),
    _refused(Stage.DECODE, "times in microseconds", _in_microseconds(), FileReason.SCHEMA_INCOMPATIBLE),
    _refused(
        Stage.DECODE,
        "a list without end",
        _with_field({"type": "array", "items": "null"}, [None] * 9),
        FileReason.SCHEMA_REFUSED,
    ),
    _refused(Stage.DECODE, "a bomb", _with_field("string", "a" * 5_000_000), FileReason.DECOMPRESSION_BOMB),
    _refused(Stage.DECODE, "an unknown codec", _of_unknown_codec(), FileReason.CODEC_UNSUPPORTED),
    _refused(Stage.DECODE, "too many records", avro_bytes("steps", [own(4)] * 100_001), FileReason.TOO_MANY_RECORDS),
    _refused(
        Stage.DECODE,
        "the hash of other bytes",
        avro_bytes("steps", [own(5)]),
        FileReason.HASH_MISMATCH,
        key=f"{STEPS_FOLDER}{file_name(f'{CANARY}-other-hash', b'other bytes')}",
    ),
)

WRITTEN: tuple[BadItem, ...] = (
    _refused(
        Stage.WRITE,
        "a refused upload whose name is as long as a folder allows",
        NOT_AVRO,
        FileReason.NOT_AVRO,
        key=_named(len(STEPS_FOLDER) + LONGEST_NAME_BYTES, STEPS_FOLDER),
    ),
    _refused(
        Stage.WRITE,
        "a refused upload whose key is as long as S3 allows",
        NOT_AVRO,
        FileReason.NOT_AVRO,
        key=_named(LONGEST_KEY_BYTES, STEPS_FOLDER),
        stores=frozenset({Store.S3}),
    ),
)
