"""Quarantine in the UI, and releasing from it: assets, checks of each partition, the replay job, standing checks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from health_etl.definitions import build_definitions
from health_etl.lake import keys
from health_etl.lake.keys import mask_key
from health_etl.orchestration.jobs import REPLAY_QUARANTINE, STANDING_CHECKS
from health_etl_tests.support.exports import ANNA, avro_bytes, blood_glucose, put, put_content, utc
from health_etl_tests.support.pipeline import files_of, manifest_key_of, manifest_of

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

FIRST, SECOND = date(2025, 9, 15), date(2025, 9, 16)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
ASSETS = ["records/blood_glucose", "quarantine/blood_glucose", "records/utc_offsets", "insights/blood_glucose"]
RECORDS_CHECKS = {
    "accounting",
    "decisions",
    "refused_files",
    "schema_drift",
    "completeness",
    "physiological",
    "temporal",
    "quality",
    "quarantine_rate",
    "freshness",
}


def glucose(project: Project, day: date, *mg_dl: float) -> str:
    """Upload readings of one day; return the key."""
    noon = utc(f"{day} 12:00")
    records = [
        blood_glucose(f"{day}-{n}-{value}", noon + timedelta(minutes=5 * n), value) for n, value in enumerate(mg_dl)
    ]
    return put(project.lake, "blood_glucose", records, upload_date=day)


def results(project: Project, result: dg.ExecuteInProcessResult, asset: str) -> dict[tuple[str, str | None], Any]:
    """Return every evaluation of an asset's checks in a run, by check and partition."""
    events = project.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.dagster_event.event_specific_data for entry in events if entry.dagster_event]
    key = dg.AssetKey.from_user_string(asset)
    return {(one.check_name, one.partition): one for one in found if one.asset_key == key}


def replay(project: Project, config: dict[str, object], day: date = SECOND) -> dg.ExecuteInProcessResult:
    job = build_definitions(project.settings).resolve_job_def(REPLAY_QUARANTINE)
    return job.execute_in_process(
        instance=project.instance,
        partition_key=day.isoformat(),
        run_config={**QUIET, "ops": {"quarantine__releases": {"config": config}}},
        raise_on_error=False,
    )


def counts(project: Project, day: date = SECOND) -> tuple[int, int, int, int]:
    manifest = manifest_of(project.lake, "blood_glucose", day)
    for file in files_of(project.lake, "blood_glucose", day):
        file.check()
    return manifest.total()


def test_a_run_of_one_partition_evaluates_every_check(project: Project) -> None:
    glucose(project, FIRST, 100.0, 110.0)
    result = project.run(ASSETS, FIRST.isoformat())
    assert result.success
    found = results(project, result, "records/blood_glucose")
    assert set(found) == {(name, FIRST.isoformat()) for name in RECORDS_CHECKS}
    assert [key for key, one in found.items() if not one.passed] == []
    assert {name for name, _ in results(project, result, "insights/blood_glucose")} == {
        "one_row_a_day",
        "coverage",
        "people",
        "freshness",
    }


def test_a_range_run_reports_the_checks_of_each_partition(project: Project) -> None:
    glucose(project, FIRST, *range(100, 120))
    glucose(project, SECOND, 100.0, 110.0, 5000.0)
    result = project.run(ASSETS, FIRST.isoformat(), SECOND.isoformat())
    assert result.success
    found = results(project, result, "records/blood_glucose")
    assert {partition for _, partition in found} == {None, FIRST.isoformat(), SECOND.isoformat()}
    assert found["physiological", FIRST.isoformat()].passed
    failed = found["physiological", SECOND.isoformat()]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert failed.metadata["measurements"].value == 1
    assert failed.target_materialization_data.run_id == result.run_id
    assert (found["quarantine_rate", SECOND.isoformat()].passed, found["accounting", None].passed) == (False, True)
    assert "5000" not in str(failed)


def test_lost_rows_block_everything_downstream(project: Project) -> None:
    glucose(project, FIRST, 100.0, 110.0)
    assert project.run(ASSETS, FIRST.isoformat()).success
    folder = keys.records_folder("blood_glucose", FIRST.isoformat())
    manifest = project.folder / manifest_key_of(project.lake, folder)
    manifest.write_text(
        manifest.read_text().replace('"accepted": 2', '"accepted": 1').replace('"duplicate": 0', '"duplicate": 1')
    )
    result = project.run(ASSETS, FIRST.isoformat())
    assert not result.success
    found = results(project, result, "records/blood_glucose")["accounting", FIRST.isoformat()]
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.ERROR, True)
    started = {event.step_key for event in result.all_events if event.is_step_start}
    assert not [step for step in started if step and step.startswith("insights")]


