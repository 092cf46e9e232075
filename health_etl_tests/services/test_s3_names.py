"""Uploads whose names use all the room that an S3 server gives: they are found, and their neighbours are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from health_etl.lake.keys import fingerprint, mask_key, quarantine_key
from health_etl_tests.support.exports import avro_bytes, key_of, steps

if TYPE_CHECKING:
    from pathlib import Path

    from health_etl_tests.conftest import CommandLine
    from health_etl_tests.services.conftest import S3Server

LONGEST_KEY = 1024  # bytes that S3 allows
FOLDER = "raw/StepsRecord/2025/09/21/"
STAMP = "_20250921_060000_phone_deadbeef.avro"


@pytest.fixture
def command(command_line: type[CommandLine], tmp_path: Path, s3_server: S3Server, s3_bucket: str) -> CommandLine:
    """The command, on an empty bucket."""
    return command_line(tmp_path, {**s3_server.environment(), "HEALTH_ETL_LAKE": f"s3://{s3_bucket}"})


def test_a_refused_upload_with_a_key_of_1020_bytes_does_not_block_its_neighbours(
    command: CommandLine, s3_server: S3Server, s3_bucket: str
) -> None:
    client = s3_server.client()
    content = avro_bytes("steps", [steps("s1")])
    good = key_of("steps", content)
    refused = FOLDER + "x" * (LONGEST_KEY - 4 - len(FOLDER + STAMP)) + STAMP
    stray = FOLDER + "é" * ((LONGEST_KEY - len(FOLDER)) // 2)
    for key, body in {good: content, refused: b"xx", stray: b"xx"}.items():
        client.put_object(Bucket=s3_bucket, Key=key, Body=body)
    assert len(refused) == 1020
    ran = command("run", "--type", "steps")
    assert ran.exit_code == 0
    assert f"Quarantined {mask_key(refused)}: the file does not start like an Avro file (not_avro)" in ran.stdout
    assert mask_key(stray) in ran.stdout
    listed = command("quarantine", "list").stdout
    assert mask_key(refused) in listed
    assert mask_key(stray) in listed
    shown = command("quarantine", "show", refused.rpartition("/")[2]).stdout
    assert quarantine_key(refused) in shown
    assert client.get_object(Bucket=s3_bucket, Key=quarantine_key(refused))["Body"].read() == b"xx"
    again = command("quarantine", "release", fingerprint(refused))
    assert f"Still kept out {mask_key(refused)}: not_avro" in again.stdout
    assert "  released  " in command("quarantine", "show", refused).stdout
