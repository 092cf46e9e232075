"""The data that is measured: uploads under `raw/` of a lake in a folder. The same arguments give the same bytes."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import fastavro

from health_etl.synthetic import DEFAULT_FIRST_DAY, ExportFile, generate
from health_etl.synthetic.avro_schemas import WRITER_SCHEMAS

FIRST_UPLOAD = date(2026, 1, 5)
SEED = 1
ROWS = 253  # 21 hours
READING_EVERY = timedelta(minutes=5)
ZONE = "+00:00"
APP = "com.example.sensor"
DEVICE = {"manufacturer": "Example", "model": "com.example.sensor", "type": "UNKNOWN"}
TINY_ROWS = 2
UPLOADS_OF_A_PERSON = 20  # on the one date of many tiny files


@dataclass(frozen=True)
class Upload:
    """One object under `raw/`; `key` is relative to the lake."""

    key: str
    content: bytes


def write(lake: Path, uploads: Iterable[Upload]) -> int:
    """Put the uploads into the lake in this folder; return how many there were."""
    count = 0
    for upload in uploads:
        path = lake / upload.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(upload.content)
        count += 1
    return count


def glucose(people: int, dates: Sequence[date], rows: int = ROWS) -> Iterator[Upload]:
    """Yield one upload per person and date: glucose every 5 minutes of the day before, `rows` of them (up to 288)."""
    for number in range(people):
        for upload_date in dates:
            yield glucose_upload(f"user{number:05}", upload_date, rows)


def glucose_upload(person: str, upload_date: date, rows: int = ROWS, hour: int = 0) -> Upload:
    """Return a person's glucose of the day before as uploaded at that hour; each hour has records of its own."""
    random = Random(f"{SEED}/{person}/{upload_date}/{hour}")
    begin = _midnight(upload_date - timedelta(days=1)) + timedelta(seconds=random.randrange(60))
    moments = [begin + READING_EVERY * number for number in range(rows)]
    return _upload(
        "BloodGlucoseRecord",
        person,
        _midnight(upload_date) + timedelta(hours=hour),
        [_glucose_row(random, moment, number) for number, moment in enumerate(moments)],
    )


def tiny_steps(files: int) -> Iterator[Upload]:
    """Yield that many uploads of two step counts each, all on one upload date, 20 of each person."""
    for number in range(files):
        person, part = divmod(number, UPLOADS_OF_A_PERSON)
        begin = _midnight(FIRST_UPLOAD - timedelta(days=1)) + timedelta(hours=part)
        random = Random(f"{SEED}/{person}/{part}")
        rows = [_steps_row(random, begin + timedelta(minutes=20 * row)) for row in range(TINY_ROWS)]
        yield _upload("StepsRecord", f"user{person:05}", _midnight(FIRST_UPLOAD) + timedelta(hours=part), rows)


def mixed(people: int, days: int) -> Iterator[Upload]:
    """Yield the uploads of synthetic people: all six types, two exports a day that overlap."""
    return map(_as_uploaded, generate(people, days, SEED))


def one_of_each_type(dates: int, first: date = DEFAULT_FIRST_DAY) -> Iterator[Upload]:
    """Yield, for each of that many upload dates, the first export of each of the six types of one synthetic person."""
    last = first + timedelta(days=dates - 1)
    seen: set[tuple[str, date]] = set()
    for file in generate(1, dates + 1, SEED, first):
        if first <= file.uploaded <= last and (file.record_type, file.uploaded) not in seen:
            seen.add((file.record_type, file.uploaded))
            yield _as_uploaded(file)


def days_from(begin: date, days: Iterable[int]) -> list[date]:
    """Return the dates that many days after `begin`."""
    return [begin + timedelta(days=number) for number in days]


def _as_uploaded(file: ExportFile) -> Upload:
    exported = datetime.fromtimestamp(file.export_ms / 1000, UTC)
    return Upload(_key(file.record_type, file.person, exported, file.content), file.content)


def _upload(record_type: str, person: str, exported: datetime, rows: Iterable[dict[str, Any]]) -> Upload:
    buffer = io.BytesIO()
    marker = hashlib.blake2b(f"{person}/{exported}".encode(), digest_size=16).digest()
    fetched = {"appRecordFetchTimeEpochMillis": _epoch_ms(exported)}
    schema = dict(WRITER_SCHEMAS[record_type])
    fastavro.writer(buffer, schema, ({**row, **fetched} for row in rows), sync_marker=marker)
    content = buffer.getvalue()
    return Upload(_key(record_type, person, exported, content), content)


def _key(record_type: str, person: str, exported: datetime, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"raw/{record_type}/{exported:%Y/%m/%d}/{person}_{exported:%Y%m%d_%H%M%S}_phone_{digest}.avro"


def _glucose_row(random: Random, moment: datetime, number: int) -> dict[str, Any]:
    return {
        "metadata": _metadata(random, moment),
        "timeEpochMillis": _epoch_ms(moment),
        "zoneOffsetId": ZONE,
        "levelInMilligramsPerDeciliter": round(130 + 45 * math.sin(number / 20) + random.uniform(-15, 15)),
        "specimenSource": "INTERSTITIAL_FLUID",
        "mealType": "UNKNOWN",
        "relationToMeal": "UNKNOWN",
    }


def _steps_row(random: Random, begin: datetime) -> dict[str, Any]:
    return {
        "metadata": _metadata(random, begin),
        "startTimeEpochMillis": _epoch_ms(begin),
        "endTimeEpochMillis": _epoch_ms(begin + timedelta(minutes=15)),
        "startZoneOffsetId": ZONE,
        "endZoneOffsetId": ZONE,
        "count": random.randint(20, 1500),
    }


def _metadata(random: Random, modified: datetime) -> dict[str, Any]:
    return {
        "id": str(UUID(int=random.getrandbits(128))),
        "dataOriginPackageName": APP,
        "lastModifiedTimeEpochMillis": _epoch_ms(modified),
        "clientRecordId": str(_epoch_ms(modified)),
        "clientRecordVersion": 1,
        "device": DEVICE,
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
