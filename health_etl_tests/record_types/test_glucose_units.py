"""Glucose in mmol/L or g/L under the name of mg/dL is recognised per app and file, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import fastavro
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_etl.record_types import record_types
from health_etl.record_types.blood_glucose import LONG_LOWS, MAX_MMOL_L, in_another_unit
from health_etl.records.validate import row_faults
from health_etl_tests.support import hypothesis_profiles
from health_etl_tests.support.exports import NOON, UPLOADED, Record, blood_glucose, memory_lake, put
from health_etl_tests.support.pipeline import (
    files_of,
    manifest_of,
    measurement_rows,
    records_of,
    rejected_of,
    update_records,
)

profile = hypothesis_profiles.active_profile()

GLUCOSE = record_types()["blood_glucose"]
FIVE_MINUTES = timedelta(minutes=5)
IN_RANGE = [110.0, 142.0, 98.0, 77.0, 180.0, 201.0, 123.0, 95.0, 88.0, 101.0]
OTHER_APP = "com.example.meter"


def readings(levels: Iterable[float], app: str = "com.example.cgm", every: timedelta = FIVE_MINUTES) -> list[Record]:
    start = NOON - timedelta(hours=12)
    return [blood_glucose(f"{app}-{n}", start + n * every, level, app=app) for n, level in enumerate(levels)]


def faults(records: Sequence[Record]) -> list[str | None]:
    found = row_faults(measurement_rows("blood_glucose", records), GLUCOSE, UPLOADED)
    return [None if pd.isna(fault) else fault.removeprefix("glucose_mg_dl:") for fault in found]


def frame(levels: Sequence[float]) -> pd.DataFrame:
    """Return the columns by which a unit is judged, for readings of one app in one file."""
    times = pd.date_range(NOON, periods=len(levels), freq="5min")
    return pd.DataFrame({"source_key": "one", "source_app": "app", "time_utc": times, "glucose_mg_dl": levels})


@pytest.mark.parametrize(
    "levels",
    [
        [5.4, 5.9, 7.1, 9.8, 12.4, 15.0, 17.7, 20.2, 22.1, 24.0],
        [3.1, 2.8, 3.3],
        [5.5, 6.1, 7.4, 0.0, 1023.0],
        [0.98, 1.1, 2.4, 0.6],
        [22.0, 23.5, 25.1, 26.0, 25.2, 24.9, 23.3, 22.8] * 4,
        [6.0] * 18 + [110.0, 6.1],
    ],
    ids=["a high day", "lows", "with sensor faults", "g/L", "only highs, for hours", "one reading in mg/dL"],
)
def test_readings_in_another_unit_are_all_suspect(levels: list[float]) -> None:
    assert set(faults(readings(levels))) == {"unit_suspect"}


@pytest.mark.parametrize(
    "levels",
    [
        [21.0, 25.0, 33.0, *IN_RANGE],
        [20.0, 28.0, 33.0],
        [30.0, 28.0, 26.0, 25.0, 27.0, 31.0, 39.0],
        [0.0, 3.0, 1023.0, *IN_RANGE],
        [3.0, *IN_RANGE[:2]],
        [3.0, 22.0, 25.0],
        [5.5],
        [5.5, 6.1],
        [22.0, 24.0],
        [float("nan"), 110.0, 5.5],
        [0.0, 0.0, 0.0, 0.0],
        [1023.0] * 5,
    ],
    ids=str,
)
def test_true_lows_and_single_faults_are_judged_by_their_range_alone(levels: list[float]) -> None:
    expected = [
        "missing_value" if level != level else None if 20 <= level <= 600 else "out_of_range" for level in levels
    ]
    assert faults(readings(levels)) == expected


def test_lows_are_no_longer_believed_when_nobody_could_live_through_them() -> None:
    lows = [25.0] * LONG_LOWS
    assert set(faults(readings(lows, every=timedelta(minutes=17)))) == {None}
    assert set(faults(readings(lows, every=timedelta(minutes=18)))) == {"unit_suspect"}
    assert set(faults(readings(lows[:-1], every=timedelta(hours=1)))) == {None}


def test_each_app_of_a_file_and_each_file_is_judged_on_its_own() -> None:
    own, other = readings(IN_RANGE), readings([5.5, 6.1, 21.2, 7.0], app=OTHER_APP)
    assert faults([*own, *other]) == [None] * len(own) + ["unit_suspect"] * len(other)
    lake = memory_lake()
    put(lake, "blood_glucose", [*own, *other])
    put(lake, "blood_glucose", readings([110.0, 111.0], app=OTHER_APP, every=timedelta(hours=3)), user_id="ben")
    update_records(lake, "blood_glucose")
    assert manifest_of(lake, "blood_glucose").total() == (16, 12, 0, 4)
    assert set(rejected_of(lake, "blood_glucose")["faults"]) == {"glucose_mg_dl:unit_suspect"}
    assert records_of(lake, "blood_glucose")["glucose_mg_dl"].min() == 77


def test_a_file_in_another_unit_is_refused_and_its_score_says_that_no_value_can_be_believed() -> None:
    lake = memory_lake()
    put(lake, "blood_glucose", readings([5.4, 20.2, 24.0, 12.0, 9.9]))
    update_records(lake, "blood_glucose")
    (entry,) = files_of(lake, "blood_glucose")
    assert (entry.reason, entry.faults) == ("no_good_rows", {"glucose_mg_dl:unit_suspect": 5})
    assert entry.quality is not None
    assert entry.quality.physiological == 0


@profile
@given(st.lists(st.floats(40, 400), min_size=1, max_size=40), st.lists(st.floats(-10, 33), max_size=2))
def test_no_file_of_a_continuous_monitor_is_suspect_whatever_faults_are_in_it(
    levels: list[float], wrong: list[float]
) -> None:
    assert not in_another_unit(frame([*wrong, *levels, *levels, *levels])).any()


@profile
@given(st.lists(st.floats(1.1, 19.9), min_size=3, max_size=60), st.lists(st.floats(20, 33.3), max_size=3))
def test_every_file_in_mmol_is_suspect(levels: list[float], high: list[float]) -> None:
    assert in_another_unit(frame([*high, *levels])).all()


def test_no_reading_of_a_real_monitor_or_a_simulated_one_is_suspect(shared: Path, checkout: Path) -> None:
    files = [*(shared / "samples").glob("BloodGlucose*"), *(checkout / "data" / "sample").glob("BloodGlucose*")]
    assert len(files) >= 6
    for path in files:
        with path.open("rb") as file:
            records = list(fastavro.reader(file))
        assert not in_another_unit(measurement_rows("blood_glucose", records)).any()
        for record in records:
            record["levelInMilligramsPerDeciliter"] /= 18
        assert in_another_unit(measurement_rows("blood_glucose", records)).all()


def test_no_subject_of_a_published_cohort_is_suspect_but_each_is_in_mmol(shared: Path) -> None:
    for path in sorted((shared / "reference" / "cgm").glob("Subject_*.csv")):
        levels = pd.read_csv(path)
        column = next(name for name in levels.columns if levels[name].dtype.kind in "fi" and levels[name].max() > 100)
        for start in range(0, len(levels), 48):
            part = levels[column].iloc[start : start + 48].tolist()
            if len(part) >= 3:
                assert "unit_suspect" not in faults(readings(part))
                if min(part) / 18 < 20 and sum(level / 18 < 20 for level in part) >= len(part) / 2:
                    assert set(faults(readings([level / 18 for level in part]))) == {"unit_suspect"}


def test_the_limit_is_the_end_of_the_range_in_the_other_unit() -> None:
    assert round(MAX_MMOL_L, 1) == 33.3
