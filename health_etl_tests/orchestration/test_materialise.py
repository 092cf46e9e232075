"""Partitions materialised through the project's own job: what each one says of itself, and what failures look like."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import fastavro
import pyarrow.parquet as pq
import pytest

from health_etl.errors import PermanentError, TransientError
from health_etl.insights import partition as insights_partition
from health_etl.insights import writer as writer
from health_etl.lake.keys import mask_key
from health_etl.lake.manifest import RecordsManifest
from health_etl.orchestration.resources import LakeAccess
from health_etl.orchestration.steps import RETRIES
from health_etl.records import partition as records_partition
from health_etl_tests.support.exports import put, steps
from health_etl_tests.support.state import is_accounts

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

HOME = timezone(timedelta(hours=-5))  # where the person of the sample lives
DATES = ["2025-09-15", "2025-09-16", "2025-09-17"]
GLUCOSE, STEPS = "BloodGlucoseRecord", "StepsRecord"
ASSETS = [f"{layer}/{name}" for layer in ("records", "insights") for name in ("blood_glucose", "steps")]
STEPS_OF_15 = ["StepsRecord_1757901111933.avro", "StepsRecord_1757941735901.avro"]


def exports(sample: Path, avro_name: str, date: str) -> list[list[dict[str, Any]]]:
    """Return the records of each export of an upload date, as fastavro reads them."""
    found = []
    for path in sorted(sample.glob(f"{avro_name}_*.avro")):
        exported = datetime.fromtimestamp(int(path.stem.partition("_")[2]) / 1000, tz=UTC)
        if exported.date().isoformat() == date:
            with path.open("rb") as file:
                found.append([record for record in fastavro.reader(file) if isinstance(record, dict)])
    return found


def number(materialisation: dg.AssetMaterialization, name: str) -> int:
    value = materialisation.metadata[name].value
    assert isinstance(value, int)
    return value


def data_version(materialisation: dg.AssetMaterialization) -> str:
    assert materialisation.tags is not None
    return materialisation.tags["dagster/data_version"]


def kinds(result: dg.ExecuteInProcessResult, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    return [event for event in result.all_events if event.event_type == kind]


def failures(result: dg.ExecuteInProcessResult) -> list[str | None]:
    """Return the description of every failed step."""
    found = [event.step_failure_data.user_failure_data for event in kinds(result, dg.DagsterEventType.STEP_FAILURE)]
    return [data.description if data else None for data in found]


@pytest.fixture(scope="module")
def ran(shared_project: Project, sample: Path) -> Project:
    """The sample's glucose and steps, materialised for one date and then for a range of two."""
    shared_project.ingest(sorted([*sample.glob(f"{GLUCOSE}_*"), *sample.glob(f"{STEPS}_*")]))
    assets = [*ASSETS, "records/utc_offsets"]
    assert shared_project.run(assets, DATES[0]).success
    assert shared_project.run(assets, DATES[1], DATES[2]).success
    return shared_project


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize(("name", "avro_name"), [("blood_glucose", GLUCOSE), ("steps", STEPS)])
def test_counts_are_those_of_the_partition(ran: Project, sample: Path, name: str, avro_name: str, date: str) -> None:
    files = exports(sample, avro_name, date)
    rows = [record for file in files for record in file]
    distinct = {record["metadata"]["id"] for record in rows}
    found = ran.materialisations(f"records/{name}")[date]
    assert number(found, "files") == number(found, "files_read") == len(files)
    assert number(found, "rows_in") == len(rows)
    assert number(found, "accepted") == len(distinct)
    assert number(found, "duplicate") == len(rows) - len(distinct)
    assert number(found, "dagster/row_count") == len(distinct)
    assert number(found, "quarantined") == number(found, "refused_files") == 0


def table_of(project: Project, partition: str) -> Path:
    (table,) = [path for path in (project.folder / partition).glob("*.parquet") if not is_accounts(path.name)]
    return table


