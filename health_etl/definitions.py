"""Wiring only: from settings to assets, checks, jobs, schedules, sensors and resources."""

from __future__ import annotations

import warnings

import dagster as dg

from health_etl.orchestration.assets.clinical_ops import HAND_OVER
from health_etl.orchestration.assets.factory import Partitions
from health_etl.orchestration.assets.insights import insights_assets
from health_etl.orchestration.assets.quarantine import quarantine_assets
from health_etl.orchestration.assets.raw import raw_assets
from health_etl.orchestration.assets.records import records_assets
from health_etl.orchestration.assets.releases import releases_asset
from health_etl.orchestration.assets.training import journal_asset
from health_etl.orchestration.assets.unclaimed import unclaimed_asset
from health_etl.orchestration.backfill_requests import full_sweep, ingest_date_range, rebuild_training
from health_etl.orchestration.checks import asset_checks
from health_etl.orchestration.history import prune_history
from health_etl.orchestration.home import check_home
from health_etl.orchestration.io_managers import hand_over_io_manager
from health_etl.orchestration.jobs import jobs
from health_etl.orchestration.partitions import local_months, upload_dates
from health_etl.orchestration.resources import lake_resource
from health_etl.orchestration.schedules import schedules
from health_etl.orchestration.sensors import sensors
from health_etl.orchestration.standing_checks import no_failed_partitions
from health_etl.settings import Settings, load


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the definitions for these settings."""
    # Backfill policies, partition mappings and partitioned checks are beta: we use them deliberately and pin Dagster.
    for category in (dg.BetaWarning, dg.PreviewWarning):
        warnings.filterwarnings("ignore", category=category)
    dates, months = upload_dates(settings.start_date), local_months()
    policy = dg.BackfillPolicy.multi_run(max_partitions_per_run=settings.dates_per_run)
    by_date, by_month = Partitions(dates, policy), Partitions(months, policy)
    return dg.Definitions(
        assets=[
            *raw_assets(dates, settings.lake),
            *records_assets(by_date),
            *insights_assets(by_date),
            journal_asset(by_month),
            *quarantine_assets(by_date),
            releases_asset(by_date),
            unclaimed_asset(),
        ],
        asset_checks=[*asset_checks(dates, months), no_failed_partitions()],
        jobs=[*jobs(), full_sweep, ingest_date_range, rebuild_training, prune_history],
        schedules=schedules(settings),
        sensors=sensors(settings),
        resources={"lake": lake_resource(settings), HAND_OVER: hand_over_io_manager},
        # Steps are small: runs execute in parallel, and a process per step would cost seconds each.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return what Dagster loads: the definitions for the settings of the environment.

    Raises SettingsError when a setting is not valid, PermanentError when DAGSTER_HOME has no dagster.yaml.
    """
    check_home()
    return build_definitions(load())
