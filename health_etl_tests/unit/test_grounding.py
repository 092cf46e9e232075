"""Numbers of an output that its input does not hold are found; numbers that it holds are not complained about."""

from __future__ import annotations

import pytest

from health_etl.training.grounding import numbers, ungrounded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mean 132.4 mg/dL.", {"132.4"}),
        ("on 2025-09-20 (UTC-05:00)", {"2025", "09", "20", "05", "00"}),
        ("7–9 h, 70 % or more, <54", {"7", "9", "70", "54"}),
        ("It was 5.", {"5"}),
        ("HbA1c, CO2 and B12 are names", set()),
        ("nothing", set()),
        ("(27 % of the day recorded, 70 % needed)", {"27", "70"}),
        ("1.2.3", {"1.2"}),
    ],
)
def test_numbers_are_found_as_written(text: str, expected: set[str]) -> None:
    assert numbers(text) == expected


def test_an_output_that_uses_its_input_is_grounded() -> None:
    given = "Local date: 2025-09-20 (UTC-05:00)\nMean glucose: 132.4 mg/dL\nReference: below 54 mg/dL"
    assert ungrounded("On 2025-09-20 the mean was 132.4 mg/dL, not below 54.", given) == set()


@pytest.mark.parametrize("invented", ["132.5", "132", "1324", "54.0", "5"])
def test_an_invented_number_is_found(invented: str) -> None:
    assert ungrounded(f"The mean was {invented} mg/dL.", "Mean glucose: 132.4 mg/dL; below 54") == {invented}
