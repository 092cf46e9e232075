"""Export files: which records each one contains, and in which version. Writing the bytes belongs in write.py.

Like the real app, an export contains everything that the platform holds about the last 24 hours, so two exports a day
overlap by about half. ASSUMPTION: a record is recent by its end (real exports seem to go by its start), so that the
final version of a daily total is exported too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from health_etl.synthetic.blood_glucose import blood_glucose_records
from health_etl.synthetic.daily_totals import active_calories_burned_records, steps_records
from health_etl.synthetic.day_plan import ThreeDays, simulate_days
from health_etl.synthetic.heart_rate import heart_rate_records
from health_etl.synthetic.heart_rate_variability_rmssd import heart_rate_variability_records
from health_etl.synthetic.local_day import MILLIS_PER_DAY
from health_etl.synthetic.movement import simulate_movement
from health_etl.synthetic.person import Person, invent_person
from health_etl.synthetic.records import Record, Row
from health_etl.synthetic.sleep_session import ring_night, sleep_session_records
from health_etl.synthetic.write import ExportFile, export_file

DEFAULT_FIRST_DAY = date(2025, 10, 6)  # a Monday; the clocks change in Europe and America within 30 days
LOOK_BACK_MS = MILLIS_PER_DAY

RecordsByType = dict[str, list[Record]]


def generate(people: int, days: int, seed: int, first_day: date = DEFAULT_FIRST_DAY) -> Iterator[ExportFile]:
    """Yield the exports of that many synthetic people over that many local days, person by person.

    The same arguments give the same bytes, and a person does not depend on the number of people. Only two days of one
    person are in memory. Raises ValueError if the seed is negative.
    """
    for index in range(1, people + 1):
        yield from exports_of(invent_person(seed, index, f"person_{index:02d}"), first_day, days)


def exports_of(person: Person, first_day: date, days: int) -> Iterator[ExportFile]:
    """Yield one person's export files in chronological order."""
    before: RecordsByType = {}
    for three_days in simulate_days(person, first_day, days):
        today = records_of_day(three_days)
        for export_ms in three_days.today.exports_ms:
            for record_type, records in today.items():
                rows = rows_of_export([*before.get(record_type, []), *records], export_ms)
                if rows:
                    yield export_file(person, record_type, export_ms, rows)
        before = today


def records_of_day(days: ThreeDays) -> RecordsByType:
    """Return everything that the apps ever write about the day, by record type."""
    movement = simulate_movement(days.person, days.today)
    ring = ring_night(days.person, days.today.night)
    return {
        "BloodGlucoseRecord": blood_glucose_records(days, movement),
        "HeartRateRecord": heart_rate_records(days, movement, ring),
        "SleepSessionRecord": sleep_session_records(days, ring),
        "StepsRecord": steps_records(days, movement),
        "ActiveCaloriesBurnedRecord": active_calories_burned_records(days, movement),
        "HeartRateVariabilityRmssdRecord": heart_rate_variability_records(days, ring),
    }


def rows_of_export(records: Iterable[Record], export_ms: int) -> list[Row]:
    """Return the rows of an export at that time: records that ended in the last 24 hours, in their current version."""
    recent = (r for r in records if r.start_ms < export_ms and r.end_ms > export_ms - LOOK_BACK_MS)
    seen = (record.as_of(export_ms) for record in recent)
    return [{**row, "appRecordFetchTimeEpochMillis": export_ms} for row in seen if row is not None]
