"""The fixtures of each record type: files in fixtures/<type>/, and those that all types share.

The shared ones are about the times and UTC offsets that every record has. They are derived from the type's own
pass/typical.json, so that a new type does not have to repeat them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any

from health_etl.records.validate import EARLIEST, UPLOAD_GRACE, RowReason
from health_etl_tests.support.exports import FIXTURES, UPLOADED, Record, epoch_ms, plain, shift_times, utc

LATEST = datetime.combine(UPLOADED, time(), UTC) + UPLOAD_GRACE
INSTANT = timedelta(milliseconds=1)

GOOD_OFFSETS = {
    "utc": "Z",
    "none": None,
    "farthest-east": "+18:00",
    "farthest-west": "-18:00",
    "with-seconds": "+05:53:28",
    "hours-only": "+5",
    "a-zone": "Europe/Berlin",
    "empty": "",
    "a-line-more": "-05:00\n",
}
BAD_OFFSETS = {
    "too-far-east": "+18:01",
    "too-far-by-a-second": "-18:00:01",
    "no-sign": "05:00",
    "no-such-zone": "Europe/Meier",
}


@dataclass(frozen=True, eq=False)
class Fixture:
    """Records of one type; `name` is the rejection reason, or what the records demonstrate."""

    record_type: str
    name: str
    records: list[Record]


@cache
def fixtures(record_type: str, kind: str) -> tuple[Fixture, ...]:
    """Return every fixture of a type, including the shared ones; `kind` is pass or quarantine."""
    shared = (Fixture(record_type, reason, make(record_type)) for (reason, of), make in SHARED.items() if of == kind)
    files = sorted((FIXTURES / record_type / kind).glob("*.json"))
    return (*shared, *(Fixture(record_type, path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in files))


def starts_at(name: str, record_id: str, moment: datetime) -> Record:
    """Return the typical record of a type, shifted as a whole so that it starts at `moment`."""
    return _shift_to(name, record_id, moment, edge=min)


def ends_at(name: str, record_id: str, moment: datetime) -> Record:
    """Return the typical record of a type, shifted as a whole so that it ends at `moment`."""
    return _shift_to(name, record_id, moment, edge=max)


def with_offset(name: str, record_id: str, offset: str | None, fields: tuple[str, ...] = ()) -> Record:
    """Return the typical record of a type with this UTC offset in `fields`, by default in all offset fields."""
    record = plain(name, record_id)
    return record | dict.fromkeys(fields or _offset_fields(record), offset)


def _shift_to(name: str, record_id: str, moment: datetime, edge: Callable[..., int]) -> Record:
    record = plain(name, record_id)
    now = edge(value for field, value in record.items() if _is_measured_time(field))
    moved: Record = shift_times(record, epoch_ms(moment) - now)
    return moved


def _is_measured_time(field: str) -> bool:
    return field in {"timeEpochMillis", "startTimeEpochMillis", "endTimeEpochMillis"}


def _offset_fields(record: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(field for field in record if field.lower().endswith("zoneoffsetid"))


def _good_times(name: str) -> list[Record]:
    return [starts_at(name, "first-moment", EARLIEST), ends_at(name, "last-moment", LATEST)]


def _bad_times(name: str) -> list[Record]:
    return [
        starts_at(name, "clock-at-zero", utc("1970-01-01")),
        starts_at(name, "a-moment-too-early", EARLIEST - INSTANT),
        ends_at(name, "a-moment-too-late", LATEST + INSTANT),
        starts_at(name, "future", utc("2031-01-01 12:00")),
    ]


def _good_offsets(name: str) -> list[Record]:
    return [with_offset(name, record_id, offset) for record_id, offset in GOOD_OFFSETS.items()]


def _bad_offsets(name: str) -> list[Record]:
    fields = _offset_fields(plain(name))
    only_one = [with_offset(name, f"only-{field}", "+25:00", (field,)) for field in fields]
    return [with_offset(name, record_id, offset) for record_id, offset in BAD_OFFSETS.items()] + only_one


SHARED: Mapping[tuple[RowReason, str], Callable[[str], list[Record]]] = {
    (RowReason.TIME_IMPLAUSIBLE, "pass"): _good_times,
    (RowReason.TIME_IMPLAUSIBLE, "quarantine"): _bad_times,
    (RowReason.OFFSET_IMPLAUSIBLE, "pass"): _good_offsets,
    (RowReason.OFFSET_IMPLAUSIBLE, "quarantine"): _bad_offsets,
}
