"""The night's ln RMSSD held against the worked example of nightly values in the reference folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.base import ClinicalOptions
from health_etl.clinical.heart_rate_variability_rmssd import PROCESSOR

SAMPLES_A_NIGHT = 84  # seven hours at 5 min


@pytest.fixture(scope="module")
def example(shared: Path) -> dict[str, Any]:
    content = json.loads((shared / "reference/hrv/hrv_expected.json").read_text())
    nights: dict[str, Any] = content["lnrmssd_example"]
    return nights


def test_each_night_has_the_ln_rmssd_of_the_example(example):
    nightly = np.array(example["nightly_rmssd_ms"], dtype=np.float64)
    starts = pd.date_range("2025-09-01T18:00", periods=len(nightly), freq="D", tz="UTC").as_unit("ms")
    nights = pd.DataFrame({"user_id": "u1", "day_start_utc": starts})
    nights["day_end_utc"] = nights["day_start_utc"] + pd.Timedelta(days=1)
    nights["local_date"] = nights["day_end_utc"].dt.strftime("%Y-%m-%d")

    rows = nights.loc[nights.index.repeat(SAMPLES_A_NIGHT), ["user_id", "local_date", "day_start_utc"]]
    rows = rows.reset_index(drop=True)
    nth = rows.index.to_numpy() % SAMPLES_A_NIGHT
    swing = np.where(nth % 2 == 0, 4.0, -4.0)  # the mean of the night stays the nightly value
    rows = rows.assign(
        time_utc=rows["day_start_utc"] + pd.to_timedelta(300 + 5 * nth, unit="min"),
        rmssd_ms=np.repeat(nightly, SAMPLES_A_NIGHT) + swing,
        record_id=rows.index.astype("str"),
        source_app="com.ouraring.oura",
        last_modified_utc=rows["day_start_utc"],
        utc_offset_minutes=0,
    )

    found = PROCESSOR.analyse(rows, nights, ClinicalOptions())
    np.testing.assert_allclose(found["mean_rmssd_ms"], nightly, rtol=1e-12)
    np.testing.assert_allclose(found["ln_rmssd"], example["lnrmssd"], rtol=1e-9)
