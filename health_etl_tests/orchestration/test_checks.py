"""Checks of partitions as Dagster keeps them: over ranges, over months, and what a failed one leaves behind."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from health_etl.clinical.common.base import Level
from health_etl.definitions import build_definitions
from health_etl.lake import keys
from health_etl.orchestration.jobs import STANDING_CHECKS, WRITE_JOURNAL
from health_etl_tests.orchestration.conftest import QUIET
from health_etl_tests.support.exports import ANNA, put, put_content, steps, utc
from health_etl_tests.support.pipeline import manifest_key_of

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

DATES = ["2025-09-30", "2025-10-01"]
MONTHS = ["2025-09-01", "2025-10-01"]
ASSETS = ["records/steps", "quarantine/steps", "records/utc_offsets", "insights/steps"]
BLOCKING_OF_JOURNAL = {"grounded", "one_line_an_example", "fields"}


def evaluations(project: Project, result: dg.ExecuteInProcessResult, asset: str) -> list[dg.AssetCheckEvaluation]:
    """Return every evaluation of an asset's checks that a run left in the event log."""
    found = []
    for entry in project.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        assert entry.dagster_event is not None
        found.append(entry.dagster_event.asset_check_evaluation_data)
    return [one for one in found if one.asset_key == dg.AssetKey.from_user_string(asset)]


def of(found: list[dg.AssetCheckEvaluation], check: str) -> dict[str | None, bool]:
    """Return by partition whether a check passed; None is the result over the whole range."""
    return {one.partition: one.passed for one in found if one.check_name == check}


def walked(project: Project) -> list[str]:
    """Upload steps on every date, counted the day before; return the keys."""
    dates = map(date.fromisoformat, DATES)
    return [put(project.lake, "steps", [steps(f"s{d}", utc(f"{d} 12:00"))], upload_date=d) for d in dates]


def write_journal(project: Project) -> dg.ExecuteInProcessResult:
    span = {"dagster/asset_partition_range_start": MONTHS[0], "dagster/asset_partition_range_end": MONTHS[1]}
    job = build_definitions(project.settings).resolve_job_def(WRITE_JOURNAL)
    return job.execute_in_process(instance=project.instance, tags=span, run_config=QUIET, raise_on_error=False)


def lose_a_row(project: Project, partition: str) -> None:
    """Make the manifest of a partition count a row that its table does not hold."""
    manifest = project.folder / manifest_key_of(project.lake, keys.records_folder("steps", partition))
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"rows_in": 1', '"rows_in": 2').replace('"accepted": 1', '"accepted": 2'))


def left_failed(project: Project) -> set[tuple[str, str]]:
    """Run the standing checks; return asset and partition of what they find for steps."""
    job = build_definitions(project.settings).resolve_job_def(STANDING_CHECKS)
    result = job.execute_in_process(instance=project.instance, run_config=QUIET)
    (found,) = evaluations(project, result, "raw/steps")
    table = found.metadata.get("partitions")
    rows = table.records if isinstance(table, dg.TableMetadataValue) else []
    assert found.metadata["failed"].value == len(rows)
    assert found.passed == (not rows)
    return {(str(row.data["asset"]), str(row.data["partition"])) for row in rows}


def latest_status(project: Project, asset: str, check: str) -> dict[str | None, str]:
    """Return the status that the UI shows for a check, by partition."""
    key = dg.AssetCheckKey(dg.AssetKey.from_user_string(asset), check)
    found: dict[str | None, str] = {}
    for record in project.instance.event_log_storage.get_asset_check_execution_history(key, limit=20):
        found.setdefault(record.partition, record.status.value)
    return found


def test_a_range_is_checked_partition_by_partition_from_insights_to_journal(project: Project) -> None:
    walked(project)
    insights = evaluations(project, project.run(ASSETS, DATES[0], DATES[1]), "insights/steps")
    for check in ("one_row_a_day", "freshness"):
        assert of(insights, check) == {None: True, DATES[0]: True, DATES[1]: True}
    result = write_journal(project)
    assert result.success
    found = evaluations(project, result, "training/health_journal")
    for check in (*BLOCKING_OF_JOURNAL, "as_written", "freshness"):
        assert of(found, check) == {None: True, MONTHS[0]: True, MONTHS[1]: True}
    assert {one.check_name for one in found if one.blocking} == BLOCKING_OF_JOURNAL
    grounded = [one for one in found if one.check_name == "grounded" and one.partition]
    assert {one.partition: one.metadata["lines"].value for one in grounded} == dict.fromkeys(MONTHS, len(Level))


@pytest.mark.parametrize("as_range", [True, False], ids=["range", "partition"])
def test_a_run_of_one_date_gives_each_check_a_status_for_that_date(project: Project, as_range: bool) -> None:
    walked(project)
    result = project.run(ASSETS, DATES[0], DATES[0] if as_range else None)
    assert result.success
    for asset in ("records/steps", "insights/steps"):
        found = evaluations(project, result, asset)
        judged = {one.check_name: "SUCCEEDED" if one.passed else "FAILED" for one in found}
        assert judged["freshness"] == "SUCCEEDED"
        assert {check: latest_status(project, asset, check).get(DATES[0]) for check in judged} == judged


def test_lost_rows_of_one_date_block_the_insights_of_its_range_and_are_reported_as_left_failed(
    project: Project,
) -> None:
    walked(project)
    assert project.run(ASSETS, DATES[0], DATES[1]).success
    lose_a_row(project, DATES[1])
    result = project.run(ASSETS, DATES[0], DATES[1])
    assert not result.success
    found = evaluations(project, result, "records/steps")
    assert of(found, "accounting") == {None: False, DATES[0]: True, DATES[1]: False}
    (whole,) = [one for one in found if one.check_name == "accounting" and one.partition is None]
    assert (whole.severity, whole.metadata["failed_partitions"].value) == (dg.AssetCheckSeverity.ERROR, DATES[1])
    status = latest_status(project, "records/steps", "accounting")
    assert (status[DATES[0]], status[DATES[1]]) == ("SUCCEEDED", "FAILED")
    assert not [event for event in result.all_events if event.is_step_start and "insights" in str(event.step_key)]
    assert {partition for asset, partition in left_failed(project) if asset == "insights/steps"} == set(DATES)
    # The remedy in the runbook: without its folder a partition is rebuilt.
    shutil.rmtree(project.folder / keys.records_folder("steps", DATES[1]))
    assert project.run(ASSETS, DATES[0], DATES[1]).success
    assert left_failed(project) == set()


def test_nothing_stored_by_a_check_or_a_quarantine_asset_names_the_person(project: Project) -> None:
    walked(project)
    put_content(project.lake, "steps", b"no Avro", upload_date=date.fromisoformat(DATES[0]))
    records = [steps(f"w{n}", utc("2025-09-30 10:00") + timedelta(minutes=n), count=87_654_321) for n in range(3)]
    put(project.lake, "steps", [*records, steps("good")], upload_date=date.fromisoformat(DATES[1]))
    result = project.run(ASSETS, DATES[0], DATES[1])
    assert result.success
    kept = [evaluations(project, result, asset) for asset in ("records/steps", "insights/steps")]
    text = repr(kept) + repr(project.materialisations("quarantine/steps"))
    assert "not_avro" in text
    assert "steps:out_of_range" in text
    assert [word for word in (ANNA, "87654321", "87_654_321") if word in text] == []
