"""Schedules: what happens every night (UTC) without anyone requesting it."""

from __future__ import annotations

from datetime import UTC, date, timedelta

import dagster as dg

from health_etl.orchestration.jobs import CHECK_FRESHNESS, CHECK_JOURNAL, FULL_SWEEP, PRUNE_HISTORY, STANDING_CHECKS
from health_etl.planning.run_requests import partition_tags
from health_etl.planning.spans import month_key
from health_etl.settings import Settings

MONTHS_CHECKED = 13
DATES_CHECKED = 35
RUNNING = dg.DefaultScheduleStatus.RUNNING


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Return every schedule."""
    return [
        dg.ScheduleDefinition(
            name="nightly_full_sweep",
            job_name=FULL_SWEEP,
            cron_schedule="0 1 * * *",
            default_status=RUNNING,
            description="Lists the whole bucket, and has every sensor look at all upload dates again.",
        ),
        _journal_consistency(),
        _freshness(settings.start_date),
        dg.ScheduleDefinition(
            name="nightly_standing_checks",
            job_name=STANDING_CHECKS,
            cron_schedule="0 5 * * *",
            default_status=RUNNING,
            description="Looks for partitions that were left failed.",
        ),
        dg.ScheduleDefinition(
            name="nightly_pruning",
            job_name=PRUNE_HISTORY,
            cron_schedule="0 6 * * *",
            default_status=RUNNING,
            description=f"Deletes runs that ended more than {settings.history_days} days ago and are no longer needed.",
        ),
    ]


def _journal_consistency() -> dg.ScheduleDefinition:
    @dg.schedule(
        name="nightly_journal_consistency",
        job_name=CHECK_JOURNAL,
        cron_schedule="0 3 * * *",
        default_status=RUNNING,
        description=f"Checks the last {MONTHS_CHECKED} months of the journal against their manifests and insights.",
    )
    def journal_consistency(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        today = _day(context)
        first = date(today.year - 1, today.month, 1)
        return _range(month_key(f"{first:%Y-%m}"), month_key(f"{today:%Y-%m}"))

    return journal_consistency


def _freshness(start_date: date) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="nightly_freshness",
        job_name=CHECK_FRESHNESS,
        cron_schedule="0 4 * * *",
        default_status=RUNNING,
        description=f"Checks whether the last {DATES_CHECKED} upload dates were made from the current inputs.",
    )
    def freshness(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        today = _day(context)
        return _range(max(today - timedelta(days=DATES_CHECKED - 1), start_date).isoformat(), today.isoformat())

    return freshness


def _day(context: dg.ScheduleEvaluationContext) -> date:
    return context.scheduled_execution_time.astimezone(UTC).date()


def _range(first: str, last: str) -> dg.RunRequest:
    return dg.RunRequest(run_key=last, tags=partition_tags(first, last))
