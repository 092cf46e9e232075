"""What an app has written to Health Connect: records and their successive versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from health_etl.synthetic.local_day import zone_offset_id

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Version:
    """A record as of `modified_ms`; `row` is the Avro record without its fetch time."""

    modified_ms: int
    row: Row


@dataclass(frozen=True, slots=True)
class Record:
    """One Health Connect record; `versions` are in chronological order and share one id."""

    start_ms: int
    end_ms: int
    versions: tuple[Version, ...]

    def as_of(self, epoch_ms: int) -> Row | None:
        """Return the row that a reader sees at that time; None before the record was written."""
        seen = None
        for version in self.versions:
            if version.modified_ms > epoch_ms:
                break
            seen = version.row
        return seen


def interval(start_ms: int, end_ms: int, zone: ZoneInfo) -> dict[str, object]:
    """Return the start and end fields of a record, with their zone offsets."""
    return {
        "startTimeEpochMillis": start_ms,
        "endTimeEpochMillis": end_ms,
        "startZoneOffsetId": zone_offset_id(start_ms, zone),
        "endZoneOffsetId": zone_offset_id(end_ms, zone),
    }
