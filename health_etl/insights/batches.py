"""Selecting and analysing the days of a run's partitions: small partitions in batches, a failing one on its own.

Narrating and writing them belongs to writer.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd

from health_etl.clinical import processors
from health_etl.days.batching import batches, select_batch
from health_etl.days.isolation import isolated
from health_etl.days.select import Selection
from health_etl.errors import TransientError
from health_etl.insights import partition as insights_partition
from health_etl.insights import person_days
from health_etl.insights.failed_people import FailedPerson, Stage, failed_people
from health_etl.insights.partition import Inputs, InsightOptions
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.commits import Head
from health_etl.lake.store import Lake
from health_etl.record_types import record_types

MAX_HELD_ROWS = 1_000_000  # measurements of a type held in memory for the next step

Made = TypeVar("Made")


@dataclass(frozen=True)
class Selected:
    """Partitions to rebuild: their measurements, and what the next steps need to know about their sources."""

    inputs: Mapping[str, Inputs]
    selection: Selection
    qualities: Mapping[str, float]


@dataclass(frozen=True)
class Analysed:
    """A partition's days as measured, before look-back and texts, and the people for whom that failed."""

    days_digest: str
    head: Head
    rows: pd.DataFrame
    failed: tuple[FailedPerson, ...] = ()


@dataclass(frozen=True)
class Unselected:
    """Partitions to rebuild that are selected only when their turn comes, because the run already holds enough rows."""

    inputs: Mapping[str, Inputs]


@dataclass
class Selections:
    """The partitions that a run has to rebuild, and the errors of those that could not be selected."""

    batches: list[Selected | Unselected] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)
    held_rows: int = 0

    @property
    def count(self) -> int:
        """How many partitions are to be rebuilt."""
        return sum(len(batch.inputs) for batch in self.batches)


@dataclass
class Analyses:
    """The partitions that a run measured again, and the errors of those that could not be measured."""

    partitions: dict[str, Analysed] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)


def select_changed(lake: Lake, name: str, partitions: Sequence[str], options: InsightOptions) -> Selections:
    """Select the measurements of those partitions whose days were measured from other inputs than they have now."""
    catalogue, found = Catalogue(lake), Selections()
    wanted: dict[str, Inputs] = {}

    def changed(keys: Sequence[str]) -> dict[str, Inputs]:
        (key,) = keys
        inputs = insights_partition.inputs(catalogue, name, key, options)
        if inputs is None or insights_partition.has_days(catalogue.insights(name).get(key), inputs.digest):
            return {}
        return {key: inputs}

    for key in partitions:
        for one in _batch_or_one_by_one([key], changed, found.failed):
            wanted |= one
    windows = {key: inputs.window for key, inputs in wanted.items()}
    for batch in batches(windows, catalogue.records(name), catalogue.offsets):
        if found.held_rows >= MAX_HELD_ROWS:
            found.batches.append(Unselected({key: wanted[key] for key in batch}))
            continue

        def selected(keys: Sequence[str]) -> Selected:
            return _selected(lake, catalogue, name, {key: wanted[key] for key in keys}, options)

        made = _batch_or_one_by_one(list(batch), selected, found.failed)
        found.batches += made
        found.held_rows += sum(len(one.selection.rows) for one in made)
    return found


def analyse_all(lake: Lake, name: str, selections: Selections, options: InsightOptions) -> Analyses:
    """Measure every selected day."""
    found = Analyses(failed=dict(selections.failed))
    for batch in selections.batches:

        def analysed(keys: Sequence[str], batch: Selected | Unselected = batch) -> dict[str, Analysed]:
            if isinstance(batch, Unselected) or len(keys) < len(batch.inputs):
                inputs = {key: batch.inputs[key] for key in keys}
                batch = _selected(lake, Catalogue(lake), name, inputs, options)
            return _analysed(name, batch, options)

        for some in _batch_or_one_by_one(list(batch.inputs), analysed, found.failed):
            found.partitions |= some
    return found


def _batch_or_one_by_one(
    partitions: Sequence[str], make: Callable[[Sequence[str]], Made], failed: dict[str, Exception]
) -> list[Made]:
    """Make partitions in one batch, and one by one where that fails.

    The errors of those that fail again are collected in `failed`; the last step raises them once the others are made.
    """
    try:
        return [make(partitions)]
    except TransientError:
        raise  # the step is retried
    except Exception as error:  # noqa: BLE001
        if len(partitions) == 1:
            failed[partitions[0]] = error
            return []
    return [made for partition in partitions for made in _batch_or_one_by_one([partition], make, failed)]


def _selected(
    lake: Lake, catalogue: Catalogue, name: str, inputs: Mapping[str, Inputs], options: InsightOptions
) -> Selected:
    windows = {key: one.window for key, one in inputs.items()}
    selection = select_batch(lake, record_types()[name], windows, options.default_zone)
    qualities: dict[str, float] = {}
    for window in windows.values():
        qualities |= insights_partition.qualities(lake, catalogue, name, window)
    return Selected(inputs, selection, qualities)


def _analysed(name: str, selected: Selected, options: InsightOptions) -> dict[str, Analysed]:
    def analysed(selection: Selection) -> dict[str, pd.DataFrame]:
        return person_days.analyse_batch(
            list(selected.inputs),
            selection,
            processors()[name],
            options.clinical,
            selected.qualities,
            options.pseudonym_key,
            options.profiles,
        )

    whole = selected.selection
    if len(selected.inputs) > 1:  # where this fails, each partition comes alone
        rows = analysed(whole)
        return {key: Analysed(inputs.digest, inputs.head, rows[key]) for key, inputs in selected.inputs.items()}
    ((key, inputs),) = selected.inputs.items()
    rows, failed = isolated(whole.people, lambda people: analysed(whole.only(people)))
    people = [
        *failed_people(whole.failed, Stage.SELECT, options.pseudonym_key),
        *failed_people(failed, Stage.ANALYSE, options.pseudonym_key),
    ]
    return {key: Analysed(inputs.digest, inputs.head, rows[key], tuple(people))}
