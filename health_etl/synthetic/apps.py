"""The simulated apps that write to Health Connect, and the metadata that each of them writes.

They behave like real apps: the watch sets no client record id and no version, the ring uses timestamps as versions,
and the CGM appends a count of seconds to its serial number and writes `Z` wherever it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from health_etl.synthetic.person import Person

CGM_ZONE_OFFSET_ID = "Z"  # the CGM app passes no offset, so Health Connect writes UTC


@dataclass(frozen=True)
class App:
    """An app, the device that it reports, and how long before the platform it timestamps a version."""

    package: str
    device: Mapping[str, str | None]
    version_lead_ms: int | None = None  # None: the app leaves the version at 0


WATCH = App("com.example.watch", {"manufacturer": None, "model": None, "type": "UNKNOWN"})
RING = App("com.example.ring", {"manufacturer": None, "model": None, "type": "RING"}, version_lead_ms=42)
CGM = App("com.example.cgm", {"manufacturer": "Example Medical", "model": "com.example.cgm", "type": "UNKNOWN"})


def metadata(
    app: App,
    person: Person,
    record_type: str,
    modified_ms: int,
    *,
    client_record_id: str | None = None,
    start_ms: int = 0,
    by_hand: bool = False,
) -> dict[str, object]:
    """Return the metadata of one version of a record.

    Without a client record id the platform identifies a record by app and start time. A record entered `by_hand`
    has no device.
    """
    identity = client_record_id if client_record_id is not None else f"@{start_ms}"
    return {
        "id": person.record_id(app.package, identity, record_type),
        "dataOriginPackageName": app.package,
        "lastModifiedTimeEpochMillis": modified_ms,
        "clientRecordId": client_record_id,
        "clientRecordVersion": 0 if app.version_lead_ms is None else modified_ms - app.version_lead_ms,
        "device": None if by_hand else app.device,
    }
