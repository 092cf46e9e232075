"""Ends runs that were killed.

A killed run never reports its end: Dagster would consider it alive, and the next run would wait for its pools forever.
The holder of the host's lock knows that every earlier command-line run of this host is over.
"""

from __future__ import annotations

import socket

import dagster as dg

from health_etl.dagster_internals.queries import free_pool_slots

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
UNFINISHED = [status for status in dg.DagsterRunStatus if status not in FINISHED]
STARTED_HERE = {"health_etl/started_by": "health-etl run", "health_etl/host": socket.gethostname()}


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Report earlier command-line runs of this host as failed and free what they hold; call it with the lock held."""
    dead = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED, tags=STARTED_HERE))
    for run in dead:
        instance.report_run_failed(
            run, "The process of this run was killed; what it wrote is complete, and the next run does the rest."
        )
        free_pool_slots(instance, run.run_id)
