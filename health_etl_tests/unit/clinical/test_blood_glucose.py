"""The blood-glucose processor: a local day of readings, metrics and text. Expected numbers by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from health_etl.clinical.base import ClinicalOptions, Facts
from health_etl.clinical.blood_glucose import PROCESSOR
from health_etl.clinical.glucose_metrics import gmi_percent, range_names

DATE = "2025-09-20"
MIDNIGHT_UTC = pd.Timestamp("2025-09-20T05:00Z")  # of that date at -05:00
OPTIONS = ClinicalOptions()
FULL_DAY = 288  # readings at 5 min

# 28 readings of each of these ten values cover 280 of 288 readings, 10 % of the readings each.
TEN_VALUES = (53, 54, 69, 70, 140, 141, 180, 181, 250, 251)


def day_of(
    glucose: Iterable[float],
    *,
    step_min: float = 5,
    first_min: float = 0,
    user: str = "u1",
    app: str = "com.dexcom.stelo",
    offset_minutes: int = -300,
) -> pd.DataFrame:
    """Readings of the date at an even spacing, the first so many minutes after midnight."""
    values = [float(value) for value in glucose]
    minutes = first_min + step_min * np.arange(len(values))
    times = MIDNIGHT_UTC + pd.to_timedelta(minutes, unit="min")
    return pd.DataFrame(
        {
            "user_id": user,
            "local_date": DATE,
            "record_id": [f"{user}/{app}/{minute}" for minute in minutes],
            "source_app": app,
            "last_modified_utc": times,
            "utc_offset_minutes": offset_minutes,
            "time_utc": times.as_unit("ms"),
            "glucose_mg_dl": values,
        }
    )


def days_of(*users: str, hours: float = 24) -> pd.DataFrame:
    """The date as a day of these people, from its midnight at -05:00."""
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


def analysed(rows: pd.DataFrame, hours: float = 24, options: ClinicalOptions = OPTIONS) -> pd.Series:
    """Metrics of the one person-day in the rows."""
    return PROCESSOR.analyse(rows, days_of("u1", hours=hours), options).iloc[0]


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


def test_each_boundary_value_falls_into_the_range_that_holds_it():
    day = analysed(day_of(np.repeat(TEN_VALUES, 28)))
    expected = {"very_low": 10, "low": 20, "below_range": 30, "in_range": 40, "in_tight_range": 20}
    expected |= {"above_range": 30, "high": 20, "very_high": 10}
    assert {name: day[f"time_{name}_percent"] for name in expected} == pytest.approx(expected)


def test_mean_gmi_and_events_of_that_day_are_those_computed_by_hand():
    day = analysed(day_of(np.repeat(TEN_VALUES, 28)))
    assert day["reading_count"] == 280
    assert day["mean_mg_dl"] == pytest.approx(138.9)
    assert day["gmi_percent"] == pytest.approx(6.632488)
    counts = [day[f"{kind}_level{level}_count"] for kind in ("hypo", "hyper") for level in (1, 2)]
    assert counts == [1, 1, 1, 1]
    assert day["longest_hypo_minutes"] == 3 * 28 * 5
    assert day["longest_hyper_minutes"] == 3 * 28 * 5


@pytest.mark.parametrize(
    ("glucose", "name"),
    [
        (53, "very low"),
        (54, "low"),
        (69, "low"),
        (70, "in range"),
        (180, "in range"),
        (181, "high"),
        (250, "high"),
        (251, "very high"),
    ],
)
def test_extremes_are_named_after_their_range(glucose, name):
    assert range_names(np.array([float(glucose), np.nan])).tolist() == [name, None]


def test_conversion_noise_does_not_move_a_reading_out_of_range():
    noisy = [69.99999999999999, 180.00000000000003] * 144
    day = analysed(day_of(noisy))
    assert day["time_in_range_percent"] == 100.0
    assert day["lowest_range"] == "in range"


def test_sd_and_cv_take_the_sample_formula():
    day = analysed(day_of([100, 120] * 144))
    assert day["sd_mg_dl"] == pytest.approx(10 * np.sqrt(288 / 287))
    assert day["cv_percent"] == pytest.approx(100 * 10 * np.sqrt(288 / 287) / 110)


@pytest.mark.parametrize(("mean", "gmi"), [(100, 5.7), (150, 6.9), (200, 8.1)])
def test_gmi_gives_the_values_of_its_publication(mean, gmi):
    assert round(float(gmi_percent(np.array([float(mean)]))[0]), 1) == gmi


@pytest.mark.parametrize(("step_min", "count"), [(1, 1440), (5, 288), (15, 96)])
def test_a_full_day_is_covered_at_every_cadence(step_min, count):
    day = analysed(day_of([100] * count, step_min=step_min))
    assert day["cadence_minutes"] == step_min
    assert day["coverage"] == 1.0
    assert pd.isna(day["coverage_reason"])


def test_a_gap_is_not_recorded_time():
    rows = pd.concat([day_of([100] * 144), day_of([100] * 96, first_min=960)])
    assert analysed(rows)["coverage"] == pytest.approx(240 / 288)


def test_half_a_day_is_described_but_not_judged():
    day = analysed(day_of([60, 200] * 72))
    assert (day["reading_count"], day["mean_mg_dl"]) == (144, 130.0)
    assert (day["lowest_mg_dl"], day["highest_mg_dl"]) == (60.0, 200.0)
    assert day["coverage_reason"] == "50 % of the day recorded, 70 % needed"
    described = {"reading_count", "first_reading_local", "last_reading_local", "cadence_minutes"}
    described |= {"mean_mg_dl", "sd_mg_dl", "lowest_mg_dl", "lowest_range", "highest_mg_dl", "highest_range"}
    assert {m.name for m in PROCESSOR.metrics if pd.notna(day[m.name])} == described


@pytest.mark.parametrize(("count", "reason"), [(201, "not quite 70 % of the day recorded, 70 % needed"), (202, None)])
def test_seventy_percent_of_the_readings_are_needed(count, reason):
    day = analysed(day_of([100] * count))
    assert (None if pd.isna(day["coverage_reason"]) else day["coverage_reason"]) == reason
    assert pd.isna(day["time_in_range_percent"]) is (reason is not None)


def test_single_readings_far_apart_do_not_record_a_day():
    day = analysed(day_of([95, 130, 110, 150], first_min=420, step_min=240))
    assert pd.isna(day["cadence_minutes"])
    assert (day["coverage"], day["coverage_reason"]) == (0.0, "0 % of the day recorded, 70 % needed")
    assert day["mean_mg_dl"] == 121.25


def test_a_day_of_25_hours_expects_more_readings_and_keeps_the_clock_of_each():
    before, after = (
        day_of([100] * 144),
        day_of([100] * 144, first_min=780, offset_minutes=-360),
    )
    day = analysed(pd.concat([before, after]), hours=25)
    assert day["coverage"] == pytest.approx(288 / 300)
    assert (day["first_reading_local"], day["last_reading_local"]) == ("00:00", "23:55")


def test_a_day_of_23_hours_is_full_with_fewer_readings():
    assert analysed(day_of([100] * 276), hours=23)["coverage"] == 1.0


@pytest.mark.parametrize(
    ("metric", "at_limit", "beyond"),
    [
        ("time_in_range_target", [100] * 70 + [200] * 30, [100] * 71 + [200] * 29),
        ("time_below_range_target", [60] * 4 + [100] * 96, [60] * 3 + [100] * 97),
        ("time_very_low_target", [50] * 1 + [100] * 99, [100] * 100),
        ("time_above_range_target", [200] * 25 + [100] * 75, [200] * 24 + [100] * 76),
        ("time_very_high_target", [300] * 5 + [100] * 95, [300] * 4 + [100] * 96),
    ],
)
def test_a_target_is_missed_at_its_limit_and_met_beyond(metric, at_limit, beyond):
    assert analysed(day_of(at_limit, step_min=14.4))[metric] == "missed"
    assert analysed(day_of(beyond, step_min=14.4))[metric] == "met"


@pytest.mark.parametrize(("spread", "word"), [(35, "stable"), (37, "unstable")])
def test_variability_counts_as_stable_up_to_36_percent(spread, word):
    day = analysed(day_of([100 - spread, 100 + spread] * 144))
    assert day["variability"] == word


def test_readings_that_two_apps_report_alike_count_once():
    copy = day_of([101] * FULL_DAY, first_min=0.1, app="copying.app")
    day = analysed(pd.concat([copy, day_of([100] * FULL_DAY)]), options=ClinicalOptions(("com.dexcom.stelo",)))
    assert (day["reading_count"], day["mean_mg_dl"], day["cadence_minutes"]) == (FULL_DAY, 100.0, 5.0)


def test_two_people_are_kept_apart_and_come_in_the_order_of_the_days():
    rows = pd.concat([day_of([100] * FULL_DAY), day_of([200] * FULL_DAY, user="u2")])
    both = PROCESSOR.analyse(rows, days_of("u2", "u1"), OPTIONS)
    assert both["user_id"].tolist() == ["u2", "u1"]
    assert both["mean_mg_dl"].tolist() == [200.0, 100.0]
    assert both["time_in_range_percent"].tolist() == [0.0, 100.0]


def test_the_row_order_changes_no_bit():
    random = np.random.default_rng(7)
    rows = pd.concat([day_of(random.normal(140, 50, FULL_DAY), user=user, first_min=i) for i, user in enumerate("ab")])
    shuffled = rows.sample(frac=1, random_state=3)
    expected = PROCESSOR.analyse(rows, days_of("a", "b"), OPTIONS)
    got = PROCESSOR.analyse(shuffled, days_of("a", "b"), OPTIONS)
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


def test_no_days_give_an_empty_table_with_all_columns():
    empty = PROCESSOR.analyse(day_of([]), days_of(), OPTIONS)
    assert len(empty) == 0
    assert {m.name for m in PROCESSOR.metrics} < set(empty.columns)


@pytest.mark.parametrize("count", [1, 100, FULL_DAY])
def test_the_result_holds_exactly_the_metrics_in_their_types(count):
    result = PROCESSOR.analyse(day_of([100] * count), days_of("u1"), OPTIONS)
    keys = {"user_id", "local_date", "coverage", "coverage_reason"}
    assert set(result.columns) == keys | {m.name for m in PROCESSOR.metrics}
    schema = pa.schema([(m.name, m.dtype) for m in PROCESSOR.metrics])
    assert pa.Table.from_pandas(result, schema, preserve_index=False).num_rows == 1


def test_the_text_of_a_full_day_says_what_was_found_and_how_far_it_holds():
    text = narrated(day_of(np.repeat(TEN_VALUES, 28)))
    assert text.startswith(
        "On 2025-09-20, 280 glucose readings were recorded from 00:00 to 23:15 local time, "
        "about one every 5 min; they cover 97 % of the day. The recorded glucose averaged 138.9 mg/dL"
    )
    assert "Time in range (70–180 mg/dL) was 40.0 % (target above 70 %: missed)" in text
    assert "Hypoglycaemia events of at least 15 min: 1 below 70 mg/dL, the longest 420 min; 1 below 54" in text
    assert "GMI) of this day alone is 6.6 %; it is meant for 10–14 days" in text
    assert "a single day is an orientation" in text


@pytest.mark.parametrize(
    "glucose",
    [[100] * FULL_DAY, np.repeat(TEN_VALUES, 28), [53.6, 300] * 50, [45], [100, 110]],
    ids=["calm", "all ranges", "too little", "one reading", "two readings"],
)
def test_every_number_of_the_text_stands_in_its_input(glucose):
    facts = facts_of(analysed(day_of(glucose)))
    assert ungrounded(facts, PROCESSOR.narrate(facts)) == set()


def test_a_day_of_too_few_readings_is_not_graded_in_the_text():
    text = narrated(day_of([120] * 78))
    assert "too little to judge the day (27 % of the day recorded, 70 % needed)" in text
    assert "target" not in text
    assert "GMI)" not in text


@pytest.mark.parametrize("count", [1, 60, FULL_DAY])
def test_a_reading_below_54_urges_care_however_little_was_recorded(count):
    text = narrated(day_of([53, *[100] * (count - 1)]))
    assert "53 mg/dL, is below 54 mg/dL" in text
    assert "medical care should be sought without delay" in text


def test_a_lowest_reading_of_54_urges_nothing():
    assert "without delay" not in narrated(day_of([54, *[100] * 287]))


def test_a_lowest_reading_that_rounds_to_54_is_not_contradicted_by_its_digits():
    assert "54 mg/dL, is just below 54 mg/dL" in narrated(day_of([53.6, *[100] * 287]))


@pytest.mark.parametrize(("highest", "urged"), [(250, False), (251, True)])
def test_only_a_reading_above_250_asks_to_watch_very_high_values(highest, urged):
    assert ("is above 250 mg/dL" in narrated(day_of([highest, *[100] * 287]))) is urged


def test_an_assumed_zone_is_told():
    assert "no reliable time zone" in narrated(day_of([100] * FULL_DAY), zone_source="default")
    assert "no reliable time zone" not in narrated(day_of([100] * FULL_DAY))


def test_one_reading_is_told_as_one():
    text = narrated(day_of([95], first_min=450))
    assert text.startswith("On 2025-09-20, 1 glucose reading was recorded, at 07:30 local time. It was 95.0 mg/dL")
