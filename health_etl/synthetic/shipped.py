"""The sample exports that ship in data/sample/: one person, three local days, 26 files."""

from __future__ import annotations

from datetime import date

from health_etl.synthetic.exports import exports_of
from health_etl.synthetic.person import invent_person
from health_etl.synthetic.write import ExportFile

SHIPPED_SEED = 6
SHIPPED_PERSON = "demo"
SHIPPED_FIRST_DAY = date(2025, 9, 14)  # a Sunday, with a nap, a late start, and an early start the next day
SHIPPED_DAYS = 3
SHIPPED_EXPORTS = 5
RING_TYPES = frozenset({"ActiveCaloriesBurnedRecord", "HeartRateVariabilityRmssdRecord"})
WITHOUT_RING_TYPES = frozenset({2, 3})  # exports made while the app had no permission to read these types


def shipped_sample(seed: int = SHIPPED_SEED) -> list[ExportFile]:
    """Return the 26 files in chronological order: 5 exports, of which 3 include active energy and RMSSD."""
    person = invent_person(seed, 1, SHIPPED_PERSON, naps_on_free_days=True)
    files = list(exports_of(person, SHIPPED_FIRST_DAY, SHIPPED_DAYS))
    exports = sorted({file.export_ms for file in files})[-SHIPPED_EXPORTS:]
    silent = {exports[n] for n in WITHOUT_RING_TYPES}
    return [
        file
        for file in files
        if file.export_ms in exports and not (file.record_type in RING_TYPES and file.export_ms in silent)
    ]
