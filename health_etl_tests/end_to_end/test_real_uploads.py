"""The 18 real exports through ingest and the whole pipeline, compared with counts worked out by hand."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from health_etl.lake.store import Lake
from health_etl.training.grounding import ungrounded
from health_etl.uploads.ingest import find_exports, ingest
from health_etl_tests.support.exports import ANNA, contents, memory_lake
from health_etl_tests.support.pipeline import (
    Done,
    bring_up_to_date,
    day_examples,
    files_of,
    insights_of,
    journal_examples,
    manifest_of,
    records_of,
)

UPLOADED = date(2025, 9, 20)
WATCH = "com.sec.android.app.shealth"
RING = "com.ouraring.oura"

# rows in, accepted, duplicate, quarantined
ACCOUNTS = {
    "active_calories_burned": (3, 1, 2, 0),
    "blood_glucose": (757, 253, 504, 0),
    "heart_rate": (234, 78, 156, 0),
    "heart_rate_variability_rmssd": (222, 74, 148, 0),
    "sleep_session": (6, 2, 4, 0),
    "steps": (6, 2, 4, 0),
}


@pytest.fixture(scope="module")
def run(shared: Path) -> tuple[Lake, Done]:
    lake = memory_lake()
    found = list(ingest(lake, find_exports([shared / "samples"]), ANNA, None, "phone"))
    assert [item.refused for item in found if item.refused] == []
    return lake, bring_up_to_date(lake)


@pytest.fixture(scope="module")
def lake(run: tuple[Lake, Done]) -> Lake:
    return run[0]


def insight(lake: Lake, name: str, local_date: str) -> dict[str, Any]:
    rows = insights_of(lake, name, UPLOADED)
    (row,) = rows[rows["local_date"] == local_date].to_dict("records")
    return {str(column): value for column, value in row.items()}


def local_dates(lake: Lake, name: str) -> list[str]:
    rows = insights_of(lake, name, UPLOADED)
    return rows.loc[~rows["withdrawn"], "local_date"].tolist()


def test_every_file_is_read_once_and_none_is_refused(run: tuple[Lake, Done]) -> None:
    lake, done = run
    assert done.files_read == 18
    assert sorted(done.records) == [(name, UPLOADED.isoformat()) for name in sorted(ACCOUNTS)]
    assert contents(lake, "quarantine/") == {}


@pytest.mark.parametrize("name", sorted(ACCOUNTS))
def test_every_row_is_accounted_for(lake: Lake, name: str) -> None:
    manifest = manifest_of(lake, name, UPLOADED)
    assert manifest.total() == ACCOUNTS[name]
    assert manifest.counts.files == 3
    for file in files_of(lake, name, UPLOADED):
        file.check()
        assert file.reason is None
        assert file.drift == ()
    assert records_of(lake, name, UPLOADED)["record_id"].nunique() == ACCOUNTS[name][1]


def test_1228_rows_are_410_records_and_818_duplicates(lake: Lake) -> None:
    totals = [manifest_of(lake, name, UPLOADED).total() for name in ACCOUNTS]
    assert [sum(column) for column in zip(*totals, strict=True)] == [1228, 410, 818, 0]


def test_a_second_run_finds_nothing_to_do(lake: Lake) -> None:
    before = contents(lake, "training/")
    assert bring_up_to_date(lake).nothing
    assert contents(lake, "training/") == before


def test_ingesting_again_uploads_nothing(lake: Lake, shared: Path) -> None:
    found = list(ingest(lake, find_exports([shared / "samples"]), ANNA, None, "phone"))
    assert (len(found), [item.is_new for item in found].count(True)) == (18, 0)


def test_glucose_with_offset_z_is_split_into_days_at_minus_5_hours(lake: Lake) -> None:
    assert set(records_of(lake, "blood_glucose", UPLOADED)["zone_offset"]) == {"Z"}
    assert local_dates(lake, "blood_glucose") == ["2025-09-19", "2025-09-20"]
    for local_date, readings in (("2025-09-19", 79), ("2025-09-20", 174)):
        found = insight(lake, "blood_glucose", local_date)
        assert (found["utc_offset_minutes"], found["zone_source"]) == (-300, "other_sources")
        assert found["reading_count"] == readings
        assert found["day_start_utc"] == pd.Timestamp(f"{local_date} 05:00", tz="UTC")


def test_the_steps_of_the_day_are_3933_and_the_two_apps_are_not_added(lake: Lake) -> None:
    found = insight(lake, "steps", "2025-09-20")
    assert found["steps_total"] == 3933
    assert found["record_count"] == 2
    assert "3933" in found["source_totals"]
    assert "2517" in found["source_totals"]
    assert bool(found["partial_day"])


def test_the_night_of_two_apps_has_one_main_sleep(lake: Lake) -> None:
    assert local_dates(lake, "sleep_session") == ["2025-09-20"]
    found = insight(lake, "sleep_session", "2025-09-20")
    assert found["record_count"] == 2
    assert (found["alternate_session_count"], found["nap_count"]) == (1, 0)


def test_the_latest_version_of_the_growing_calories_counts(lake: Lake) -> None:
    rows = records_of(lake, "active_calories_burned", UPLOADED)
    assert len(rows) == 1
    assert rows["fetched_utc"].iloc[0] == rows["fetched_utc"].max()
    assert rows["source_key"].iloc[0].endswith(".avro")
    assert "_222946_" in rows["source_key"].iloc[0]


def test_every_type_is_in_the_journal_once_per_local_day(lake: Lake) -> None:
    lines = [example["metadata"] for example in day_examples(lake)]
    assert sorted((line["record_type"], line["local_date"][:10]) for line in lines) == sorted(
        [
            ("ActiveCaloriesBurnedRecord", "2025-09-20"),
            ("BloodGlucoseRecord", "2025-09-19"),
            ("BloodGlucoseRecord", "2025-09-20"),
            ("HeartRateRecord", "2025-09-19"),
            ("HeartRateRecord", "2025-09-20"),
            ("HeartRateVariabilityRmssdRecord", "2025-09-20"),
            ("SleepSessionRecord", "2025-09-20"),
            ("StepsRecord", "2025-09-20"),
        ]
    )


def test_every_number_in_an_output_is_in_its_input(lake: Lake) -> None:
    for example in journal_examples(lake):
        derived = json.loads(example["metadata"]["derived"])
        assert ungrounded(example["output"], example["input"], derived) == set(), example["output"]


def test_no_user_id_is_in_the_training_data(lake: Lake) -> None:
    for key, content in contents(lake, "training/").items():
        assert ANNA not in key
        assert ANNA.encode() not in content
