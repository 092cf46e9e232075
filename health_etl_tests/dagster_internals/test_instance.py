"""One dagster.yaml serves a laptop and a stack: where Dagster keeps its own data is said by the settings alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.runs import SqliteRunStorage
from dagster._serdes import ConfigurableClassData
from dagster_aws.s3 import S3ComputeLogManager

from health_etl.dagster_internals.instance import ConfiguredComputeLogs, ConfiguredStorage
from health_etl.errors import SettingsError
from health_etl.settings import home_folder

NOTHING_MORE = ConfigurableClassData("health_etl.dagster_internals.instance", "unused", "{}")


@pytest.fixture
def home(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with the project's dagster.yaml."""
    shutil.copyfile(checkout / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def _default_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no keys of one test to the next."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    yield
    boto3.DEFAULT_SESSION = None


def logs_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what keeps the output of runs under these settings."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return ConfiguredComputeLogs.from_config_value(NOTHING_MORE, {})


def test_without_any_setting_dagster_keeps_its_data_in_files_of_its_home(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        runs, logs = instance.run_storage, instance.compute_log_manager
        instance.add_run_tags(instance.create_run_for_job(a_job()).run_id, {"kept": "yes"})
    assert isinstance(runs, SqliteRunStorage)
    assert isinstance(logs, LocalComputeLogManager)
    assert logs.get_captured_local_path(["run"], "out").startswith(str(home / "storage"))
    assert (home / "history" / "runs.db").is_file()
    with dg.DagsterInstance.get() as again:
        assert [run.tags["kept"] for run in again.get_runs()] == ["yes"]


def a_job() -> dg.JobDefinition:
    """Return the smallest job."""

    @dg.op
    def nothing() -> None: ...

    @dg.job
    def smallest() -> None:
        nothing()

    return smallest


def test_a_run_in_a_process_of_its_own_spares_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    asked: list[bool] = []
    monkeypatch.setattr("health_etl.dagster_internals.instance.spare_disk_from_now_on", lambda: asked.append(True))
    with dg.DagsterInstance.get():
        assert not asked
    monkeypatch.setattr("sys.argv", ["/bin/dagster", "api", "execute_run", "{}"])
    with dg.DagsterInstance.get():
        assert asked


def test_without_dagster_home_the_projects_own_is_taken(checkout: Path) -> None:
    assert home_folder() == checkout / "data" / "dagster_home"


def test_postgresql_is_taken_when_its_address_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        "health_etl.dagster_internals.postgres_storage.BatchingPostgresStorage",
        lambda url, inst_data, keeps_connections: asked.update(url=url, data=inst_data, keeps=keeps_connections),
    )
    monkeypatch.setenv("HEALTH_ETL_DAGSTER_POSTGRES_URL", "postgresql://dagster:secret@db:5432/dagster")
    ConfiguredStorage.from_config_value(NOTHING_MORE, {})
    url = "postgresql+psycopg2://dagster:secret@db:5432/dagster"
    assert asked == {"url": url, "data": NOTHING_MORE, "keeps": False}


def test_runs_write_their_output_to_the_store_with_the_lakes_keys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = logs_of(
        {
            "HEALTH_ETL_RUN_LOGS": "s3://health-runs/some/prefix/",
            "HEALTH_ETL_S3_ENDPOINT_URL": "http://127.0.0.1:9",
            "HEALTH_ETL_S3_ACCESS_KEY_ID": "access",
            "HEALTH_ETL_S3_SECRET_ACCESS_KEY": "secret",
            "HEALTH_ETL_S3_REGION": "eu-central-1",
        },
        monkeypatch,
    )
    assert isinstance(logs, S3ComputeLogManager)
    monkeypatch.setattr(logs, "cloud_storage_has_logs", lambda *_arguments, **_options: True)
    url = logs.download_url_for_type(["run", "compute_logs", "step"], ComputeIOType.STDERR)
    assert url.startswith("http://127.0.0.1:9/health-runs/some/prefix/storage/run/compute_logs/step.err?")
    assert "access" in url
    assert "eu-central-1" in url
    assert logs.local_manager.get_captured_local_path(["run"], "out").startswith(str(home))


def test_the_page_about_the_instance_shows_no_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    monkeypatch.setenv("HEALTH_ETL_RUN_LOGS", "s3://health-runs/logs")
    monkeypatch.setenv("HEALTH_ETL_S3_ACCESS_KEY_ID", "access-of-mine")
    monkeypatch.setenv("HEALTH_ETL_S3_SECRET_ACCESS_KEY", "secret-of-mine")
    with dg.DagsterInstance.get() as instance:
        shown = instance.info_str()
    assert "run_launcher" in shown
    assert "of-mine" not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DAGSTER_POSTGRES_URL", "mysql://user:secret@host/database"),
        ("DAGSTER_POSTGRES_URL", "postgresql://host/database"),
        ("DAGSTER_POSTGRES_URL", "postgresql://user:secret@host"),
        ("RUN_LOGS", "/var/log"),
        ("RUN_LOGS", "s3://No_Bucket"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence_without_the_address(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"HEALTH_ETL_{name}", value)
    chosen = ConfiguredComputeLogs if name == "RUN_LOGS" else ConfiguredStorage
    with pytest.raises(SettingsError, match=f"HEALTH_ETL_{name} is not valid; expected: ") as refused:
        chosen.from_config_value(NOTHING_MORE, {})
    assert value not in str(refused.value)
