"""`health-etl setup` on a real S3 server: creates what is missing, and says in one sentence what it cannot create."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine
    from health_etl_tests.services.conftest import S3Server


@pytest.fixture
def names(s3_server: S3Server) -> Iterator[tuple[str, str]]:
    """Names of two buckets that do not exist; they are removed after the test."""
    found = (f"lake-{uuid.uuid4().hex}", f"runs-{uuid.uuid4().hex}")
    yield found
    with closing(s3_server.client()) as client:
        for name in found:
            try:
                client.delete_bucket(Bucket=name)
            except client.exceptions.NoSuchBucket:
                continue


@pytest.fixture
def command_with(
    command_line: type[CommandLine], s3_server: S3Server, names: tuple[str, str], tmp_path: Path
) -> Callable[..., CommandLine]:
    """The command, on the two buckets, with settings changed."""
    lake, runs = names
    settings = {
        **s3_server.environment(),
        "HEALTH_ETL_LAKE": f"s3://{lake}/inside",
        "HEALTH_ETL_RUN_LOGS_BUCKET": runs,
    }
    return lambda **changed: command_line(tmp_path, settings | changed)


def test_missing_buckets_are_created_and_existing_ones_left_alone(
    command_with: Callable[..., CommandLine], s3_server: S3Server, names: tuple[str, str]
) -> None:
    first = command_with()("setup")
    assert first.exit_code == 0, first.output
    assert [line.partition(" exists")[0] for line in first.stdout.splitlines()[:2]] == [
        f"bucket {name}" for name in names
    ]
    with closing(s3_server.client()) as client:
        for name in names:
            client.put_object(Bucket=name, Key="kept", Body=b"kept")
        assert command_with()("setup").stdout == first.stdout
        for name in names:
            assert client.get_object(Bucket=name, Key="kept")["Body"].read() == b"kept"
            client.delete_object(Bucket=name, Key="kept")


def test_dagsters_tables_exist_afterwards(command_with: Callable[..., CommandLine]) -> None:
    command = command_with()
    assert command("setup").exit_code == 0
    assert (command.dagster_home / "history" / "runs.db").is_file()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("HEALTH_ETL_S3_SECRET_ACCESS_KEY", "wrong", "The S3 server rejected the access keys for s3://lake-"),
        ("HEALTH_ETL_S3_ENDPOINT_URL", "http://127.0.0.1:9", "at http://127.0.0.1:9 does not answer; start it"),
    ],
)
def test_a_server_that_refuses_or_does_not_answer_is_reported_in_one_sentence(
    command_with: Callable[..., CommandLine], name: str, value: str, message: str
) -> None:
    done = command_with(**{name: value})("setup")
    assert done.exit_code == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_lake_in_a_folder_needs_no_bucket(command_line: type[CommandLine], tmp_path: Path) -> None:
    done = command_line(tmp_path)("setup")
    assert done.exit_code == 0
    assert "bucket" not in done.stdout
    assert "Dagster's tables and the pools of its assets exist" in done.stdout
