"""Jobs that a person or a schedule starts: forms that explain themselves, and work handed on to Dagster's own means."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import PartitionBackfill

from health_etl.lake import commits, keys
from health_etl.orchestration.schedules import schedules
from health_etl.orchestration.sensors.bucket import sensor_name
from health_etl.record_types import record_types
from health_etl_tests.support.daemon import QUIET, Daemon, spans
from health_etl_tests.support.exports import UPLOADED, put, steps
from health_etl_tests.support.pipeline import bring_up_to_date

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

OLD = date(2023, 11, 2)
NIGHT = datetime(2025, 9, 22, 3, tzinfo=UTC)
STEPS = sensor_name("steps")
FORMS = {
    "full_sweep": "sweep",
    "ingest_date_range": "request_upload_dates",
    "rebuild_training": "request_months",
}


@pytest.fixture
def daemon(project: Project, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    found = Daemon(project)
    # Within a process a job does not know the repository that it was loaded from; Dagster's own runs do.
    repository = property(lambda _: found.definitions.get_repository_def())
    monkeypatch.setattr(dg.OpExecutionContext, "repository_def", repository)
    return found


def launch(daemon: Daemon, job: str, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    run_config = {**QUIET, "ops": {FORMS[job]: {"config": config}}}
    with warnings.catch_warnings():
        for category in (dg.BetaWarning, dg.PreviewWarning):
            warnings.simplefilter("ignore", category)
        return daemon.definitions.resolve_job_def(job).execute_in_process(
            instance=daemon.project.instance, run_config=run_config, raise_on_error=False
        )


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert event.step_failure_data.user_failure_data is not None
    return str(event.step_failure_data.user_failure_data.description)


def backfill(daemon: Daemon) -> PartitionBackfill:
    (found,) = daemon.project.instance.get_backfills()
    return found


@pytest.mark.parametrize("name", FORMS)
def test_every_form_and_its_fields_are_described(daemon: Daemon, name: str) -> None:
    job = daemon.definitions.resolve_job_def(name)
    assert job.description
    assert job.tags
    schema = job.get_node_named(FORMS[name]).definition.config_schema.config_type  # type: ignore[union-attr]
    assert schema.fields
    assert all(field.description for field in schema.fields.values())


def test_every_job_is_described(daemon: Daemon) -> None:
    jobs = daemon.definitions.get_repository_def().get_all_jobs()
    assert [job.name for job in jobs if not job.description and not job.name.startswith("__")] == []


SEPTEMBER = {"first_date": "2025-09-01", "last_date": "2025-09-30"}


def targets(daemon: Daemon, found: PartitionBackfill) -> set[tuple[str, ...]]:
    """Return the partitions that a backfill covers; those of its assets are the same, so that they go in one run."""
    data = found.get_asset_backfill_data(daemon.definitions.resolve_asset_graph())
    subsets = data.target_subset.partitions_subsets_by_asset_key.values()
    return {tuple(sorted(subset.get_partition_keys())) for subset in subsets}


def test_a_date_range_becomes_one_backfill_of_all_its_assets(daemon: Daemon) -> None:
    assert launch(daemon, "ingest_date_range", {**SEPTEMBER, "also_unchanged": True}).success
    found = backfill(daemon)
    assert len(found.asset_selection or ()) == 3 * len(record_types()) + 2
    assert found.title == "Upload dates 2025-09-01 to 2025-09-30"
    ((first, *_, last),) = targets(daemon, found)
    assert (first, last) == ("2025-09-01", "2025-09-30")


def test_a_date_range_covers_only_what_is_out_of_date(daemon: Daemon) -> None:
    lake, first, second = daemon.project.lake, date(2025, 9, 3), date(2025, 9, 20)
    put(lake, "steps", [steps("s1")], upload_date=first)
    put(lake, "steps", [steps("s2")], upload_date=second)
    put(lake, "steps", [steps("s3")], upload_date=date(2025, 8, 31))
    assert launch(daemon, "ingest_date_range", SEPTEMBER).success
    assert targets(daemon, backfill(daemon)) == {(first.isoformat(), second.isoformat())}


def test_a_date_range_that_is_up_to_date_runs_nothing_unless_it_is_new_to_this_instance(daemon: Daemon) -> None:
    put(daemon.project.lake, "steps", [steps("s1")])
    for request in daemon.tick(STEPS).run_requests or ():
        assert daemon.run(request).success
    done = launch(daemon, "ingest_date_range", SEPTEMBER)
    assert done.success
    assert not daemon.project.instance.get_backfills()
    messages = [entry.user_message for entry in daemon.project.instance.all_logs(done.run_id)]
    assert "Upload dates 2025-09-01 to 2025-09-30: everything is up to date, there is nothing to run." in messages
    daemon.project.instance.wipe_assets([dg.AssetKey(["records", "steps"])])
    assert launch(daemon, "ingest_date_range", SEPTEMBER).success
    assert targets(daemon, backfill(daemon)) == {(UPLOADED.isoformat(),)}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"first_date": "2025-9-1"}, "first_date is '2025-9-1', not a date YYYY-MM-DD."),
        ({"first_date": "2025-09-02", "last_date": "2025-09-01"}, "the first before the last"),
        ({"first_date": "2019-01-01"}, "The dates must lie between 2023-01-01 and"),
        ({"first_date": "2025-09-01", "record_types": ["weight"]}, "weight is not a record type; choose from"),
    ],
)
def test_a_form_filled_in_wrongly_is_refused_in_one_sentence(
    daemon: Daemon, config: dict[str, Any], sentence: str
) -> None:
    result = launch(daemon, "ingest_date_range", config)
    assert not result.success
    assert sentence in failure(result)
    assert not daemon.project.instance.get_backfills()


def test_a_range_of_months_becomes_one_backfill_that_rewrites(daemon: Daemon) -> None:
    assert launch(
        daemon, "rebuild_training", {"first_month": "2024-12", "last_month": "2025-02", "rewrite": True}
    ).success
    found = backfill(daemon)
    assert found.asset_selection == [dg.AssetKey(["training", "health_journal"])]
    assert found.run_config == {"ops": {"training__health_journal": {"config": {"rewrite": True}}}}


@pytest.mark.parametrize("config", [{"first_month": "2025-13"}, {"first_month": "2025-02", "last_month": "2025-01"}])
def test_invalid_months_are_refused(daemon: Daemon, config: dict[str, Any]) -> None:
    assert not launch(daemon, "rebuild_training", config).success


def test_a_month_that_was_changed_by_hand_is_written_again_and_one_that_was_not_on_request(daemon: Daemon) -> None:
    lake = daemon.project.lake
    put(lake, "steps", [steps()])
    bring_up_to_date(lake)
    key = keys.journal_key("physical_activity", "2025-09")
    before = lake.get(key)
    lake.put(key, b"changed")
    tags = {"dagster/asset_partition_range_start": "2025-09-01", "dagster/asset_partition_range_end": "2025-09-01"}
    assert daemon.run(dg.RunRequest(job_name="write_journal", tags=tags)).success
    assert lake.get(key).count(b"\n") == before.count(b"\n")
    folder = keys.journal_folder("physical_activity", "2025-09")
    head = commits.head_of(lake, folder)
    assert daemon.run(dg.RunRequest(job_name="write_journal", tags=tags)).success
    assert commits.head_of(lake, folder) == head
    config = {"ops": {"training__health_journal": {"config": {"rewrite": True}}}}
    assert daemon.run(dg.RunRequest(job_name="write_journal", tags=tags, run_config=config)).success
    assert commits.head_of(lake, folder).number == head.number + 1


def test_a_full_sweep_lets_the_sensor_look_at_old_dates_at_once(daemon: Daemon) -> None:
    daemon.tick(STEPS)
    put(daemon.project.lake, "steps", [steps()], upload_date=OLD)
    put(daemon.project.lake, "steps", [steps()], upload_date=date(2019, 1, 1))
    assert not daemon.tick(STEPS).run_requests
    assert launch(daemon, "full_sweep", {"start_runs": False}).success
    assert not daemon.tick(STEPS).run_requests
    done = launch(daemon, "full_sweep", {})
    assert done.success
    (output,) = [event for event in done.all_events if event.event_type_value == "STEP_OUTPUT"]
    metadata = output.step_output_data.metadata
    assert (metadata["stale_partitions"].value, metadata["unclaimed_uploads"].value) == (1, 1)
    assert spans(daemon.tick(STEPS)) == [(OLD.isoformat(), OLD.isoformat())]
    assert any("unclaimed" in key for key in daemon.project.contents())


def test_nightly_checks_run_over_their_ranges_and_find_nothing_wrong(daemon: Daemon) -> None:
    put(daemon.project.lake, "steps", [steps()])
    for request in daemon.tick(STEPS).run_requests or ():
        assert daemon.run(request).success
    for request in daemon.tick("follow_up").run_requests or ():
        assert daemon.run(request).success
    found = {schedule.name: schedule for schedule in schedules(daemon.project.settings)}
    for name, first, last in (
        ("nightly_journal_consistency", "2024-09-01", "2025-09-01"),
        ("nightly_freshness", "2025-08-19", "2025-09-22"),
    ):
        data = found[name].evaluate_tick(dg.build_schedule_context(scheduled_execution_time=NIGHT))
        (request,) = data.run_requests or ()
        tags = request.tags
        assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == (first, last)
        result = daemon.definitions.resolve_job_def(found[name].job_name).execute_in_process(
            instance=daemon.project.instance, tags=dict(tags), run_config=QUIET, raise_on_error=False
        )
        assert result.success
        evaluations = result.get_asset_check_evaluations()
        assert evaluations
        assert all(evaluation.passed for evaluation in evaluations)
    assert UPLOADED.isoformat() < "2025-09-22"
