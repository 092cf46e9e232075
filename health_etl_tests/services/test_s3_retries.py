"""What Dagster shows of a failing store: a transient fault as a retried step, a permanent one as one failure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from health_etl.lake import store as lake_module
from health_etl.settings import load
from health_etl_tests.orchestration.conftest import Project
from health_etl_tests.services.fault_proxy import DENIED, SLOW_DOWN, Fault, FaultProxy, Where, reads, writes
from health_etl_tests.support.exports import put, steps, utc

if TYPE_CHECKING:
    from health_etl_tests.services.conftest import S3Server

PARTITION = "2025-09-15"
ASSETS = ["records/steps", "records/utc_offsets", "insights/steps"]
FAILED = dg.DagsterEventType.STEP_FAILURE
SILENCE_SECONDS = 5.0  # more than a busy machine takes for an answer
TRIED_AGAIN = dg.DagsterEventType.STEP_UP_FOR_RETRY


@pytest.fixture
def project(
    proxy: FaultProxy, s3_server: S3Server, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """The project, over a bucket behind the proxy that holds one upload; its client tries a request twice."""
    server = s3_server.environment() | {"HEALTH_ETL_S3_ENDPOINT_URL": proxy.url, "HEALTH_ETL_LAKE": f"s3://{s3_bucket}"}
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lake_module, "RETRIES", 1)
    monkeypatch.setattr(lake_module, "REQUEST_TIMEOUT", timedelta(seconds=SILENCE_SECONDS))
    monkeypatch.setattr("health_etl.orchestration.steps.FIRST_WAIT_SECONDS", 0)
    with dg.DagsterInstance.ephemeral() as instance:
        found = Project(load(), instance)
        put(found.lake, "steps", [steps(start=utc("2025-09-14 17:00"))], upload_date=date.fromisoformat(PARTITION))
        yield found


def steps_that(result: dg.ExecuteInProcessResult, kind: dg.DagsterEventType) -> list[str | None]:
    """Return the step of every such event."""
    return [event.step_key for event in result.all_events if event.event_type == kind]


@pytest.mark.parametrize(
    ("fault", "where", "step"),
    [
        (SLOW_DOWN, reads("/raw/"), "records__steps"),
        (Fault(delay_seconds=SILENCE_SECONDS + 1), writes("/records/steps/"), "records__steps"),
        (SLOW_DOWN, reads(".parquet"), "check_records_steps"),
        (SLOW_DOWN, writes("/insights/steps/"), "insights__steps.narrate_steps"),
    ],
    ids=["busy when read", "silent when written", "busy within a table", "busy when narrated"],
)
def test_a_transient_fault_appears_as_a_retried_step_that_then_succeeds(
    project: Project, proxy: FaultProxy, fault: Fault, where: Where, step: str
) -> None:
    happened = proxy.fail(fault, where, times=2)
    result = project.run(ASSETS, PARTITION)
    assert result.success
    assert happened() == 2
    assert steps_that(result, TRIED_AGAIN) == [step]
    assert steps_that(result, FAILED) == []
    assert project.materialisations("insights/steps")[PARTITION].metadata["person_days"].value == 1


def test_a_store_that_refuses_fails_its_step_at_the_first_attempt(project: Project, proxy: FaultProxy) -> None:
    refused = proxy.fail(DENIED, writes("/records/steps/"))
    result = project.run(ASSETS, PARTITION)
    assert steps_that(result, FAILED) == ["records__steps"]
    assert steps_that(result, TRIED_AGAIN) == []
    assert refused() == 1
