"""A run keeps what it opens of SQLite, and leaves nothing open behind."""

import multiprocessing
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from sqlalchemy import Engine, NullPool, event, text

from health_etl.dagster_internals.sqlite_tuning import KEPT_FILES, spared_disk
from health_etl.dagster_internals.this_process import writes_many_events


@dg.op
def talks(context: dg.OpExecutionContext) -> None:
    for number in range(5):
        context.log.info(f"event {number}")


@dg.job
def talking() -> None:
    talks()


def opened_by_a_run(home: Path) -> Counter[str]:
    """Return how often each file was connected to, by its name."""
    home.mkdir()
    opened: Counter[str] = Counter()

    def count(connection: Any, _record: Any) -> None:
        opened[Path(connection.execute("PRAGMA database_list").fetchone()[2]).name] += 1

    event.listen(Engine, "connect", count)
    try:
        with dg.DagsterInstance.local_temp(str(home)) as instance:
            assert talking.execute_in_process(instance=instance).success
    finally:
        event.remove(Engine, "connect", count)
    return opened


def test_a_run_opens_every_file_once_or_twice_and_closes_them_all(tmp_path: Path) -> None:
    plainly = opened_by_a_run(tmp_path / "plainly")
    with spared_disk():
        spared = opened_by_a_run(tmp_path / "spared")
        assert [*tmp_path.rglob("spared/**/*.db-wal")]
    again = opened_by_a_run(tmp_path / "again")
    assert max(spared[name] for name in spared if name != "schedules.db") <= 2
    assert sum(again.values()) == sum(plainly.values()) > 4 * sum(spared.values())
    assert not [*tmp_path.rglob("*.db-wal")]


def test_what_is_written_without_waiting_is_read_by_others(tmp_path: Path) -> None:
    with spared_disk(), dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run_id = talking.execute_in_process(instance=instance).run_id
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        told = [record.user_message for record in instance.all_logs(run_id)]
        assert [text for text in told if text.startswith("event ")] == [f"event {number}" for number in range(5)]


def open_files_of(home: Path) -> set[str]:
    """Return the names of the database files that this process holds open."""
    links = (link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return {link.name for link in links if link.is_relative_to(home) and link.suffix == ".db"}


def test_a_process_that_sees_many_runs_keeps_the_files_that_it_used_last(tmp_path: Path) -> None:
    names = [f"{number:02}.db" for number in range(KEPT_FILES + 3)]
    with spared_disk():
        for name in [names[0], *names[1:KEPT_FILES], names[0], *names[KEPT_FILES:]]:
            engine = sqlite_event_log.create_engine(f"sqlite:///{tmp_path / name}", poolclass=NullPool)
            with engine.connect() as connection:
                connection.execute(text("select 1"))
            engine.dispose()
        assert open_files_of(tmp_path) == {names[0], *names[4:]}
    assert not open_files_of(tmp_path)


def test_within_another_nothing_is_kept_twice_or_closed_too_early() -> None:
    plain = sqlite_event_log.create_engine
    with spared_disk():
        kept = sqlite_event_log.create_engine
        with spared_disk():
            assert sqlite_event_log.create_engine is kept
        assert sqlite_event_log.create_engine is kept
    assert sqlite_event_log.create_engine is plain


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["/bin/dagster", "api", "execute_run", "{}"], True),
        (["/bin/dagster-daemon", "run"], True),
        (["/lib/dagster/_daemon/__main__.py", "run"], True),
        (["/bin/dagster", "api", "grpc", "-p", "4000"], False),
        (["/bin/dagster-webserver"], False),
        (["/bin/pytest"], False),
        ([], False),
    ],
)
def test_what_works_runs_off_or_plans_them_spares_the_disk(
    command: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", command)
    assert writes_many_events() is expected


def put_whether_it_writes_many(answers: Any) -> None:
    answers.put(writes_many_events())


def test_a_run_that_a_code_server_started_spares_the_disk() -> None:
    processes = multiprocessing.get_context("spawn")
    answers = processes.Queue()
    run = processes.Process(target=put_whether_it_writes_many, args=(answers,))
    run.start()
    assert answers.get(timeout=60) is True
    run.join()
    answers.close()
    answers.join_thread()
