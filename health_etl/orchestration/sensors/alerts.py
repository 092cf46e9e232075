"""Alerts people outside Dagster: JSON to one webhook, with names of jobs, steps and partitions, never a value."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import dagster as dg
import urllib3

from health_etl.errors import TransientError
from health_etl.planning.run_requests import ATTEMPT, PARTITION, RANGE_END, RANGE_START
from health_etl.settings import Settings

TIMEOUT_SECONDS = 5
RETRIES = 2
FAILED_RUN = "run_failed"
EXHAUSTED = "partitions_given_up"


def post(settings: Settings, event: str, about: dict[str, Any]) -> bool:
    """Post one event where a webhook is set; return whether there is one.

    `text` repeats the fields for chats that show nothing else. Raises TransientError when the webhook does not accept
    it; the address, which may hold a secret, is not shown.
    """
    if settings.alert_webhook is None:
        return False
    body = {"source": "health_etl", "event": event, **about}
    retries = urllib3.Retry(RETRIES, backoff_factor=0.2, status_forcelist=(429, 502, 503, 504), allowed_methods=None)
    with urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=retries) as pool:
        try:
            answer = pool.request("POST", str(settings.alert_webhook.get_secret_value()), json=body)
        except urllib3.exceptions.HTTPError as error:
            message = f"HEALTH_ETL_ALERT_WEBHOOK does not accept alerts ({type(error).__name__}); check the address."
            raise TransientError(message) from None
    if not 200 <= answer.status < 300:
        raise TransientError(f"HEALTH_ETL_ALERT_WEBHOOK answers {answer.status}; check the address.")
    return True


def alert_exhausted(settings: Settings, log: logging.Logger, what: str, partitions: Sequence[str]) -> bool:
    """Post that partitions are exhausted: their last attempt failed. Return whether people were alerted.

    A broken webhook must not stop a sensor from working: the error is logged, and the next tick tries again.
    """
    text = f"{what}: gave up {', '.join(partitions)}; read the error of the last run, then materialise again."
    try:
        post(settings, EXHAUSTED, {"asset": what, "partitions": list(partitions), "text": text})
    except TransientError as error:
        log.error(str(error))
        return False
    return True


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that posts every failed run."""

    @dg.run_failure_sensor(
        name="post_failed_runs",
        default_status=dg.DefaultSensorStatus.RUNNING if settings.alert_webhook else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
        description="Posts every failed run to HEALTH_ETL_ALERT_WEBHOOK; without that setting there is nothing to do.",
    )
    def post_failed_runs(context: dg.RunFailureSensorContext) -> None:
        post(settings, FAILED_RUN, failed_run(context.dagster_run, context.get_step_failure_events()))

    return post_failed_runs


def failed_run(run: dg.DagsterRun, failures: Sequence[dg.DagsterEvent]) -> dict[str, Any]:
    """Return what is posted about a failed run: where it failed, and the kind of error; its message may quote data."""
    first = run.tags.get(RANGE_START, run.tags.get(PARTITION))
    last = run.tags.get(RANGE_END, first)
    steps = [{"step": event.step_key, "error": _kind(event)} for event in failures]
    span = f" for {first}" + (f" to {last}" if last != first else "") if first else ""
    return {
        "run_id": run.run_id,
        "job": run.job_name,
        "first_partition": first,
        "last_partition": last,
        "attempt": run.tags.get(ATTEMPT),
        "failed_steps": steps,
        "text": f"{run.job_name}{span} failed: {', '.join(str(step['step']) for step in steps) or 'its process'}.",
    }


def _kind(event: dg.DagsterEvent) -> str | None:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.cls_name if error is not None else None
