"""Glucose by relation to meals, where the records state one; most sensors do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.samples import Samples, divide

FASTING = "FASTING"
BEFORE_MEAL = "BEFORE_MEAL"
AFTER_MEAL = "AFTER_MEAL"
BREAKFAST = "BREAKFAST"
MEALS = (BREAKFAST, "LUNCH", "DINNER")

RELATIONS = {"fasting": FASTING, "before_meal": BEFORE_MEAL, "after_meal": AFTER_MEAL}

SamplesOf = Callable[[pd.DataFrame], Samples]


def by_relation(rows: pd.DataFrame, samples_of: SamplesOf) -> dict[str, Samples]:
    """Return the readings of each relation (fasting, before_meal, after_meal), in the groups of samples_of.

    rows: with relation_to_meal. Coverage: one marked reading.
    """
    return {name: samples_of(rows[_is(rows["relation_to_meal"], word)]) for name, word in RELATIONS.items()}


def before_breakfast_marks(rows: pd.DataFrame, samples_of: SamplesOf) -> Samples:
    """Return the readings that the records mark as fasting or before breakfast."""
    before = _is(rows["relation_to_meal"], BEFORE_MEAL) & _is(rows["meal_type"], BREAKFAST)
    return samples_of(rows[before | _is(rows["relation_to_meal"], FASTING)])


def meal_rise(rows: pd.DataFrame, samples_of: SamplesOf) -> tuple[Floats, Floats]:
    """Return the rise of glucose over a meal, mg/dL, as the mean over the day's meals, and the number of meals.

    A meal counts if it has readings marked before and after it: mean after - mean before. Breakfast, lunch and dinner
    only, as a day has one of each. NaN and 0 for a day without such a meal.
    """
    rises = []
    rows = rows[_is(rows["relation_to_meal"], BEFORE_MEAL) | _is(rows["relation_to_meal"], AFTER_MEAL)]
    for meal in MEALS:
        of_meal = rows[_is(rows["meal_type"], meal)]
        before = samples_of(of_meal[_is(of_meal["relation_to_meal"], BEFORE_MEAL)])
        after = samples_of(of_meal[_is(of_meal["relation_to_meal"], AFTER_MEAL)])
        rises.append(after.mean() - before.mean())
    table = np.array(rises)
    held = ~np.isnan(table)
    count = held.sum(axis=0)
    return divide(np.where(held, table, 0.0).sum(axis=0), count), count.astype(np.float64)


def _is(words: pd.Series, word: str) -> pd.Series:
    return words.eq(word).fillna(False).astype("bool")
