"""The RMSSD processor: a night of samples, metrics and text. Expected numbers by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from health_etl.clinical.base import ClinicalOptions, Facts
from health_etl.clinical.heart_rate_variability_rmssd import PROCESSOR

DATE = "2025-09-20"
NIGHT_START_UTC = pd.Timestamp("2025-09-19T23:00Z")  # 18:00 of the day before at -05:00
FIRST_MIN = 300  # 23:00 local
OPTIONS = ClinicalOptions()


def night_of(
    rmssd: Iterable[float],
    *,
    step_min: float = 5,
    first_min: float = FIRST_MIN,
    user: str = "u1",
    app: str = "com.ouraring.oura",
) -> pd.DataFrame:
    """Samples of the night at an even spacing, the first so many minutes after 18:00."""
    values = [float(value) for value in rmssd]
    minutes = first_min + step_min * np.arange(len(values))
    times = NIGHT_START_UTC + pd.to_timedelta(minutes, unit="min")
    return pd.DataFrame(
        {
            "user_id": user,
            "local_date": DATE,
            "record_id": [f"{user}/{app}/{minute}" for minute in minutes],
            "source_app": app,
            "last_modified_utc": times,
            "utc_offset_minutes": -300,
            "time_utc": times.as_unit("ms"),
            "rmssd_ms": values,
        }
    )


def nights_of(*users: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": list(users),
            "local_date": DATE,
            "day_start_utc": NIGHT_START_UTC,
            "day_end_utc": NIGHT_START_UTC + pd.Timedelta(hours=24),
            "utc_offset_minutes": -300,
            "zone_source": "record",
        }
    )


def analysed(rows: pd.DataFrame) -> pd.Series:
    return PROCESSOR.analyse(rows, nights_of("u1"), OPTIONS).iloc[0]


def facts_of(insight: pd.Series, zone_source: str = "record") -> Facts:
    values = {m.name: insight[m.name] for m in PROCESSOR.metrics if pd.notna(insight[m.name])}
    written = {
        m.name: values[m.name] if pa.types.is_string(m.dtype) else f"{values[m.name]:.{m.decimals}f}"
        for m in PROCESSOR.metrics
        if m.name in values
    }
    written |= {"local_date": insight["local_date"], "zone_source": zone_source}
    written |= {"coverage_percent": f"{insight['coverage'] * 100:.0f}"}
    if pd.notna(insight["coverage_reason"]):
        written["coverage_reason"] = insight["coverage_reason"]
    return Facts(values, written)


def narrated(rows: pd.DataFrame, zone_source: str = "record") -> str:
    return PROCESSOR.narrate(facts_of(analysed(rows), zone_source))


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.:]\d+)?", text))


def ungrounded(facts: Facts, text: str) -> set[str]:
    """Numbers of the text that neither the metrics, nor the guidelines, nor date and coverage hold."""
    lines = [f"{m.label}: {facts[m.name]}" for m in PROCESSOR.metrics if facts.has(m.name)]
    known = [facts["local_date"], facts["coverage_percent"], *lines, *PROCESSOR.guidelines]
    return numbers(text) - numbers(" ".join(known))


def test_a_night_is_the_mean_of_its_samples():
    night = analysed(night_of([20, 40] * 42))
    assert (night["sample_count"], night["mean_rmssd_ms"]) == (84, 30.0)
    assert (night["lowest_rmssd_ms"], night["highest_rmssd_ms"]) == (20.0, 40.0)
    assert (night["first_sample_local"], night["last_sample_local"]) == ("23:00", "05:55")
    assert night["ln_rmssd"] == pytest.approx(3.401197)  # ln 30


def test_the_logarithm_is_that_of_the_mean_and_not_the_mean_of_logarithms():
    assert analysed(night_of([10, 90] * 42))["ln_rmssd"] == pytest.approx(3.912023)  # ln 50


def test_seven_hours_of_five_minute_samples_are_a_whole_night():
    assert analysed(night_of([30] * 84))["coverage"] == 1.0
    assert analysed(night_of([30] * 120))["coverage"] == 1.0


@pytest.mark.parametrize(("count", "enough"), [(41, False), (42, True)])
def test_half_of_a_seven_hour_night_is_needed_for_ln_rmssd(count, enough):
    night = analysed(night_of([30] * count))
    assert pd.notna(night["ln_rmssd"]) is enough
    assert pd.isna(night["coverage_reason"]) is enough
    assert night["mean_rmssd_ms"] == 30.0


def test_too_little_of_a_night_is_told_as_the_reason():
    assert analysed(night_of([30] * 23))["coverage_reason"] == "27 % of a 7-hour night recorded, 50 % needed"


def test_a_gap_in_the_night_is_not_recorded_time_and_not_filled():
    rows = pd.concat([night_of([20] * 24), night_of([50] * 24, first_min=FIRST_MIN + 240)])
    night = analysed(rows)
    assert night["coverage"] == pytest.approx(48 * 5 / 420)
    assert night["mean_rmssd_ms"] == 35.0


def test_a_sample_stands_for_no_more_than_the_five_minutes_it_measured():
    assert analysed(night_of([30] * 28, step_min=15))["coverage"] == pytest.approx(28 * 5 / 420)


def test_denser_samples_stand_for_their_spacing():
    assert analysed(night_of([30] * 210, step_min=1))["coverage"] == pytest.approx(0.5)


def test_one_sample_is_five_minutes_of_a_night():
    night = analysed(night_of([42]))
    assert night["coverage"] == pytest.approx(5 / 420)
    assert night["mean_rmssd_ms"] == 42.0


def test_only_samples_at_the_cap_of_the_platform_are_counted_as_capped():
    assert analysed(night_of([199.9, 200, 200, 30] * 21))["capped_count"] == 42


def test_samples_that_two_apps_report_alike_count_once():
    rows = pd.concat([night_of([30] * 84), night_of([90] * 84, first_min=FIRST_MIN + 0.2, app="copying.app")])
    result = PROCESSOR.analyse(rows, nights_of("u1"), ClinicalOptions(("com.ouraring.oura",))).iloc[0]
    assert (result["sample_count"], result["mean_rmssd_ms"]) == (84, 30.0)


def test_two_people_are_kept_apart_and_come_in_the_order_of_the_nights():
    rows = pd.concat([night_of([30] * 84), night_of([60] * 84, user="u2")])
    both = PROCESSOR.analyse(rows, nights_of("u2", "u1"), OPTIONS)
    assert both["mean_rmssd_ms"].tolist() == [60.0, 30.0]


def test_the_row_order_changes_no_bit():
    random = np.random.default_rng(5)
    rows = pd.concat([night_of(random.uniform(5, 200, 84), user=user) for user in "ab"])
    expected = PROCESSOR.analyse(rows, nights_of("a", "b"), OPTIONS)
    got = PROCESSOR.analyse(rows.sample(frac=1, random_state=3), nights_of("a", "b"), OPTIONS)
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


def test_no_nights_give_an_empty_table_with_all_columns():
    empty = PROCESSOR.analyse(night_of([]), nights_of(), OPTIONS)
    assert len(empty) == 0
    assert {m.name for m in PROCESSOR.metrics} < set(empty.columns)


@pytest.mark.parametrize("count", [1, 84])
def test_the_result_holds_exactly_the_metrics_in_their_types(count):
    result = PROCESSOR.analyse(night_of([30] * count), nights_of("u1"), OPTIONS)
    keys = {"user_id", "local_date", "coverage", "coverage_reason"}
    assert set(result.columns) == keys | {m.name for m in PROCESSOR.metrics}
    schema = pa.schema([(m.name, m.dtype) for m in PROCESSOR.metrics])
    assert pa.Table.from_pandas(result, schema, preserve_index=False).num_rows == 1


def test_the_text_names_the_night_and_refers_to_the_own_baseline():
    text = narrated(night_of([20, 40] * 42))
    assert text.startswith(
        "For the night that ended on 2025-09-20, 84 RMSSD samples were recorded between 23:00 and 05:55 "
        "local time, 100 % of a 7-hour night"
    )
    assert "RMSSD averaged 30.0 ms, between 20.0 and 40.0 ms. The night's ln RMSSD is 3.40." in text
    assert "not graded against other people" in text
    assert "the person's own baseline" in text


@pytest.mark.parametrize("rmssd", [5, 25, 60, 180])
def test_no_level_of_rmssd_is_called_good_or_bad(rmssd):
    text = narrated(night_of([rmssd] * 84)).lower()
    assert not re.search(r"\b(low|high|normal|healthy|poor|good|stress)\b", text)


def test_a_night_too_short_is_kept_out_of_the_baseline():
    text = narrated(night_of([30] * 23))
    assert "(27 % of a 7-hour night recorded, 50 % needed)" in text
    assert "should not enter the person's own baseline" in text


def test_capped_samples_are_told_and_only_where_there_are_any():
    assert "2 samples stand at the platform's cap of 200 ms" in narrated(night_of([200, 200, *[30] * 82]))
    assert "cap of 200" not in narrated(night_of([30] * 84))


@pytest.mark.parametrize(
    "rmssd", [[30] * 84, [200, 30] * 42, [30] * 12, [30]], ids=["night", "capped", "too little", "one sample"]
)
def test_every_number_of_the_text_stands_in_its_input(rmssd):
    facts = facts_of(analysed(night_of(rmssd)))
    assert ungrounded(facts, PROCESSOR.narrate(facts)) == set()


def test_one_sample_is_told_as_one():
    assert "1 RMSSD sample was recorded" in narrated(night_of([42]))


def test_an_assumed_zone_is_told():
    assert "no reliable time zone" in narrated(night_of([30] * 84), zone_source="default")
