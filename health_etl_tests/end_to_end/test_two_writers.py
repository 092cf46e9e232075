"""Two writers of one lake, in every order: no row is lost or doubled, and all is as of one writer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import pytest
from obstore.store import MemoryStore

from health_etl.lake.store import Lake
from health_etl.settings import Settings
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    memory_lake,
    put,
)
from health_etl_tests.support.pipeline import bring_up_to_date
from health_etl_tests.support.racing import (
    LATER,
    MANY,
    RACES,
    OvertakenLake,
    check_races,
    finish,
    independent,
    readings,
    walks,
)

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = ("records/steps/", "records/utc_offsets/", "insights/steps/", "insights/daily_journal/", "training/")
STEPS_OF_A_COMMIT = ("before table", "after table", "before commit", "after commit")
MOMENTS = [("listed", "raw/"), *((step, layer) for layer in LAYERS for step in STEPS_OF_A_COMMIT)]


def another_person(lake: Lake) -> None:
    put(lake, "steps", walks(BEN, 1))


def the_same_person(lake: Lake) -> None:
    put(lake, "steps", walks(ANNA, 3))


def another_date(lake: Lake) -> None:
    put(lake, "steps", walks(ANNA, 3), upload_date=LATER)


def another_type(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(ANNA, 0))


def nothing(_: Lake) -> None:
    """The other writer finds the same uploads as this one."""


CHANGES = (another_person, the_same_person, another_date, another_type, nothing)


def uploaded(store: MemoryStore, *changes: Callable[[Lake], None]) -> Lake:
    """A lake with a state, and uploads that are not part of it."""
    lake = Lake(store, "memory://lake")
    put(lake, "steps", walks(ANNA, 1))
    bring_up_to_date(lake)
    put(lake, "steps", walks(ANNA, 2))
    for change in changes:
        change(lake)
    return lake


@cache
def made_by_one(change: Callable[[Lake], None]) -> dict[str, bytes]:
    lake = uploaded(MemoryStore(), change)
    finish(lake)
    return independent(lake)


# Every pair with `make races`; otherwise two changes for each moment, by turns.
PAIRS = [
    (moment, change)
    for place, moment in enumerate(MOMENTS)
    for turn, change in enumerate(CHANGES)
    if RACES >= MANY or (turn - place) % len(CHANGES) < 2
]


@pytest.mark.parametrize(("moment", "change"), PAIRS)
def test_a_writer_who_is_overtaken_at_any_moment_loses_nothing(
    moment: tuple[str, str], change: Callable[[Lake], None]
) -> None:
    store = MemoryStore()
    uploaded(store)
    overtaken = OvertakenLake(store)

    def other() -> None:
        lake = Lake(store, "memory://lake")
        change(lake)
        finish(lake)

    overtaken.other, overtaken.moment = other, moment
    finish(overtaken)
    assert overtaken.other is None  # the moment came
    lake = Lake(store, "memory://lake")
    assert independent(lake) == made_by_one(change)
    assert bring_up_to_date(lake).nothing


def test_an_older_listing_does_not_undo_what_another_writer_has_taken_in() -> None:
    store = MemoryStore()
    lake = OvertakenLake(store)
    put(lake, "steps", walks(ANNA, 1))

    def other() -> None:
        another_person(lake)
        finish(Lake(store, "memory://lake"))

    lake.other, lake.moment = other, ("listed", "raw/")
    finish(lake)
    alone = memory_lake()
    put(alone, "steps", walks(ANNA, 1))
    another_person(alone)
    finish(alone)
    assert independent(lake) == independent(alone)


def test_two_processes_on_one_folder_leave_what_one_would(tmp_path: Path) -> None:
    check_races(lambda number: Settings(lake=(tmp_path / f"lake {number}").as_uri()))
