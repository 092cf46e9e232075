"""Failures reach people: as a failing check that names the partition, and at a webhook when one is set."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from health_etl.definitions import build_definitions
from health_etl.errors import TransientError
from health_etl.orchestration.sensors import alerts
from health_etl.orchestration.sensors.bucket import sensor_name
from health_etl.settings import Settings
from health_etl_tests.orchestration.conftest import Project
from health_etl_tests.support.daemon import Daemon
from health_etl_tests.support.exports import ANNA, put, steps

if TYPE_CHECKING:
    from pathlib import Path

STEPS = sensor_name("steps")
TODAY = datetime.now(UTC).date()


class Webhook(HTTPServer):
    """Records what is posted to it and answers with `status`."""

    status = 200

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def daemon(webhook: Webhook, tmp_path: Path) -> Iterator[Daemon]:
    lake = (tmp_path / "lake").as_uri()
    settings = Settings.model_validate({"lake": lake, "alert_webhook": webhook.url, "run_retry_seconds": 0})
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(Project(settings, instance))


def fail_three_times(daemon: Daemon) -> None:
    put(daemon.project.lake, "steps", [steps()], upload_date=TODAY)
    path = daemon.project.folder / "records" / "steps"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"in the way")
    for _ in range(3):
        (done,) = daemon.tick_and_run(STEPS)
        assert not done.success


def results(result: dg.SensorResult) -> list[dg.AssetCheckEvaluation]:
    return [event for event in result.asset_events or () if isinstance(event, dg.AssetCheckEvaluation)]


def test_an_exhausted_partition_is_reported_once_and_fails_the_check(daemon: Daemon, webhook: Webhook) -> None:
    fail_three_times(daemon)
    (result,) = results(daemon.tick(STEPS))
    assert not result.passed
    assert result.asset_key == dg.AssetKey(["raw", "steps"])
    assert f"records/steps {TODAY}" in str(result.description)
    assert not results(daemon.tick(STEPS))
    (posted,) = webhook.posted
    assert (posted["event"], posted["asset"], posted["partitions"]) == (
        alerts.EXHAUSTED,
        "records/steps",
        [TODAY.isoformat()],
    )


def test_the_check_passes_again_once_the_partition_is_materialised(daemon: Daemon) -> None:
    fail_three_times(daemon)
    daemon.tick(STEPS)
    (daemon.project.folder / "records" / "steps").unlink()
    assets = ["records/steps", "quarantine/steps", "records/utc_offsets", "insights/steps", "insights/daily_journal"]
    assert daemon.project.run(assets, TODAY.isoformat()).success
    (result,) = results(daemon.tick(STEPS))
    assert result.passed


def test_a_webhook_that_is_down_does_not_stop_the_sensor_and_is_retried(daemon: Daemon, webhook: Webhook) -> None:
    fail_three_times(daemon)
    webhook.status = 500
    result = daemon.tick(STEPS)
    assert results(result)
    assert json.loads(result.cursor or "")["exhausted"] == []
    webhook.status = 200
    result = daemon.tick(STEPS)
    assert json.loads(result.cursor or "")["exhausted"] == [TODAY.isoformat()]
    assert [posted["event"] for posted in webhook.posted] == [alerts.EXHAUSTED] * 2


def test_a_failed_run_is_posted_without_names_of_people_or_values(daemon: Daemon, webhook: Webhook) -> None:
    fail_three_times(daemon)
    run = daemon.project.instance.get_runs(limit=1)[0]
    failures = [
        record.event_log_entry.dagster_event
        for record in daemon.project.instance.get_records_for_run(run.run_id).records
        if record.event_log_entry.dagster_event and record.event_log_entry.dagster_event.is_step_failure
    ]
    about = alerts.failed_run(run, failures)
    settings = Settings(alert_webhook=webhook.url)  # type: ignore[arg-type]
    assert alerts.post(settings, alerts.FAILED_RUN, about)
    (posted,) = webhook.posted
    assert posted["job"] == "bring_up_to_date"
    assert (posted["first_partition"], posted["attempt"]) == (TODAY.isoformat(), "3")
    assert posted["failed_steps"][0]["step"] == "records__steps"
    assert ANNA not in json.dumps(posted)


def test_without_a_webhook_nothing_is_posted_and_the_sensor_is_off() -> None:
    assert not alerts.post(Settings(), alerts.FAILED_RUN, {})
    sensor = build_definitions(Settings()).resolve_sensor_def("post_failed_runs")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED


def test_an_error_about_the_webhook_does_not_show_its_address() -> None:
    settings = Settings(alert_webhook="http://127.0.0.1:9/secret-path")  # type: ignore[arg-type]
    with pytest.raises(TransientError) as caught:
        alerts.post(settings, alerts.FAILED_RUN, {})
    assert "secret-path" not in str(caught.value)
