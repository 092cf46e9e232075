"""The stack without Docker: the processes of docker-compose.yml, with the same files and settings.

Each test leaves the stack healthy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from deploy.stack.service import ProcessService
from deploy.stack.settings import RUN_LOGS_BUCKET
from health_etl.days.select import UPLOAD_WINDOW_DAYS
from health_etl_tests.conftest import CHECKOUT
from health_etl_tests.support.exports import contents
from health_etl_tests.support.stack import dates
from health_etl_tests.support.waiting import wait_for

if TYPE_CHECKING:
    from health_etl_tests.support.stack import RunningStack

STEPS = ("records/steps", "records/utc_offsets", "insights/steps")
SERVICES = ["s3", "postgresql", "epmd", "rabbitmq", "code-server", "webserver", "daemon"]


@pytest.fixture(autouse=True)
def _well(stack: RunningStack) -> Iterator[None]:
    """Whatever a test stops is running again for the next one."""
    yield
    stack.stack.up(lambda _line: None)


def pids(stack: RunningStack, *names: str) -> list[int | None]:
    """Return the process ids of these services."""
    services = [stack.stack.service(name) for name in names]
    return [service.process.pid for service in services if isinstance(service, ProcessService)]


def stack_command(stack: RunningStack, word: str) -> subprocess.CompletedProcess[str]:
    """Run what `make stack-…` runs."""
    command = [sys.executable, "-m", "deploy.stack", word, "--port", str(stack.settings.port)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_every_service_is_up_and_another_start_changes_nothing(stack: RunningStack) -> None:
    assert stack.stack.problems() == dict.fromkeys(SERVICES)
    running = pids(stack, *SERVICES[1:])
    said: list[str] = []
    stack.stack.up(said.append)
    assert sorted(said) == sorted(f"{name}: is up" for name in SERVICES)
    assert pids(stack, *SERVICES[1:]) == running
    assert None not in running


def test_a_partition_materialised_over_http_is_in_the_store_and_its_events_in_postgresql(stack: RunningStack) -> None:
    run_id = stack.submit(STEPS, "2025-09-16")
    assert stack.end(run_id) == "SUCCESS"
    made = contents(stack.lake(), "insights/steps/")
    manifest, table = sorted(key for key in made if key.startswith("insights/steps/2025-09-16/"))
    assert manifest == "insights/steps/2025-09-16/000001.manifest.json"
    assert table.endswith(".parquet")
    with closing(psycopg2.connect(stack.settings.postgresql_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM event_logs WHERE run_id = %s", (run_id,))
        assert cursor.fetchone()[0] > len(STEPS)
    # What was kept in files instead would be lost with the container.
    assert not list(stack.settings.dagster_home.rglob("*.db"))


def test_the_output_of_a_run_is_found_in_the_store(stack: RunningStack) -> None:
    run_id = stack.submit(STEPS, "2025-09-17")
    assert stack.end(run_id) == "SUCCESS"
    logs = wait_for(lambda: contents(stack.lake(f"s3://{RUN_LOGS_BUCKET}/logs"), f"storage/{run_id}/"))
    printed = b"".join(logs.values()).decode()
    assert "records accepted, 0 files refused" in printed
    key = [run_id, "compute_logs", next(iter(logs)).rpartition("/")[2].partition(".")[0]]
    shown = stack.ask("query ($key: [String!]!) { capturedLogs(logKey: $key) { stderr } }", key=key)
    assert "records accepted, 0 files refused" in shown["capturedLogs"]["stderr"]


def test_a_backfill_over_thirty_dates_ends_in_few_runs_and_each_date_is_materialised(stack: RunningStack) -> None:
    requested = dates("2025-08-25", 30)
    ended = stack.backfill_end(stack.backfill(STEPS, requested))
    assert ended["status"] == "COMPLETED_SUCCESS"
    assert len(ended["runs"]) <= len(STEPS)
    assert set(requested) <= stack.materialised("records/steps")
    # Dagster takes in the later dates whose insights look back on those requested.
    assert set(dates(requested[0], len(requested) + UPLOAD_WINDOW_DAYS)) <= stack.materialised("insights/steps")


def test_a_killed_daemon_is_reported_and_resumes_where_it_was(stack: RunningStack) -> None:
    requested = dates("2025-10-01", 20)
    daemon = stack.stack.service("daemon")
    backfill = stack.backfill(["records/heart_rate"], requested)
    daemon.kill()
    queued = stack.submit(["records/steps"], "2025-10-02")
    status = stack_command(stack, "status")
    assert status.returncode == 1
    assert [line.split()[:2] for line in status.stdout.splitlines() if line.startswith("-")] == [["-", "daemon"]]
    assert "is not running" in status.stdout
    assert stack.status(queued) == "QUEUED"
    stack.stack.up(lambda _line: None)
    assert stack.end(queued) == "SUCCESS"
    assert stack.backfill_end(backfill)["status"] == "COMPLETED_SUCCESS"
    assert set(requested) <= stack.materialised("records/heart_rate")


@pytest.mark.parametrize("ended_by", ["a restart", "a crash"])
def test_the_stack_recovers_when_its_database_is_killed(stack: RunningStack, ended_by: str) -> None:
    database = stack.stack.service("postgresql")
    others = pids(stack, *SERVICES[-3:])
    database.stop() if ended_by == "a restart" else database.kill()
    assert stack.stack.problems()["postgresql"] == "is not running"
    assert stack_command(stack, "status").returncode == 1
    database.start()
    wait_for(lambda: not any(stack.stack.problems().values()))
    assert stack.end(stack.submit(["records/steps"], "2025-10-03")) == "SUCCESS"
    assert pids(stack, *SERVICES[-3:]) == others
