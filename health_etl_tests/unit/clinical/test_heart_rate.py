"""The heart-rate processor: a local day of samples, metrics and text. Expected numbers by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from health_etl.clinical.base import ClinicalOptions, Facts
from health_etl.clinical.heart_rate import PROCESSOR

DATE = "2025-09-20"
MIDNIGHT_UTC = pd.Timestamp("2025-09-20T05:00Z")  # of that date at -05:00
OPTIONS = ClinicalOptions()


def day_of(
    bpm_at_minute: Mapping[float, int],
    *,
    user: str = "u1",
    app: str = "app.watch",
    offset_minutes: int = -300,
) -> pd.DataFrame:
    """Samples of the date, each so many minutes after midnight."""
    times = MIDNIGHT_UTC + pd.to_timedelta(np.array(list(bpm_at_minute), dtype=np.float64), unit="min")
    return pd.DataFrame(
        {
            "user_id": user,
            "local_date": DATE,
            "record_id": f"{user}/{app}",
            "source_app": app,
            "last_modified_utc": MIDNIGHT_UTC,
            "utc_offset_minutes": offset_minutes,
            "time_utc": times.as_unit("ms"),
            "bpm": np.array(list(bpm_at_minute.values()), dtype=np.int64),
        }
    )


def days_of(*users: str, hours: float = 24) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": list(users),
            "local_date": DATE,
            "day_start_utc": MIDNIGHT_UTC,
            "day_end_utc": MIDNIGHT_UTC + pd.Timedelta(hours=hours),
            "utc_offset_minutes": -300,
            "zone_source": "record",
        }
    )


def every_ten_minutes(bpm: int = 80, hours: float = 24) -> dict[float, int]:
    return dict.fromkeys(range(0, round(hours * 60), 10), bpm)


def analysed(bpm_at_minute: Mapping[float, int], hours: float = 24) -> pd.Series:
    return PROCESSOR.analyse(day_of(bpm_at_minute), days_of("u1", hours=hours), OPTIONS).iloc[0]


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


def narrated(bpm_at_minute: Mapping[float, int], zone_source: str = "record") -> str:
    return PROCESSOR.narrate(facts_of(analysed(bpm_at_minute), zone_source))


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.:]\d+)?", text))


def ungrounded(facts: Facts, text: str) -> set[str]:
    """Numbers of the text that neither the metrics, nor the guidelines, nor date and coverage hold."""
    lines = [f"{m.label}: {facts[m.name]}" for m in PROCESSOR.metrics if facts.has(m.name)]
    known = [facts["local_date"], facts["coverage_percent"], *lines, *PROCESSOR.guidelines]
    return numbers(text) - numbers(" ".join(known))


def test_a_day_is_described_by_its_samples():
    day = analysed({0: 60, 1: 70, 600: 110})
    assert (day["sample_count"], day["hours_with_samples"]) == (3, 2)
    assert (day["lowest_bpm"], day["mean_bpm"], day["highest_bpm"]) == (60.0, 80.0, 110.0)
    assert (day["first_sample_local"], day["last_sample_local"]) == ("00:00", "10:00")


def test_resting_heart_rate_is_the_lowest_mean_of_thirty_minutes():
    bpm = every_ten_minutes(80) | {300: 62, 310: 58, 320: 60, 330: 64}
    assert analysed(bpm)["resting_bpm"] == 60.0  # (62 + 58 + 60) / 3; the next window has (58 + 60 + 64) / 3


def test_a_window_leaves_out_the_sample_that_ends_it():
    bpm = every_ten_minutes(80) | {300: 50, 310: 80, 320: 80, 330: 50}
    assert analysed(bpm)["resting_bpm"] == 70.0


def test_a_single_low_sample_is_no_resting_heart_rate():
    assert analysed(every_ten_minutes(80) | {305: 40})["resting_bpm"] == 70.0  # (80 + 40 + 80 + 80) / 4


def test_a_burst_of_samples_before_a_pause_is_no_window():
    hourly = {60 * hour: 80 for hour in range(24)}
    burst = {600 + second / 60: 45 for second in range(0, 60, 10)}
    assert pd.isna(analysed(hourly | burst)["resting_bpm"])


def test_a_window_needs_its_samples_spread_over_fifteen_minutes():
    sparse = {100 * n: 80 for n in range(15)}
    assert pd.isna(analysed(sparse | {645: 60, 647: 60, 659: 60})["resting_bpm"])
    assert analysed(sparse | {645: 60, 647: 60, 660: 60})["resting_bpm"] == 60.0


def test_samples_a_few_seconds_late_still_fill_a_window():
    assert analysed({10 * n + 0.01 * (n % 3): 70 for n in range(144)})["resting_bpm"] == 70.0


def test_samples_too_sparse_for_a_window_are_told_as_the_reason():
    day = analysed({60 * hour: 80 for hour in range(24)})
    assert day["coverage"] == 1.0
    assert pd.isna(day["resting_bpm"])
    assert pd.isna(day["resting_grade"])
    assert day["resting_missing_reason"] == "no 30-minute window holds 3 samples spread over 15 min"


def test_a_window_never_reaches_into_another_person():
    rows = pd.concat([day_of({0: 80, 10: 80}), day_of({0: 50, 10: 50}, user="u2")])
    result = PROCESSOR.analyse(rows, days_of("u1", "u2"), OPTIONS)
    assert result["resting_bpm"].isna().all()


@pytest.mark.parametrize(
    ("bpm", "grade"),
    [
        (49, "well below the conventional range"),
        (50, "below the conventional range"),
        (59, "below the conventional range"),
        (60, "in the conventional range"),
        (100, "in the conventional range"),
        (101, "above the conventional range"),
    ],
)
def test_the_resting_value_is_graded_at_50_60_and_100(bpm, grade):
    assert analysed(every_ten_minutes(bpm))["resting_grade"] == grade


def test_a_high_sample_alone_is_not_graded():
    day = analysed(every_ten_minutes(70) | {700: 180})
    assert day["resting_grade"] == "in the conventional range"


@pytest.mark.parametrize(("hours", "enough"), [(11, False), (12, True), (24, True)])
def test_half_of_the_hours_are_needed_for_a_resting_heart_rate(hours, enough):
    day = analysed(every_ten_minutes(70, hours=hours))
    assert day["coverage"] == hours / 24
    assert pd.notna(day["resting_bpm"]) is enough
    assert pd.isna(day["coverage_reason"]) is enough


def test_too_few_hours_are_told_as_the_reason():
    day = analysed(every_ten_minutes(70, hours=7))
    assert day["coverage_reason"] == "29 % of the day's hours recorded, 50 % needed"
    assert pd.isna(day["resting_missing_reason"])
    assert day["mean_bpm"] == 70.0


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_a_day_on_which_the_clocks_change_has_its_own_number_of_hours(hours):
    day = analysed(every_ten_minutes(70, hours=hours), hours=hours)
    assert (day["hours_with_samples"], day["coverage"]) == (hours, 1.0)


def test_an_instant_that_two_apps_report_counts_once():
    rows = pd.concat([day_of({0: 70, 1: 72}), day_of({0: 90, 1.5: 74}, app="app.copy")])
    result = PROCESSOR.analyse(rows, days_of("u1"), ClinicalOptions(("app.watch",))).iloc[0]
    assert (result["sample_count"], result["mean_bpm"]) == (3, 72.0)


def test_the_row_order_changes_no_bit():
    random = np.random.default_rng(5)
    minutes = np.sort(random.choice(1440, 500, replace=False))
    rows = pd.concat(
        [day_of(dict(zip(minutes, random.integers(50, 120, 500), strict=True)), user=user) for user in "ab"]
    )
    expected = PROCESSOR.analyse(rows, days_of("a", "b"), OPTIONS)
    got = PROCESSOR.analyse(rows.sample(frac=1, random_state=3), days_of("a", "b"), OPTIONS)
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


def test_no_days_give_an_empty_table_with_all_columns():
    empty = PROCESSOR.analyse(day_of({}), days_of(), OPTIONS)
    assert len(empty) == 0
    assert {m.name for m in PROCESSOR.metrics} < set(empty.columns)


@pytest.mark.parametrize("bpm", [{0: 70}, every_ten_minutes()], ids=["one sample", "full day"])
def test_the_result_holds_exactly_the_metrics_in_their_types(bpm):
    result = PROCESSOR.analyse(day_of(bpm), days_of("u1"), OPTIONS)
    keys = {"user_id", "local_date", "coverage", "coverage_reason"}
    assert set(result.columns) == keys | {m.name for m in PROCESSOR.metrics}
    schema = pa.schema([(m.name, m.dtype) for m in PROCESSOR.metrics])
    assert pa.Table.from_pandas(result, schema, preserve_index=False).num_rows == 1


def test_the_text_names_the_method_of_the_resting_value():
    text = narrated(every_ten_minutes(70))
    assert text.startswith("On 2025-09-20, 144 heart-rate samples were recorded between 00:00 and 23:50 local time")
    assert "Resting heart rate, taken as the lowest 30-minute mean of the day, was 70.0 bpm." in text
    assert "in the conventional adult range of 60–100 bpm" in text


@pytest.mark.parametrize(
    ("bpm", "words"),
    [
        (45, "below 50 bpm"),
        (55, "below the conventional adult range"),
        (110, "above the conventional adult range"),
    ],
)
def test_a_resting_value_out_of_range_is_told_without_a_diagnosis(bpm, words):
    text = narrated(every_ten_minutes(bpm))
    assert words in text
    assert "cardia" not in text


def test_a_resting_value_that_rounds_to_60_is_not_contradicted_by_its_digits():
    dense = {float(minute): 60 for minute in range(1440)} | {float(minute): 59 for minute in (600, 630)}
    text = narrated(dense)  # 59 + 29 × 60 over 30 samples = 59.97
    assert "was 60.0 bpm. This is just below the conventional adult range" in text


@pytest.mark.parametrize(
    "bpm",
    [
        every_ten_minutes(45),
        every_ten_minutes(55),
        every_ten_minutes(70),
        every_ten_minutes(110),
        every_ten_minutes(70, hours=5),
        {60 * hour: 80 for hour in range(24)},
        {0: 70},
    ],
    ids=["very low", "low", "normal", "high", "too little", "too sparse", "one sample"],
)
def test_every_number_of_the_text_stands_in_its_input(bpm):
    facts = facts_of(analysed(bpm))
    assert ungrounded(facts, PROCESSOR.narrate(facts)) == set()


def test_why_there_is_no_resting_value_is_told():
    assert "not given: no 30-minute window" in narrated({60 * hour: 80 for hour in range(24)})
    assert "(21 % of the day's hours recorded, 50 % needed)" in narrated(every_ten_minutes(70, hours=5))


def test_one_sample_is_told_as_one():
    assert "1 heart-rate sample was recorded" in narrated({0: 70})


def test_an_assumed_zone_is_told():
    assert "no reliable time zone" in narrated(every_ten_minutes(), zone_source="default")
