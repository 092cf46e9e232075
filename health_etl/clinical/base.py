"""What a clinical processor is. The processors live one to a file beside this, named as their record type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from health_etl.record_types.base import Column


@dataclass(frozen=True)
class ClinicalOptions:
    """What the settings tell the processors.

    `app_priority` lists source apps, most trusted first; apps not listed rank behind, by last modified.
    """

    app_priority: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """One number (or word) that a processor computes for a person and local day.

    `label`, `decimals` and `unit` say how it is written, in the training input as in the text, so that both
    show the same digits.
    """

    name: str
    label: str
    description: str
    unit: str | None = None
    decimals: int = 0
    dtype: pa.DataType = pa.float64()  # noqa: RUF009 - pyarrow types are immutable

    def column(self) -> Column:
        """Return the metric as a column of the insights table."""
        return Column(self.name, self.dtype, self.description, unit=self.unit, nullable=True)


@dataclass(frozen=True)
class Facts:
    """One person-day as text: each value written with its metric's decimals, missing ones left out.

    `values` holds what was measured (numbers, words); `written` the same as text, without the unit.
    """

    values: Mapping[str, object]
    written: Mapping[str, str]

    def has(self, *names: str) -> bool:
        """Say whether all of these metrics have a value."""
        return all(name in self.written for name in names)

    def __getitem__(self, name: str) -> str:
        return self.written[name]

    def number(self, name: str) -> float:
        """Return the value as written (rounded), for comparisons that the text makes."""
        return float(self.written[name])


@dataclass(frozen=True)
class Processor:
    """The clinical knowledge of one record type.

    analyse(rows, days, options) -> one row per row of `days`, same order, with `metrics` plus `coverage`
    (0 to 1) and `coverage_reason` (text, null when coverage suffices).
    narrate(facts) -> the text about one person-day.
    """

    record_type: str
    version: str
    metrics: tuple[Metric, ...]
    guidelines: tuple[str, ...]  # one line each; reference numbers that the text may use
    instructions: tuple[str, ...]
    analyse: Callable[[pd.DataFrame, pd.DataFrame, ClinicalOptions], pd.DataFrame]
    narrate: Callable[[Facts], str]
