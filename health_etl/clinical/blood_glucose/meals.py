"""Glucose by relation to meals, where the records state one; most sensors do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats
from health_etl.clinical.common.samples import Samples, divide

FASTING = "FASTING"
BEFORE_MEAL = "BEFORE_MEAL"
AFTER_MEAL = "AFTER_MEAL"
BREAKFAST = "BREAKFAST"
MEALS = (BREAKFAST, "LUNCH", "DINNER")

RELATIONS = {"fasting": FASTING, "before_meal": BEFORE_MEAL, "after_meal": AFTER_MEAL}

SamplesOf = Callable[[Booleans], Samples]  # of the rows that a mask (one flag per row) selects


@dataclass(frozen=True)
class Marks:
    """What the rows state about meals, by word: one flag per row."""

    relation: Mapping[str, Booleans]
    meal: Mapping[str, Booleans]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Marks:
        """Read relation_to_meal and meal_type."""
        return cls(_flags(rows["relation_to_meal"], RELATIONS.values()), _flags(rows["meal_type"], MEALS))


def by_relation(marks: Marks, samples_of: SamplesOf) -> dict[str, Samples]:
    """Return the readings of each relation (fasting, before_meal, after_meal), in the groups of samples_of.

    Coverage: one marked reading.
    """
    return {name: samples_of(marks.relation[word]) for name, word in RELATIONS.items()}


def before_breakfast_marks(marks: Marks, samples_of: SamplesOf) -> Samples:
    """Return the readings that the records mark as fasting or before breakfast."""
    return samples_of(marks.relation[FASTING] | (marks.relation[BEFORE_MEAL] & marks.meal[BREAKFAST]))


def meal_rise(marks: Marks, samples_of: SamplesOf) -> tuple[Floats, Floats]:
    """Return the rise of glucose over a meal, mg/dL, as the mean over the day's meals, and the number of meals.

    A meal counts if it has readings marked before and after it: mean after - mean before. Breakfast, lunch and dinner
    only, as a day has one of each. NaN and 0 for a day without such a meal.
    """
    rises = []
    for of_meal in marks.meal.values():
        before = samples_of(of_meal & marks.relation[BEFORE_MEAL])
        after = samples_of(of_meal & marks.relation[AFTER_MEAL])
        rises.append(after.mean() - before.mean())
    table = np.array(rises)
    held = ~np.isnan(table)
    count = held.sum(axis=0)
    return divide(np.where(held, table, 0.0).sum(axis=0), count), count.astype(np.float64)


def _flags(column: pd.Series, words: Iterable[str]) -> dict[str, Booleans]:
    """Return for each word which rows hold it."""
    found = pd.Index([*words], dtype="str")
    code = found.get_indexer(pd.Index(column, dtype="str"))
    return {word: code == place for place, word in enumerate(found)}
