"""Exports for tests: Avro files of any record type from few arguments, uploaded to raw/ the way phones do.

Bringing a lake up to date without Dagster belongs in pipeline.py.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypedDict, Unpack

import fastavro
from obstore.store import MemoryStore

from health_etl.avro import decode
from health_etl.lake import keys
from health_etl.lake.store import Lake, connect
from health_etl.record_types import record_types
from health_etl.settings import Settings

Record = dict[str, Any]

ANNA = "anna_k"  # with an underscore on purpose: keys are parsed from the right
BEN = "ben"
UPLOADED = date(2025, 9, 21)
DAY_MS = 86_400_000
ZONE = "-05:00"
APP = "com.example.watch"
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"

SYNC_MARKER = b"health_etl_tests"  # fixed, so that equal records give equal bytes; 16 bytes as in Avro


class Provenance(TypedDict, total=False):
    """Optional arguments of every builder besides the measurement; times default to the start of the record."""

    app: str
    version: int
    modified: datetime
    fetched: datetime


def utc(text: str) -> datetime:
    """Parse a UTC time such as "2025-09-20 12:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def epoch_ms(moment: datetime) -> int:
    """Convert a time to epoch milliseconds; raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a naive time is not an instant")
    return round(moment.timestamp() * 1000)


NOON = utc("2025-09-20 17:00")  # 12:00 at -05:00, the day before the upload
BEDTIME = utc("2025-09-20 04:00")  # 23:00 at -05:00, the evening before


def blood_glucose(
    record_id: str = "g1",
    moment: datetime = NOON,
    mg_dl: float = 110.0,
    zone: str | None = ZONE,
    **provenance: Unpack[Provenance],
) -> Record:
    """Return one glucose reading."""
    return {
        **_instant(record_id, moment, zone, provenance),
        "levelInMilligramsPerDeciliter": mg_dl,
        "specimenSource": "INTERSTITIAL_FLUID",
        "mealType": "UNKNOWN",
        "relationToMeal": "UNKNOWN",
    }


def heart_rate(
    record_id: str = "h1",
    start: datetime = NOON,
    bpm: Sequence[int] = (62,),
    zone: str | None = ZONE,
    every: timedelta = timedelta(minutes=1),
    **provenance: Unpack[Provenance],
) -> Record:
    """Return a series of samples from `start` on; the record ends with the last sample."""
    end = start + every * max(len(bpm) - 1, 0)
    samples = [{"timeEpochMillis": epoch_ms(start + every * n), "beatsPerMinute": value} for n, value in enumerate(bpm)]
    return {**_interval(record_id, start, end, zone, provenance), "samples": samples}


def heart_rate_variability_rmssd(
    record_id: str = "v1",
    moment: datetime = NOON,
    rmssd_ms: float = 40.0,
    zone: str | None = ZONE,
    **provenance: Unpack[Provenance],
) -> Record:
    """Return one RMSSD value."""
    return {**_instant(record_id, moment, zone, provenance), "heartRateVariabilityRmssd": rmssd_ms}


def steps(
    record_id: str = "s1",
    start: datetime = NOON,
    end: datetime | None = None,
    count: int = 1200,
    zone: str | None = ZONE,
    **provenance: Unpack[Provenance],
) -> Record:
    """Return a step count over an interval, an hour by default."""
    return {**_interval(record_id, start, end or start + timedelta(hours=1), zone, provenance), "count": count}


def active_calories_burned(
    record_id: str = "c1",
    start: datetime = NOON,
    end: datetime | None = None,
    kcal: float = 85.0,
    zone: str | None = ZONE,
    **provenance: Unpack[Provenance],
) -> Record:
    """Return active energy over an interval, an hour by default."""
    whole = _interval(record_id, start, end or start + timedelta(hours=1), zone, provenance)
    return {**whole, "energyInKilocalories": kcal}


def sleep_session(
    record_id: str = "n1",
    start: datetime = BEDTIME,
    stages: Sequence[tuple[str, int]] = (("LIGHT", 240), ("DEEP", 90), ("REM", 90)),
    end: datetime | None = None,
    zone: str | None = ZONE,
    **provenance: Unpack[Provenance],
) -> Record:
    """Return a session of consecutive stages (name, minutes); it ends with the last stage unless `end` is given."""
    written = []
    moment = start
    for stage, minutes in stages:
        begin, moment = moment, moment + timedelta(minutes=minutes)
        written.append(
            {"startTimeEpochMillis": epoch_ms(begin), "endTimeEpochMillis": epoch_ms(moment), "stage": stage}
        )
    whole = _interval(record_id, start, end or moment, zone, provenance)
    duration = whole["endTimeEpochMillis"] - whole["startTimeEpochMillis"]
    return {**whole, "title": None, "notes": None, "durationMillis": duration, "stages": written}


BUILDERS: Mapping[str, Callable[..., Record]] = {
    builder.__name__: builder
    for builder in (
        active_calories_burned,
        blood_glucose,
        heart_rate,
        heart_rate_variability_rmssd,
        sleep_session,
        steps,
    )
}


def plain(name: str, record_id: str = "r1") -> Record:
    """Return one valid record of any type: the first of its fixture pass/typical.json, with this id."""
    record = copy.deepcopy(_typical(name))
    record["metadata"]["id"] = record_id
    return record


def shift_days(record: Any, days: int) -> Any:
    """Return a record as if the phone had written it that many days later."""
    return shift_times(record, days * DAY_MS)


def shift_times(record: Any, by_ms: int) -> Any:
    """Return a record with all its times (integers larger than a day in milliseconds) shifted by `by_ms`."""
    if isinstance(record, dict):
        return {name: shift_times(value, by_ms) for name, value in record.items()}
    if isinstance(record, list):
        return [shift_times(value, by_ms) for value in record]
    return record + by_ms if isinstance(record, int) and record > DAY_MS else record


@cache
def _typical(name: str) -> Record:
    first: Record = json.loads((FIXTURES / name / "pass" / "typical.json").read_text(encoding="utf-8"))[0]
    return first


def avro_bytes(
    record_type: str,
    records: Iterable[Mapping[str, Any]],
    schema: Mapping[str, Any] | None = None,
    codec: str = "deflate",
) -> bytes:
    """Return an Avro file of these records, written with the type's schema unless another is given."""
    written_with = fastavro.parse_schema(dict(schema or record_types()[record_type].avro_schema))
    buffer = io.BytesIO()
    fastavro.writer(buffer, written_with, records, codec=codec, sync_marker=SYNC_MARKER)
    return buffer.getvalue()


