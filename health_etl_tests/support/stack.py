"""The whole stack for tests: started once per session on free ports and filled with the sample exports."""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from deploy.stack.servers import missing_packages
from deploy.stack.settings import BIN, CHECKOUT, LAKE, StackSettings
from deploy.stack.stack import Stack
from health_etl.lake.store import Lake, connect
from health_etl.settings import Settings
from health_etl_tests.support.availability import listens, unavailable
from health_etl_tests.support.waiting import PATIENCE_SECONDS, wait_for

if TYPE_CHECKING:
    from dagster_graphql import DagsterGraphQLClient

FIRST_PORTS = range(9200, 9290, 10)
JOB = "bring_up_to_date"
USER = "demo"

LAUNCH_BACKFILL = """
mutation ($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}
"""
BACKFILL = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status runs(limit: 1000) { id status } }
  }
}
"""
RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"
SENSORS = """
query ($location: String!, $repository: String!) {
  sensorsOrError(repositorySelector: {repositoryName: $repository, repositoryLocationName: $location}) {
    ... on Sensors { results { id name sensorState { id status ticks(limit: 1) { status } } } }
  }
}
"""
STOP_SENSOR = "mutation ($id: String!) { stopSensor(id: $id) { __typename } }"
MATERIALISED = """
query ($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode { assetPartitionStatuses { ... on TimePartitionStatuses {
      ranges { status startKey endKey } } } }
  }
}
"""


@dataclass(frozen=True)
class RunningStack:
    """A running stack, with the queries that tests send to its webserver."""

    stack: Stack

    @property
    def settings(self) -> StackSettings:
        """The ports, folder and secrets of the stack."""
        return self.stack.settings

    @cached_property
    def client(self) -> DagsterGraphQLClient:
        """Dagster's own client for its GraphQL API."""
        from dagster_graphql import DagsterGraphQLClient

        return DagsterGraphQLClient("127.0.0.1", port_number=self.settings.port)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a query for which the client has no method."""
        found: dict[str, Any] = self.client._execute(query, variables)
        return found

    def lake_settings(self, url: str = LAKE) -> Settings:
        """Return the settings for the lake, or for another URL in the stack's store."""
        return Settings(
            lake=url,
            s3_endpoint_url=self.settings.s3_url,
            s3_access_key_id=self.settings.secrets["s3_access_key_id"],
            s3_secret_access_key=SecretStr(self.settings.secrets["s3"]),
        )

    def lake(self, url: str = LAKE) -> Lake:
        """Open the lake, or another URL in the stack's store."""
        return connect(self.lake_settings(url))

    def command(self, *arguments: str | Path) -> str:
        """Run `health-etl` against the stack; return its output. The command must succeed."""
        done = subprocess.run(
            [str(BIN / "health-etl"), *map(str, arguments)],
            cwd=CHECKOUT,
            env=self.settings.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def submit(self, assets: Sequence[str], partition: str) -> str:
        """Submit a run for one partition of these assets (`records/steps`); return its id."""
        run_id: str = self.client.submit_job_execution(
            JOB, tags={"dagster/partition": partition}, asset_selection=[asset.split("/") for asset in assets]
        )
        return run_id

    def status(self, run_id: str) -> str:
        """Return the status of a run."""
        return self.client.get_run_status(run_id).value

    def end(self, run_id: str) -> str:
        """Wait for the end of a run; return its final status."""
        ends = ("SUCCESS", "FAILURE", "CANCELED")
        return wait_for(lambda: (found := self.status(run_id)) in ends and found)

    def backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """Launch a backfill; return its id."""
        parameters = {
            "assetSelection": [{"path": asset.split("/")} for asset in assets],
            "partitionNames": list(partitions),
        }
        launched = self.ask(LAUNCH_BACKFILL, parameters=parameters)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        found: str = launched["backfillId"]
        return found

    def backfill_end(self, backfill_id: str) -> dict[str, Any]:
        """Wait for the end of a backfill; return its status and runs."""

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]
            return found if found["status"].startswith(("COMPLETED", "FAILED", "CANCELED")) else None

        return wait_for(ended)

    def stop_sensors(self) -> None:
        """Switch every sensor off, and wait for the ticks in progress."""
        stop_sensors(self.client)

    def materialised(self, asset: str) -> set[str]:
        """Return the materialised partitions of an asset."""
        node = self.ask(MATERIALISED, key={"path": asset.split("/")})["assetNodeOrError"]
        spans = [span for span in node["assetPartitionStatuses"]["ranges"] if span["status"] == "MATERIALIZED"]
        return {key for span in spans for key in _between(span["startKey"], span["endKey"])}


def dates(first: str, count: int) -> list[str]:
    """Return consecutive dates."""
    return [(date.fromisoformat(first) + timedelta(days=day)).isoformat() for day in range(count)]


def _between(first: str, last: str) -> list[str]:
    return dates(first, (date.fromisoformat(last) - date.fromisoformat(first)).days + 1)


def stop_sensors(client: DagsterGraphQLClient) -> None:
    """Switch every sensor off, and wait for the ticks in progress."""

    def sensors() -> list[dict[str, Any]]:
        where = {"location": "health_etl", "repository": "__repository__"}
        found: list[dict[str, Any]] = client._execute(SENSORS, where)["sensorsOrError"]["results"]
        return found

    for sensor in sensors():
        stopped = client._execute(STOP_SENSOR, {"id": sensor["sensorState"]["id"]})["stopSensor"]
        assert stopped["__typename"] == "StopSensorMutationResult", stopped
    wait_for(lambda: not any(map(_is_ticking, sensors())))


def _is_ticking(sensor: dict[str, Any]) -> bool:
    return any(tick["status"] == "STARTED" for tick in sensor["sensorState"]["ticks"])


@pytest.fixture(scope="session")
def stack(clean_session: None) -> Iterator[RunningStack]:
    """A stack with the sample exports and stopped sensors, so that it does nothing by itself. If the programs it needs
    are missing, tests skip, or fail where services are required.
    """
    del clean_session
    with running_stack() as running:
        running.stop_sensors()
        running.command("ingest", CHECKOUT / "data" / "sample", "--user", USER)
        yield running


@contextmanager
def running_stack() -> Iterator[RunningStack]:
    """Start a stack on free ports and remove it completely afterwards."""
    if missing := missing_packages():
        unavailable(f"no stack: install {', '.join(missing)}; `make stack` shows whether it starts")
    with free_ports() as first:
        yield from _run_stack(Stack(StackSettings(first), PATIENCE_SECONDS))


@contextmanager
def free_ports() -> Iterator[int]:
    """Reserve a range of ports that no program listens on and no other test process uses; yield the first."""
    for first in FIRST_PORTS:
        with Path(tempfile.gettempdir(), f"health-etl-test-stack-{first}.lock").open("a", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if not any(listens(port) for port in StackSettings(first).ports):
                yield first
                return
    raise AssertionError(f"all ports from {FIRST_PORTS[0]} on are taken")


def _run_stack(found: Stack) -> Iterator[RunningStack]:
    said: list[str] = []
    try:
        found.up(said.append)
        yield RunningStack(found)
    finally:
        for name in ("daemon", "code-server", "rabbitmq"):  # they would wait for runs that no test waits for
            found.service(name).kill()
        found.down(said.append)
    assert not found.settings.folder.exists()
    assert not [port for port in found.settings.ports if listens(port)]
