"""The S3 server of the services tests, and a bucket of its own for each test.

A server that answers on TEST_HEALTH_ETL_S3_PORT (`make services`) is used as it is; else the session starts
one on free ports and stops it. Without Ceph's programs the tests skip, or fail where
TEST_HEALTH_ETL_REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.config import Config  # type: ignore[import-untyped]

from deploy.stack.servers import PortMapper, PostgreSQL, RabbitMQ, missing_packages
from deploy.stack.settings import StackSettings
from health_etl_tests.services.fault_proxy import FaultProxy
from health_etl_tests.support.availability import listens, unavailable
from health_etl_tests.support.stack import free_ports
from health_etl_tests.support.waiting import PATIENCE_SECONDS, wait_for

HERE = Path(__file__).parent
DEFAULT_PORT = "9100"
OWN_PORTS = range(9110, 9190, 2)  # the server takes a port and the one after it


@dataclass(frozen=True)
class S3Server:
    """A running S3 server and the keys that open it."""

    port: int
    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region: str

    def client(self) -> Any:
        """A boto3 client that neither retries nor asks a proxy; close it."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=self.region,
            config=Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def environment(self) -> dict[str, str]:
        """The HEALTH_ETL_S3_* variables that reach this server."""
        return {
            "HEALTH_ETL_S3_ENDPOINT_URL": self.endpoint_url,
            "HEALTH_ETL_S3_ACCESS_KEY_ID": self.access_key_id,
            "HEALTH_ETL_S3_SECRET_ACCESS_KEY": self.secret_access_key,
            "HEALTH_ETL_S3_REGION": self.region,
        }

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Refuse connections for the length of the block; the objects stay. Other test processes are waited for."""
        fcntl.flock(_users(self.port), fcntl.LOCK_EX)
        _script("stop-s3.sh", self.port, "gateway")
        try:
            yield
        finally:
            _script("start-s3.sh", self.port)
            fcntl.flock(_users(self.port), fcntl.LOCK_SH)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder `services`."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.services)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The S3 server, started unless one answers already."""
    if not all(map(shutil.which, ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"))):
        unavailable("no S3 server: install radosgw, ceph-mon, ceph-osd, ceph-common; then `make services`")
    standing = int(os.environ.get("TEST_HEALTH_ETL_S3_PORT", DEFAULT_PORT))
    if listens(standing):
        yield _started(standing)
        return
    port = next(port for port in OWN_PORTS if not (listens(port) or listens(port + 1)))
    try:
        yield _started(port)
    finally:
        _script("stop-s3.sh", port)


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """The address of a RabbitMQ of the session's own."""
    if missing := [package for package in missing_packages() if package == "rabbitmq-server"]:
        unavailable(f"no RabbitMQ: install {missing[0]}")
    with _own(PortMapper, RabbitMQ) as settings:
        yield settings.rabbitmq_url


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    """The address of a database of the module's own."""
    if missing := [package for package in missing_packages() if package == "postgresql"]:
        unavailable(f"no PostgreSQL: install {missing[0]}")
    with _own(PostgreSQL) as settings:
        yield settings.postgresql_url


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> Iterator[str]:
    """Name of a new, empty bucket; it goes with the test, and all that is in it."""
    name = f"test-{uuid.uuid4().hex}"
    with _in_use(s3_server.port), closing(s3_server.client()) as client:
        client.create_bucket(Bucket=name)
        yield name
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=name):
            for upload in page.get("Uploads", []):
                client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            if keys := [{"Key": entry["Key"]} for entry in page.get("Contents", [])]:
                client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
        client.delete_bucket(Bucket=name)


@pytest.fixture(scope="module")
def module_bucket(s3_server: S3Server) -> Iterator[str]:
    """Name of a bucket for all examples of a property, whatever their keys; it goes with the module."""
    name = f"test-{uuid.uuid4().hex}"
    with _in_use(s3_server.port), closing(s3_server.client()) as client:
        client.create_bucket(Bucket=name)
        yield name
        empty(client, name)
        client.delete_bucket(Bucket=name)


def empty(client: Any, bucket: str) -> None:
    """Delete objects one by one: XML, which deletes many at once, cannot hold every key."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            client.delete_object(Bucket=bucket, Key=entry["Key"])


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """A proxy in front of the server that fails on demand."""
    faulty = FaultProxy(s3_server.port)
    faulty.start()
    yield faulty
    faulty.stop()


def _is_healthy(service: PortMapper | RabbitMQ | PostgreSQL) -> bool:
    return service.problem() is None


@contextmanager
def _own(*kinds: type[PortMapper] | type[RabbitMQ] | type[PostgreSQL]) -> Iterator[StackSettings]:
    """Start services of the stack on free ports, in a folder that goes with them."""
    with free_ports() as first:
        settings = StackSettings(first)
        settings.make_folder()
        services = [kind(settings) for kind in kinds]
        try:
            for service in services:
                service.start()
                wait_for(partial(_is_healthy, service))
            yield settings
        finally:
            for service in reversed(services):
                service.kill()
            shutil.rmtree(settings.folder)


@cache
def _users(port: int) -> int:
    """Return the file that every test process locks while it uses the server: an outage is for one alone."""
    return os.open(Path(tempfile.gettempdir()) / f"health-etl-s3-users-{port}.lock", os.O_RDWR | os.O_CREAT, 0o666)


@contextmanager
def _in_use(port: int) -> Iterator[None]:
    fcntl.flock(_users(port), fcntl.LOCK_SH)
    try:
        yield
    finally:
        fcntl.flock(_users(port), fcntl.LOCK_UN)


def _started(port: int) -> S3Server:
    settings = dict(line.split("=", 1) for line in _script("start-s3.sh", port).splitlines())
    return S3Server(
        port=port,
        endpoint_url=settings["HEALTH_ETL_S3_ENDPOINT_URL"],
        access_key_id=settings["HEALTH_ETL_S3_ACCESS_KEY_ID"],
        secret_access_key=settings["HEALTH_ETL_S3_SECRET_ACCESS_KEY"],
        region=settings["HEALTH_ETL_S3_REGION"],
    )


def _script(name: str, port: int, *arguments: str) -> str:
    done = subprocess.run(
        [str(HERE / name), *arguments],
        env={**os.environ, "TEST_HEALTH_ETL_S3_PORT": str(port)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{name} on port {port}: {done.stderr.strip()}")
    return done.stdout
