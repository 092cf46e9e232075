"""Sleep measures, regularity and social jetlag against YASA, pyActigraphy, GGIR and mctq: equal but for rounding."""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.sleep_session.stages import in_order, measure_sessions, stages_of, wake_runs
from health_etl.clinical.sleep_session.timing import (
    epochs,
    shorter_arc_minutes,
    sleep_corrected_msf_minutes,
    sleep_regularity,
    social_jetlag_minutes,
)

STAGE_OF_CODE = {1: "AWAKE", 3: "OUT_OF_BED", 4: "LIGHT", 5: "DEEP", 6: "REM", 7: "AWAKE_IN_BED"}
BEDTIME = pd.Timestamp("2025-09-19T23:00Z").as_unit("ms")
NIGHTS = ("A_typical", "B_long_latency_fragmented", "C_no_awake_recorded")
OF_YASA = {
    "TIB": "tib_minutes",
    "TST": "tst_minutes",
    "SE": "se_percent",
    "SPT": "sleep_period_minutes",
    "SOL": "sol_minutes",
    "WASO": "waso_minutes",
    "N3": "deep_minutes",
    "REM": "rem_minutes",
    "%N3": "deep_percent",
    "%REM": "rem_percent",
}


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, Any]:
    path = shared / "reference" / "sleep" / "sleep_stats_expected.json"
    nights: dict[str, Any] = json.loads(path.read_text("utf-8"))["nights"]
    assert set(nights) == set(NIGHTS)
    return nights


def measured(runs: list[list[int]]) -> pd.Series:
    ends = [pd.Timedelta(minutes=minutes) for minutes in accumulate(minutes for _, minutes in runs)]
    starts = [pd.Timedelta(0), *ends[:-1]]
    rows = pd.DataFrame(
        {
            "user_id": "ada",
            "local_date": "2025-09-20",
            "record_id": "night",
            "source_app": "app",
            "start_utc": BEDTIME,
            "end_utc": BEDTIME + ends[-1],
            "utc_offset_minutes": 0,
            "end_utc_offset_minutes": 0,
            "last_modified_utc": BEDTIME,
            "stage": [STAGE_OF_CODE[code] for code, _ in runs],
            "stage_start_utc": [BEDTIME + start for start in starts],
            "stage_end_utc": [BEDTIME + end for end in ends],
        }
    )
    rows = in_order(rows)
    stages = stages_of(rows)
    return measure_sessions(rows, stages, wake_runs(stages)).iloc[0]


@pytest.mark.parametrize("night", NIGHTS)
def test_a_reference_night_measures_as_yasa_measures_it(reference: dict[str, Any], night: str) -> None:
    expected = reference[night]

    found = measured(expected["stage_runs_hc_code_minutes"])

    values = {name: found[column] for name, column in OF_YASA.items()}
    assert values == pytest.approx({name: expected["yasa"][name] for name in OF_YASA}, rel=1e-12)


@pytest.mark.parametrize("night", NIGHTS)
def test_a_reference_night_has_its_awakenings_and_health_connects_duration(
    reference: dict[str, Any], night: str
) -> None:
    expected = reference[night]

    found = measured(expected["stage_runs_hc_code_minutes"])

    assert found["awakening_count"] == expected["awakenings_n"]
    assert found["awakening_over_5_min_count"] == expected["awakenings_gt5min_n"]
    assert found["tst_minutes"] == expected["hc_SLEEP_DURATION_TOTAL_min"]


def regularity(shared: Path, first: str, last: str) -> tuple[float, int]:
    """Return the index of the reference days between two instants (UTC), and its pairs of epochs."""
    intervals = pd.read_csv(shared / "reference" / "sleep" / "sri_input_intervals.csv")
    start = pd.Timestamp(first, tz="UTC")
    times = intervals.apply(pd.to_datetime, utc=True)
    bounds = ((times - start) / pd.Timedelta(minutes=1)).to_numpy(dtype=np.float64)
    n_minutes = int((pd.Timestamp(last, tz="UTC") - start) / pd.Timedelta(minutes=1))
    asleep = epochs(bounds, np.zeros(len(bounds), dtype=np.int64), 0, (1, n_minutes))
    index, pairs = sleep_regularity(asleep, np.ones_like(asleep))
    return float(index[0]), int(pairs[0])


