"""The three texts of a night: every number given, every sentence true, nothing graded without ground."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.common.base import Level
from health_etl.clinical.sleep_session.processor import PROCESSOR, analyse
from health_etl_tests.clinical.sleep_session.sleep_nights import (
    FULL_NIGHT,
    NIGHT,
    NO_PRIORITY,
    SAMSUNG,
    Stages,
    analysed,
    facts_of,
    frame,
    history_of,
    narrated,
    nights,
    real_rows_of,
    session,
)

SECOND_SLEEPER = {"source_app": SAMSUNG, "record_id": "other"}


def texts_of(*sessions: list[dict[str, Any]], age_years: int | None = None, **generic: str) -> dict[str, str]:
    return narrated(facts_of(analysed(*sessions, age_years=age_years), age_years=age_years, **generic))


def month(stages: Stages = FULL_NIGHT) -> pd.DataFrame:
    night = analysed(session("19T23:40", "20T07:40", stages))
    return history_of(*((before, night) for before in range(1, 29)))


def test_every_level_has_at_least_three_instructions() -> None:
    assert set(PROCESSOR.instructions) == set(Level)
    assert all(len(set(phrasings)) >= 3 for phrasings in PROCESSOR.instructions.values())


def test_a_night_without_a_record_is_said_not_to_mean_that_nobody_slept() -> None:
    texts = narrated(facts_of(analyse(frame(), nights(), NO_PRIORITY)))

    assert f"night ending on {NIGHT}" in texts["statistical"]
    assert "That does not mean that the person did not sleep" in texts["semantic"]
    assert all("main sleep" in text for text in texts.values())
    assert all("Ohayon" not in text and "Hirshkowitz" not in text for text in texts.values())


def test_a_night_with_naps_only_states_them_and_assesses_nothing() -> None:
    texts = texts_of(session("20T13:00", "20T13:20"), session("20T16:00", "20T16:10"))

    assert "Apart from any main sleep, 2 naps came to 30.0 min of sleep." in texts["statistical"]
    assert "2 naps were recorded besides (13:00–13:20, 16:00–16:10 local time)." in texts["structural"]
    assert "nothing was recorded beyond naps" in texts["semantic"]
    assert "class" not in texts["semantic"]


def test_the_numbers_of_a_staged_night() -> None:
    text = texts_of(session("19T23:40", "20T07:40", FULL_NIGHT))["statistical"]

    for stated in (
        "480.0 min",
        "420.0 min",
        "Sleep efficiency was 87.5 %, sleep onset latency 20.0 min and wake after sleep onset 10.0 min, in 1 "
        "awakening, longer than 5 min. Stages cover 100 % of it.",
        "Light sleep took 200.0 min (47.6 % of the sleep), deep sleep 100.0 min (23.8 %) and REM sleep 120.0 min "
        "(28.6 %), as the device estimated them. The first REM sleep came 310.0 min after the first sleep.",
        "There is no usual sleep time yet: 0 judged nights of the 28 before this one, 7 needed.",
        "Mid-sleep has no average yet: 1 night of the last 28 with a main sleep, 7 needed.",
        "Sleep debt is not told: 1 judged night of the last 7, 5 needed.",
    ):
        assert stated in text


def test_the_course_of_a_staged_night() -> None:
    text = texts_of(session("19T23:40", "20T07:40", FULL_NIGHT))["structural"]

    for stated in (
        "Sleep came at 00:00, 20.0 min after the start, and the last moment asleep was at 07:10: a sleep period of "
        "430.0 min with its middle at 03:35.",
        "it began at 03:20 and lasted 10.0 min.",
        "5.0 % of the deep sleep lay in the first half of the sleep period.",
        "No pattern over several nights is told yet: 1 night of the last 28 with a timed main sleep, at least 7 "
        "needed.",
    ):
        assert stated in text


def test_the_meaning_of_a_staged_night_names_its_guidelines_and_its_defaults() -> None:
    text = texts_of(session("19T23:40", "20T07:40", FULL_NIGHT))["semantic"]

    for stated in (
        '"recommended" of the National Sleep Foundation (Hirshkowitz 2015): for adults of 26 to 64 years, 420–540 min '
        "are recommended and 360–600 min may be appropriate.",
        "a single night says little.",
        "Of the marks of good sleep (Ohayon 2017), all four are met:",
        "No age is configured, so the limits of adults of 26 to 64 years were used as defaults.",
        "quiet wake for sleep",
    ):
        assert stated in text
    assert "clinician" not in text


def test_with_a_configured_age_no_default_is_claimed() -> None:
    text = texts_of(session("19T23:40", "20T07:40", FULL_NIGHT), age_years=70)["semantic"]

    assert "default" not in text
    assert "for adults of 65 years and over, 420–480 min are recommended and 300–540 min may be appropriate" in text
    assert "at most 30 min and at most 2 awakenings longer than 5 min" in text


def test_under_18_years_no_limit_of_adults_is_applied() -> None:
    texts = texts_of(session("19T23:40", "20T04:40", [("LIGHT", 300)]), age_years=15)

    assert "are not applied to a person under 18 years." in texts["semantic"]
    assert all(word not in texts["semantic"] for word in ("Ohayon", "Hirshkowitz", "clinician"))


def test_a_broken_short_night_names_what_it_misses_and_when_to_seek_help_without_alarm() -> None:
    stages: Stages = [("AWAKE", 45), ("LIGHT", 100), ("AWAKE", 30), ("LIGHT", 60), ("AWAKE", 30), ("REM", 35)]

    text = texts_of(session("20T00:00", "20T05:00", stages))["semantic"]

    assert '"not recommended (short)"' in text
    assert "Of the marks of good sleep (Ohayon 2017), none is met:" in text
    assert "a clinician" in text
    assert "for weeks" in text


def test_a_mixed_night_separates_the_marks_it_meets_from_those_it_misses() -> None:
    stages: Stages = [("LIGHT", 100), ("AWAKE", 30), ("LIGHT", 320)]

    text = texts_of(session("20T00:00", "20T07:30", stages))["semantic"]

    assert (
        "this night meets an efficiency of at least 85 %, a latency of at most 30 min and at most 1 awakening" in text
    )
    assert "and misses wake after sleep onset of at most 20 min." in text


def test_an_unstaged_night_is_the_length_of_its_record_and_nothing_of_it_is_graded() -> None:
    texts = texts_of(session("19T23:00", "20T06:30"), session("20T13:00", "20T13:20"), zone_source="default")

    assert all("(0 % of the main sleep session staged, 70 % needed)" in text for text in texts.values())
    assert "the 450.0 min are the length of the record" in texts["statistical"]
    assert "Apart from any main sleep, 1 nap came to 20.0 min of sleep." in texts["statistical"]
    assert "Ohayon" not in texts["semantic"]
    assert "Hirshkowitz" not in texts["semantic"]
    assert all("bounds of this local day" in text for text in texts.values())


def test_a_session_wholly_awake_has_no_moment_of_sleep() -> None:
    texts = texts_of(session("20T00:00", "20T02:00", [("AWAKE", 60), ("OUT_OF_BED", 60)]))

    assert "no moment of sleep was recorded" in texts["statistical"]
    assert "All of it was recorded as wake." in texts["structural"]


def test_depths_that_were_not_distinguished_are_mentioned() -> None:
    texts = texts_of(session("20T00:00", "20T08:00", [("AWAKE", 15), ("SLEEPING", 465)]))

    assert "Light, deep and REM sleep were not told apart for enough of the night." in texts["statistical"]
    assert "No awakening was recorded in it." in texts["structural"]


def test_joined_sessions_and_alternates_are_distinguished() -> None:
    text = texts_of(
        session("19T23:00", "20T02:00", [("LIGHT", 180)]),
        session("19T23:00", "20T02:00", [("LIGHT", 180)], **SECOND_SLEEPER),
        session("20T02:30", "20T06:30", [("LIGHT", 240)]),
    )["structural"]

    assert "The main sleep is made up of 2 sessions, at most 60 min apart" in text
    assert "The same sleep stands in 1 further session, kept apart and not added." in text


def test_the_look_back_is_stated_in_numbers_and_not_graded() -> None:
    facts = facts_of(analysed(session("19T23:40", "20T06:40", [("LIGHT", 400), ("AWAKE", 20)])), month())
    texts = narrated(facts)

    for stated in (
        "Over 28 judged nights of the 28 before this one the sleep time averaged 420.0 min (SD 0.0 min); this night's "
        "lay 20.0 min below it.",
        "Over 28 of the last 28 nights, mid-sleep was at",
        "Mid-sleep was at 03:35 on workdays (20 nights) and at",
        "points on the scale from −100 to 100 points, over 27.0 days of comparable minutes.",
        "Sleep debt over 7 judged nights of the last 7: 20.0 min below the recommended range.",
    ):
        assert stated in texts["statistical"]
    assert "Mid-sleep was at 03:35 on workdays" in texts["structural"]
    assert "is told and not graded" in texts["semantic"]
    assert "which is an assumption" in texts["semantic"]
    assert "sleep with naps fell short of 420 min a night by 20.0 min in all" in texts["semantic"]
    assert any(each.rule == "difference" for each in facts.derived)


def test_a_month_without_a_short_night_has_no_debt_and_equals_itself() -> None:
    texts = narrated(facts_of(analysed(session("19T23:40", "20T07:40", FULL_NIGHT)), month()))

    assert "this night's main sleep equals that." in texts["statistical"]
    assert "sleep with naps fell short of 420 min in none." in texts["semantic"]


def test_an_unstaged_night_is_not_compared_with_the_usual_sleep_time() -> None:
    texts = narrated(facts_of(analysed(session("19T23:40", "20T07:40")), month()))

    assert "this night is not compared with it." in texts["statistical"]


def test_wordings_differ_between_nights_and_never_for_one_night() -> None:
    facts = facts_of(analysed(session("19T23:40", "20T04:40", FULL_NIGHT[:3])))
    of_nights = [replace(facts, seed=str(seed), derived=[]) for seed in range(30)]

    written = [narrated(each) for each in of_nights]

    assert written == [narrated(each) for each in of_nights]
    assert all(len({texts[level] for texts in written}) > 1 for level in written[0])


def test_a_real_night_is_never_the_sum_of_two_apps(shared: Path) -> None:
    texts = narrated(facts_of(analyse(real_rows_of(shared), nights(), NO_PRIORITY)))

    assert "375.1 min" in texts["statistical"]
    assert "The same sleep stands in 1 further session, kept apart and not added." in texts["structural"]
    assert "26 to 64 years were used as defaults" in texts["semantic"]


STAGES = ("AWAKE", "LIGHT", "DEEP", "REM", "UNKNOWN", "SLEEPING", "OUT_OF_BED", "")


def random_session(generator: np.random.Generator, user_id: str, start: str, most: int = 22) -> list[dict[str, Any]]:
    shares = [0.1, 0.4, 0.15, 0.15, 0.05, 0.05, 0.02, 0.08]
    names = [STAGES[place] for place in generator.choice(8, p=shares, size=generator.integers(0, most))]
    stages = [(name, float(generator.integers(1, 60))) for name in names]
    length = sum(minutes for _, minutes in stages) or float(generator.integers(1, 500))
    app = (SAMSUNG, "a.b.c")[generator.integers(2)]
    rows = session(start, start, stages, user_id=user_id, record_id=start, source_app=app)
    return [row | {"end_utc": row["start_utc"] + pd.Timedelta(minutes=length)} for row in rows]


@pytest.fixture(scope="module", params=[None, 15, 22, 40, 80], ids=lambda age_years: f"age {age_years}")
def random_nights(request: pytest.FixtureRequest) -> tuple[int | None, pd.DataFrame]:
    generator = np.random.default_rng(7 + (request.param or 0))
    users = [f"user {number}" for number in range(60)]
    starts = ("19T22:10", "19T22:40", "20T03:00", "20T14:00")
    sessions = [
        random_session(generator, user, start) for user in users for start in starts[: generator.integers(1, 5)]
    ]
    return request.param, analyse(frame(*sessions), nights(*users, age_years=request.param), NO_PRIORITY)


def test_the_texts_of_random_nights_hold_only_numbers_that_are_given(
    random_nights: tuple[int | None, pd.DataFrame],
) -> None:
    age_years, rows = random_nights
    some_main, some_naps = rows["tst_minutes"].notna(), rows["nap_minutes"].notna()
    assert some_main.nunique() == some_naps.nunique() == rows["coverage_reason"].isna().nunique() == 2

    for place in range(30):
        others = [(before, rows.iloc[[place + before]]) for before in range(1, 1 + place // 2)]
        night = rows.iloc[[place]].reset_index(drop=True)
        facts = facts_of(night, history_of(*others), age_years=age_years, example_id=str(place))
        assert len(set(narrated(facts).values())) == 3


@pytest.mark.parametrize(
    ("minutes", "wording"),
    [
        ((6,), "1 awakening, longer than 5 min; it began"),
        ((5,), "1 awakening, not longer than 5 min; it began"),
        ((3, 5), "2 awakenings, none of them longer than 5 min; the longest began"),
        ((3, 6), "2 awakenings, 1 of them longer than 5 min; the longest began"),
    ],
)
def test_awakenings_are_counted_in_words_that_fit_their_number(minutes: tuple[int, ...], wording: str) -> None:
    stages: Stages = [
        ("LIGHT", 160),
        *((name, float(n)) for n in minutes for name, n in (("AWAKE", n), ("LIGHT", 200))),
    ]

    assert wording in texts_of(session("19T23:00", "20T07:00", stages))["structural"]
