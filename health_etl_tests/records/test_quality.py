"""The quality score of a file, compared with values worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from health_etl.lake.manifest import Quality
from health_etl.record_types import record_types
from health_etl.records.quality import QualityRules, file_qualities
from health_etl.records.validate import row_faults
from health_etl_tests.support.exports import UPLOADED, Record, blood_glucose, heart_rate, utc
from health_etl_tests.support.pipeline import measurement_rows

GLUCOSE = record_types()["blood_glucose"]
EXPECTED_COLUMNS = 14  # of a glucose row, not counting those that apps may leave empty


def quality(*records: Record, is_drifted: bool = False) -> Quality:
    rows = measurement_rows("blood_glucose", records)
    faults = row_faults(rows, GLUCOSE, UPLOADED)
    return file_qualities(rows, faults, GLUCOSE, {"raw/one"} if is_drifted else set(), QualityRules())["raw/one"]


def test_a_file_without_fault_scores_one() -> None:
    assert quality(blood_glucose(), blood_glucose("g2")) == Quality(1.0, 1.0, 1.0, 1.0, 1.0)


def test_another_schema_costs_a_tenth_of_the_schema_part() -> None:
    assert quality(blood_glucose(), is_drifted=True) == Quality(0.9, 1.0, 1.0, 1.0, 0.97)


def test_a_value_out_of_range_costs_its_share_of_the_physiological_part() -> None:
    good = [blood_glucose(f"g{n}") for n in range(3)]
    assert quality(*good, blood_glucose("g9", mg_dl=1000.0)) == Quality(1.0, 1.0, 0.75, 1.0, 0.95)


def test_an_implausible_time_costs_its_share_of_the_temporal_part() -> None:
    late = blood_glucose("g9", moment=utc("2031-01-01 00:00"))
    assert quality(blood_glucose(), late) == Quality(1.0, 1.0, 1.0, 0.5, 0.9)


def test_a_sample_outside_its_record_is_a_temporal_fault() -> None:
    record = heart_rate(bpm=(60, 61))
    record["samples"][1]["timeEpochMillis"] += 1
    rows = measurement_rows("heart_rate", [record])
    heart_rate_type = record_types()["heart_rate"]
    found = file_qualities(rows, row_faults(rows, heart_rate_type, UPLOADED), heart_rate_type, set(), QualityRules())[
        "raw/one"
    ]
    assert (found.physiological, found.temporal) == (1.0, 0.5)


def test_an_empty_cell_costs_its_share_of_completeness() -> None:
    found = quality(blood_glucose(), blood_glucose("g2"), blood_glucose("g3"), blood_glucose("g4", zone=None))
    completeness = 1 - 1 / (4 * EXPECTED_COLUMNS)
    assert found.completeness == pytest.approx(completeness, abs=1e-6)
    assert found.score == pytest.approx(0.7 + 0.3 * completeness, abs=1e-6)


def test_columns_that_apps_may_leave_empty_cost_nothing() -> None:
    record = blood_glucose()
    record["metadata"]["device"] = None
    record["metadata"]["clientRecordId"] = None
    assert quality(record).completeness == 1.0


def test_each_file_is_scored_by_its_own_rows() -> None:
    rows = pd.concat(
        [
            measurement_rows("blood_glucose", [blood_glucose()], "raw/good"),
            measurement_rows("blood_glucose", [blood_glucose(mg_dl=1.0)], "raw/bad"),
        ],
        ignore_index=True,
    )
    found = file_qualities(rows, row_faults(rows, GLUCOSE, UPLOADED), GLUCOSE, {"raw/good"}, QualityRules())
    assert {key: part.score for key, part in found.items()} == {"raw/good": 0.97, "raw/bad": 0.8}
