"""Dagster's data in a real PostgreSQL: events in batches are those Dagster writes singly; pools are made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from dagster_postgres.event_log import PostgresEventLogStorage
from sqlalchemy import NullPool, text

from health_etl.cli.set_up import pools
from health_etl.dagster_internals.postgres_storage import BatchingEventLog
from health_etl.definitions import build_definitions
from health_etl.settings import load
from health_etl_tests.support.range_events import ASSET, run_over_the_range, status_by_partition, told

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

OTHER_CONNECTIONS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def instance(
    postgresql_url: str, tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance on a database without a table."""
    (tmp_path / "dagster.yaml").symlink_to(checkout / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("HEALTH_ETL_DAGSTER_POSTGRES_URL", postgresql_url)
    monkeypatch.setattr("health_etl.dagster_internals.instance.writes_many_events", lambda: True)
    with dg.DagsterInstance.get() as found:
        yield found


def test_what_is_written_in_batches_is_what_dagster_writes_singly(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Counter[str] = Counter()
    connect = PostgresEventLogStorage._connect
    with monkeypatch.context() as patch:
        patch.setattr(PostgresEventLogStorage, "_connect", lambda self: opened.update(["log"]) or connect(self))
        run_id = run_over_the_range(instance)
    assert isinstance(instance.event_log_storage, BatchingEventLog)
    assert len([*instance.all_logs(run_id)]) > 4 * 31 > opened["log"]
    (tmp_path / "plain").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "plain")) as plain:
        assert told(instance, run_id) == told(plain, run_over_the_range(plain))
        assert status_by_partition(instance) == status_by_partition(plain)
        assert instance.get_materialized_partitions(ASSET) == plain.get_materialized_partitions(ASSET)


def test_kept_connections_that_the_database_closed_are_opened_again(instance: dg.DagsterInstance) -> None:
    run_over_the_range(instance)
    storage: Any = instance.event_log_storage
    with storage._engine.connect() as connection:
        before = connection.execute(text(f"SELECT count(*) {OTHER_CONNECTIONS}")).scalar_one()
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {OTHER_CONNECTIONS}"))
    assert before > 0
    run_over_the_range(instance)  # fails unless the run succeeds


def test_where_little_is_written_no_connection_is_kept(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_over_the_range(instance)
    monkeypatch.setattr("health_etl.dagster_internals.instance.writes_many_events", lambda: False)
    with dg.DagsterInstance.get() as other:
        storage: Any = other.event_log_storage
        assert len(other.get_materialized_partitions(ASSET)) == 31
        assert isinstance(storage._engine.pool, NullPool)


def test_setup_makes_every_pool_once_and_leaves_one_that_was_changed(
    command_line: type[CommandLine], postgresql_url: str, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    command = command_line(tmp_path / "home", {"HEALTH_ETL_DAGSTER_POSTGRES_URL": postgresql_url})
    events = instance.event_log_storage
    assert command("setup").exit_code == 0
    expected = pools(build_definitions(load()))
    assert "records_steps" in expected
    assert events.get_concurrency_keys() == expected
    events.set_concurrency_slots("records_steps", 2)
    again = command("setup")
    assert again.exit_code == 0, again.stderr
    limits = {limit.name: limit.limit for limit in events.get_pool_limits()}
    assert limits == dict.fromkeys(expected, 1) | {"records_steps": 2}
