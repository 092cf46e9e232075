"""The sample exports in data/sample: generated from the recorded seed, small, and including the unusual records."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from health_etl.synthetic import SHIPPED_SEED, shipped_sample
from health_etl.synthetic.local_day import MILLIS_PER_HOUR
from health_etl_tests.support.synthetic_rows import Decoded, app_of, decode, rows_of

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
SHIPPED_COUNTS = {
    "BloodGlucoseRecord": 5,
    "HeartRateRecord": 5,
    "SleepSessionRecord": 5,
    "StepsRecord": 5,
    "ActiveCaloriesBurnedRecord": 3,
    "HeartRateVariabilityRmssdRecord": 3,
}


@pytest.fixture(scope="module")
def shipped() -> list[Decoded]:
    return [decode(file) for file in shipped_sample(SHIPPED_SEED)]


def test_the_shipped_files_are_what_the_recorded_seed_gives() -> None:
    on_disk = {path.name: path.read_bytes() for path in SAMPLE.iterdir()}
    assert {file.name: file.content for file in shipped_sample(SHIPPED_SEED)} == on_disk


def test_the_readme_of_the_data_records_the_seed() -> None:
    assert f"seed {SHIPPED_SEED}" in (SAMPLE.parent / "README.md").read_text()


def test_the_shipped_set_is_26_small_files_of_one_person(shipped: list[Decoded]) -> None:
    assert Counter(export.file.record_type for export in shipped) == SHIPPED_COUNTS
    assert {export.file.person for export in shipped} == {"demo"}
    assert sum(len(export.file.content) for export in shipped) < 360 * 1024
    assert len({export.file.uploaded for export in shipped}) == 3


@pytest.mark.parametrize("record_type", SHIPPED_COUNTS)
def test_the_shipped_exports_overlap_in_every_type(shipped: list[Decoded], record_type: str) -> None:
    ids = [row["metadata"]["id"] for row in rows_of(shipped, record_type)]
    assert len(set(ids)) < len(ids)


def test_the_shipped_set_includes_the_unusual_records(shipped: list[Decoded]) -> None:
    naps = [row for row in rows_of(shipped, "SleepSessionRecord") if not row["stages"]]
    assert naps
    assert all(row["metadata"]["device"] is None for row in naps)
    assert any(row["metadata"]["clientRecordId"] is None for row in rows_of(shipped, "StepsRecord"))
    assert max(len(row["samples"]) for row in rows_of(shipped, "HeartRateRecord")) >= 60
    assert any(
        row["endTimeEpochMillis"] > row["appRecordFetchTimeEpochMillis"]
        for row in rows_of(shipped, "ActiveCaloriesBurnedRecord")
    )


def test_the_watch_counts_from_midnight_to_midnight_and_the_ring_fewer_from_four(
    shipped: list[Decoded],
) -> None:
    last_steps = [export for export in shipped if export.file.record_type == "StepsRecord"][-1]
    by_app = {app_of(row): row for row in last_steps.rows}
    watch, ring = by_app["com.example.watch"], by_app["com.example.ring"]
    midnight = datetime(2025, 9, 16, 5, tzinfo=UTC).timestamp() * 1000  # 00:00 at -05:00
    assert watch["startTimeEpochMillis"] == midnight
    assert ring["startTimeEpochMillis"] == midnight + 4 * MILLIS_PER_HOUR
    assert watch["endTimeEpochMillis"] == ring["endTimeEpochMillis"] == midnight + 24 * MILLIS_PER_HOUR - 1
    assert 0 < ring["count"] < watch["count"]
