"""The whole way on a real S3 server: the same bytes as in a folder, and failures reported in one sentence, soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.lake.store import connect
from health_etl.settings import Settings
from health_etl_tests.support.state import without_etags

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine
    from health_etl_tests.services.conftest import S3Server

SOON_SECONDS = 120  # on a busy machine; a run that waits for its own limits alone takes far longer
STEPS = "StepsRecord_1757901111933.avro"
PAGE = 1000  # objects that S3 lists at once, at most


def contents(server: S3Server, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """Return every object under a prefix, as another client reads it."""
    with closing(server.client()) as client:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@pytest.fixture
def sample(checkout: Path) -> Path:
    """Folder of the exports that ship with the project."""
    return checkout / "data" / "sample"


@pytest.fixture
def command(command_line: type[CommandLine], tmp_path: Path, s3_server: S3Server, s3_bucket: str) -> CommandLine:
    """The command, on an empty bucket."""
    return command_line(tmp_path, {**s3_server.environment(), "HEALTH_ETL_LAKE": f"s3://{s3_bucket}"})


def test_a_bucket_and_a_folder_end_with_the_same_bytes(
    command: CommandLine, command_line: type[CommandLine], s3_server: S3Server, s3_bucket: str, sample: Path
) -> None:
    in_folder = command_line(command.folder / "in a folder")
    for one in (command, in_folder):
        assert "26 files: 26 put" in one("ingest", sample, "--user", "demo").stdout
        assert one("run").exit_code == 0
    in_bucket = contents(s3_server, s3_bucket)
    assert without_etags(in_bucket) == without_etags(in_folder.contents())
    assert sum(key.endswith(".jsonl") for key in in_bucket) == 5

    assert "26 already there" in command("ingest", sample, "--user", "demo").stdout
    assert "Everything was up to date" in command("run").stdout
    assert contents(s3_server, s3_bucket) == in_bucket


def test_a_lake_may_be_a_prefix_of_a_bucket(
    command: CommandLine, s3_server: S3Server, s3_bucket: str, sample: Path
) -> None:
    url = f"s3://{s3_bucket}/teams/sleep"
    inside = type(command)(command.folder, {**command.settings, "HEALTH_ETL_LAKE": url})
    assert inside("ingest", sample / STEPS, "--user", "demo").exit_code == 0
    ran = inside("run")
    journal = "training/physical_activity/2025/09/health_journal_2025_09.jsonl"
    assert f"{url}/{journal}  3 lines" in ran.stdout
    keys = contents(s3_server, s3_bucket).keys()
    assert f"teams/sleep/{journal}" in keys
    assert {key for key in keys if not key.startswith("teams/sleep/")} == set()
    assert "Everything was up to date" in inside("run").stdout


def test_unusual_user_ids_are_told_apart_and_found_again(command: CommandLine, sample: Path) -> None:
    users = ["a@b.c", "a+b", "a_b", "a-b", "A-B"]
    for user in users:
        assert "1 put into" in command("ingest", sample / STEPS, "--user", user).stdout
    for user in users:
        assert "1 already there" in command("ingest", sample / STEPS, "--user", user).stdout
    output = command("run").stdout
    assert "5 files read" in output
    assert "health_journal_2025_09.jsonl  15 lines" in output
    assert "Everything was up to date" in command("run").stdout


def test_a_listing_of_more_than_a_page_is_complete(s3_server: S3Server, s3_bucket: str, command: CommandLine) -> None:
    keys = [f"raw/StepsRecord/2025/09/15/object_{number:04d}" for number in range(PAGE + 5)]
    with closing(s3_server.client()) as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: client.put_object(Bucket=s3_bucket, Key=key, Body=b""), keys))
    lake = connect(Settings.model_validate({"lake": f"s3://{s3_bucket}", **s3_settings(command)}))
    assert [info.key for info in lake.objects("raw/")] == keys


def s3_settings(command: CommandLine) -> dict[str, str]:
    names = {name.removeprefix("HEALTH_ETL_").lower(): value for name, value in command.settings.items()}
    return {name: value for name, value in names.items() if name.startswith("s3_")}


@pytest.fixture(params=["run", "ingest"])
def error_of(request: pytest.FixtureRequest, command: CommandLine, sample: Path) -> Callable[..., str]:
    """Run a command with other settings; return the one sentence that it must end with, soon."""
    arguments = ["run"] if request.param == "run" else ["ingest", str(sample / STEPS), "--user", "demo"]

    def failing(*without: str, **settings: str) -> str:
        changed = {**command.settings, **{f"HEALTH_ETL_{name}": value for name, value in settings.items()}}
        for name in without:
            del changed[f"HEALTH_ETL_{name}"]
        started = time.monotonic()
        result = type(command)(command.folder, changed)(*arguments)
        assert time.monotonic() - started < SOON_SECONDS
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert result.stderr.endswith(".\n")
        assert result.stderr.count("\n") == 1
        assert changed.get("HEALTH_ETL_S3_SECRET_ACCESS_KEY", "none") not in result.output
        return result.stderr

    return failing


def test_an_unknown_key_is_refused_in_one_sentence(error_of: Callable[..., str]) -> None:
    assert "rejected the access keys" in error_of(S3_ACCESS_KEY_ID="a-stranger")


def test_a_wrong_secret_is_refused_in_one_sentence(error_of: Callable[..., str]) -> None:
    assert "check HEALTH_ETL_S3_ACCESS_KEY_ID" in error_of(S3_SECRET_ACCESS_KEY="not-the-secret")


def test_missing_keys_are_reported_in_one_sentence(error_of: Callable[..., str]) -> None:
    sentence = error_of("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
    assert sentence.startswith("Error: No access keys for s3://")
    assert "set HEALTH_ETL_S3_ACCESS_KEY_ID" in sentence


def test_a_missing_bucket_is_reported_in_one_sentence(error_of: Callable[..., str]) -> None:
    assert "The bucket of s3://no-such-bucket does not exist; create it" in error_of(LAKE="s3://no-such-bucket")


def test_a_server_that_was_not_started_is_reported_in_one_sentence(error_of: Callable[..., str]) -> None:
    sentence = error_of(S3_ENDPOINT_URL="http://127.0.0.1:9")
    assert "does not answer" in sentence
    assert "check HEALTH_ETL_S3_ENDPOINT_URL" in sentence


@pytest.fixture
def stopped(s3_server: S3Server, command: CommandLine, sample: Path) -> Iterator[None]:
    """The server is down meanwhile; the bucket holds one upload by then."""
    assert command("ingest", sample / STEPS, "--user", "demo").exit_code == 0
    with s3_server.outage():
        yield


@pytest.mark.usefixtures("stopped")
def test_a_stopped_server_does_not_lead_to_a_traceback(command: CommandLine) -> None:
    started = time.monotonic()
    done = command.apart("run")
    assert time.monotonic() - started < SOON_SECONDS
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The S3 server of s3://")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout
