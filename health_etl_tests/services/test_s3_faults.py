"""A store that fails during a run: the run ends with the right bytes, or with one sentence and the next run does."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.lake import store as lake_module
from health_etl_tests.services.fault_proxy import DENIED, SLOW_DOWN, Fault, FaultProxy, reads, writes
from health_etl_tests.support.kill import Objects, differing_keys, find_damage, lake_of
from health_etl_tests.support.state import state_of, without_etags
from health_etl_tests.support.waiting import PATIENCE_SECONDS, wait_for

if TYPE_CHECKING:
    from typer.testing import Result

    from health_etl_tests.conftest import CommandLine
    from health_etl_tests.services.conftest import S3Server

NAMES = ("StepsRecord_1757901111933.avro", "StepsRecord_1757941735901.avro")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every wait, but not below what a busy machine needs for a response; the number of attempts stays."""
    monkeypatch.setattr("health_etl.orchestration.steps.FIRST_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(lake_module, "REQUEST_TIMEOUT", timedelta(seconds=5))
    monkeypatch.setattr(lake_module, "RETRY_TIMEOUT", timedelta(seconds=60))


@pytest.fixture(scope="module")
def right(command_line: type[CommandLine], tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Objects:
    """What a run produces from the uploads in a folder, where nothing fails."""
    command = command_line(tmp_path_factory.mktemp("right"))
    ingest(command, checkout)
    assert command("run").exit_code == 0
    return without_etags(state_of(lake_of(command)))


@pytest.fixture
def command(
    command_line: type[CommandLine],
    tmp_path: Path,
    proxy: FaultProxy,
    s3_server: S3Server,
    s3_bucket: str,
    checkout: Path,
) -> CommandLine:
    """The command, on a bucket behind the proxy, with its uploads."""
    server = s3_server.environment() | {"HEALTH_ETL_S3_ENDPOINT_URL": proxy.url}
    command = command_line(tmp_path, {**server, "HEALTH_ETL_LAKE": f"s3://{s3_bucket}"})
    ingest(command, checkout)
    return command


def ingest(command: CommandLine, checkout: Path) -> None:
    done = command("ingest", *(checkout / "data" / "sample" / name for name in NAMES), "--user", "demo")
    assert done.exit_code == 0, done.stderr


def ended_right(command: CommandLine, right: Objects) -> None:
    """Make sure that the lake is as if nothing had failed."""
    assert find_damage(lake_of(command)) == []
    assert differing_keys(without_etags(state_of(lake_of(command))), right) == []


def error_of(result: Result) -> str:
    """Return the one sentence that a failed run ended with."""
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    (line,) = result.stderr.splitlines()
    assert line.endswith(".")
    return line


def test_a_run_over_a_bad_connection_still_ends_correctly(
    command: CommandLine, proxy: FaultProxy, right: Objects
) -> None:
    happened = [
        proxy.fail(Fault(stall_after_bytes=100), reads("/raw/"), times=1),
        proxy.fail(Fault(cut_after_bytes=100), reads("/raw/"), times=1),
        proxy.fail(Fault(cut_after_bytes=1000), reads(".parquet"), every=4),
        proxy.fail(Fault(lose_answer=True), writes("/"), every=5),
        proxy.fail(SLOW_DOWN, every=7),
        proxy.fail(Fault(delay_seconds=0.005)),
    ]
    ran = command("run")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert [count() for count in happened if count() < 1] == []
    proxy.behave()
    ended_right(command, right)


def test_a_run_waits_for_a_store_that_is_down_for_a_second(
    command: CommandLine, proxy: FaultProxy, right: Objects
) -> None:
    def go_away() -> None:
        proxy.stop()
        threading.Timer(1.0, proxy.start).start()

    went = proxy.fail(Fault(meanwhile=go_away), reads("/raw/"), times=1)
    ran = command("run")
    assert went() == 1
    assert (ran.exit_code, ran.stderr) == (0, "")
    ended_right(command, right)


def test_a_store_that_stays_busy_is_reported_once_and_the_next_run_ends_correctly(
    command: CommandLine, proxy: FaultProxy, right: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("health_etl.orchestration.steps.FIRST_WAIT_SECONDS", 0)
    monkeypatch.setattr(lake_module, "RETRIES", 0)
    proxy.fail(SLOW_DOWN, writes("/insights/"))
    sentence = error_of(command("run"))
    assert "is overloaded; try again later." in sentence
    proxy.behave()
    assert find_damage(lake_of(command)) == []
    assert command("run").exit_code == 0
    ended_right(command, right)


def test_keys_revoked_during_a_run_fail_once(command: CommandLine, proxy: FaultProxy, right: Objects) -> None:
    refused = proxy.fail(DENIED, lambda _: sum(map(writes("/records/"), list(proxy.seen))) > 1)
    sentence = error_of(command("run"))
    assert "(AccessDenied)" in sentence
    assert refused() == 2  # the step that wrote, and the look for what is to be done next
    proxy.behave()
    assert find_damage(lake_of(command)) == []
    assert command("run").exit_code == 0
    ended_right(command, right)


def test_a_server_restart_during_a_run_costs_a_second_run_at_most(
    command: CommandLine, s3_server: S3Server, right: Objects
) -> None:
    lake = lake_of(command)
    with command.started("run") as process:
        wait_for(lambda: list(lake.objects("records/")) or process.poll() is not None, every=0.01)
        assert process.poll() is None, "the run ended before the server was stopped"
        with s3_server.outage():
            time.sleep(0.3)
        stderr = process.communicate(timeout=PATIENCE_SECONDS)[1]
    assert stderr.count("\n") == (1 if process.returncode else 0), stderr
    assert find_damage(lake) == []
    assert command("run").exit_code == 0
    ended_right(command, right)
