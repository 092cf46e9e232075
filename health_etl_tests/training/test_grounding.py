"""Numbers of an output that its input does not hold are found; numbers that it holds are not complained about."""

from __future__ import annotations

import pytest

from health_etl.training.grounding import Quantity, quantities, ungrounded

INPUT = "Local date: 2025-09-20 (UTC-05:00)\nMean: 132.4 mg/dL\nShare: 72 %\nReadings: 41\nReference: below 54 mg/dL"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mean 132.4 mg/dL.", {("132.4", "mg/dL")}),
        ("on 2025-09-20 (UTC-05:00)", {("2025-09-20", None), ("05:00", None)}),
        ("7–9 ms, 70 % or more, <54", {("7", "ms"), ("9", "ms"), ("70", "%"), ("54", None)}),
        ("It was 5.", {("5", None)}),
        ("HbA1c, CO2 and B12 are names", set()),
        ("nothing", set()),
        ("100 steps/min and 90 steps", {("100", "steps/min"), ("90", "steps")}),
        ("5 minutes, 5 min", {("5", None), ("5", "min")}),
        ("1.2.3", {("1.2", None)}),
    ],
)
def test_numbers_are_found_as_written_with_the_unit_that_follows(text: str, expected: set[Quantity]) -> None:
    assert quantities(text) == expected


def test_an_output_that_uses_its_input_is_grounded() -> None:
    assert ungrounded("On 2025-09-20 the mean of 41 was 132.4 mg/dL, not below 54.", INPUT) == set()


@pytest.mark.parametrize("invented", ["132.5", "132", "1324", "54.0", "5"])
def test_an_invented_number_is_found(invented: str) -> None:
    assert ungrounded(f"The mean was {invented} mg/dL.", INPUT) == {invented}


@pytest.mark.parametrize("planted", ["2025-09-21", "05:30"])
def test_another_date_or_clock_time_is_found(planted: str) -> None:
    assert ungrounded(f"It was {planted}.", INPUT) == {planted}


def test_a_number_with_another_unit_than_in_the_input_is_found() -> None:
    assert ungrounded("The share was 132.4 %.", INPUT) == {"132.4"}
    assert ungrounded("There were 41 min of it.", INPUT) == set(), "the input names no unit for it"


@pytest.mark.parametrize(
    ("value", "rule", "of"),
    [("60.4", "difference", ["132.4", "72"]), ("57", "share", ["41", "72"]), ("132", "rounding", ["132.4"])],
)
def test_a_number_that_follows_from_the_input_by_a_named_rule_is_grounded(value: str, rule: str, of: list[str]) -> None:
    derived = [{"value": value, "rule": rule, "of": of}]
    assert ungrounded(f"That is {value}.", INPUT, derived) == set()
    assert ungrounded(f"That is {value}.", INPUT) == {value}


@pytest.mark.parametrize(
    "derived",
    [
        {"value": "60.5", "rule": "difference", "of": ["132.4", "72"]},
        {"value": "60.5", "rule": "difference", "of": ["132.5", "72"]},
        {"value": "60.5", "rule": "guess", "of": ["132.4"]},
        {"value": "60.5", "rule": "difference", "of": []},
        {"value": "60.5", "rule": "rounding", "of": ["132.4", "72"]},
        {"value": "60.5", "rule": "share", "of": ["132.4"]},
    ],
)
def test_a_derivation_that_does_not_hold_grounds_nothing(derived: dict[str, object]) -> None:
    assert ungrounded("That is 60.5.", INPUT, [derived]) == {"60.5"}