def test_a_refused_file_appears_in_the_quarantine_asset_and_fails_a_check(project: Project) -> None:
    glucose(project, SECOND, 100.0)
    bad = put_content(project.lake, "blood_glucose", b"no Avro", upload_date=SECOND)
    result = project.run(ASSETS, SECOND.isoformat())
    assert result.success
    failed = results(project, result, "records/blood_glucose")["refused_files", SECOND.isoformat()]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    shown = project.materialisations("quarantine/blood_glucose")[SECOND.isoformat()].metadata
    assert shown["refused_files"].value == 1
    table = shown["quarantine"]
    assert isinstance(table, dg.TableMetadataValue)
    (row,) = table.records
    assert (row.data["file"], row.data["reason"]) == (mask_key(bad).rpartition("/")[2], "not_avro")
    assert row.data["remedy"] == "upload the Avro file that the phone wrote"
    assert ANNA not in str(shown) + str(failed)


def test_the_replay_job_accepts_rows_that_a_person_vouches_for(project: Project) -> None:
    key = glucose(project, SECOND, 100.0, 610.0)
    assert project.run(ASSETS, SECOND.isoformat()).success
    assert counts(project) == (2, 1, 0, 1)
    result = replay(project, {"files": [mask_key(key)], "override": True, "because": "the meter reads HI as 610"})
    assert result.success
    assert counts(project) == (2, 2, 0, 0)
    decided = project.materialisations("quarantine/releases")[SECOND.isoformat()].metadata["decisions"]
    assert isinstance(decided, dg.TableMetadataValue)
    assert [row.data["decision"] for row in decided.records] == ["override"]
    assert ANNA not in str(decided)
    # Judged by the rules again, the row goes back.
    assert replay(project, {"files": ["all"]}).success
    assert counts(project) == (2, 1, 0, 1)


def test_the_replay_job_decides_nothing_without_names(project: Project) -> None:
    glucose(project, SECOND, 100.0, 610.0)
    assert replay(project, {}).success
    assert counts(project) == (2, 1, 0, 1)
    assert list(project.lake.objects(keys.RELEASED)) == []


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"files": ["gone.avro"]}, "Nothing in quarantine is called gone.avro"),
        ({"files": ["all"], "override": True}, "An override needs a reason"),
        ({"files": ["all"], "override": True, "because": "so"}, "cannot be released by override (not_avro)"),
    ],
)
def test_an_impossible_decision_is_refused_in_one_sentence_and_not_retried(
    project: Project, config: dict[str, object], sentence: str
) -> None:
    put_content(project.lake, "blood_glucose", b"no Avro", upload_date=SECOND)
    assert project.run(ASSETS, SECOND.isoformat()).success
    result = replay(project, config)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "quarantine__releases"
    described = failure.step_failure_data.user_failure_data
    assert described is not None
    assert sentence in str(described.description)
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert list(project.lake.objects(keys.RELEASED)) == []


def test_a_release_does_not_apply_to_other_content(project: Project) -> None:
    key = glucose(project, SECOND, 100.0, 610.0)
    assert project.run(ASSETS, SECOND.isoformat()).success
    assert replay(project, {"files": ["all"], "override": True, "because": "vouched for"}).success
    moment = utc("2025-09-16 13:00")
    other = avro_bytes("blood_glucose", [blood_glucose("a", moment), blood_glucose("b", moment, 615.0)])
    project.lake.put(key, other)
    assert project.run(ASSETS, SECOND.isoformat()).success
    assert counts(project) == (0, 0, 0, 0)  # the name holds the hash of what was there before


def test_the_standing_check_finds_failed_partitions_until_they_are_materialised(project: Project) -> None:
    glucose(project, FIRST, 100.0, 110.0)
    path = project.folder / "records" / "blood_glucose"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"in the way")
    assert not project.run(ASSETS, FIRST.isoformat()).success
    assert standing(project) == [FIRST.isoformat()]
    path.unlink()
    assert project.run(ASSETS, FIRST.isoformat()).success
    assert standing(project) == []


def standing(project: Project) -> list[str]:
    """Run the standing checks; return the failed partitions of the records of blood glucose."""
    job = build_definitions(project.settings).resolve_job_def(STANDING_CHECKS)
    result = job.execute_in_process(instance=project.instance, run_config=QUIET)
    (found,) = results(project, result, "raw/blood_glucose").values()
    table = found.metadata.get("partitions")
    rows = table.records if isinstance(table, dg.TableMetadataValue) else []
    assert found.passed == (not rows)
    return [str(row.data["partition"]) for row in rows if row.data["asset"] == "records/blood_glucose"]
