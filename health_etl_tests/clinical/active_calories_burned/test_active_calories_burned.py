"""Active energy of a local day: merged totals and honest coverage; placed only against named assumptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.active_calories_burned.processor import PROCESSOR, analyse
from health_etl.clinical.common.base import ClinicalOptions
from health_etl_tests.clinical.activity.activity_days import (
    MIDNIGHT,
    NEXT_MIDNIGHT,
    NO_PRIORITY,
    OURA,
    SAMSUNG,
    day,
    facts_of,
    frame,
    narrated,
    only,
    real_rows,
    row,
    tiles,
)


def energy_row(active_kcal: float, start: str = MIDNIGHT, end: str = NEXT_MIDNIGHT, **other: Any) -> dict[str, Any]:
    given = {"app": OURA, "record_id": "r", "last_modified_utc": "2025-09-21T06:00Z", **other}
    return row(start, end, active_kcal, column="active_kcal", **given)


def insights_of(*rows: dict[str, Any], priority: tuple[str, ...] = (), age_years: int | None = None) -> dict[str, Any]:
    return only(analyse(frame(*rows, column="active_kcal"), day(age_years=age_years), ClinicalOptions(priority)))


def test_a_real_daily_total_exported_before_the_days_end_is_a_partial_day(shared: Path) -> None:
    rows = real_rows(shared, "ActiveCaloriesBurnedRecord", "energyInKilocalories", "active_kcal")

    found = only(analyse(rows, day(), NO_PRIORITY))

    assert found["active_kcal_total"] == 124
    assert found["source_totals"] == f"{OURA}: 124.0 kcal"
    assert found["partial_day"] is True
    assert found["data_until_local"] == "17:25"
    # recorded from 04:00 to 17:25:39.312
    assert found["coverage"] == pytest.approx((13 * 3600 + 25 * 60 + 39.312) / 86_400)
    assert found["coverage_reason"] == "56 % of the day recorded, 70 % needed"
    assert found["complete_day_active_kcal"] is found["usual_range_place"] is None
    assert len(set(narrated(PROCESSOR, facts_of(PROCESSOR, analyse(rows, day(), NO_PRIORITY))).values())) == 3


def test_apps_are_merged_by_time_and_never_summed() -> None:
    ring = energy_row(400.0, "2025-09-20T11:00Z", "2025-09-20T23:00Z", record_id="ring")
    watch = energy_row(480.5, app=SAMSUNG, record_id="watch", last_modified_utc="2025-09-21T05:30Z")

    found = insights_of(ring, watch)

    # the ring's 12 h, and half of the watch's 24 h around them
    assert found["active_kcal_total"] == 400 + 480.5 / 2
    assert found["source_totals"] == f"{SAMSUNG}: 480.5 kcal; {OURA}: 400.0 kcal"
    assert found["counted_source_apps"] == f"{OURA}, {SAMSUNG}"
    assert found["coverage"] == 1


def test_the_priority_list_outranks_a_later_modification() -> None:
    ring = energy_row(400.0, record_id="ring")
    watch = energy_row(480.5, app=SAMSUNG, record_id="watch", last_modified_utc="2025-09-21T05:30Z")

    assert insights_of(ring, watch)["active_kcal_total"] == 400
    assert insights_of(ring, watch, priority=(SAMSUNG,))["active_kcal_total"] == 480.5


def test_no_energy_recorded_is_zero_and_no_record_is_null() -> None:
    days = pd.concat([day("ada"), day("bob")], ignore_index=True)
    found = analyse(frame(energy_row(0.0), column="active_kcal"), days, NO_PRIORITY)

    assert found["active_kcal_total"].iloc[0] == 0
    assert found["active_kcal_total"].isna().tolist() == [False, True]
    assert found["coverage"].tolist() == [1, 0]


def test_row_order_never_matters() -> None:
    rows = frame(
        *(energy_row(0.1 * n, record_id=f"r{n}", app=(SAMSUNG, OURA)[n % 2]) for n in range(9)), column="active_kcal"
    )

    found, again = analyse(rows, day(), NO_PRIORITY), analyse(rows[::-1], day(), NO_PRIORITY)

    np.testing.assert_array_equal(*(np.array(each.pop("active_kcal_by_hour").tolist()) for each in (found, again)))
    pd.testing.assert_frame_equal(found, again, check_exact=True)


def test_nothing_in_gives_no_rows_of_the_promised_columns() -> None:
    found = analyse(frame(column="active_kcal"), day()[:0], NO_PRIORITY)

    assert found.empty
    expected = ["user_id", "local_date", *(m.name for m in PROCESSOR.metrics), "coverage", "coverage_reason"]
    assert sorted(found.columns) == sorted(expected)


@pytest.mark.parametrize(
    ("kcal", "place"),
    [
        (149.9, "below the usual range"),
        (150.0, "in the usual range"),
        (1000.0, "in the usual range"),
        (1000.1, "above the usual range"),
        (3000.0, "above the usual range"),
        (3000.1, "implausible outside endurance events"),
    ],
)
def test_a_complete_day_is_placed_against_what_is_usual(kcal: float, place: str) -> None:
    assert insights_of(energy_row(kcal))["usual_range_place"] == place


def test_an_incomplete_day_is_only_ever_implausible_and_a_child_is_not_placed() -> None:
    part = {"end": "2025-09-20T17:00Z"}
    assert insights_of(energy_row(500.0, **part))["usual_range_place"] is None
    assert insights_of(energy_row(3500.0, **part))["usual_range_place"] == "implausible outside endurance events"
    assert insights_of(energy_row(500.0), age_years=17)["usual_range_place"] is None
    assert insights_of(energy_row(500.0), age_years=18)["usual_range_place"] == "in the usual range"


def test_energy_by_hour_comes_from_fine_records_with_its_decimals() -> None:
    records = tiles("00:00", "24:00", 15, {"08:00": 40.25, "08:30": 10.5, "19:00": 30.0}, column="active_kcal")
    found = insights_of(*records)

    assert found["active_kcal_by_hour"][8] == 50.75
    assert (found["busiest_hour_local"], found["busiest_hour_active_kcal"]) == ("08:00", 50.75)
    assert found["evening_active_kcal"] == 30
    assert found["active_kcal_in_known_hours"] == found["active_kcal_total"] == 80.75


def test_the_text_of_half_a_day_states_its_energy_and_coverage_and_judges_nothing() -> None:
    rows = frame(energy_row(312.25, end="2025-09-20T17:00Z"), column="active_kcal")
    texts = narrated(
        PROCESSOR, facts_of(PROCESSOR, analyse(rows, day(), NO_PRIORITY), dict.fromkeys(range(1, 29), 400.0))
    )

    assert all("312.2 kcal" in text for text in texts.values())
    assert all("(50 % of the day recorded, 70 % needed)" in text for text in texts.values())
    assert all("unknown, not zero" in text for text in texts.values())
    assert "this day is not complete and not compared with it" in texts["statistical"]
    assert "The total is not held against a usual range." in texts["semantic"]
    assert "estimate of the device or app" in texts["semantic"]


def test_the_text_of_an_implausible_day_doubts_the_figure() -> None:
    rows = frame(energy_row(4200.0), column="active_kcal")
    text = narrated(PROCESSOR, facts_of(PROCESSOR, analyse(rows, day(), NO_PRIORITY)))["semantic"]
    assert "More than 3000 kcal a day are implausible outside endurance events" in text
    assert "No age is configured" in text


def test_the_text_of_a_day_without_data_says_so_and_does_not_call_it_zero() -> None:
    found = analyse(frame(energy_row(1.0), column="active_kcal"), day("bob"), NO_PRIORITY)
    texts = narrated(PROCESSOR, facts_of(PROCESSOR, found))
    assert all("No active energy of 2025-09-20 was recorded before the export." in text for text in texts.values())
    assert "That does not mean that there was none." in texts["semantic"]
