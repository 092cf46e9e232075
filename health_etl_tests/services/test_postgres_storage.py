"""Dagster's data in a real PostgreSQL: its connections are kept and few, its pools are created once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import psycopg2
import pytest
import yaml

from health_etl.cli.set_up import pools
from health_etl.dagster_internals.kept_connections import MAX_ENGINES
from health_etl.definitions import build_definitions
from health_etl.settings import load

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

MANY_INSTANCES = 12
KEY = dg.AssetKey("made")


@pytest.fixture
def dagster_postgres_url(postgresql_url: str) -> str:
    """The address as deploy/stack writes it."""
    return f"{postgresql_url.replace('postgresql:', 'postgresql+psycopg2:')}?plugin=kept_connections"


@pytest.fixture
def home(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, dagster_postgres_url: str) -> Path:
    """A DAGSTER_HOME with the database of deploy/dagster.yaml; the log manager there needs a store."""
    config = yaml.safe_load((checkout / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    del config["compute_logs"]
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("HEALTH_ETL_DAGSTER_POSTGRES_URL", dagster_postgres_url)
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on that database."""
    with dg.DagsterInstance.from_config(str(home)) as found:
        yield found


def report(instance: dg.DagsterInstance, partition: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=partition))


def connections(postgresql_url: str) -> set[int]:
    """Return the process ids of the database's other connections."""
    with closing(psycopg2.connect(postgresql_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return {pid for (pid,) in cursor.fetchall()}


def test_an_instance_writes_its_events_over_kept_connections(instance: dg.DagsterInstance, postgresql_url: str) -> None:
    report(instance, "a")
    kept = connections(postgresql_url)
    for partition in "bcdef":
        report(instance, partition)
    assert kept
    assert connections(postgresql_url) == kept
    assert set(instance.get_materialized_partitions(KEY)) == set("abcdef")


def test_connections_closed_by_the_database_are_reopened(instance: dg.DagsterInstance, postgresql_url: str) -> None:
    report(instance, "g")
    kept = connections(postgresql_url)
    assert kept
    with closing(psycopg2.connect(postgresql_url)) as connection, connection.cursor() as cursor:
        for pid in kept:
            cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))
    report(instance, "h")
    assert {"g", "h"} <= set(instance.get_materialized_partitions(KEY))


def test_a_server_that_makes_an_instance_for_every_request_keeps_few_connections(
    home: Path, postgresql_url: str
) -> None:
    kept_alive: list[dg.DagsterInstance] = []  # as a cycle of references would
    for number in range(MANY_INSTANCES):
        kept_alive += [dg.DagsterInstance.from_config(str(home))]
        report(kept_alive[-1], f"request {number}")
    assert 3 * MANY_INSTANCES > MAX_ENGINES
    assert len(connections(postgresql_url)) <= MAX_ENGINES
    report(kept_alive[0], "once more")
    assert "once more" in kept_alive[-1].get_materialized_partitions(KEY)


def test_the_page_about_the_instance_shows_no_password(instance: dg.DagsterInstance, dagster_postgres_url: str) -> None:
    shown = instance.info_str()
    assert "run_monitoring" in shown
    assert dagster_postgres_url.rpartition("@")[0].rpartition(":")[2] not in shown


def test_setup_creates_every_pool_once_and_leaves_a_changed_one_alone(
    command_line: type[CommandLine], home: Path, instance: dg.DagsterInstance, dagster_postgres_url: str
) -> None:
    settings = {"HEALTH_ETL_DAGSTER_POSTGRES_URL": dagster_postgres_url, "DAGSTER_HOME": str(home)}
    command = command_line(home / "lake", settings)
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
