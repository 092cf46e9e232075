"""Glucose, heart rate and RMSSD of real exports: one person at -05:00 on two local days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pytest

from health_etl.clinical.blood_glucose import processor as blood_glucose
from health_etl.clinical.common.base import ClinicalOptions, Processor
from health_etl.clinical.heart_rate import processor as heart_rate
from health_etl.clinical.heart_rate_variability_rmssd import processor as heart_rate_variability_rmssd
from health_etl_tests.clinical.heart_rate.heart_facts import with_profile

OFFSET = pd.Timedelta(hours=-5)


def records(shared: Path, avro_name: str) -> list[dict[str, Any]]:
    """Records of the three overlapping exports, each id once."""
    by_id = {}
    for path in sorted((shared / "samples").glob(f"{avro_name}_*.avro")):
        with path.open("rb") as file:
            by_id |= {record["metadata"]["id"]: record for record in fastavro.reader(file)}
    return list(by_id.values())


def row(record: dict[str, Any], epoch_ms: int, **measured: float | str) -> dict[str, Any]:
    return {
        "user_id": "u1",
        "record_id": record["metadata"]["id"],
        "source_app": record["metadata"]["dataOriginPackageName"],
        "last_modified_utc": record["metadata"]["lastModifiedTimeEpochMillis"],
        "utc_offset_minutes": -300,
        "time_utc": pd.Timestamp(epoch_ms, unit="ms", tz="UTC"),
        **measured,
    }


def analysed(processor: Processor, rows: Iterator[dict[str, Any]], night_shift_hours: int = 0) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    shift = pd.Timedelta(hours=night_shift_hours)
    local_midnight = (frame["time_utc"] + OFFSET + shift).dt.floor("D")
    frame["local_date"] = local_midnight.dt.strftime("%Y-%m-%d")
    frame["day_start_utc"] = local_midnight - OFFSET - shift
    days = frame[["user_id", "local_date", "day_start_utc"]].drop_duplicates().sort_values("local_date")
    days["day_end_utc"] = days["day_start_utc"] + pd.Timedelta(days=1)
    return processor.analyse(frame, with_profile(days), ClinicalOptions())


@pytest.fixture(scope="module")
def glucose(shared: Path) -> pd.DataFrame:
    rows = (
        row(
            r,
            r["timeEpochMillis"],
            glucose_mg_dl=r["levelInMilligramsPerDeciliter"],
            relation_to_meal=r["relationToMeal"],
            meal_type=r["mealType"],
        )
        for r in records(shared, "BloodGlucoseRecord")
    )
    return analysed(blood_glucose.PROCESSOR, rows)


def test_two_parts_of_days_of_a_glucose_sensor_are_described_but_not_assessed(glucose):
    assert glucose["reading_count"].tolist() == [79, 174]
    assert glucose["cadence_minutes"].round(2).tolist() == [5.0, 5.0]
    assert glucose["coverage_reason"].tolist() == [
        "27 % of the day recorded, 70 % needed",
        "60 % of the day recorded, 70 % needed",
    ]
    assert glucose["time_in_range_percent"].isna().all()
    assert glucose["last_reading_local"].tolist() == ["23:55", "14:25"]


def test_heart_rate_of_two_apps_gives_a_resting_value_on_the_day_with_enough_hours(shared):
    rows = (
        row(r, sample["timeEpochMillis"], bpm=sample["beatsPerMinute"])
        for r in records(shared, "HeartRateRecord")
        for sample in r["samples"]
    )
    days = analysed(heart_rate.PROCESSOR, rows)
    assert days["sample_count"].tolist() == [74, 548]
    assert days["hours_with_samples"].tolist() == [7, 18]
    assert days["resting_bpm"].isna().tolist() == [True, False]
    assert days["resting_bpm"][1] == pytest.approx((65 + 57 + 62) / 3)


def test_a_ring_s_samples_make_one_night(shared):
    rows = (
        row(r, r["timeEpochMillis"], rmssd_ms=r["heartRateVariabilityRmssd"])
        for r in records(shared, "HeartRateVariabilityRmssdRecord")
    )
    nights = analysed(heart_rate_variability_rmssd.PROCESSOR, rows, night_shift_hours=6)
    assert nights["local_date"].tolist() == ["2025-09-20"]
    assert nights["sample_count"].tolist() == [74]
    assert nights["coverage"].tolist() == pytest.approx([370 / 420])
    assert nights["mean_rmssd_ms"].round(2).tolist() == [25.51]
