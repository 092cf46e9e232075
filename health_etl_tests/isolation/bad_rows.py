"""Uploads of which some or all records cannot be believed: the fixtures of every type and reason, and whole files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from health_etl.reasons import FileReason
from health_etl.record_types import record_types
from health_etl_tests.isolation.items import (
    CANARY,
    DAY_FOLDER,
    GLUCOSE_FOLDER,
    STEPS_FOLDER,
    BadItem,
    Kept,
    Stage,
    file_name,
)
from health_etl_tests.support.exports import NOON, Record, avro_bytes, blood_glucose, plain, steps
from health_etl_tests.support.fixtures import fixtures


def _upload(what: str, folder: str, content: bytes, kept: Kept, reason: str) -> BadItem:
    name = file_name(f"{CANARY}-{what.replace(' ', '-')}", content)
    return BadItem(Stage.VALIDATE, what, f"{folder}{name}".encode(), content, kept, reason)


def _of_fixtures() -> Iterator[BadItem]:
    """Yield an upload of every type and reason: the fixture's bad records behind a good one."""
    for name, record_type in record_types().items():
        for fixture in fixtures(name, "quarantine"):
            content = avro_bytes(name, [plain(name, f"{CANARY}-good"), *fixture.records])
            folder = f"raw/{record_type.avro_name}/{DAY_FOLDER}"
            yield _upload(f"{name} {fixture.name}", folder, content, Kept.ROWS, fixture.name)


def _in_mmol() -> list[Record]:
    """Return an afternoon of glucose between 5.4 and 24 mmol/L, in the field for mg/dL."""
    values = [5.4, 5.8, 6.9, 8.3, 10.1, 12.6, 14.9, 17.2, 19.4, 20.2, 21.5, 22.8, 23.4, 24.0, 23.1, 21.9, 20.6, 18.1]
    return [
        blood_glucose(f"{CANARY}-{number}", NOON + timedelta(minutes=15 * number), mg_dl=value)
        for number, value in enumerate(values)
    ]


FIXTURES: tuple[BadItem, ...] = tuple(_of_fixtures())

WHOLE_FILES: tuple[BadItem, ...] = (
    _upload(
        "only bad records",
        STEPS_FOLDER,
        avro_bytes("steps", [steps(f"{CANARY}-1", count=-5)]),
        Kept.FILE,
        FileReason.NO_GOOD_ROWS,
    ),
    _upload("another unit", GLUCOSE_FOLDER, avro_bytes("blood_glucose", _in_mmol()), Kept.FILE, "unit_suspect"),
    _upload(
        "mostly bad records",
        STEPS_FOLDER,
        avro_bytes(
            "steps",
            [
                steps(f"{CANARY}-ok"),
                *(steps(f"{CANARY}-{n}", NOON + timedelta(days=2000), count=10**7) for n in range(4)),
            ],
        ),
        Kept.FILE,
        FileReason.LOW_QUALITY,
    ),
)
