"""Wiring only: settings to assets, checks, jobs and resources."""

from __future__ import annotations

import warnings

import dagster as dg

from health_etl.orchestration.assets.clinical_ops import HAND_OVER
from health_etl.orchestration.assets.insights import insights_assets
from health_etl.orchestration.assets.quarantine import quarantine_assets
from health_etl.orchestration.assets.raw import raw_assets
from health_etl.orchestration.assets.records import records_assets
from health_etl.orchestration.assets.releases import releases_asset
from health_etl.orchestration.assets.training import journal_asset
from health_etl.orchestration.assets.unclaimed import unclaimed_asset
from health_etl.orchestration.backfill_requests import full_sweep, ingest_date_range, rebuild_training
from health_etl.orchestration.checks import asset_checks
from health_etl.orchestration.io_managers import hand_over_io_manager
from health_etl.orchestration.jobs import jobs
from health_etl.orchestration.partitions import local_months, upload_dates
from health_etl.orchestration.resources import LakeResource
from health_etl.orchestration.schedules import schedules
from health_etl.orchestration.sensors import sensors
from health_etl.orchestration.standing_checks import no_failed_partitions
from health_etl.settings import Settings, load


def build_definitions(settings: Settings | None = None) -> dg.Definitions:
    """Return the definitions for these settings, those of the environment by default.

    Raises SettingsError when a setting is not usable.
    """
    settings = settings or load()
    dates, months = upload_dates(settings.start_date), local_months()
    policy = dg.BackfillPolicy.multi_run(max_partitions_per_run=settings.dates_per_run)
    return dg.Definitions(
        assets=[
            *raw_assets(dates, settings.lake),
            *records_assets(dates, policy),
            *insights_assets(dates, policy),
            journal_asset(months, policy),
            *quarantine_assets(dates, policy),
            releases_asset(dates, policy),
            unclaimed_asset(dates),
        ],
        asset_checks=[*asset_checks(dates, months), no_failed_partitions()],
        jobs=[*jobs(), full_sweep, ingest_date_range, rebuild_training],
        schedules=schedules(settings),
        sensors=sensors(settings),
        resources={"lake": LakeResource(url=settings.lake), HAND_OVER: hand_over_io_manager},
        # Steps are small: parallelism is across runs, and a process a step would cost seconds each.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return what Dagster loads."""
    # Backfill policies, look-back and checks by partition are beta; we rely on them knowingly, and pin Dagster.
    for category in (dg.BetaWarning, dg.PreviewWarning):
        warnings.filterwarnings("ignore", category=category)
    return build_definitions()
