"""Checks of partitions as Dagster keeps them: over ranges, over months, and what a failed one leaves behind."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from health_etl.core import keys
from health_etl.definitions import build_definitions
from health_etl.jobs import STANDING_CHECKS, WRITE_JOURNAL
from health_etl_tests.dagster.conftest import QUIET
from health_etl_tests.exports import ANNA, put, put_content, steps, utc

if TYPE_CHECKING:
    from health_etl_tests.dagster.conftest import Project

DATES = ["2025-09-30", "2025-10-01"]
MONTHS = ["2025-09-01", "2025-10-01"]
ASSETS = ["records/steps", "quarantine/steps", "records/utc_offsets", "insights/steps"]
JOURNAL = dg.AssetKey(["training", "health_journal"])
BLOCKING_OF_JOURNAL = {"grounded", "one_line_an_example", "fields"}


def evaluations(project: Project, result: dg.ExecuteInProcessResult, asset: str) -> list[dg.AssetCheckEvaluation]:
    """Return every evaluation of an asset's checks that a run left in the event log."""
    found = []
    for entry in project.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        assert entry.dagster_event is not None
        found.append(entry.dagster_event.asset_check_evaluation_data)
    return [one for one in found if one.asset_key == dg.AssetKey.from_user_string(asset)]


def of(found: list[dg.AssetCheckEvaluation], check: str) -> dict[str | None, bool]:
    """Return by partition whether a check passed; None is the verdict over the whole range."""
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
    """Make the manifest of a partition tell of a row that its table does not hold."""
    manifest = project.folder / keys.manifest_key(keys.records_key("steps", partition))
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


@pytest.fixture
def ran(project: Project) -> Project:
    """Two upload dates, brought up to date as one range."""
    walked(project)
    assert project.run(ASSETS, DATES[0], DATES[1]).success
    return project


def test_a_range_of_months_is_judged_month_by_month(ran: Project) -> None:
    result = write_journal(ran)
    assert result.success
    found = evaluations(ran, result, "training/health_journal")
    for check in (*BLOCKING_OF_JOURNAL, "as_written", "freshness"):
        assert of(found, check) == {None: True, MONTHS[0]: True, MONTHS[1]: True}
    assert {one.check_name for one in found if one.blocking} == BLOCKING_OF_JOURNAL
    lines = {
        one.partition: one.metadata["lines"].value for one in found if one.check_name == "grounded" and one.partition
    }
    assert lines == {MONTHS[0]: 1, MONTHS[1]: 1}


def test_insights_of_a_range_are_judged_partition_by_partition(project: Project) -> None:
    walked(project)
    result = project.run(ASSETS, DATES[0], DATES[1])
    found = evaluations(project, result, "insights/steps")
    assert of(found, "one_row_a_day") == {None: True, DATES[0]: True, DATES[1]: True}
    assert of(found, "freshness") == {None: True, DATES[0]: True, DATES[1]: True}


def test_the_latest_status_of_every_partition_is_that_of_its_own_verdict(ran: Project) -> None:
    lose_a_row(ran, DATES[1])
    ran.run(["records/steps"], DATES[0], DATES[1])
    check = dg.AssetCheckKey(dg.AssetKey(["records", "steps"]), "accounting")
    records = ran.instance.event_log_storage.get_asset_check_execution_history(check, limit=10)
    latest: dict[str | None, str] = {}
    for record in records:
        latest.setdefault(record.partition, record.status.value)
    assert (latest[DATES[0]], latest[DATES[1]]) == ("SUCCEEDED", "FAILED")


def test_lost_rows_of_one_date_keep_the_insights_of_its_range_from_being_made_and_it_stands_open(ran: Project) -> None:
    lose_a_row(ran, DATES[1])
    result = ran.run(ASSETS, DATES[0], DATES[1])
    assert not result.success
    found = evaluations(ran, result, "records/steps")
    assert of(found, "accounting") == {None: False, DATES[0]: True, DATES[1]: False}
    (whole,) = [one for one in found if one.check_name == "accounting" and one.partition is None]
    assert (whole.severity, whole.metadata["failed_partitions"].value) == (dg.AssetCheckSeverity.ERROR, DATES[1])
    assert not [event for event in result.all_events if event.is_step_start and "insights" in str(event.step_key)]
    assert {partition for asset, partition in left_failed(ran) if asset == "insights/steps"} == set(DATES)
    # The way out that the check names: without its manifest a partition is built anew.
    (ran.folder / keys.manifest_key(keys.records_key("steps", DATES[1]))).unlink()
    assert ran.run(ASSETS, DATES[0], DATES[1]).success
    assert left_failed(ran) == set()


def test_nothing_that_a_check_or_a_quarantine_asset_keeps_names_the_person(project: Project) -> None:
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
