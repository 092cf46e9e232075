"""Examples are checked when they are made: a person-day that fails makes no line, and the others make theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical import processors
from health_etl.clinical.common.base import Level
from health_etl.lake.tables import read_frame
from health_etl.training.examples import (
    MisshapenExampleError,
    PersonalExampleError,
    UngroundedExampleError,
    columns,
    lines,
)
from health_etl_tests.support.exports import ANNA, BEN, memory_lake, put, steps
from health_etl_tests.support.pipeline import bring_up_to_date, insights_manifest_of

STEPS = processors()["steps"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """The days of two people."""
    lake = memory_lake()
    for person in (ANNA, BEN):
        put(lake, "steps", [steps()], user_id=person)
    bring_up_to_date(lake)
    return read_frame(lake, insights_manifest_of(lake, "steps").table_key, columns=list(columns(STEPS)))


def made(rows: pd.DataFrame) -> list[list[str] | Exception]:
    return list(lines(rows, STEPS, "3.3.1"))


def first_with(rows: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Return the rows with other values in the first one."""
    return pd.DataFrame([{**rows.iloc[0].to_dict(), **values}, *rows.iloc[1:].to_dict("records")])


def captioned(rows: pd.DataFrame, **fields: Any) -> pd.DataFrame:
    """Return the rows with other fields in the first one's last caption."""
    *others, last = rows.iloc[0]["captions"]
    return first_with(rows, captions=[*others, {**last, **fields}])


def assert_first_is_left_out(rows: pd.DataFrame, changed: pd.DataFrame, error: type[Exception]) -> None:
    first, *others = made(changed)
    assert type(first) is error
    assert str(first) == ""
    assert others == made(rows)[1:]
    assert len(others) == 1


def test_each_day_makes_one_line_a_level(rows: pd.DataFrame) -> None:
    assert [len(found) for found in made(rows) if isinstance(found, list)] == [len(Level), len(Level)]


@pytest.mark.parametrize("said", ["7777 steps", "100 min", "2025-09-21", "23:59"])
def test_a_number_that_the_input_does_not_hold_makes_no_line(rows: pd.DataFrame, said: str) -> None:
    assert_first_is_left_out(rows, captioned(rows, output=f"It was {said}."), UngroundedExampleError)


def test_a_number_that_is_derived_by_its_rule_makes_a_line_and_another_none(rows: pd.DataFrame) -> None:
    day = rows.iloc[0]["local_date"]
    given = first_with(rows, input=f"{rows.iloc[0]['input']}\nOne: 7001\nOther: 7000")
    derived = [{"value": "14001", "rule": "difference", "of": ["7001", "7000"]}]
    assert_first_is_left_out(
        rows, captioned(given, output=f"On {day}: 14001.", derived=derived), UngroundedExampleError
    )
    derived = [{"value": "1", "rule": "difference", "of": ["7001", "7000"]}]
    assert all(isinstance(one, list) for one in made(captioned(given, output="7001 is 1 more.", derived=derived)))


@pytest.mark.parametrize(
    "text",
    [
        "Ask jane@example.org.",
        "See https://example.org/jane.",
        "See www.example.org.",
        "Call +49 170 1234567.",
        "Call 0170/1234567.",
        "Call 555-010-4477.",
        "In raw/StepsRecord.",
        "In it.avro",
    ],
)
def test_contact_details_make_no_line(rows: pd.DataFrame, text: str) -> None:
    given = f"{rows.iloc[0]['input']}\n{text}"
    assert_first_is_left_out(rows, first_with(rows, input=given), PersonalExampleError)
    assert_first_is_left_out(rows, captioned(first_with(rows, input=given), output=text), PersonalExampleError)
    derived = [{"value": text, "rule": "rounding", "of": ["1"]}]
    assert_first_is_left_out(rows, captioned(rows, derived=derived), PersonalExampleError)
    word = next(metric.name for metric in STEPS.reported if metric.dtype == "string")
    assert_first_is_left_out(rows, first_with(rows, **{word: text}), PersonalExampleError)


@pytest.mark.parametrize("user_id", ["0123456789abcdef", "0123456789ABCDEF", "id:0123456789abcdef"])
@pytest.mark.parametrize("place", ["subject", "source_files"])
def test_a_user_id_in_the_place_of_a_pseudonym_makes_no_line(rows: pd.DataFrame, user_id: str, place: str) -> None:
    value = "0123456789abcdef" if place == "subject" else ["0123456789abcdef"]
    assert_first_is_left_out(rows, first_with(rows, user_id=user_id, **{place: value}), PersonalExampleError)


@pytest.mark.parametrize(
    "values",
    [
        {"quality_score": np.nan},
        {"source_files": []},
        {"subject": "anna"},
        {"input": ""},
        {"record_count": -0.5, "coverage": None},
    ],
)
def test_a_field_without_its_value_makes_no_line(rows: pd.DataFrame, values: dict[str, Any]) -> None:
    assert_first_is_left_out(rows, first_with(rows, **values), MisshapenExampleError)


@pytest.mark.parametrize("name", ["steps_total", "coverage"])
def test_infinity_makes_no_line(rows: pd.DataFrame, name: str) -> None:
    first, *others = made(first_with(rows, **{name: np.inf}))
    assert isinstance(first, ValueError)
    assert others == made(rows)[1:]
