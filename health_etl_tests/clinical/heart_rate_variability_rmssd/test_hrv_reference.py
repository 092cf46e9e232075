"""ln RMSSD of nights, their 7-night mean and band held against the worked example in the reference folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.common.look_back import earlier_days
from health_etl.clinical.heart_rate_variability_rmssd.processor import PROCESSOR
from health_etl_tests.clinical.heart_rate.heart_facts import with_profile, with_trends

SAMPLES_A_NIGHT = 84  # seven hours at 5 min


@pytest.fixture(scope="module")
def example(shared: Path) -> dict[str, Any]:
    content = json.loads((shared / "reference/hrv/hrv_expected.json").read_text())
    nights: dict[str, Any] = content["lnrmssd_example"]
    return nights


@pytest.fixture(scope="module")
def nights(example: dict[str, Any]) -> pd.DataFrame:
    """The example's nights, each of 84 samples around its value, analysed and compared with the ones before."""
    nightly = np.array(example["nightly_rmssd_ms"], dtype=np.float64)
    starts = pd.date_range("2025-09-01T18:00", periods=len(nightly), freq="D", tz="UTC").as_unit("ms")
    days = pd.DataFrame({"user_id": "u1", "day_start_utc": starts})
    days["day_end_utc"] = days["day_start_utc"] + pd.Timedelta(days=1)
    days["local_date"] = days["day_end_utc"].dt.strftime("%Y-%m-%d")

    rows = days.loc[days.index.repeat(SAMPLES_A_NIGHT), ["user_id", "local_date", "day_start_utc"]]
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
    analysed = PROCESSOR.analyse(rows, with_profile(days), ClinicalOptions()).assign(subject="u1")
    return with_trends(PROCESSOR, analysed, earlier_days(analysed, analysed, PROCESSOR.carried))


def test_each_night_has_the_ln_rmssd_of_the_example(example, nights):
    np.testing.assert_allclose(nights["mean_rmssd_ms"], example["nightly_rmssd_ms"], rtol=1e-12)
    np.testing.assert_allclose(nights["ln_rmssd"], example["lnrmssd"], rtol=1e-9)


def test_the_seven_night_mean_is_that_of_the_example_once_it_has_seven_nights(example, nights):
    expected = example["rolling7_mean_lnrmssd_trailing"]
    whole = [place for place, value in enumerate(expected) if value is not None]
    assert whole[0] == 6
    np.testing.assert_allclose(nights["week_ln_rmssd"][whole], [expected[place] for place in whole], rtol=1e-9)
    assert nights["week_ln_rmssd"].isna().tolist() == [True, True, *[False] * (len(expected) - 2)]


def test_the_band_after_fourteen_nights_is_that_of_the_example(example, nights):
    after = nights.iloc[14]
    assert after["baseline_nights"] == 14
    assert after["baseline_ln_rmssd"] == pytest.approx(example["baseline_first14_mean"], rel=1e-9)
    band = [after["band_low_ln_rmssd"], after["band_high_ln_rmssd"]]
    np.testing.assert_allclose(band, example["swc_half_sd_band"], rtol=1e-9)


def test_the_fall_after_fourteen_nights_is_a_run_below_the_band(nights):
    assert nights["against_band"][14] == "below the person's own band"
    assert nights["run_nights"][14:17].tolist() == [1, 2, 3]
