"""Active energy of a local day: merged totals and honest coverage; nothing is graded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pytest

from health_etl.clinical.active_calories_burned import PROCESSOR, analyse, narrate
from health_etl.clinical.base import ClinicalOptions, Facts

SAMSUNG, OURA = "com.sec.android.app.shealth", "com.ouraring.oura"
DAY = "2025-09-20"
START, END = "2025-09-20T05:00Z", "2025-09-21T05:00Z"  # local midnights at -05:00


def instant(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).tz_convert("UTC").as_unit("ms")


def energy_row(active_kcal: float, start: str = START, end: str = END, **other: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "user_id": "ada",
        "local_date": DAY,
        "record_id": "r",
        "source_app": OURA,
        "start_utc": start,
        "end_utc": end,
        "last_modified_utc": "2025-09-21T06:00Z",
        "fetched_utc": "2025-09-21T07:00Z",
        "utc_offset_minutes": -300,
        "end_utc_offset_minutes": -300,
        "active_kcal": active_kcal,
    } | other
    return {name: instant(value) if name.endswith("_utc") else value for name, value in row.items()}


def days(*user_ids: str) -> pd.DataFrame:
    bounds = {"local_date": DAY, "day_start_utc": instant(START), "day_end_utc": instant(END)}
    return pd.DataFrame([{"user_id": user_id, **bounds} for user_id in user_ids or ("ada",)])


def insights_of(*rows: dict[str, Any], priority: tuple[str, ...] = ()) -> dict[str, Any]:
    found = analyse(pd.DataFrame(list(rows)), days(), ClinicalOptions(priority)).astype(object)
    assert len(found) == 1
    return {str(name): None if pd.isna(value) else value for name, value in found.iloc[0].items()}


def facts_of(row: dict[str, Any]) -> Facts:
    values = {metric.name: row[metric.name] for metric in PROCESSOR.metrics if row[metric.name] is not None}
    written = {
        metric.name: values[metric.name]
        if isinstance(values[metric.name], str)
        else f"{values[metric.name]:.{metric.decimals}f}"
        for metric in PROCESSOR.metrics
        if metric.name in values
    }
    written |= {"local_date": row["local_date"], "coverage_percent": f"{row['coverage'] * 100:.0f}"}
    written |= {"coverage_reason": row["coverage_reason"]} if row["coverage_reason"] else {}
    return Facts(values, written | {"zone_source": "record"})


def test_a_real_daily_total_exported_before_the_days_end_is_a_partial_day(shared: Path) -> None:
    with (shared / "samples" / "ActiveCaloriesBurnedRecord_1758407139312.avro").open("rb") as file:
        (record,) = fastavro.reader(file)
    assert isinstance(record, dict)

    def at(name: str) -> str:
        return pd.Timestamp(record[name], unit="ms", tz="UTC").isoformat()

    found = insights_of(
        energy_row(
            record["energyInKilocalories"],
            at("startTimeEpochMillis"),
            at("endTimeEpochMillis"),
            fetched_utc=at("appRecordFetchTimeEpochMillis"),
        )
    )

    assert found["active_kcal_total"] == 124
    assert found["source_totals"] == f"{OURA} 124.0 kcal"
    assert found["partial_day"] is True
    assert found["data_until_local"] == "17:25"
    # recorded from 04:00 to 17:25:39.312
    assert found["coverage"] == pytest.approx((13 * 3600 + 25 * 60 + 39.312) / 86_400)
    assert found["coverage_reason"] == "56 % of the day recorded, 70 % needed"


def test_apps_are_merged_by_time_and_never_summed() -> None:
    ring = energy_row(400.0, "2025-09-20T11:00Z", "2025-09-20T23:00Z", record_id="ring")
    watch = energy_row(480.5, source_app=SAMSUNG, record_id="watch", last_modified_utc="2025-09-21T05:30Z")

    found = insights_of(ring, watch)

    # the ring's 12 h, and half of the watch's 24 h around them
    assert found["active_kcal_total"] == 400 + 480.5 / 2
    assert found["source_totals"] == f"{SAMSUNG} 480.5 kcal; {OURA} 400.0 kcal"
    assert found["counted_source_apps"] == f"{OURA}, {SAMSUNG}"
    assert found["coverage"] == 1


def test_the_priority_list_outranks_a_later_modification() -> None:
    ring = energy_row(400.0, record_id="ring")
    watch = energy_row(480.5, source_app=SAMSUNG, record_id="watch", last_modified_utc="2025-09-21T05:30Z")

    assert insights_of(ring, watch)["active_kcal_total"] == 400
    assert insights_of(ring, watch, priority=(SAMSUNG,))["active_kcal_total"] == 480.5


def test_no_energy_recorded_is_zero_and_no_record_is_null() -> None:
    found = analyse(pd.DataFrame([energy_row(0.0)]), days("ada", "bob"), ClinicalOptions())

    assert found["active_kcal_total"].iloc[0] == 0
    assert found["active_kcal_total"].isna().tolist() == [False, True]
    assert found["coverage"].tolist() == [1, 0]


def test_row_order_never_matters() -> None:
    rows = pd.DataFrame(
        [
            energy_row(0.1 * number, record_id=f"r{number}", source_app=(SAMSUNG, OURA)[number % 2])
            for number in range(9)
        ]
    )

    found = analyse(rows, days(), ClinicalOptions())

    pd.testing.assert_frame_equal(found, analyse(rows[::-1], days(), ClinicalOptions()), check_exact=True)


def test_the_text_states_the_energy_and_its_coverage_and_grades_nothing() -> None:
    facts = facts_of(insights_of(energy_row(312.25, end="2025-09-20T17:00Z")))

    text = narrate(facts)

    assert text == (
        "On 2025-09-20, 312.2 kcal of active energy were recorded; the records cover 50 % of the day. This "
        "is too little to judge the day (50 % of the day recorded, 70 % needed); what happened in the "
        "unrecorded time is unknown, not zero. Active energy is an estimate by the device or app."
    )
    known = " ".join([*facts.written.values(), *PROCESSOR.guidelines])
    assert set(re.findall(r"\d+", text)) <= set(re.findall(r"\d+", known))


def test_the_text_of_a_day_without_data_says_so() -> None:
    found = analyse(pd.DataFrame([energy_row(1.0)]), days("bob"), ClinicalOptions()).astype(object).iloc[0]
    row = {str(name): None if pd.isna(value) else value for name, value in found.items()}

    assert narrate(facts_of(row)) == f"No active energy of {DAY} was recorded before the export."
