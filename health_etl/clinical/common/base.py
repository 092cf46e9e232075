"""The types that clinical processors are made of. Each processor lives in the package of its record type."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

import pandas as pd
import pyarrow as pa

from health_etl.clinical.common.units import PERCENT
from health_etl.record_types import record_types
from health_etl.record_types.base import Column


class Level(StrEnum):
    """How far a text goes: the numbers, their order in time, or what they mean."""

    STATISTICAL = "statistical"
    STRUCTURAL = "structural"
    SEMANTIC = "semantic"


Captions = Mapping[Level, str]  # one text per level, all three present


@dataclass(frozen=True)
class ClinicalOptions:
    """The settings that processors depend on.

    `app_priority` lists source apps, most trusted first; apps not listed rank after them, by last modification.
    """

    app_priority: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """One number (or word) that a processor computes for a person and local day.

    `label`, `decimals` and `unit` say how it is written, in the training input and in the texts alike, so that both
    show the same digits. A metric that is not `reported` is kept only for the look-back or the pictures (a list, for
    example) and appears in no text.
    """

    name: str
    label: str
    description: str
    unit: str | None = None
    decimals: int = 0
    dtype: pa.DataType = pa.float64()  # noqa: RUF009 - pyarrow types are immutable
    reported: bool = True

    def column(self) -> Column:
        """Return the metric as a column of the insights table."""
        return Column(self.name, self.dtype, self.description, unit=self.unit, nullable=True)


@dataclass(frozen=True)
class Derived:
    """A number that a text uses but its input does not contain, with the rule it follows from: value = rule(of)."""

    value: str
    rule: str  # difference, share or rounding; training/grounding.py recomputes it
    of: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """One person-day as text: each value written with its metric's decimals, missing ones left out.

    `values` holds what was measured (numbers, words) and `written` the same as text, without the unit. `seed` picks
    between wordings and never changes for a person-day. `derived` collects the numbers that the texts work out.
    """

    values: Mapping[str, object]
    written: Mapping[str, str]
    seed: str = ""
    derived: list[Derived] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        """Return whether all of these metrics have a value."""
        return all(map(self.written.__contains__, names))

    def __getitem__(self, name: str) -> str:
        return self.written[name]

    def number(self, name: str) -> float:
        """Return the value as written (rounded), for comparisons that the text makes."""
        return float(self.written[name])

    def pick(self, about: str, wordings: Sequence[str]) -> str:
        """Return one of several wordings of a statement; `about` names the choice, so that choices are independent."""
        place = hashlib.sha256(f"{self.seed}|{about}".encode()).digest()
        return wordings[int.from_bytes(place[:4]) % len(wordings)]

    def difference(self, one: str, other: str) -> str:
        """Return the absolute difference of two metrics as written: the digits that a reader would arrive at."""
        of = (self.written[one], self.written[other])
        return self._noted(str(abs(Decimal(of[0]) - Decimal(of[1]))), "difference", of)

    def share(self, part: str, whole: str) -> str:
        """Return `part` as a percentage of `whole`, both as written, rounded to a whole percent (half up)."""
        of = (self.written[part], self.written[whole])
        percent = PERCENT * Decimal(of[0]) / Decimal(of[1])
        return self._noted(str(percent.quantize(Decimal(1), rounding="ROUND_HALF_UP")), "share", of)

    def rounded(self, name: str) -> str:
        """Return the metric rounded to a whole number (half up), for a sentence that needs no decimals."""
        of = (self.written[name],)
        return self._noted(str(Decimal(of[0]).quantize(Decimal(1), rounding="ROUND_HALF_UP")), "rounding", of)

    def _noted(self, value: str, rule: str, of: tuple[str, ...]) -> str:
        self.derived.append(Derived(value, rule, of))
        return value


@dataclass(frozen=True)
class Processor:
    """The clinical knowledge of one record type.

    analyse(rows, days, options) -> one row per row of `days`, same order, with `metrics` plus `coverage`
    (0 to 1) and `coverage_reason` (text, null when coverage suffices). It sees each day on its own.

    look_back(days, earlier, options) -> one row per row of `days`, same order, with `trends`. `days` are analysed
    rows; `earlier` holds, for each of them, the person's days within the LOOK_BACK_DAYS before it: `day` (position in
    `days`), `days_before` (1 and up) and the `carried` metrics, sorted by day and days_before.

    narrate(facts) -> the texts about one person-day, one per level.
    """

    record_type: str
    version: str
    metrics: tuple[Metric, ...]
    guidelines: tuple[str, ...]  # one line each: reference values that the texts may cite
    instructions: Mapping[Level, tuple[str, ...]]
    analyse: Callable[[pd.DataFrame, pd.DataFrame, ClinicalOptions], pd.DataFrame]
    narrate: Callable[[Facts], Captions]
    trends: tuple[Metric, ...] = ()
    carried: tuple[str, ...] = ()
    look_back: Callable[[pd.DataFrame, pd.DataFrame, ClinicalOptions], pd.DataFrame] | None = None

    @property
    def name(self) -> str:
        """Name of the insights asset, which is that of the record type."""
        return self.record_type

    @property
    def title(self) -> str:
        """What the training input calls it: the record type's title."""
        return record_types()[self.record_type].title

    @property
    def domain(self) -> str:
        """Health domain under which its examples are filed."""
        return record_types()[self.record_type].domain

    @property
    def training_name(self) -> str:
        """What the metadata of its examples call it: Health Connect's name for the record type."""
        return record_types()[self.record_type].avro_name

    @property
    def all_metrics(self) -> tuple[Metric, ...]:
        """Metrics of the day, then trends: the order in which they are reported."""
        return (*self.metrics, *self.trends)

    @cached_property
    def reported(self) -> tuple[Metric, ...]:
        """Those of all metrics that texts may name."""
        return tuple(metric for metric in self.all_metrics if metric.reported)


@dataclass(frozen=True)
class Borrowed:
    """A record type's metric that the day across types uses under a name and label of its own."""

    record_type: str
    name: str  # the metric's name in the record type
    metric: Metric


@dataclass(frozen=True)
class DayProcessor:
    """The clinical knowledge of the day across types.

    A day's `metrics` are borrowed from the record types and null where a type has none that day. look_back and
    narrate work as in Processor; `carried` names borrowed metrics.
    """

    name: str
    title: str
    domain: str
    version: str
    borrowed: tuple[Borrowed, ...]
    guidelines: tuple[str, ...]
    instructions: Mapping[Level, tuple[str, ...]]
    narrate: Callable[[Facts], Captions]
    trends: tuple[Metric, ...]
    carried: tuple[str, ...]
    look_back: Callable[[pd.DataFrame, pd.DataFrame, ClinicalOptions], pd.DataFrame]

    @property
    def training_name(self) -> str:
        """What the metadata of its examples call it."""
        return self.name

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The borrowed metrics."""
        return tuple(borrowed.metric for borrowed in self.borrowed)

    @property
    def all_metrics(self) -> tuple[Metric, ...]:
        """Borrowed metrics, then trends: the order in which they are reported."""
        return (*self.metrics, *self.trends)

    @cached_property
    def reported(self) -> tuple[Metric, ...]:
        """Those of all metrics that texts may name."""
        return tuple(metric for metric in self.all_metrics if metric.reported)


Narrator = Processor | DayProcessor  # anything that has metrics and narrates them