@pytest.fixture(scope="module")
def sri_expected(shared: Path) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((shared / "reference" / "sleep" / "sri_expected.json").read_text("utf-8"))
    return expected


def test_the_regularity_of_15_whole_days_is_that_of_pyactigraphy_and_of_ggir(
    shared: Path, sri_expected: dict[str, Any]
) -> None:
    expected = sri_expected["window_full_2024-01-08T00:00Z_to_2024-01-23T00:00Z"]

    index, pairs = regularity(shared, "2024-01-08", "2024-01-23")

    assert index == pytest.approx(expected["pyActigraphy_sri"], rel=1e-12)
    assert index == pytest.approx(expected["GGIR_mean_of_14_day_pairs"], abs=0.0005)  # rounded there
    assert pairs == 14 * 1440


def test_the_regularity_from_noon_to_noon_is_that_of_pyactigraphy_and_of_ggir(
    shared: Path, sri_expected: dict[str, Any]
) -> None:
    expected = sri_expected["window_noon_2024-01-08T12:00Z_to_2024-01-22T12:00Z"]

    index, pairs = regularity(shared, "2024-01-08T12:00", "2024-01-22T12:00")

    assert index == pytest.approx(expected["pyActigraphy_sri"], rel=1e-12)
    assert index == pytest.approx(expected["GGIR_epoch_weighted_mean"], abs=0.0005)
    assert pairs == 13 * 1440


@pytest.mark.parametrize("day", range(14))
def test_each_pair_of_days_is_as_regular_as_for_ggir(shared: Path, sri_expected: dict[str, Any], day: int) -> None:
    date, expected = sri_expected["window_full_2024-01-08T00:00Z_to_2024-01-23T00:00Z"]["GGIR_per_day_pair"][day]
    first = pd.to_datetime(date, format="%d/%m/%Y")

    index, _ = regularity(shared, str(first), str(first + pd.Timedelta(days=2)))

    assert index == pytest.approx(expected, abs=0.0005)


@pytest.fixture(scope="module")
def mctq(shared: Path) -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads((shared / "reference" / "sleep" / "mctq_vectors.json").read_text("utf-8"))
    return vectors


def minutes(clock: str) -> np.ndarray:
    return np.array([pd.Timedelta(clock if clock.count(":") == 2 else f"{clock}:00") / pd.Timedelta(minutes=1)])


def test_social_jetlag_along_the_shorter_arc_is_that_of_mctq(mctq: dict[str, Any]) -> None:
    cases = [case for case in mctq["sjl"] if case["method"] == "shorter"]
    assert len(cases) == 9

    for case in cases:
        msw, msf = minutes(case["msw"]), minutes(case["msf"])
        found = social_jetlag_minutes(msw, msf) if case["abs"] else shorter_arc_minutes(msw, msf)
        assert found / 60 == pytest.approx([case["expected_h"]]), case


def test_the_sleep_corrected_mid_sleep_on_free_days_is_that_of_mctq(mctq: dict[str, Any]) -> None:
    # Without an alarm on free days: that it rang is not on record, so mctq's undefined case has no counterpart.
    cases = [case for case in mctq["msf_sc"] if not case["alarm_f"]]
    assert len(cases) == 6

    for case in cases:
        durations = [np.array([case[name] * 60.0]) for name in ("sd_w_h", "sd_f_h")]
        found = sleep_corrected_msf_minutes(minutes(case["msf"]), *durations, case["workdays"])
        assert found == pytest.approx(minutes(case["expected"]), abs=1e-7), case
