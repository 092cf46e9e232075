"""The three texts of a night of RMSSD: what they say, what they must not say, and where their numbers come from."""

from __future__ import annotations

import re

import numpy as np
import pytest

from health_etl.clinical.common.base import Level
from health_etl.clinical.heart_rate_variability_rmssd.processor import PROCESSOR
from health_etl_tests.clinical.facts import facts_of, ungrounded
from health_etl_tests.clinical.heart_rate_variability_rmssd.hrv_nights import (
    STATED,
    insights_with_trends,
    narrated,
    night_of,
    nights_before,
)

WHOLE = night_of([20, 40] * 42)  # ln 30 = 3.40
LONG = nights_before({before: 3.4 + (0.1 if before % 2 else -0.1) for before in range(1, 29)})
LATELY_ABOVE = LONG | nights_before(dict.fromkeys(range(1, 6), 3.9))
SUMMARIES = nights_before({n: 3.4 + n / 100 for n in range(1, 20)}, rule=STATED, source="app.summary2")
HISTORIES = {"none": {}, "three": nights_before({1: 3.0, 2: 3.1, 5: 3.2}), "long": LONG, "above": LATELY_ABOVE}
NIGHTS = {
    "whole": WHOLE,
    "below": night_of([15] * 84),
    "above": night_of([60] * 84),
    "just outside": night_of([np.exp(3.4 + 0.0513)] * 84),
    "capped": night_of([200, 30] * 42),
    "too little": night_of([30] * 12),
    "single value": night_of([42]),
}


@pytest.mark.parametrize("rows", NIGHTS.values(), ids=NIGHTS.keys())
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_every_number_of_the_three_texts_stands_in_their_input(rows, history):
    night = insights_with_trends(rows, history)
    for seed in ("a", "b", "c"):
        assert ungrounded(PROCESSOR, facts_of(PROCESSOR, night, example_id=seed)) == {}


@pytest.mark.parametrize("rows", NIGHTS.values(), ids=NIGHTS.keys())
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_no_night_is_called_good_or_bad_and_each_text_names_the_date(rows, history):
    for text in narrated(rows, history).values():
        assert not re.search(r"\b(low|high|normal|healthy|poor|good|stress)\b", text.lower())
        assert "night that ended on 2025-09-20" in text
        assert "  " not in text


def test_the_statistics_name_night_app_share_and_logarithm():
    text = narrated(WHOLE)[Level.STATISTICAL]
    assert "84 RMSSD samples of com.ouraring.oura" in text
    assert "100 % of a 7-hour night" in text
    assert "20.0 and 40.0 ms" in text
    assert "ln RMSSD is 3.40 ln ms" in text


def test_the_course_names_the_times_and_does_not_claim_sleep():
    text = narrated(WHOLE)[Level.STRUCTURAL]
    assert "23:00" in text
    assert "05:55 local time" in text
    assert "slept" in text


def test_a_missing_baseline_is_stated_with_what_is_needed():
    text = narrated(WHOLE, HISTORIES["three"])[Level.SEMANTIC]
    assert (
        "There is no own band yet: 3 earlier valid nights of the same app and rule in the last 28 days, 7 needed."
        in text
    )
    assert "whether this night is usual for the person cannot be said" in text


def test_a_night_inside_the_band_is_usual_for_the_person():
    assert "That is usual for this person." in narrated(WHOLE, LONG)[Level.SEMANTIC]


def test_one_night_outside_the_band_says_little():
    history = LONG | nights_before({1: 3.4})
    text = narrated(NIGHTS["above"], history)[Level.SEMANTIC]
    assert "lies above the person's own band" in text
    assert "one such night alone says little" in text


def test_a_run_of_nights_is_stated_with_its_length_and_without_a_cause():
    captions = narrated(NIGHTS["above"], LATELY_ABOVE)
    assert "It is the last of 6 nights in a row outside on this side." in captions[Level.STRUCTURAL]
    assert "6 nights in a row on the same side say more than one, but give no cause" in captions[Level.SEMANTIC]
    assert (
        "lies above the person's own band: after Plews 2012 such a shift is worth watching" in captions[Level.SEMANTIC]
    )


def test_a_night_that_rounds_onto_the_end_of_the_band_is_stated_as_just_outside():
    # The band ends at 3.4 + 0.5 × 0.1018 = 3.4509, written 3.45; the night has 3.4513, written the same.
    assert (
        "3.45 ln ms lies just above the person's own band of 3.35 to 3.45 ln ms"
        in (narrated(NIGHTS["just outside"], LONG)[Level.SEMANTIC])
    )


def test_a_stated_value_is_called_the_app_s_own_on_every_level():
    for text in narrated(night_of([42], app="app.summary2"), SUMMARIES).values():
        assert "app.summary2 wrote one RMSSD value, 42.0 ms" in text
        assert "how much of the night lies behind it is not stated" in text
        assert "100 %" not in text


def test_a_single_value_of_an_app_that_samples_is_called_a_fragment():
    text = narrated(night_of([42]), LONG)[Level.SEMANTIC]
    assert "The same app wrote several samples in 28 earlier nights" in text
    assert "probably a fragment of the night" in text
    assert "fragment" not in narrated(night_of([42], app="app.summary2"), SUMMARIES)[Level.SEMANTIC]


def test_nights_that_cannot_be_compared_are_counted():
    text = narrated(night_of([42], app="app.summary2"), LONG)[Level.STATISTICAL]
    assert "28 nights of another app or rule cannot be compared" in text


def test_a_night_of_half_its_samples_and_less_says_so_on_every_level():
    whole, half = night_of([30] * 82), night_of([30] * 41)
    assert insights_with_trends(whole, LONG)["against_band"] == "inside the person's own band"
    for text in narrated(half, LONG).values():
        assert "(49 % of a 7-hour night recorded, 50 % needed)" in text
        assert "lies inside" not in text.split("7-night mean")[0]


def test_capped_samples_are_stated_and_only_where_there_are_any():
    assert (
        "2 samples stand at the platform's cap of 200 ms" in narrated(night_of([200, 200, *[30] * 82]))[Level.SEMANTIC]
    )
    assert "cap of 200" not in narrated(night_of([30] * 84))[Level.SEMANTIC]


def test_no_grade_against_other_people_is_given_and_that_is_said():
    assert "against other people" in narrated(WHOLE, LONG)[Level.SEMANTIC]


def test_an_assumed_zone_is_stated_on_every_level():
    for text in narrated(WHOLE, zone_source="default").values():
        assert "no reliable time zone" in text
