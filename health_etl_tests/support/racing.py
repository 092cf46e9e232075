"""Two writers on one lake that know nothing of each other, as on two machines."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from multiprocessing.synchronize import Barrier
from pathlib import Path

from obstore.store import MemoryStore

from health_etl.lake.commits import LostRaceError
from health_etl.lake.listed import Listed, ObjectInfo
from health_etl.lake.store import Lake, connect
from health_etl.settings import Settings
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    NOON,
    UPLOADED,
    Record,
    avro_bytes,
    blood_glucose,
    key_of,
    memory_lake,
    put,
    steps,
)
from health_etl_tests.support.pipeline import bring_up_to_date
from health_etl_tests.support.state import state_of, without_etags

MAX_ATTEMPTS = 20
MANY = 100
RACES = int(os.environ.get("TEST_HEALTH_ETL_RACES", "6"))
LATER = UPLOADED + timedelta(days=1)


class OvertakenLake(Lake):
    """A lake in memory on which, at one moment of this writer's work, another does its own."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, "memory://lake")
        self.other: Callable[[], None] | None = None
        self.moment = ("", "")  # what is about to be done, or was done, and the beginning of the key

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from super().objects(prefix)
        self._reach("listed", prefix)

    def everything(self, prefix: str) -> Iterator[Listed]:
        yield from super().everything(prefix)
        self._reach("listed", prefix)

    def put_file(self, key: str, path: Path) -> str:
        self._reach("before table", key)
        etag = super().put_file(key, path)
        self._reach("after table", key)
        return etag

    def create(self, key: str, content: bytes) -> bool:
        self._reach("before commit", key)
        created = super().create(key, content)
        self._reach("after commit", key)
        return created

    def _reach(self, what: str, key: str) -> None:
        if self.other is not None and what == self.moment[0] and key.startswith(self.moment[1]):
            other, self.other = self.other, None
            other()


def finish(lake: Lake) -> int:
    """Bring a lake up to date as runs do that are retried after a lost race; return how many races were lost."""
    lost = 0
    while lost < MAX_ATTEMPTS:
        try:
            bring_up_to_date(lake)
        except LostRaceError:
            lost += 1
            continue
        return lost
    raise AssertionError(f"lost {lost} races in a row")


@dataclass(frozen=True)
class Race:
    """A lake, and what each of two writers puts into it before it brings the lake up to date."""

    settings: Settings
    uploads: tuple[tuple[str, bytes], tuple[str, bytes]]


def run_races(races: Sequence[Race]) -> None:
    """Run the races one after the other; in each, two processes set out at the same moment."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    writers = [context.Process(target=_write, args=(races, number, barrier)) for number in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]


def _write(races: Sequence[Race], number: int, barrier: Barrier) -> None:
    try:
        for race in races:
            lake = connect(race.settings)
            barrier.wait()
            lake.put(*race.uploads[number])
            finish(lake)
    except BaseException:
        barrier.abort()  # or the other would wait forever
        raise


def readings(user_id: str, first: int) -> list[Record]:
    return [blood_glucose(f"{user_id}{n}", NOON + timedelta(minutes=5 * n), 100.0 + n) for n in range(first, first + 3)]


def walks(user_id: str, number: int) -> list[Record]:
    return [steps(f"{user_id} walk {number}", NOON - timedelta(hours=number), NOON - timedelta(hours=number - 1), 500)]


def independent(lake: Lake) -> dict[str, bytes]:
    """Return tables and journal files."""
    return without_etags(state_of(lake))


def uploads_of(number: int) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    """Return what the two writers put: for one partition, for one person, for one month, by turns."""
    ours = avro_bytes("steps", walks(ANNA, 2))
    others = {
        0: ("steps", walks(BEN, 1), BEN, UPLOADED),
        1: ("steps", walks(ANNA, 3), ANNA, UPLOADED),
        2: ("blood_glucose", readings(ANNA, 0), ANNA, UPLOADED),
        3: ("steps", walks(ANNA, 3), ANNA, LATER),
    }
    name, records, user_id, day = others[number % len(others)]
    theirs = avro_bytes(name, records)
    return (key_of("steps", ours), ours), (key_of(name, theirs, user_id=user_id, upload_date=day), theirs)


def check_races(settings_of: Callable[[int], Settings]) -> None:
    """Run the races, and compare every lake with what one writer makes of the same uploads."""
    races = [Race(settings_of(number), uploads_of(number)) for number in range(RACES)]
    for race in races:
        lake = connect(race.settings)
        put(lake, "steps", walks(ANNA, 1))
        bring_up_to_date(lake)
    run_races(races)
    for number, race in enumerate(races):
        lake = connect(race.settings)
        finish(lake)
        assert independent(lake) == expected(number % 4)


@cache
def expected(pattern: int) -> dict[str, bytes]:
    lake = memory_lake()
    put(lake, "steps", walks(ANNA, 1))
    bring_up_to_date(lake)
    for key, content in uploads_of(pattern):
        lake.put(key, content)
    finish(lake)
    return independent(lake)
