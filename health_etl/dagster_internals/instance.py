"""Where Dagster keeps its own data: files under DAGSTER_HOME, or PostgreSQL and the store where the settings name them.

A section of dagster.yaml cannot depend on the environment. These two classes can, so one dagster.yaml serves a laptop
without any server and a stack of services. Neither is ever made: each picks one of Dagster's own. As the addresses
come from the environment, no password stands in dagster.yaml or on the UI's page about the instance.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.compute_log_manager import ComputeLogManager
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from health_etl.dagster_internals.batched_events import BATCH_EVENTS
from health_etl.dagster_internals.sqlite_storage import BatchingSqliteStorage
from health_etl.dagster_internals.sqlite_tuning import spare_disk_from_now_on
from health_etl.dagster_internals.this_process import is_daemon, writes_many_events
from health_etl.settings import Settings, home_folder, load

# How soon the UI shows the output of a run that is still at work.
UPLOAD_INTERVAL_SECONDS = 15


class _ByTheSettings(ConfigurableClass):
    """What dagster.yaml names and says nothing more of."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return that dagster.yaml says nothing more: the settings do."""
        return {}


class ConfiguredStorage(DagsterStorage[Any], _ByTheSettings):
    """Runs, events and sensor states: PostgreSQL with HEALTH_ETL_DAGSTER_POSTGRES_URL, else SQLite files."""

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> DagsterStorage[Any]:
        """Return the storage that the settings name. Raises SettingsError when they are not usable."""
        del config_value
        # A run over a range writes hundreds of events that are alike; without the variable Dagster writes them singly.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(BATCH_EVENTS))
        if is_daemon():
            from health_etl.dagster_internals.prompt_daemon import look_often

            look_often()
        url = load().dagster_postgres_url
        if url is None:
            if writes_many_events():
                spare_disk_from_now_on()
            return BatchingSqliteStorage.from_local(str(home_folder()), inst_data)
        from health_etl.dagster_internals.postgres_storage import BatchingPostgresStorage

        return BatchingPostgresStorage(str(url.get_secret_value()), inst_data, keeps_connections=writes_many_events())


class ConfiguredComputeLogs(ComputeLogManager[Any], _ByTheSettings):
    """What runs print: objects under HEALTH_ETL_RUN_LOGS, else files under DAGSTER_HOME."""

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> ComputeLogManager[Any]:
        """Return the manager that the settings name. Raises SettingsError when they are not usable."""
        del config_value
        settings = load()
        local_folder = str(home_folder() / "storage")
        if settings.run_logs is None:
            return LocalComputeLogManager(local_folder, inst_data=inst_data)
        return _in_store(settings, settings.run_logs, local_folder, inst_data)


def _in_store(
    settings: Settings, url: str, local_folder: str, inst_data: ConfigurableClassData
) -> ComputeLogManager[Any]:
    import boto3
    from dagster_aws.s3 import S3ComputeLogManager

    if settings.s3_access_key_id and settings.s3_secret_access_key:
        # The manager takes no keys: it finds them where boto3 does.
        boto3.setup_default_session(
            aws_access_key_id=settings.s3_access_key_id,
            aws_secret_access_key=settings.s3_secret_access_key.get_secret_value(),
            region_name=settings.s3_region,
        )
    address = urlsplit(url)
    return S3ComputeLogManager(
        bucket=address.netloc,
        prefix=address.path.strip("/"),
        endpoint_url=settings.s3_endpoint_url,
        region=settings.s3_region,
        local_dir=local_folder,
        skip_empty_files=True,
        upload_interval=UPLOAD_INTERVAL_SECONDS,
        inst_data=inst_data,
    )
