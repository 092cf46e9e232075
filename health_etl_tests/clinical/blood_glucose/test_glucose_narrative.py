"""The three texts about a day of glucose: true, grounded, complete, cautious."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.blood_glucose.processor import PROCESSOR
from health_etl.clinical.common.base import Level
from health_etl_tests.clinical.blood_glucose.glucose_days import (
    DATE,
    FULL_DAY,
    day_of,
    days_from,
    insights_with_trends,
    month_of,
    narrated,
)
from health_etl_tests.clinical.facts import facts_of, ungrounded

SEEDS = [str(number) for number in range(12)]
RANGES = np.repeat((53, 54, 69, 70, 140, 141, 180, 181, 250, 251), 28)
PROFILES = [{}, {"age_years": 12}, {"age_years": 40}, {"age_years": 80}, {"age_years": 30, "pregnant": True}]


def marked() -> pd.DataFrame:
    """A day of a meter whose records name meals."""
    readings = [(105, 430, "FASTING", "UNKNOWN"), (110, 700, "BEFORE_MEAL", "LUNCH"), (171, 820, "AFTER_MEAL", "LUNCH")]
    return pd.concat(
        [day_of([g], first_min=m, app="meter", relation=relation, meal=meal) for g, m, relation, meal in readings]
    )


def fifteen_minutes() -> pd.DataFrame:
    wave = 150 + 90 * np.sin(np.arange(96) / 7)
    return day_of(wave / 18 * 18, step_min=15)


def two_weeks_then_little() -> pd.DataFrame:
    return pd.concat([month_of(170, 80, days=19), day_of([48, 290] * 30, date=DATE)])


SPREAD = {
    "calm": day_of([100] * FULL_DAY),
    "all ranges": day_of(RANGES),
    "too little": day_of([53.6, 300] * 50),
    "one reading": day_of([45]),
    "one high reading": day_of([280]),
    "two readings": day_of([100, 110]),
    "meals of a meter": marked(),
    "slow sensor": fifteen_minutes(),
    "sustained": day_of([320] * FULL_DAY),
    "month": month_of(),
    "wild month": month_of(190, 120, seed=5),
    "low month": month_of(75, 30, seed=6),
    "little after two weeks": two_weeks_then_little(),
    "week": month_of(days=9),
    "gap of days": month_of(days=20).pipe(lambda rows: rows[~rows["local_date"].between("2025-09-11", "2025-09-13")]),
}


@pytest.fixture(scope="module", params=list(SPREAD))
def insights(request: pytest.FixtureRequest) -> list[pd.Series]:
    """The last day of each kind, as people of every profile."""
    return [insights_with_trends(SPREAD[request.param], **profile).iloc[-1] for profile in PROFILES]


def test_every_number_of_every_text_stands_in_its_input(insights):
    for insight in insights:
        for seed in SEEDS:
            facts = facts_of(PROCESSOR, insight, zone_source="default", example_id=seed)
            assert ungrounded(PROCESSOR, facts) == {}


def test_every_text_stands_alone(insights):
    for insight in insights:
        texts = PROCESSOR.narrate(facts_of(PROCESSOR, insight, zone_source="default"))
        assert list(texts) == list(Level)
        for text in texts.values():
            assert insight["local_date"] in text
            assert "no reliable time zone" in text
            assert re.search(r"\bnan\b|None|<NA>|  | \.|\.\.|\(\)", text) is None


def test_every_figure_in_mg_dl_and_percent_has_its_unit(insights):
    """A number with decimals is followed by a unit, or belongs to an index that the text calls unitless."""
    for insight in insights:
        for text in PROCESSOR.narrate(facts_of(PROCESSOR, insight)).values():
            for number in re.finditer(r"\d+\.\d+", text):
                after = text[number.end() : number.end() + 6]
                before = text[max(0, number.start() - 40) : number.start()]
                unitless = re.search(r"LBGI\)? |HBGI\)? |GRI\)? |GRI of |J-index |risk range, | was $", before)
                assert after.startswith((" %", " mg/dL", " h")) or unitless, text[
                    number.start() - 40 : number.end() + 10
                ]


def test_the_same_day_is_narrated_in_the_same_words_and_other_days_in_others():
    insight = insights_with_trends(day_of([100] * FULL_DAY)).iloc[-1]
    texts = [PROCESSOR.narrate(facts_of(PROCESSOR, insight, example_id=seed)) for seed in SEEDS]
    assert texts[0] == PROCESSOR.narrate(facts_of(PROCESSOR, insight, example_id=SEEDS[0]))
    for level in Level:
        assert len({text[level] for text in texts}) > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_of_too_few_readings_is_not_assessed_in_any_text(seed):
    texts = narrated(day_of([120] * 78), seed=seed)
    for text in texts.values():
        assert "27 % of the day recorded, 70 % needed" in text
        assert not re.search(r"\bmet\b|missed|stable|zone [A-E]|No hypo", text)


def test_an_event_that_was_recorded_is_stated_though_the_day_is_not_assessed():
    text = narrated(day_of([100] * 50 + [60] * 20))[Level.STRUCTURAL]
    assert "Hypoglycaemia was recorded (below 70 mg/dL): the longest one recorded lasted 100 min from 04:10." in text


def test_a_assessed_day_is_held_against_named_targets_as_an_orientation():
    text = narrated(day_of(RANGES))[Level.SEMANTIC]
    assert "40.0 % in range 70–180 mg/dL (target above 70 %: missed)" in text
    assert "Battelino 2019" in text
    assert "single day" in text
    assert "No age or condition is configured for this person, so the defaults for adults" in text


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"age_years": 40}, "those for adults with diabetes, by the configured age"),
        ({"age_years": 80}, "those for older or high-risk adults"),
        ({"age_years": 30, "pregnant": True}, "those for pregnancy"),
        ({"age_years": 12}, "although the configured age is under 18 years"),
    ],
)
def test_the_text_names_whose_targets_it_uses(profile, words):
    for rows in (day_of(RANGES), day_of([100] * 50)):
        text = narrated(rows, **profile)[Level.SEMANTIC]
        assert words in text
        assert "No age or condition" not in text


def test_gmi_and_ea1c_are_refused_for_a_day_and_given_for_a_report_with_their_limits():
    one = narrated(day_of([120] * FULL_DAY))
    assert "GMI and eA1C are not given: they need 14 days with 70 % of their readings" in one[Level.SEMANTIC]
    assert "no GMI and no eA1C, which a single day cannot give: 1 of 14 days" in one[Level.STATISTICAL]
    many = narrated(pd.concat([day_of([150] * FULL_DAY, date=date) for date in days_from("2025-09-07", 14)]))
    assert "a GMI of 6.9 % (Bergenstal 2018) and an eA1C of 6.9 % (Nathan 2008)" in many[Level.SEMANTIC]
    assert "do not replace" in many[Level.SEMANTIC]
    assert "not given" not in many[Level.SEMANTIC]


@pytest.mark.parametrize(("lowest", "urged"), [(53, True), (53.6, True), (54, False)])
def test_a_reading_below_54_says_in_every_text_that_care_should_be_sought(lowest, urged):
    for text in narrated(day_of([lowest, *[100] * 287])).values():
        assert ("medical care should be sought without delay" in text) is urged


def test_a_reading_that_rounds_to_54_is_called_just_below_it():
    assert "54 mg/dL at 00:00, is just below 54 mg/dL" in narrated(day_of([53.6, *[100] * 287]))[Level.SEMANTIC]


def test_sustained_very_high_glucose_says_in_every_text_that_care_should_be_sought():
    for text in narrated(day_of([100] * 200 + [300] * 18 + [100] * 70)).values():
        assert "above 250 mg/dL for at least 90 min in all within 120 min (extended hyperglycaemia)" in text
        assert "medical care should be sought, and without delay if" in text


def test_a_passing_very_high_reading_says_when_care_should_be_sought():
    for text in narrated(day_of([100] * 200 + [300] * 5 + [100] * 83)).values():
        assert "if such values last or come with feeling unwell, medical care should be sought" in text


@pytest.mark.parametrize("highest", [200, 250])
def test_glucose_that_is_not_very_high_calls_for_no_care(highest):
    for text in narrated(day_of([highest] * FULL_DAY)).values():
        assert "medical care" not in text


def test_no_text_names_a_cause_or_changes_treatment():
    for rows in (day_of(RANGES), month_of(190, 120)):
        for text in narrated(rows).values():
            assert not re.search(r"\b(insulin|dose|because of|due to|caused|you)\b", text)


def test_a_dawn_rise_is_no_finding_of_one_morning_and_its_assumption_is_stated():
    text = narrated(day_of([100] * 72 + [125] * 216))[Level.SEMANTIC]
    assert "The rise of 25.0 mg/dL from the lowest value of the night fits a dawn phenomenon" in text
    assert "06:00–06:30 being assumed to lie before breakfast; one morning does not establish it" in text


def test_a_missing_baseline_and_a_missing_comparison_are_stated():
    day = narrated(day_of([100] * FULL_DAY))
    assert "There is no baseline yet: 0 judged days among the 28 before, 7 needed." in day[Level.STRUCTURAL]
    assert "needs 14 days of at least 3 readings; among the last 28 there are 1." in day[Level.STATISTICAL]
    fortnight = narrated(month_of(days=14))[Level.STRUCTURAL]
    assert "is not compared with the 14 days before those, which hold too few readings" in fortnight


def test_a_stretch_of_days_without_readings_is_stated():
    texts = narrated(SPREAD["gap of days"])
    for level in (Level.STRUCTURAL, Level.SEMANTIC):
        assert "hold a stretch of 72.1 h without a reading" in texts[level]


def test_there_are_at_least_three_ways_to_ask_for_each_level():
    assert {level: len(set(PROCESSOR.instructions[level])) >= 3 for level in Level} == dict.fromkeys(Level, True)


@pytest.mark.parametrize("glucose", [[100] * FULL_DAY, RANGES], ids=["calm", "all ranges"])
def test_half_of_the_readings_removed_leaves_no_verdict_of_the_day(glucose):
    rows = day_of(glucose)
    judged, half = insights_with_trends(rows).iloc[-1], insights_with_trends(rows.iloc[: len(rows) // 2]).iloc[-1]
    results = [name for name in judged.index if name.endswith(("_target", "_risk", "_zone", "level1_count"))]
    assert judged[[name for name in results if name.startswith("time_in_range")]].notna().all()
    assert half[results].isna().all()
    for text in PROCESSOR.narrate(facts_of(PROCESSOR, half)).values():
        assert "needed)" in text
