"""Ops behind the jobs that a person starts with a form: each turns the form into one backfill, so that Dagster runs
it in ranges, respects the pools and shows its progress. They make nothing themselves.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from health_etl.dagster_internals.queries import BackfillRequest, request_backfill
from health_etl.errors import PermanentError
from health_etl.insights.partition import InsightOptions
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL, UTC_OFFSETS
from health_etl.lake.manifest_cache import ManifestCache
from health_etl.lake.store import Lake
from health_etl.lake.sweep import sweep as sweep_lake
from health_etl.orchestration.assets.insights import insights_key
from health_etl.orchestration.assets.quarantine import quarantine_key
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.assets.training import JOURNAL
from health_etl.orchestration.jobs import FULL_SWEEP, SWEPT
from health_etl.orchestration.resources import LakeResource
from health_etl.orchestration.steps import run_step
from health_etl.planning import staleness
from health_etl.planning.spans import last_upload_date, month_key, next_day, next_month
from health_etl.planning.staleness import Scope
from health_etl.record_types import record_types
from health_etl.records import unclaimed
from health_etl.records.quality import QualityRules
from health_etl.settings import Settings
from health_etl.uploads.listing import list_all, list_dates
from health_etl.wording import counted

INGEST_DATE_RANGE = "ingest_date_range"
REBUILD_TRAINING = "rebuild_training"
PURPOSE = {"health_etl/started_by": "a person or a schedule"}

BACKFILL_OUTPUT = "backfill_id"
REQUESTED_BY = "health_etl/requested_by"


class DateRangeConfig(dg.Config):
    """Which uploads to bring up to date."""

    first_date: str = Field(description="First upload date, YYYY-MM-DD.")
    last_date: str = Field(default="", description="Last upload date, YYYY-MM-DD. Empty: the same as the first.")
    record_types: list[str] = Field(
        default=[],
        description=f"Record types, such as steps. Empty: all. Choose from {', '.join(record_types())}.",
    )
    also_unchanged: bool = Field(
        default=False,
        description="Run over dates that are up to date as well. Their files are not read; every check is run again.",
    )


class MonthRangeConfig(dg.Config):
    """Which months of training data to write."""

    first_month: str = Field(description="First local month, YYYY-MM.")
    last_month: str = Field(default="", description="Last local month, YYYY-MM. Empty: the same as the first.")
    rewrite: bool = Field(
        default=False,
        description="Also write months that are up to date. The bytes are the same; use it after a disk fault.",
    )


@dg.op(description="Requests a backfill over the upload dates: records, quarantine, offsets and insights.")
def request_upload_dates(context: dg.OpExecutionContext, config: DateRangeConfig, lake: LakeResource) -> None:
    """Request a backfill that brings a range of upload dates up to date."""
    with run_step(context):
        today, start = datetime.now(UTC).date(), lake.settings.start_date
        first = _date("first_date", config.first_date)
        last = _date("last_date", config.last_date or config.first_date)
        if not start <= first <= last <= today:
            raise PermanentError(f"The dates must lie between {start} and {today}, the first before the last.")
        unknown = sorted(set(config.record_types) - record_types().keys())
        if unknown:
            raise PermanentError(f"{unknown[0]} is not a record type; choose from {', '.join(record_types())}.")
        names = config.record_types or list(record_types())
        of_types = [key(name) for name in names for key in (records_key, quarantine_key, insights_key)]
        dates = _keys(first.isoformat(), last.isoformat(), next_day)
        if not config.also_unchanged:
            unsettled = _unsettled(context.instance, lake.open(), lake.settings, names, dates)
            context.log.info(f"{len(dates) - len(unsettled)} of {counted(len(dates), 'upload date')} up to date.")
            dates = sorted(unsettled)
        _request(
            context,
            f"Upload dates {first} to {last}",
            [*of_types, records_key(UTC_OFFSETS), insights_key(DAILY_JOURNAL)],
            dates,
        )


def _unsettled(
    instance: dg.DagsterInstance, lake: Lake, settings: Settings, names: Sequence[str], dates: Sequence[str]
) -> set[str]:
    """Return the dates on which something of these types is out of date, or made without Dagster knowing."""
    days, catalogue = [*map(date.fromisoformat, dates)], Catalogue(lake, ManifestCache())
    catalogue.read_all()
    scope = Scope(days[0], days[-1], frozenset(names))
    listing = list_dates(lake, [record_types()[name] for name in names], days)
    stale = staleness.stale_records(listing, catalogue, scope, QualityRules.of(settings))
    work = staleness.daily_work(stale, catalogue, InsightOptions.of(settings, lake), settings.start_date)
    found = {*work.records, *work.offsets} | {
        day for day, of_date in work.insights.items() if of_date & {*names, DAILY_JOURNAL}
    }
    for name in names:
        found |= {*catalogue.records(name)} - instance.get_materialized_partitions(records_key(name))
    return found & {*dates}


@dg.op(description="Requests a backfill over the months of the health journal.")
def request_months(context: dg.OpExecutionContext, config: MonthRangeConfig) -> None:
    """Request a backfill that writes a range of months of training data."""
    with run_step(context):
        first, last = _month("first_month", config.first_month), config.last_month or config.first_month
        last = _month("last_month", last)
        if last < first:
            raise PermanentError("The first month must not come after the last.")
        keys = _keys(month_key(first), month_key(last), next_month)
        run_config = {"ops": {JOURNAL.to_python_identifier(): {"config": {"rewrite": config.rewrite}}}}
        _request(context, f"Months {first} to {last}", [JOURNAL], keys, run_config)


class SweepConfig(dg.Config):
    """What a full sweep does besides counting."""

    start_runs: bool = Field(
        default=True,
        description="Have every sensor look at all upload dates at its next tick. False: only count and set aside.",
    )


@dg.op(
    pool="quarantine_unclaimed_uploads",
    description=(
        "Lists the whole of raw/, sets aside what no partition claims, counts what is out of date, and deletes tables "
        "that were replaced more than a day ago."
    ),
)
def sweep(context: dg.OpExecutionContext, config: SweepConfig, lake: LakeResource) -> None:
    """Look at every upload there is; the sensors then request the runs."""
    with run_step(context):
        opened, settings = lake.open(), lake.settings
        listing = list_all(opened, settings.start_date, last_upload_date(settings.start_date))
        unclaimed.update(opened, listing.unclaimed)
        stale = staleness.stale_records(listing, Catalogue(opened, ManifestCache()), Scope(), QualityRules.of(settings))
        swept = sweep_lake(opened, datetime.now(UTC))
        counts = {
            "uploads": sum(map(len, listing.uploads.values())),
            "partitions": len(listing.uploads),
            "stale_partitions": len(stale),
            "unclaimed_uploads": len(listing.unclaimed),
            "replaced_objects_deleted": swept.objects,
        }
        context.log.info(", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in counts.items()))
        context.add_output_metadata(counts)
        if config.start_runs:
            context.instance.add_run_tags(context.run_id, SWEPT)


@dg.job(
    name=FULL_SWEEP,
    description=(
        "Lists the whole bucket: sets aside uploads that no partition claims, counts what is out of date, and has "
        "every sensor look at all upload dates. Runs every night; the sensors also sweep by themselves, every "
        "HEALTH_ETL_FULL_SWEEP_MINUTES minutes."
    ),
    tags=PURPOSE,
)
def full_sweep() -> None:
    """Sweep."""
    sweep()


@dg.job(
    name=INGEST_DATE_RANGE,
    description=(
        "Brings a range of upload dates up to date, for some record types or all: records, quarantine, offsets, "
        "insights. Dates that are up to date are left out, and files that are accounted for are not read again. Fill "
        "in first_date and last_date in the launchpad; progress is shown under Runs, Backfills. Also the way to "
        "retry what the sensors no longer retry."
    ),
    tags=PURPOSE,
)
def ingest_date_range() -> None:
    """Request the dates."""
    request_upload_dates()


@dg.job(
    name=REBUILD_TRAINING,
    description=(
        "Writes months of training data: those whose insights changed or, with `rewrite`, all of the range. Fill in "
        "first_month and last_month in the launchpad; progress is shown under Runs, Backfills."
    ),
    tags=PURPOSE,
)
def rebuild_training() -> None:
    """Request the months."""
    request_months()


def _request(
    context: dg.OpExecutionContext,
    title: str,
    assets: Sequence[dg.AssetKey],
    partitions: Sequence[str],
    run_config: Mapping[str, Any] | None = None,
) -> None:
    if not partitions:
        context.log.info(f"{title}: everything is up to date, there is nothing to run.")
        context.add_output_metadata({"partitions": 0})
        return
    request = BackfillRequest(
        title=title,
        description=f"Requested by the job {context.job_name}, run {context.run_id}.",
        assets=assets,
        partitions=partitions,
        tags={REQUESTED_BY: context.job_name},
        run_config=run_config or {},
    )
    backfill_id = request_backfill(context.instance, context.repository_def.asset_graph, request)
    context.log.info(f"Requested backfill {backfill_id} over {len(partitions)} partitions of {len(assets)} assets.")
    context.add_output_metadata({BACKFILL_OUTPUT: backfill_id, "partitions": len(partitions)})


def _keys(first: str, last: str, following: Any) -> list[str]:
    found = [first]
    while found[-1] < last:
        found.append(following(found[-1]))
    return found


def _date(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PermanentError(f"{field} is {text!r}, not a date YYYY-MM-DD.") from None


def _month(field: str, text: str) -> str:
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text):
        raise PermanentError(f"{field} is {text!r}, not a month YYYY-MM.")
    return text