def key_of(
    record_type: str,
    content: bytes,
    *,
    user_id: str = ANNA,
    upload_date: date = UPLOADED,
    exported: datetime | None = None,
) -> str:
    """Return the raw key of an export, by default made at noon UTC on the upload date."""
    made = exported or datetime.combine(upload_date, time(12), UTC)
    avro_name = record_types()[record_type].avro_name
    return keys.raw_key(avro_name, upload_date, user_id, made, "phone", decode.content_digest(content))


def put(
    lake: Lake,
    record_type: str,
    records: Iterable[Mapping[str, Any]],
    *,
    user_id: str = ANNA,
    upload_date: date = UPLOADED,
    exported: datetime | None = None,
) -> str:
    """Upload an export of these records to raw/; return its key."""
    content = avro_bytes(record_type, records)
    return put_content(lake, record_type, content, user_id=user_id, upload_date=upload_date, exported=exported)


def put_content(
    lake: Lake,
    record_type: str,
    content: bytes,
    *,
    user_id: str = ANNA,
    upload_date: date = UPLOADED,
    exported: datetime | None = None,
) -> str:
    """Upload these bytes to raw/ under a name with their hash; return the key."""
    key = key_of(record_type, content, user_id=user_id, upload_date=upload_date, exported=exported)
    lake.put(key, content)
    return key


def memory_lake() -> Lake:
    """Return an empty lake in memory."""
    return Lake(MemoryStore(), "memory://lake")


def folder_lake(folder: Path) -> Lake:
    """Return a lake in that folder, opened by way of the settings."""
    return connect(Settings(lake=folder.as_uri()))


def contents(lake: Lake, prefix: str) -> dict[str, bytes]:
    """Return every object under a folder (`prefix` ends in /) by its key."""
    return {info.key: lake.get(info.key) for info in lake.objects(prefix)}


def _instant(record_id: str, moment: datetime, zone: str | None, provenance: Provenance) -> Record:
    return {
        **_written(record_id, moment, provenance),
        "timeEpochMillis": epoch_ms(moment),
        "zoneOffsetId": zone,
    }


def _interval(record_id: str, start: datetime, end: datetime, zone: str | None, provenance: Provenance) -> Record:
    return {
        **_written(record_id, start, provenance),
        "startTimeEpochMillis": epoch_ms(start),
        "endTimeEpochMillis": epoch_ms(end),
        "startZoneOffsetId": zone,
        "endZoneOffsetId": zone,
    }


def _written(record_id: str, start: datetime, provenance: Provenance) -> Record:
    modified = provenance.get("modified", start)
    return {
        "metadata": {
            "id": record_id,
            "dataOriginPackageName": provenance.get("app", APP),
            "lastModifiedTimeEpochMillis": epoch_ms(modified),
            "clientRecordId": None,
            "clientRecordVersion": provenance.get("version", 0),
            "device": {"manufacturer": None, "model": None, "type": "WATCH"},
        },
        "appRecordFetchTimeEpochMillis": epoch_ms(provenance.get("fetched", modified)),
    }
