"""The glucose functions held against published CGM data of three people (R iglu 4.3.0, py_agata)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.glucose_events import find_events
from health_etl.clinical.glucose_metrics import cadence_minutes, cv_percent, gmi_percent, range_percents
from health_etl.clinical.samples import Samples

SUBJECTS = ("Subject 1", "Subject 2", "Subject 3")
EXACT = {"rtol": 1e-6, "atol": 1e-12}


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((shared / "reference/cgm/expected.json").read_text())
    return content


@pytest.fixture(scope="module")
def readings(shared: Path) -> Samples:
    """All readings of the three people, one group a person."""
    files = [pd.read_csv(shared / f"reference/cgm/{name.replace(' ', '_')}.csv") for name in SUBJECTS]
    table = pd.concat(files, ignore_index=True)
    return Samples(
        group=table["id"].map(SUBJECTS.index).to_numpy(dtype=np.int64),
        time_ms=table["epoch_s"].to_numpy(dtype=np.int64) * 1000,
        utc_offset_minutes=np.full(len(table), -300, dtype=np.int64),
        value=table["gl_mgdl"].to_numpy(dtype=np.float64),
        n_groups=len(SUBJECTS),
    )


def published(expected: dict[str, Any], name: str) -> list[float]:
    return [expected[subject][name] for subject in SUBJECTS]


def published_hypo_events(expected: dict[str, Any], level: str) -> list[int]:
    return [
        episode["total_episodes"]
        for subject in SUBJECTS
        for episode in expected[subject]["episodes"]
        if (episode["type"], episode["level"]) == ("hypo", level)
    ]


def test_counts_and_cadence_are_the_published_ones(readings, expected):
    assert readings.count().tolist() == published(expected, "n_readings")
    np.testing.assert_allclose(cadence_minutes(readings), published(expected, "median_interval_min"), atol=0.01)


def test_mean_sd_cv_and_gmi_are_the_published_ones(readings, expected):
    np.testing.assert_allclose(readings.mean(), published(expected, "mean"), **EXACT)
    np.testing.assert_allclose(readings.sd(), published(expected, "SD"), **EXACT)
    np.testing.assert_allclose(cv_percent(readings), published(expected, "CV"), **EXACT)
    np.testing.assert_allclose(gmi_percent(readings.mean()), published(expected, "GMI"), **EXACT)


def test_extremes_and_clock_times_are_the_published_ones(readings, expected):
    assert readings.lowest().tolist() == published(expected, "min")
    assert readings.highest().tolist() == published(expected, "max")
    assert readings.first_clock().tolist() == [time[11:16] for time in published(expected, "first_time_local")]
    assert readings.last_clock().tolist() == [time[11:16] for time in published(expected, "last_time_local")]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("in_range", "in_range_70_180"),
        ("in_tight_range", "in_range_70_140"),
        ("below_range", "below_70"),
        ("very_low", "below_54"),
        ("above_range", "above_180"),
        ("very_high", "above_250"),
    ],
)
def test_time_in_ranges_is_the_published_one(readings, expected, ours, theirs):
    np.testing.assert_allclose(range_percents(readings)[ours], published(expected, theirs), **EXACT)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("very_low", "count_below_54"),
        ("low", "count_54_69"),
        ("in_range", "count_70_180"),
        ("high", "count_181_250"),
        ("very_high", "count_above_250"),
    ],
)
def test_readings_in_each_range_are_the_published_number(readings, expected, ours, theirs):
    counts = range_percents(readings)[ours] * readings.count() / 100
    np.testing.assert_allclose(counts, published(expected, theirs), **EXACT)


@pytest.mark.parametrize(("level", "threshold"), [("lv1", 70), ("lv2", 54)])
def test_hypoglycaemia_events_are_the_published_number(readings, expected, level, threshold):
    found = find_events(readings, readings.value < threshold, cadence_minutes(readings))
    assert found.count().tolist() == published_hypo_events(expected, level)


def test_the_one_event_that_another_package_times_lasts_as_long_and_starts_then(readings, expected):
    theirs = expected["Subject 1"]["other_software"]["py_agata_0.0.8"]["events_hypo"]["l1"]
    found = find_events(readings, readings.value < 70, cadence_minutes(readings))
    first = found.group == 0
    assert found.duration_minutes[first].round(1).tolist() == [theirs["mean_duration_min"]]
    start = pd.Timestamp(found.start_ms[first][0] - 300 * 60_000, unit="ms")
    assert abs(start - pd.Timestamp(theirs["starts"][0])) < pd.Timedelta(minutes=2.5)


def test_a_person_alone_gives_the_same_numbers_as_among_others(readings):
    alone = readings.group == 2
    single = Samples(
        group=np.zeros(alone.sum(), dtype=np.int64),
        time_ms=readings.time_ms[alone],
        utc_offset_minutes=readings.utc_offset_minutes[alone],
        value=readings.value[alone],
        n_groups=1,
    )
    assert single.mean()[0] == readings.mean()[2]
    assert single.sd()[0] == readings.sd()[2]
