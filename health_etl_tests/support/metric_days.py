"""Days for metrics that need more data than a fixture has: weeks of two synthetic people, and two days of a third with
one value per minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from health_etl.days.profiles import Condition, Profile
from health_etl.lake.store import Lake
from health_etl.record_types import by_avro_name
from health_etl.synthetic.exports import exports_of
from health_etl.synthetic.person import invent_person
from health_etl_tests.support.exports import (
    ANNA,
    Provenance,
    Record,
    active_calories_burned,
    blood_glucose,
    heart_rate,
    memory_lake,
    put,
    put_content,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import OPTIONS, bring_up_to_date

SEED = 20250921
FIRST_DAY = date(2025, 10, 6)
# By index of the person: the first has type 2 diabetes, the fourth type 1.
DAYS_OF_PERSON = {1: 15, 4: 29}
PROFILES = {
    "person_1": Profile(1980, "female", 181, (Condition.PREGNANCY,)),
    "person_4": Profile(1980, "male", 181),
    ANNA: Profile(1990),
}
UPLOADED = date(2025, 11, 10)  # after the last of these days; one upload date gives one partition per type

MIDNIGHT = utc("2025-09-20 05:00")  # local, at -05:00
NOON_MINUTE = 12 * 60
FETCHED: Provenance = {"fetched": utc("2025-09-22 06:00")}
MEALS = (("BREAKFAST", 7), ("LUNCH", 12), ("DINNER", 19))


def metric_days() -> Lake:
    """Return a lake with these days, brought up to date."""
    lake = memory_lake()
    for index, days in DAYS_OF_PERSON.items():
        for file in exports_of(invent_person(SEED, index, f"person_{index}"), FIRST_DAY, days):
            name = by_avro_name()[file.record_type.lower()].name
            exported = datetime.fromtimestamp(file.export_ms / 1000, tz=UTC)
            put_content(lake, name, file.content, user_id=file.person, upload_date=UPLOADED, exported=exported)
    for name, records in _two_days().items():
        put(lake, name, records, upload_date=UPLOADED)
    bring_up_to_date(lake, replace(OPTIONS, profiles=PROFILES))
    return lake


def _two_days() -> dict[str, list[Record]]:
    return {
        "steps": list(_minute_counts(_walks())),
        "active_calories_burned": [
            active_calories_burned(
                f"c{n}", MIDNIGHT + timedelta(minutes=n), MIDNIGHT + timedelta(minutes=n + 1), kcal, **FETCHED
            )
            for n, kcal in enumerate(count / 25 for count in _walks())
        ],
        "blood_glucose": list(_meals()),
        "heart_rate": [
            heart_rate("h1", MIDNIGHT, _pulse(), **FETCHED),
            heart_rate("h2", MIDNIGHT + timedelta(days=1), [70] * 48, every=timedelta(minutes=30), **FETCHED),
        ],
    }


def _walks() -> list[int]:
    """Return steps per minute of a day: a brisk walk at noon, a run in the evening, hardly any otherwise."""
    counts = [0] * (24 * 60)
    for hour in range(8, 21):
        counts[hour * 60 : hour * 60 + 10] = [30] * 10
    counts[NOON_MINUTE : NOON_MINUTE + 30] = [110] * 30
    counts[18 * 60 : 18 * 60 + 20] = [140] * 20
    return counts


def _minute_counts(counts: Sequence[int]) -> Iterator[Record]:
    for n, count in enumerate(counts):
        yield steps(f"s{n}", MIDNIGHT + timedelta(minutes=n), MIDNIGHT + timedelta(minutes=n + 1), count, **FETCHED)


def _meals() -> Iterator[Record]:
    for meal, hour in MEALS:
        for relation, minutes, mg_dl in (("BEFORE_MEAL", -10, 100.0), ("AFTER_MEAL", 90, 150.0)):
            moment = MIDNIGHT + timedelta(hours=hour, minutes=minutes)
            yield blood_glucose(f"g{meal}{minutes}", moment, mg_dl, **FETCHED) | {
                "mealType": meal,
                "relationToMeal": relation,
            }


def _pulse() -> list[int]:
    """Return heart rate per minute of a day: low, high and very high at night, high by day without exercise."""
    bpm = [70] * (24 * 60)
    for first, count, rate in ((60, 20, 45), (120, 30, 110), (200, 15, 160), (600, 20, 105)):
        bpm[first : first + count] = [rate] * count
    return bpm