@pytest.mark.parametrize("date", DATES)
def test_an_insights_partition_holds_the_local_days_that_its_upload_touched(
    ran: Project, sample: Path, date: str
) -> None:
    readings = [record for file in exports(sample, GLUCOSE, date) for record in file]
    days = {datetime.fromtimestamp(record["timeEpochMillis"] / 1000, tz=HOME).date() for record in readings}
    found = ran.materialisations("insights/blood_glucose")[date]
    table = pq.read_table(table_of(ran, f"insights/blood_glucose/{date}"))
    assert table["local_date"].to_pylist() == sorted(day.isoformat() for day in days)
    assert number(found, "dagster/row_count") == number(found, "person_days") == len(days)
    assert number(found, "withdrawn_person_days") == 0


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("asset", ASSETS)
def test_metadata_state_the_location_of_the_partition(ran: Project, asset: str, date: str) -> None:
    found = ran.materialisations(asset)[date]
    table = table_of(ran, f"{asset}/{date}")
    assert found.metadata["dagster/uri"].value == f"{ran.settings.lake}/{table.relative_to(ran.folder)}"
    assert number(found, "dagster/row_count") == pq.read_table(table).num_rows


@pytest.mark.parametrize("asset", ASSETS)
def test_every_partition_has_a_digest_of_its_own_and_every_materialisation_a_data_version(
    ran: Project, asset: str
) -> None:
    found = ran.materialisations(asset)
    assert list(found) == DATES
    assert len({materialisation.metadata["digest"].value for materialisation in found.values()}) == len(DATES)
    assert all(map(data_version, found.values()))


def test_the_data_version_of_a_partition_run_alone_is_its_digest(ran: Project) -> None:
    found = ran.materialisations("records/steps")[DATES[0]]
    manifest = RecordsManifest.from_json(ran.lake.get(f"records/steps/{DATES[0]}/000001.manifest.json"))
    assert data_version(found) == found.metadata["digest"].value == manifest.digest


def test_no_asset_check_failed(ran: Project) -> None:
    for run in ran.instance.get_runs():
        evaluations = ran.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        for log in evaluations:
            assert log.dagster_event is not None
            assert log.dagster_event.asset_check_evaluation_data.passed


def test_a_partition_without_uploads_is_empty_and_does_not_fail(project: Project) -> None:
    assert project.run(["records/steps", "insights/steps"], DATES[0]).success
    assert number(project.materialisations("records/steps")[DATES[0]], "dagster/row_count") == 0
    assert project.contents() == {}


def test_a_refused_file_appears_in_the_metadata_and_the_others_are_processed(project: Project, sample: Path) -> None:
    project.ingest([sample / name for name in STEPS_OF_15])
    (name,) = [key for key in project.contents() if "_015151_" in key]
    (project.folder / name).write_bytes(b"no Avro at all")
    assert project.run(["records/steps"], DATES[0]).success
    found = project.materialisations("records/steps")[DATES[0]]
    assert (number(found, "files"), number(found, "refused_files"), number(found, "rows_in")) == (2, 1, 2)
    table = found.metadata["refused"]
    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert record.data["reason"] == "not_avro"
    assert record.data["file"] == mask_key(name)


def test_a_permanent_failure_fails_once_with_our_own_message(project: Project, sample: Path) -> None:
    project.ingest([sample / name for name in STEPS_OF_15])
    (project.folder / "records" / "steps").mkdir(parents=True)
    (project.folder / "records" / "steps" / DATES[0]).touch()
    result = project.run(["records/steps"], DATES[0])
    assert not result.success
    (message,) = failures(result)
    assert message is not None
    table = f"{project.settings.lake}/records/steps/{DATES[0]}/"
    assert message.startswith(table)
    assert " cannot be written (Not a directory)" in message
    assert message.endswith("check the folder and its disk, or set HEALTH_ETL_LAKE to another folder.")
    assert kinds(result, dg.DagsterEventType.STEP_UP_FOR_RETRY) == []
    assert project.materialisations("records/steps") == {}


