"""Numbers of an output that its input does not hold are found; numbers that it holds are not complained about."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_etl.clinical import all_processors
from health_etl.training.grounding import Quantity, quantities, ungrounded
from health_etl_tests.support import hypothesis_profiles

profile = hypothesis_profiles.active_profile()

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
        ("app 1, com.watch (app 12: 300 steps)", {("app 1", None), ("app 12", None), ("300", "steps")}),
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


def test_the_number_of_a_source_grounds_that_source_and_no_number() -> None:
    assert ungrounded("It rests on app 2.", "Source apps: app 1, app 2") == set()
    assert ungrounded("It rests on app 3.", "Source apps: app 1, app 2\nNights: 3") == {"app 3"}
    assert ungrounded("On 2 nights it was 1.", "Source apps: app 1, app 2") == {"1", "2"}


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


UNITS = sorted(
    {metric.unit for processor in all_processors().values() for metric in processor.all_metrics if metric.unit}
)
numbers = st.one_of(
    st.integers(0, 20_000).map(str),
    st.decimals("0.0", "999.9", places=1).map(str),
    st.decimals("0.00", "9.99", places=2).map(str),
    st.times().map(lambda clock: f"{clock:%H:%M}"),
    st.dates().map(str),
)


def is_amount(number: str) -> bool:
    """Whether a number can have a unit: it is neither a date nor a clock time."""
    return not set(number) & set("-:")


@st.composite
def said(draw: st.DrawFn, number: str) -> Quantity:
    """A number as a text may say it: with a unit, or with none."""
    return (number, draw(st.none() | st.sampled_from(UNITS)) if is_amount(number) else None)


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[Quantity], list[Quantity], list[Quantity]]:
    """What an input says, what an output takes from it, and what the output says beyond it."""
    drawn = draw(st.lists(numbers, min_size=4, max_size=12, unique=True))
    place = draw(st.integers(1, len(drawn) - 1))
    given_ones = [draw(said(number)) for number in drawn[:place]]
    taken = [
        (number, draw(st.sampled_from([unit, None])) if unit else draw(said(number))[1])
        for number, unit in draw(st.lists(st.sampled_from(given_ones), max_size=6))
    ]
    invented = [draw(said(number)) for number in draw(st.lists(st.sampled_from(drawn[place:]), max_size=4))]
    other_units = [
        (number, draw(st.sampled_from([one for one in UNITS if one != unit])))
        for number, unit in draw(st.lists(st.sampled_from(given_ones), max_size=2))
        if unit
    ]
    return given_ones, taken, invented + other_units


WORDINGS = st.sampled_from(
    ["The value was {}.", "Of the day: {}, as recorded", "({})", "It was below {}; HbA1c is a name.", "From <{}> on,"]
)


def phrase(quantity: Quantity) -> str:
    number, unit = quantity
    return f"{number} {unit}" if unit else number


@profile
@given(drawn=texts(), data=st.data())
def test_of_any_text_exactly_the_numbers_that_its_input_does_not_hold_are_found(
    drawn: tuple[list[Quantity], list[Quantity], list[Quantity]], data: st.DataObject
) -> None:
    held, taken, invented = drawn
    given_text = "\n".join(f"Metric: {phrase(one)}" for one in held)
    sentences = [data.draw(WORDINGS).format(phrase(one)) for one in data.draw(st.permutations([*taken, *invented]))]
    assert quantities(given_text) == set(held)
    assert ungrounded(" ".join(sentences), given_text) == {number for number, _ in invented}


amounts = st.one_of(st.integers(1, 20_000).map(str), st.decimals("0.1", "999.9", places=1).map(str))


@profile
@given(one=amounts, other=amounts, rule=st.sampled_from(["difference", "share", "rounding"]), off=st.integers(-2, 2))
def test_a_derived_number_is_grounded_just_when_its_rule_gives_it(one: str, other: str, rule: str, off: int) -> None:
    first, second = Decimal(one), Decimal(other)
    right = {
        "difference": abs(first - second),
        "share": (100 * first / second).to_integral_value(ROUND_HALF_UP),
        "rounding": first.to_integral_value(ROUND_HALF_UP),
    }[rule]
    value = str(abs(right + off))
    of = [one] if rule == "rounding" else [one, other]
    found = ungrounded(f"That is {value}.", f"A: {one}\nB: {other}", [{"value": value, "rule": rule, "of": of}])
    assert (found == set()) == (Decimal(value) == right or value in (one, other))
