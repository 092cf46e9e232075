"""The three texts of a day of steps or energy: every number given, every sentence true, nothing graded blindly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.active_calories_burned.processor import PROCESSOR as ACTIVE_ENERGY
from health_etl.clinical.common.base import Level, Processor
from health_etl.clinical.steps.processor import PROCESSOR as STEPS
from health_etl_tests.clinical.activity.activity_days import (
    COLUMN,
    DAY,
    NO_PRIORITY,
    OURA,
    SAMSUNG,
    day,
    facts_of,
    frame,
    narrated,
    real_rows,
    row,
    tiles,
)

MONTH = {n: 6000.0 + 100 * n for n in range(1, 29)}
WALKS = {"07:30": 300, "09:00": 600, "09:45": 400, "12:00": 900, "18:30": 1200, "22:15": 100}
BOTH = pytest.mark.parametrize("processor", [STEPS, ACTIVE_ENERGY], ids=lambda processor: processor.record_type)


def texts_of(
    *rows: dict[str, Any], totals: Mapping[int, float] | None = None, age_years: int | None = None, **generic: str
) -> dict[str, str]:
    analysed = STEPS.analyse(frame(*rows), day(age_years=age_years), NO_PRIORITY)
    return narrated(STEPS, facts_of(STEPS, analysed, totals, age_years, **generic))


@BOTH
def test_every_level_has_three_instructions(processor: Processor) -> None:
    assert set(processor.instructions) == set(Level)
    assert all(len(set(phrasings)) >= 3 for phrasings in processor.instructions.values())


def test_a_real_partial_day_names_its_end_and_grades_nothing(shared: Path) -> None:
    rows = real_rows(shared, "StepsRecord", "count", "steps")
    texts = narrated(STEPS, facts_of(STEPS, STEPS.analyse(rows, day(), NO_PRIORITY)))

    assert (
        f"Several apps counted the same day ({SAMSUNG}: 3933 steps; {OURA}: 2517 steps); the total is merged by time, "
        f"not added up and rests on {SAMSUNG}."
    ) in texts["statistical"]
    assert all(
        "the data reach up to 17:25 local time, so this is the total of a partial day." in t for t in texts.values()
    )
    assert all("6450" not in text for text in texts.values())  # their sum
    assert "The day is not put into an activity category." in texts["semantic"]
    assert "Paluch" not in texts["semantic"]
    assert "There is no baseline yet: 0 complete days among the 28 days before, 7 needed." in texts["statistical"]


def test_a_complete_day_names_its_category_what_a_day_is_worth_and_that_adult_defaults_were_used() -> None:
    text = texts_of(row("00:00", "24:00", 8000))["semantic"]

    assert '"somewhat active"' in text
    assert "a single day" in text
    assert "No age is configured, so what holds for adults was used as default." in text
    assert "This is an association over years" in text
    assert "it gives no threshold" in text


@pytest.mark.parametrize("steps", [9_999, 10_000, 15_000])
def test_ten_thousand_is_never_called_a_goal_or_a_threshold_of_health(steps: int) -> None:
    texts = texts_of(row("00:00", "24:00", steps), totals=MONTH, age_years=40)
    for text in (*texts.values(), *STEPS.guidelines):
        assert not any(word in text.lower() for word in ("goal", "target", "recommended", "healthy", "enough steps"))


def test_with_a_configured_age_no_default_is_claimed_and_a_child_gets_no_limits_of_adults() -> None:
    adult = texts_of(row("00:00", "24:00", 8000), age_years=40)["semantic"]
    child = texts_of(row("00:00", "24:00", 8000), age_years=12)["semantic"]

    assert "default" not in adult
    assert "The person is under 18 years; categories and cadences of adults are not applied." in child
    assert all(word not in child for word in ("Tudor-Locke", "Paluch", "somewhat active"))


def test_a_hardly_covered_day_says_what_is_unknown_and_that_the_zone_is_a_guess() -> None:
    texts = texts_of(row("06:00", "12:00", 1), zone_source="default")

    for text in texts.values():
        assert "1 step" in text
        assert "(25 % of the day recorded, 70 % needed)" in text
        assert "unknown, not zero" in text
        assert "bounds of this local day" in text


def test_a_day_without_data_does_not_call_it_zero() -> None:
    texts = texts_of(row("2025-09-20T03:00Z", "2025-09-20T07:00Z", 400, fetched_utc="2025-09-20T04:00Z"))
    assert all(f"No steps of {DAY} were recorded before the export." in text for text in texts.values())
    assert "That does not mean that there were none." in texts["semantic"]


def test_fine_records_show_the_course_of_the_day() -> None:
    text = texts_of(*tiles("00:00", "24:00", 15, WALKS), totals=MONTH, age_years=40)["structural"]

    for stated in (
        "Steps were recorded between 07:30 and 22:29 local time.",
        "24 hours of the local clock are known; they hold 3500 steps.",
        "The busiest began at 18:00 with 1200 steps (34 % of that).",
        "the morning (06:00–12:00) 1300 steps",
        "In 4 hours at least 250 steps were recorded.",
        "there were 4 stretches of at least 60 min without a recorded step, 765 min in all",
        "the longest began at 12:15 and lasted 375 min.",
        "slept or had laid the device aside is not known",
    ):
        assert stated in text
    assert "rests on all of its records" not in text


def test_daily_totals_say_why_they_show_no_course() -> None:
    texts = texts_of(row("00:00", "24:00", 8000))
    assert "How it spread over the hours is not told: no record is 15 min long or shorter." in texts["structural"]
    assert "No cadence is given: no record is between 0.5 and 5 min long." in texts["statistical"]


def test_a_total_that_other_records_give_is_kept_apart_from_the_hours() -> None:
    ring = row("00:00", "24:00", 9000, OURA, last_modified_utc="2025-09-21T05:30Z")
    text = texts_of(ring, *tiles("00:00", "24:00", 15, WALKS))["structural"]
    assert "The day's total rests on all of its records and not on these alone." in text


def test_an_app_of_movement_only_is_named_with_what_its_pauses_are_taken_for() -> None:
    walks = [row(f"{hour:02d}:00", f"{hour:02d}:10", 500) for hour in (7, 10, 14, 17, 20)]
    texts = texts_of(*walks)

    assert all(f"Only movement was recorded by {SAMSUNG}" in text for text in texts.values())
    assert "records of movement with the pauses between them cover 55 % of the day" in texts["semantic"]
    assert "whether the device was worn or records were lost in them is not known" in texts["semantic"]


def test_the_look_back_is_stated_and_is_no_limit_of_health() -> None:
    texts = texts_of(row("00:00", "24:00", 7450), totals=MONTH, age_years=40)

    # 6100 to 8800: mean 7450
    assert "Over 28 complete days of the 28 days before, the mean was 7450 steps a day" in texts["statistical"]
    assert "this day equals it." in texts["statistical"]
    assert "within the person's usual range (mean ± 2 SD, an assumption and no limit of health)" in texts["semantic"]
    assert "Workdays (Monday to Friday) averaged" in texts["structural"]


def test_a_difference_from_the_mean_is_worked_out_by_a_named_rule() -> None:
    analysed = STEPS.analyse(frame(row("00:00", "24:00", 7449)), day(), NO_PRIORITY)
    facts = facts_of(STEPS, analysed, MONTH)
    assert "this day lay 1 step below it." in narrated(STEPS, facts)["statistical"]
    assert ("1", "difference") in [(each.value, each.rule) for each in facts.derived]


@BOTH
def test_wordings_differ_between_days_and_never_for_one_day(processor: Processor) -> None:
    column = COLUMN[processor.record_type]
    analysed = processor.analyse(frame(row("00:00", "24:00", 800, column=column), column=column), day(), NO_PRIORITY)
    facts = facts_of(processor, analysed, MONTH)
    written = [narrated(processor, replace(facts, seed=str(seed), derived=[]))["semantic"] for seed in range(20)]
    again = [narrated(processor, replace(facts, seed=str(seed), derived=[]))["semantic"] for seed in range(20)]
    assert written == again
    assert len(set(written)) > 1


def random_day(generator: np.random.Generator, user_id: str, column: str) -> list[dict[str, Any]]:
    """Return records of a few apps of every habit: daily totals, tiles with gaps, walks alone."""
    made: list[dict[str, Any]] = []
    top = 3500 if generator.random() < 0.1 else 900
    if generator.random() < 0.5:
        end = str(generator.choice(["24:00", "20:00", "12:00"]))
        made.append(row("00:00", end, int(generator.integers(0, 12_000)) * (top / 900), OURA, column))
    if generator.random() < 0.5:
        records = tiles("00:00", "24:00", int(generator.choice([1, 5, 15, 30])), app="app.tiles", column=column)
        kept = [record for record in records if generator.random() < generator.choice([0.5, 1.0])]
        made += [record | {column: int(generator.integers(0, 140)) * int(generator.random() < 0.3)} for record in kept]
    if generator.random() < 0.5:
        starts = sorted({int(at) for at in generator.integers(300, 1400, size=generator.integers(1, 12))})
        for at in starts:
            walk, stop = divmod(at, 60), divmod(at + int(generator.integers(1, 20)), 60)
            clocks = (f"{hour:02d}:{minute:02d}" for hour, minute in (walk, stop))
            made.append(row(*clocks, int(generator.integers(1, 900)), "app.walks", column))
    fetched = generator.choice(["2025-09-21T06:00Z", "2025-09-21T06:00Z", "22:30"])
    number = iter(range(len(made)))
    stamp = row("00:00", "00:01", 0, fetched_utc=str(fetched))["fetched_utc"]
    return [r | {"user_id": user_id, "fetched_utc": stamp, "record_id": f"{next(number)}"} for r in made]


@BOTH
@pytest.mark.parametrize("age_years", [None, 15, 70], ids=lambda age_years: f"age {age_years}")
def test_the_texts_of_random_days_hold_only_numbers_that_are_given(processor: Processor, age_years: int | None) -> None:
    column = COLUMN[processor.record_type]
    generator = np.random.default_rng(5 + (age_years or 0))
    users = [f"user {number}" for number in range(60)]
    rows = frame(*(r for user in users for r in random_day(generator, user, column)), column=column)
    days = pd.concat([day(user, age_years=age_years) for user in users], ignore_index=True)
    analysed = processor.analyse(rows, days, NO_PRIORITY)
    for name in (
        f"{column}_total",
        "coverage_reason",
        "data_until_local",
        "pattern_missing_reason",
        "movement_only_apps",
    ):
        assert analysed[name].isna().nunique() == 2, name

    for place in range(len(users)):
        totals = {n: float(generator.integers(0, 12_000)) for n in range(1, 29) if generator.random() < place / 60}
        one = analysed.iloc[[place]].reset_index(drop=True)
        facts = facts_of(processor, one, totals, age_years, example_id=str(place))
        assert len(set(narrated(processor, facts).values())) == 3
