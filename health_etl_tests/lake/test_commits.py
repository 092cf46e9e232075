"""Commits: one writer wins each number, the others lose, and readers see one whole state."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from health_etl.errors import TransientError
from health_etl.lake import commits
from health_etl.lake.commits import NO_HEAD, Head, LostRaceError
from health_etl.lake.store import Lake
from health_etl_tests.support.exports import folder_lake, memory_lake

FOLDER = "records/steps/2025-09-21/"


@pytest.fixture(params=["memory", "folder"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    return memory_lake() if request.param == "memory" else folder_lake(tmp_path / "lake")


def test_a_partition_without_a_commit_has_no_state(lake: Lake) -> None:
    assert commits.head_of(lake, FOLDER) == NO_HEAD
    assert commits.read(lake, FOLDER, NO_HEAD) is None


def test_the_state_is_the_manifest_that_was_committed_last(lake: Lake) -> None:
    for number in range(1, 4):
        commits.commit(lake, FOLDER, commits.head_of(lake, FOLDER), f"state {number}\n".encode())
    head = commits.head_of(lake, FOLDER)
    assert head.number == 3
    assert commits.read(lake, FOLDER, head) == b"state 3\n"


def test_numbers_are_compared_and_not_names(lake: Lake) -> None:
    for number in (2, 999_999, 1_000_000):
        lake.put(f"{FOLDER}{number:06d}.manifest.json", b"{}")
    assert commits.head_of(lake, FOLDER).number == 1_000_000


def test_a_writer_that_starts_from_an_older_state_loses(lake: Lake) -> None:
    commits.commit(lake, FOLDER, NO_HEAD, b"first\n")
    with pytest.raises(LostRaceError, match="Another writer changed"):
        commits.commit(lake, FOLDER, NO_HEAD, b"second\n")
    assert commits.read(lake, FOLDER, commits.head_of(lake, FOLDER)) == b"first\n"


def test_to_commit_again_what_is_there_is_a_success(lake: Lake) -> None:
    commits.commit(lake, FOLDER, NO_HEAD, b"first\n")
    commits.commit(lake, FOLDER, NO_HEAD, b"first\n")
    assert commits.head_of(lake, FOLDER).number == 1


def test_a_lost_race_is_worth_a_retry() -> None:
    assert issubclass(LostRaceError, TransientError)


def test_of_many_writers_at_once_one_wins(lake: Lake) -> None:
    def attempt(writer: int) -> bool:
        try:
            commits.commit(lake, FOLDER, NO_HEAD, f"{writer}\n".encode())
        except LostRaceError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [*pool.map(attempt, range(32))]
    assert sum(won) == 1
    assert commits.read(lake, FOLDER, commits.head_of(lake, FOLDER)) == f"{won.index(True)}\n".encode()


def test_the_heads_of_many_partitions_are_found_in_one_listing(lake: Lake) -> None:
    commits.commit(lake, "records/steps/2025-09-21/", NO_HEAD, b"a\n")
    commits.commit(lake, "records/steps/2025-09-21/", commits.head_of(lake, FOLDER), b"b\n")
    commits.commit(lake, "records/steps/2025-09-22/", NO_HEAD, b"c\n")
    lake.put("records/steps/2025-09-22/0123.parquet", b"x")
    lake.put("records/steps/notes.txt", b"x")
    found = commits.heads(lake, "records/steps/")
    assert {partition: head.number for partition, head in found.items()} == {"2025-09-21": 2, "2025-09-22": 1}
    assert found["2025-09-21"] == commits.head_of(lake, FOLDER) != Head(2)
