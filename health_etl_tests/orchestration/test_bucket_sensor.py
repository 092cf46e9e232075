"""The lake sensor on a real instance: each new state of uploads leads to one run, once, and is reported to Dagster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from health_etl.dagster_internals.queries import DATA_VERSION_TAG
from health_etl.lake import keys
from health_etl.lake.manifest_cache import ManifestCache
from health_etl.orchestration.sensors import bucket as bucket_sensor
from health_etl.orchestration.sensors import earlier_runs, uploads
from health_etl.orchestration.sensors.bucket import sensor_name
from health_etl.planning import run_requests
from health_etl_tests.support.daemon import Daemon, spans
from health_etl_tests.support.exports import put, steps

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

STEPS = sensor_name("steps")
TODAY = datetime.now(UTC).date()
OLD = date(2023, 11, 2)  # outside of what every tick looks at
RAW = dg.AssetKey(["raw", "steps"])


@pytest.fixture
def daemon(project: Project) -> Daemon:
    return Daemon(project)


@pytest.fixture
def no_wait(daemon: Daemon) -> None:
    """Failed runs are retried at once."""
    daemon.restart(run_retry_seconds=0)


@pytest.fixture
def broken(project: Project) -> Iterator[None]:
    """Steps cannot be written: there is a file where their folder should be."""
    path = project.folder / "records" / "steps"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"in the way")
    yield
    if path.is_file():
        path.unlink()


def upload(project: Project, day: date = TODAY, record_id: str = "s1") -> str:
    return put(project.lake, "steps", [steps(record_id)], upload_date=day)


def sweep_again(daemon: Daemon) -> None:
    daemon.cursors[STEPS] = None


def test_an_empty_bucket_is_skipped_with_counts(daemon: Daemon) -> None:
    result = daemon.tick(STEPS)
    assert not result.run_requests
    assert result.skip_reason is not None
    assert result.skip_reason.skip_message == "Looked at 8 upload dates with 0 uploads: everything is accounted for."


@pytest.mark.parametrize("day", [TODAY, OLD])
def test_a_new_upload_leads_to_one_run_and_no_more(daemon: Daemon, project: Project, day: date) -> None:
    upload(project, day)
    first = daemon.tick(STEPS)
    assert spans(first) == [(day.isoformat(), day.isoformat())]
    (done,) = daemon.start(STEPS, first.run_requests)
    assert done.success
    assert {key.to_user_string() for key in project.instance.get_asset_keys() if key != RAW} == {
        "records/steps",
        "quarantine/steps",
        "records/utc_offsets",
        "insights/steps",
        "insights/daily_journal",
    }
    sweep_again(daemon)
    again = daemon.tick(STEPS)
    assert not again.run_requests
    assert not again.asset_events


def test_uploading_the_same_bytes_again_reads_no_other_file_and_a_removed_upload_is_noticed(
    daemon: Daemon, project: Project
) -> None:
    key = upload(project)
    daemon.tick_and_run(STEPS)
    upload(project, record_id="late")
    (late,) = daemon.tick_and_run(STEPS)
    assert late.success
    project.lake.delete([key])
    (gone,) = daemon.tick_and_run(STEPS)
    assert gone.success
    metadata = project.materialisations("records/steps")[TODAY.isoformat()].metadata
    assert (metadata["files"].value, metadata["accepted"].value) == (1, 1)


def test_each_new_version_is_reported_to_dagster_as_observation_then_materialisation(
    daemon: Daemon, project: Project
) -> None:
    upload(project)
    events = list(daemon.tick(STEPS).asset_events or ())
    assert [type(event) for event in events] == [dg.AssetObservation, dg.AssetMaterialization]
    assert {event.partition for event in events if not isinstance(event, dg.AssetCheckEvaluation)} == {
        TODAY.isoformat()
    }
    first = project.materialisations("raw/steps")[TODAY.isoformat()]
    assert first.metadata["files"].value == 1
    assert not daemon.tick(STEPS).asset_events
    upload(project, record_id="late")
    assert daemon.tick(STEPS).asset_events
    second = project.materialisations("raw/steps")[TODAY.isoformat()]
    assert second.metadata["files"].value == 2
    assert first.tags
    assert second.tags
    assert first.tags[DATA_VERSION_TAG] != second.tags[DATA_VERSION_TAG]


def test_a_queued_run_is_not_requested_again(daemon: Daemon, project: Project) -> None:
    upload(project)
    (request,) = daemon.tick(STEPS).run_requests or ()
    job = daemon.definitions.resolve_job_def(request.job_name or "").get_subset(
        asset_selection=set(request.asset_selection or ())
    )
    run = project.instance.create_run_for_job(job, tags=dict(request.tags), asset_selection=job.asset_selection)
    again = daemon.tick(STEPS)
    assert not again.run_requests
    assert again.skip_reason is not None
    assert "1 running or queued" in str(again.skip_reason.skip_message)
    project.instance.report_run_failed(run)
    assert "1 failed and will be retried" in str(daemon.tick(STEPS).skip_reason)


def test_a_tick_whose_result_was_lost_is_repeated_with_the_same_run_key(daemon: Daemon, project: Project) -> None:
    upload(project)
    (lost,) = daemon.evaluate(STEPS).run_requests or ()
    (again,) = daemon.evaluate(STEPS).run_requests or ()
    assert lost.run_key == again.run_key


def test_a_run_counts_even_if_the_daemon_died_before_recording_what_it_was_to_make(
    daemon: Daemon, project: Project, no_wait: None
) -> None:
    del no_wait
    put(project.lake, "steps", [steps("s1")], upload_date=TODAY)
    (request,) = daemon.tick(STEPS).run_requests or ()
    stored = dg.DagsterRun(str(request.job_name), tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)
    project.instance.add_run(stored)
    assert not daemon.tick(STEPS).run_requests
    project.instance.report_run_failed(stored)
    (again,) = daemon.tick(STEPS).run_requests or ()
    assert again.run_key != request.run_key  # a key that was used never runs again


@pytest.mark.usefixtures("broken", "no_wait")
@pytest.mark.parametrize("day", [TODAY, OLD])
def test_a_failed_run_is_requested_three_times_at_most(daemon: Daemon, project: Project, day: date) -> None:
    upload(project, day)
    for attempt in ("1", "2", "3"):
        result = daemon.tick(STEPS)
        assert [request.tags[run_requests.ATTEMPT] for request in result.run_requests or ()] == [attempt]
        (done,) = daemon.start(STEPS, result.run_requests)
        assert not done.success
    result = daemon.tick(STEPS)
    assert not result.run_requests
    assert "1 given up after 3 attempts" in str(result.skip_reason)
    assert json.loads(result.cursor or "")["exhausted"] == [day.isoformat()]


@pytest.mark.usefixtures("no_wait")
def test_an_exhausted_partition_is_requested_again_after_a_new_upload(
    daemon: Daemon, project: Project, broken: None
) -> None:
    del broken
    upload(project)
    for _ in range(4):
        daemon.tick_and_run(STEPS)
    (project.folder / "records" / "steps").unlink()
    assert not daemon.tick(STEPS).run_requests
    upload(project, record_id="late")
    (done,) = daemon.tick_and_run(STEPS)
    assert done.success
    assert json.loads(daemon.tick(STEPS).cursor or "")["exhausted"] == []


def test_a_partition_whose_manifest_was_deleted_is_rebuilt(daemon: Daemon, project: Project, no_wait: None) -> None:
    del no_wait
    upload(project)
    daemon.tick_and_run(STEPS)
    manifest = keys.manifest_key(keys.records_folder("steps", TODAY.isoformat()), 1)
    project.lake.delete([manifest])
    (done,) = daemon.tick_and_run(STEPS)
    assert done.success
    assert project.lake.find(manifest) is not None


def test_failed_partitions_are_looked_up_again_once_a_run_has_progressed_and_after_a_while(
    daemon: Daemon, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, requested = datetime.now(UTC).timestamp(), []

    def failed(*about: object) -> list[str]:
        requested.append(about)
        return []

    def is_looked_up() -> bool:
        requested.clear()
        daemon.tick(STEPS)
        return bool(requested)

    monkeypatch.setattr(earlier_runs, "failed", failed)
    sensors = bucket_sensor.bucket_sensors(project.settings, ManifestCache(), lambda: now_s)
    daemon.sensors = {sensor.name: sensor for sensor in sensors}
    assert (is_looked_up(), is_looked_up()) == (True, False)
    now_s += earlier_runs.CACHE_SECONDS
    assert (is_looked_up(), is_looked_up()) == (True, False)
    run = project.instance.create_run_for_job(daemon.definitions.resolve_job_def("bring_up_to_date"))
    project.instance.report_run_failed(run)
    assert (is_looked_up(), is_looked_up()) == (True, False)


def test_a_sweep_that_does_not_fit_into_one_tick_continues_in_the_next(
    daemon: Daemon, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_sensor, "LOOKING_SECONDS", -1)
    dates = [OLD + timedelta(days=n) for n in range(3)]
    for day in dates:
        upload(project, day)
    result = daemon.tick(STEPS)
    assert json.loads(result.cursor or "")["sweep_from"] == OLD.isoformat()
    assert f"The full sweep continues at {OLD}" in str(result.skip_reason)
    monkeypatch.setattr(bucket_sensor, "LOOKING_SECONDS", 12)
    result = daemon.tick(STEPS)
    assert spans(result) == [(OLD.isoformat(), dates[-1].isoformat())]
    assert json.loads(result.cursor or "")["sweep_from"] is None


def test_what_exceeds_one_tick_is_reported_and_requested_by_later_ones(
    daemon: Daemon, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_RUNS_PER_TICK", 2)
    monkeypatch.setattr(uploads, "MAX_REPORTS", 2)
    dates = [OLD + timedelta(days=2 * n) for n in range(5)]
    for day in dates:
        upload(project, day)
    requested: list[tuple[str, str]] = []
    for _ in range(6):
        result = daemon.tick(STEPS)
        assert len(result.run_requests or ()) <= 2
        assert len(result.asset_events or ()) <= 4
        requested += spans(result)
        assert all(run.success for run in daemon.start(STEPS, result.run_requests))
    assert sorted(requested) == [(day.isoformat(), day.isoformat()) for day in dates]
    assert len(project.materialisations("raw/steps")) == 5


def test_a_cursor_from_another_version_counts_as_empty() -> None:
    assert bucket_sensor.Cursor.read('{"given_up": ["2025-09-21"]}') == bucket_sensor.Cursor()
