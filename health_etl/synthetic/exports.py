"""Which record stands in which export file, and in which version.

As the real app does, an export repeats what the platform holds of the last 24 hours; two exports a day
overlap by about half. ASSUMPTION: a record counts as recent by its end (the real exports seen look by its
start), so that the final version of a daily total is exported too.
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

DEFAULT_FIRST_DAY = date(2025, 10, 6)  # a Monday; 30 days from here the clocks change in Europe and America
LOOK_BACK_MS = MILLIS_PER_DAY

RecordsByType = dict[str, list[Record]]


def generate(people: int, days: int, seed: int, first_day: date = DEFAULT_FIRST_DAY) -> Iterator[ExportFile]:
    """Yield the exports of that many invented people over that many local days, person by person.

    The same arguments give the same bytes; a person is the same whoever else is generated. Memory holds two
    days of one person. Raises ValueError when the seed is negative.
    """
    for index in range(1, people + 1):
        yield from exports_of(invent_person(seed, index, f"person_{index:02d}"), first_day, days)


def exports_of(person: Person, first_day: date, days: int) -> Iterator[ExportFile]:
    """Yield one person's export files in order of time."""
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
    """Return what the apps write about the day, by record type, whenever they come to write it."""
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
    """Return the rows of an export at that time: what ended in the last 24 hours, as it then stood."""
    recent = (r for r in records if r.start_ms < export_ms and r.end_ms > export_ms - LOOK_BACK_MS)
    seen = (record.as_of(export_ms) for record in recent)
    return [{**row, "appRecordFetchTimeEpochMillis": export_ms} for row in seen if row is not None]
