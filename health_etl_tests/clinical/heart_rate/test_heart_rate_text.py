"""The three texts of a heart-rate day: what they say, what they must not say, and where their numbers come from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.common.base import Level
from health_etl.clinical.heart_rate.processor import PROCESSOR
from health_etl_tests.clinical.facts import facts_of, ungrounded
from health_etl_tests.clinical.heart_rate.heart_days import (
    analysed,
    every_minute,
    every_ten_minutes,
    insights_with_trends,
    narrated,
)
from health_etl_tests.clinical.heart_rate.heart_facts import earlier_of

STEADY = earlier_of(PROCESSOR, [{before: {"resting_bpm": 60.0 + before % 3} for before in range(1, 29)}])
SHORT = earlier_of(PROCESSOR, [{before: {"resting_bpm": 60.0} for before in range(1, 4)}])

EXERCISE = every_minute(0, 1440, 70) | every_minute(600, 30, 165) | {630: 140, 631: 120}
DAYS = {
    "one sample": {0: 70},
    "two samples": {0: 70, 700: 75},
    "normal": every_ten_minutes(70),
    "very low": every_ten_minutes(45),
    "low": every_ten_minutes(55),
    "high": every_ten_minutes(110),
    "urgent all day": every_ten_minutes(160),
    "urgent at night": every_minute(0, 1440, 70) | every_minute(120, 30, 170),
    "exercise": EXERCISE,
    "open": every_minute(0, 1440, 70) | every_minute(600, 30, 105) | every_minute(800, 20, 105),
    "too little": every_ten_minutes(70, hours=5),
    "too sparse": {60 * hour: 80 for hour in range(24)},
    "night above day": dict.fromkeys(range(0, 360, 10), 90) | dict.fromkeys(range(360, 1440, 10), 65),
    "night alone": every_ten_minutes(60, hours=12),
    "no night": dict.fromkeys(range(360, 1440, 10), 65),
}
PEOPLE = (
    (None, {}),
    (SHORT, {"age_years": 45}),
    (STEADY, {"age_years": 15}),
    (STEADY, {"age_years": 30, "pregnant": True}),
    (STEADY, {"hrmax_bpm": 190}),
)


@pytest.mark.parametrize("bpm", DAYS.values(), ids=DAYS.keys())
def test_every_number_of_the_three_texts_stands_in_their_input(bpm):
    for number, (earlier, profile) in enumerate(PEOPLE):
        facts = facts_of(PROCESSOR, insights_with_trends(bpm, earlier, **profile), example_id=str(number))
        assert ungrounded(PROCESSOR, facts) == {}


@pytest.mark.parametrize("seed", range(12))
def test_numbers_of_random_days_stand_in_their_input(seed):
    random = np.random.default_rng(seed)
    minutes = np.sort(random.choice(1440, int(random.integers(2, 1400)), replace=False))
    level = 60 + 60 * (np.sin(minutes / random.uniform(30, 300)) > random.uniform(-0.5, 1))
    bpm = dict(zip(minutes.tolist(), (level + random.integers(-20, 40, len(minutes))).tolist(), strict=True))
    facts = facts_of(PROCESSOR, insights_with_trends(bpm, STEADY, age_years=50), example_id=str(seed))
    assert ungrounded(PROCESSOR, facts) == {}


@pytest.mark.parametrize("bpm", DAYS.values(), ids=DAYS.keys())
def test_each_text_names_the_date_and_no_text_a_diagnosis(bpm):
    for text in narrated(bpm).values():
        assert "2025-09-20" in text
        assert "cardia" not in text
        assert "  " not in text


def test_the_same_day_reads_the_same_and_another_seed_may_read_otherwise():
    assert narrated(EXERCISE, seed="a") == narrated(EXERCISE, seed="a")
    assert len({tuple(narrated(EXERCISE, seed=str(n)).values()) for n in range(20)}) > 5


def test_the_resting_value_comes_with_its_method_and_range():
    text = narrated(every_ten_minutes(70))[Level.SEMANTIC]
    assert "lowest mean of 30 min" in text
    assert "70.0 bpm" in text
    assert "in the conventional adult range of 60–100 bpm" in text


@pytest.mark.parametrize(
    ("bpm", "words"),
    [(45, "below 50 bpm"), (55, "below the conventional adult range"), (110, "above the conventional adult range")],
)
def test_a_resting_value_out_of_range_is_stated(bpm, words):
    assert words in narrated(every_ten_minutes(bpm))[Level.SEMANTIC]


def test_a_resting_value_that_rounds_to_60_is_not_contradicted_by_its_digits():
    dense = every_minute(0, 1440, 60) | {600: 59, 630: 59}
    text = narrated(dense)[Level.SEMANTIC]  # 59 + 29 × 60 over 30 minutes = 59.97
    assert "60.0 bpm" in text
    assert "This is just below the conventional adult range" in text


def test_an_urgent_rate_at_inferred_rest_urges_care_first():
    text = narrated(every_minute(0, 1440, 70) | every_minute(120, 30, 170))[Level.SEMANTIC]
    assert text.startswith("On 2025-09-20 the heart rate stayed above 150 bpm for 10 min or more")
    assert "care should be sought without delay" in text
    assert "Unless the person was exercising then" in text


def test_a_very_high_rate_by_day_urges_care_only_if_it_was_no_exercise():
    text = narrated(EXERCISE)[Level.SEMANTIC]
    assert "if the person was not exercising, care should be sought" in text
    assert "probably at rest" not in text


@pytest.mark.parametrize("bpm", [70, 95, 140])
def test_nothing_urges_care_without_an_urgent_rate(bpm):
    text = narrated(every_minute(0, 1440, 70) | every_minute(600, 30, bpm))[Level.SEMANTIC]
    assert "care should be sought" not in text


def test_inferred_rest_is_called_inferred():
    captions = narrated(every_minute(0, 1440, 70) | every_minute(120, 30, 120))
    assert "Rest is inferred from the hour" in captions[Level.STRUCTURAL]
    assert "inferred rest" in captions[Level.SEMANTIC]
    assert "being up and about or very long exercise would look the same" in captions[Level.SEMANTIC]


def test_the_recovery_is_stated_with_its_limits_and_not_graded():
    text = narrated(EXERCISE)[Level.SEMANTIC]
    assert "25 bpm after 1 min (Cole 1999 calls 12 bpm or less abnormal)" in text
    assert "45 bpm after 2 min (Shetler 2001 calls less than 22 bpm abnormal)" in text
    assert "the fall is not graded" in text


def test_zones_are_stated_with_their_method_or_that_they_are_missing():
    with_age = narrated(EXERCISE, age_years=40)[Level.STATISTICAL]
    assert "HRmax (180.0 bpm, 208 − 0.7 × age, Tanaka 2001): below 50 % 1408 min" in with_age
    assert "No time in zones is given" in narrated(EXERCISE)[Level.STATISTICAL]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({}, "No age is configured, so the limits are the defaults for adults."),
        ({"age_years": 40}, "The limits are those of adults."),
        ({"age_years": 30, "pregnant": True}, "in pregnancy the resting heart rate is usually higher"),
        ({"age_years": 15}, "under 18 years, so the resting heart rate is not graded"),
    ],
)
def test_whose_limits_are_used_is_stated(profile, words):
    assert words in narrated(every_ten_minutes(70), **profile)[Level.SEMANTIC]


def test_a_night_above_the_day_is_stated_without_a_cause():
    captions = narrated(DAYS["night above day"])
    assert "the mean was 25.0 bpm higher than in the other hours" in captions[Level.STRUCTURAL]
    assert "which of them applies is not known" in captions[Level.SEMANTIC]
    assert (
        "not below the other hours"
        not in narrated(every_minute(0, 1440, 70) | every_minute(900, 60, 90))[Level.SEMANTIC]
    )


def history_text(today_bpm: int, level: Level = Level.SEMANTIC) -> str:
    return PROCESSOR.narrate(facts_of(PROCESSOR, insights_with_trends(every_ten_minutes(today_bpm), STEADY)))[level]


def test_a_day_is_placed_in_the_person_s_own_history():
    assert "Against the person's own mean of 61.0 bpm over 28 earlier days this day is not unusual." in history_text(61)
    assert "It lies 9.0 bpm above the person's own mean" in history_text(70)
    assert "It lies 9.0 bpm below the person's own mean" in history_text(52)
    assert "this day lies 9.0 bpm from that mean" in history_text(70, Level.STATISTICAL)


def test_a_missing_baseline_is_stated_with_what_is_needed():
    day = insights_with_trends(every_ten_minutes(70), SHORT)
    text = PROCESSOR.narrate(facts_of(PROCESSOR, day))[Level.SEMANTIC]
    assert "There is no own baseline yet: 3 earlier days have a resting heart rate, 7 are needed." in text


def test_with_half_of_the_readings_lost_in_one_piece_the_day_says_so():
    bpm = every_minute(0, 1440, 70) | every_minute(600, 20, 140)
    kept = {minute: value for minute, value in bpm.items() if minute >= 780}
    day = analysed(kept, age_years=40)
    judged = ["resting_bpm", "resting_grade", "night_mean_bpm", "day_mean_bpm", "zone_1_minutes", "below_zones_minutes"]
    assert day[judged].isna().all()
    assert day["coverage_reason"] == "46 % of the day's hours recorded, 50 % needed"
    for text in narrated(kept, age_years=40).values():
        assert "46 % of the day's hours recorded, 50 % needed" in text


def test_with_every_second_reading_lost_what_cannot_be_seen_is_null_and_stated():
    kept = {minute: 70 for minute in every_ten_minutes() if minute % 20 == 0}
    day = analysed(kept)
    assert day["recorded_minutes"] == 72.0
    assert pd.isna(day["resting_bpm"])
    for text in list(narrated(kept).values()):
        assert "72 min" in text or "not given: no window of 30 min holds 3 measured minutes" in text


def test_samples_that_could_not_show_a_sustained_rate_are_called_too_sparse():
    sparse = {120 * n: 70 for n in range(12)}
    for text in narrated(sparse).values():
        assert "Nowhere were 15 min recorded without a pause of more than 15 min" in text
        assert "No exercise bout" not in text


def test_one_sample_is_described_as_one():
    for text in narrated({0: 70}).values():
        assert "1 heart-rate sample was recorded, at 00:00 local time: 70 bpm." in text


def test_an_assumed_zone_is_stated_on_every_level():
    for text in narrated(every_ten_minutes(), zone_source="default").values():
        assert "no reliable time zone" in text
