"""A run keeps what it opens of SQLite, and leaves nothing open behind."""

from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import Engine, event

from health_etl.sqlite_tuning import spared_disk


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
