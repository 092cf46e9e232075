"""Random uploads: overlapping exports of two people, with updated, moved and invalid records, and glucose at `Z`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hypothesis import strategies as st

from health_etl.lake.store import Lake
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    Record,
    blood_glucose,
    heart_rate,
    put,
    sleep_session,
    steps,
    utc,
)

# The days straddle the end of a month; every upload date is the last day or up to seven days later.
LAST_DAY = date(2025, 10, 1)
HOURS = 72
FIRST_HOUR = utc("2025-09-29 00:00")
UPLOAD_WINDOW_DAYS = 7

IDS_PER_TYPE = 4
VERSIONS = 3


@dataclass(frozen=True)
class RecordVersion:
    """One version of one record; equal versions have equal content in every export."""

    name: str
    record_id: int
    version: int
    hour: int
    value: int
    zone: int

    def record(self, fetched: datetime) -> Record:
        """Return the Avro record as fetched by an export."""
        moment = FIRST_HOUR + timedelta(hours=self.hour)
        known = {"version": self.version, "modified": FIRST_HOUR, "fetched": fetched}
        record_id = f"{self.name}-{self.record_id}"
        zone = ZONES[self.name][self.zone % len(ZONES[self.name])]
        if self.name == "blood_glucose":
            mg_dl = 5.0 if self.value == 0 else 70.0 + 20 * self.value  # 5 mg/dL is out of range
            return blood_glucose(record_id, moment, mg_dl, zone, **known)  # type: ignore[arg-type]
        if self.name == "heart_rate":
            bpm = (250,) if self.value == 0 else (60 + self.value, 70, 65)
            return heart_rate(record_id, moment, bpm, zone, **known)  # type: ignore[arg-type]
        if self.name == "sleep_session":
            stages = (("LIGHT", 60 * (self.value + 1)), ("REM", 30))
            return sleep_session(record_id, moment, stages, zone=zone, **known)  # type: ignore[arg-type]
        end = moment + timedelta(hours=2 * self.value - 1)  # for value 0 it ends before it starts
        return steps(record_id, moment, end, 100 * self.value, zone, **known)  # type: ignore[arg-type]


# People travel, and an update may remove an offset.
ZONES: Mapping[str, tuple[str | None, ...]] = {
    "blood_glucose": ("Z", None, "Z"),
    "heart_rate": ("-05:00", "+02:00", "Z"),
    "sleep_session": ("Z", "-05:00"),
    "steps": ("-05:00", "Z", "+02:00"),
}


@dataclass(frozen=True)
class Export:
    """One export of a phone: versions of records of one type."""

    user_id: str
    name: str
    versions: tuple[RecordVersion, ...]
    fetched: datetime

    def put(self, lake: Lake, upload_date: date) -> str:
        """Upload the export under an upload date; return its key."""
        records = [version.record(self.fetched) for version in self.versions]
        return put(lake, self.name, records, user_id=self.user_id, upload_date=upload_date, exported=self.fetched)


@st.composite
def exports(draw: st.DrawFn, min_size: int = 3, max_size: int = 6) -> list[Export]:
    """Draw exports of two people, of all types; several contain versions of the same records."""
    versions: dict[tuple[str, str, int, int], RecordVersion] = {}
    found = []
    for number in range(draw(st.integers(min_size, max_size))):
        name = draw(st.sampled_from(sorted(ZONES)))
        user_id = draw(st.sampled_from([ANNA, ANNA, BEN]))
        chosen = []
        for record_id in sorted(draw(st.sets(st.integers(0, IDS_PER_TYPE - 1), min_size=1, max_size=IDS_PER_TYPE))):
            version = draw(st.integers(1, VERSIONS))
            place = (user_id, name, record_id, version)
            if place not in versions:
                versions[place] = RecordVersion(
                    name,
                    record_id,
                    version,
                    hour=draw(st.integers(0, HOURS - 1)),
                    value=draw(st.integers(0, 4)),
                    zone=draw(st.integers(0, 2)),
                )
            chosen.append(versions[place])
        fetched = utc("2025-10-01 20:00") + timedelta(minutes=number)
        found.append(Export(user_id, name, tuple(chosen), fetched))
    return found


def upload_dates(count: int) -> st.SearchStrategy[list[date]]:
    """Draw one upload date per export, all within each other's look-back window."""
    days = st.integers(0, UPLOAD_WINDOW_DAYS)
    return st.lists(days, min_size=count, max_size=count).map(
        lambda offsets: [LAST_DAY + timedelta(days=offset) for offset in offsets]
    )