def test_a_lake_that_refuses_our_keys_fails_an_insight_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: LakeAccess) -> None:
        raise PermanentError("The S3 server rejected the access keys; check them.")

    monkeypatch.setattr(LakeAccess, "open", refused)
    result = project.run(["insights/steps"], DATES[0])
    assert failures(result) == ["The S3 server rejected the access keys; check them."]
    assert kinds(result, dg.DagsterEventType.STEP_UP_FOR_RETRY) == []


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, int], None]:
    """Make a function fail that many times, as a store does that is restarted; retries wait for nothing."""
    monkeypatch.setattr("health_etl.orchestration.steps.FIRST_WAIT_SECONDS", 0)

    def arrange(module: Any, name: str, times: int) -> None:
        real, left = getattr(module, name), [times]

        def sometimes(*arguments: Any, **named: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise TransientError("The S3 server does not answer; start it.")
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, sometimes)

    return arrange


@pytest.mark.parametrize(
    ("module", "name"),
    [(records_partition, "update"), (insights_partition, "inputs"), (writer, "write_partition")],
    ids=["records", "select", "narrate"],
)
def test_a_transient_failure_is_retried_until_it_passes(
    project: Project, sample: Path, flaky: Callable[[Any, str, int], None], module: Any, name: str
) -> None:
    project.ingest([sample / name for name in STEPS_OF_15])
    flaky(module, name, 2)
    result = project.run(["records/steps", "records/utc_offsets", "insights/steps"], DATES[0])
    assert failures(result) == []
    assert result.success
    assert len(kinds(result, dg.DagsterEventType.STEP_UP_FOR_RETRY)) == 2
    assert len(kinds(result, dg.DagsterEventType.STEP_RESTARTED)) == 2
    assert number(project.materialisations("insights/steps")[DATES[0]], "person_days") == 1


def test_a_transient_failure_that_persists_ends_with_our_own_message(
    project: Project, sample: Path, flaky: Callable[[Any, str, int], None]
) -> None:
    project.ingest([sample / name for name in STEPS_OF_15])
    flaky(records_partition, "update", 100)
    result = project.run(["records/steps"], DATES[0])
    assert failures(result) == ["The S3 server does not answer; start it."]
    assert len(kinds(result, dg.DagsterEventType.STEP_UP_FOR_RETRY)) == RETRIES


def fail_at(monkeypatch: pytest.MonkeyPatch, failing: str) -> list[str]:
    """Make the records of one upload date fail; return the list that fills with the dates that do not."""
    real = records_partition.update
    done: list[str] = []

    def update(lake: Any, record_type: Any, upload_date: Any, *others: Any) -> Any:
        if upload_date.isoformat() == failing:
            raise PermanentError("This account may not write there; change its permissions.")
        done.append(upload_date.isoformat())
        return real(lake, record_type, upload_date, *others)

    monkeypatch.setattr(records_partition, "update", update)
    return done


def test_a_range_that_failed_half_way_is_finished_by_the_next_run(
    project: Project, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.ingest(sorted(sample.glob(f"{STEPS}_*")))
    done = fail_at(monkeypatch, DATES[1])
    assert not project.run(["records/steps"], DATES[0], DATES[2]).success
    assert done == [DATES[0], DATES[2]]
    monkeypatch.undo()
    assert project.run(["records/steps"], DATES[0], DATES[2]).success
    found = project.materialisations("records/steps")
    assert [number(found[date], "files_read") for date in DATES] == [0, 2, 0]


def test_a_date_that_fails_does_not_fail_the_rest_of_its_range(project: Project) -> None:
    dates = [date(2025, 9, day) for day in (20, 21, 22)]
    for day in dates:
        put(project.lake, "steps", [steps()], upload_date=day)
    in_the_way = project.folder / "records" / "steps" / dates[1].isoformat()
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    result = project.run(["records/steps"], dates[0].isoformat(), dates[-1].isoformat())
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data is not None
    assert "1 of 3 partitions failed (2025-09-21); the others succeeded: " in str(
        failure.step_failure_data.user_failure_data.description
    )
    made = project.materialisations("records/steps")
    assert sorted(made) == ["2025-09-20", "2025-09-22"]
    assert {made[key].metadata["accepted"].value for key in made} == {1}
    assert all(made[key].tags for key in made)
    in_the_way.unlink()
    assert project.run(["records/steps"], dates[0].isoformat(), dates[-1].isoformat()).success
    assert len(project.materialisations("records/steps")) == 3
