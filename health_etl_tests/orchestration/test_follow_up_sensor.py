"""What follows from changed records is requested: insights that look back on them, then months of the journal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest_cache import ManifestCache
from health_etl.orchestration.sensors import follow_up
from health_etl.orchestration.sensors.bucket import sensor_name
from health_etl.orchestration.sensors.follow_up import NAME
from health_etl_tests.support.daemon import Daemon, spans
from health_etl_tests.support.exports import NOON, UPLOADED, memory_lake, put, steps
from health_etl_tests.support.pipeline import bring_up_to_date
from health_etl_tests.support.state import journal_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from health_etl.lake.store import Lake
    from health_etl_tests.orchestration.conftest import Project

STEPS = sensor_name("steps")
DAY = UPLOADED.isoformat()
NEXT = (UPLOADED + timedelta(days=3)).isoformat()


@pytest.fixture
def daemon(project: Project) -> Daemon:
    return Daemon(project)


def requested(result: dg.SensorResult) -> list[tuple[str | None, str, str]]:
    requests: Sequence[dg.RunRequest] = result.run_requests or ()
    return [(request.job_name, *span) for request, span in zip(requests, spans(result), strict=True)]


def settle(daemon: Daemon) -> int:
    """Tick until nothing is requested; return the number of runs."""
    runs = 0
    for _ in range(8):
        done = [*daemon.tick_and_run(STEPS), *daemon.tick_and_run(NAME)]
        assert all(run.success for run in done)
        runs += len(done)
        if not done:
            return runs
    raise AssertionError("it never settles")


def upload(lake: Lake, day: int, record_id: str) -> None:
    put(lake, "steps", [steps(record_id, NOON)], upload_date=UPLOADED + timedelta(days=day))


def test_nothing_follows_from_an_empty_lake(daemon: Daemon) -> None:
    assert not daemon.tick(NAME).run_requests
    assert "Nothing changed" in str(daemon.tick(NAME).skip_reason)


def test_the_month_follows_a_run_of_records(daemon: Daemon, project: Project) -> None:
    upload(project.lake, 0, "s1")
    daemon.tick_and_run(STEPS)
    result = daemon.tick(NAME)
    assert requested(result) == [("write_journal", "2025-09-01", "2025-09-01")]
    assert all(run.success for run in daemon.start(NAME, result.run_requests))
    assert not daemon.tick(NAME).run_requests


def test_a_late_file_updates_what_looks_back_on_it_and_then_the_month(daemon: Daemon, project: Project) -> None:
    upload(project.lake, 0, "s1")
    upload(project.lake, 3, "s2")
    settle(daemon)
    daemon.cursors[STEPS] = None
    upload(project.lake, 0, "late")
    daemon.tick_and_run(STEPS)
    result = daemon.tick(NAME)
    assert requested(result) == [("bring_up_to_date", NEXT, NEXT)]
    assert [key.to_user_string() for request in result.run_requests or () for key in request.asset_selection or ()] == [
        "insights/daily_journal",
        "insights/steps",
    ]
    daemon.start(NAME, result.run_requests)
    assert requested(daemon.tick(NAME)) == [("write_journal", "2025-09-01", "2025-09-01")]


def test_sensors_alone_produce_the_same_bytes_as_one_run_over_everything(daemon: Daemon, project: Project) -> None:
    expected = memory_lake()
    for day, record_id in ((3, "s2"), (0, "s1"), (1, "s3")):
        upload(project.lake, day, record_id)
        upload(expected, day, record_id)
        settle(daemon)
        daemon.cursors[STEPS] = None
    options = follow_up.InsightOptions.of(project.settings, project.lake)
    bring_up_to_date(expected, options)
    assert journal_files(project.lake) == journal_files(expected)


def test_an_idle_sensor_looks_again_after_a_run_has_ended_and_after_a_while(
    daemon: Daemon, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, looks = NOON.timestamp(), []

    def catalogue(*arguments: Any) -> Catalogue:
        looks.append(now_s)
        return Catalogue(*arguments)

    def looked() -> bool:
        looks.clear()
        assert "Nothing changed" in str(daemon.tick(NAME).skip_reason)
        return bool(looks)

    monkeypatch.setattr(follow_up, "Catalogue", catalogue)
    daemon.sensors[NAME] = follow_up.follow_up_sensor(ManifestCache(), lambda: now_s)
    upload(project.lake, 0, "s1")
    settle(daemon)
    assert (looked(), looked()) == (True, False)
    now_s += follow_up.LOOK_AGAIN_SECONDS
    assert (looked(), looked()) == (True, False)
    run = project.instance.create_run_for_job(daemon.definitions.resolve_job_def("bring_up_to_date"))
    project.instance.report_run_failed(run)
    assert (looked(), looked()) == (True, False)
    # What changed without a run is noticed by the next look, and then there is work.
    project.lake.delete([keys.manifest_key(keys.insights_folder("steps", DAY), 1)])
    assert not looked()
    now_s += follow_up.LOOK_AGAIN_SECONDS
    assert requested(daemon.tick(NAME)) == [("bring_up_to_date", DAY, DAY)]


def test_it_waits_for_daily_runs_but_not_forever(
    daemon: Daemon, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(project.lake, 0, "s1")
    daemon.tick_and_run(STEPS)
    job = daemon.definitions.resolve_job_def("bring_up_to_date")
    busy = project.instance.create_run_for_job(job, tags={"dagster/partition": "2024-01-01"})
    waiting = daemon.tick(NAME)
    assert not waiting.run_requests
    assert "wait for 1 daily run." in str(waiting.skip_reason)
    monkeypatch.setattr(follow_up, "MAX_WAIT_SECONDS", 0)
    assert requested(daemon.tick(NAME)) == [("write_journal", "2025-09-01", "2025-09-01")]
    project.instance.report_run_failed(busy)


def test_it_waits_longer_for_a_backfill(daemon: Daemon, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(project.lake, 0, "s1")
    daemon.tick_and_run(STEPS)
    project.instance.add_backfill(PartitionBackfill("b1", BulkActionStatus.REQUESTED, False, {}, 0.0))
    monkeypatch.setattr(follow_up, "MAX_WAIT_SECONDS", 0)
    waiting = daemon.tick(NAME)
    assert not waiting.run_requests
    assert "wait for 1 backfill." in str(waiting.skip_reason)
    monkeypatch.setattr(follow_up, "MAX_BACKFILL_SECONDS", 0)
    assert requested(daemon.tick(NAME)) == [("write_journal", "2025-09-01", "2025-09-01")]


def test_a_month_that_fails_three_times_is_reported_and_not_requested_again(daemon: Daemon, project: Project) -> None:
    daemon.restart(run_retry_seconds=0)
    upload(project.lake, 0, "s1")
    daemon.tick_and_run(STEPS)
    in_the_way = project.folder / keys.journal_key("physical_activity", "2025-09")
    in_the_way.mkdir(parents=True)
    for _ in range(3):
        (done,) = daemon.tick_and_run(NAME)
        assert not done.success
    result = daemon.tick(NAME)
    assert not result.run_requests
    assert json.loads(result.cursor or "")["exhausted"] == ["training/health_journal 2025-09-01"]
    result = next(event for event in result.asset_events or () if isinstance(event, dg.AssetCheckEvaluation))
    assert not result.passed
    assert "training/health_journal 2025-09-01" in str(result.description)
    in_the_way.rmdir()
    assert not daemon.tick(NAME).asset_events


def test_a_cursor_from_another_version_counts_as_empty() -> None:
    assert follow_up.Cursor.read('{"given_up": ["2025-09-21"]}') == follow_up.Cursor()
