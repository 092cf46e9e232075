"""Sleep measures against YASA's on the reference nights: equal but for floating point."""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from health_etl.clinical.sleep_stages import measure_sessions

STAGE_OF_CODE = {1: "AWAKE", 3: "OUT_OF_BED", 4: "LIGHT", 5: "DEEP", 6: "REM", 7: "AWAKE_IN_BED"}
BEDTIME = pd.Timestamp("2025-09-19T23:00Z").as_unit("ms")
NIGHTS = ("A_typical", "B_long_latency_fragmented", "C_no_awake_recorded")
OF_YASA = {
    "TIB": "tib_minutes",
    "TST": "tst_minutes",
    "SE": "se_percent",
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
    return measure_sessions(rows).iloc[0]


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
