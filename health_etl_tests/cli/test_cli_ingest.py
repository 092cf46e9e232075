"""`health-etl ingest`: every export once, under a key that says what it is; what cannot be used is refused by name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from health_etl_tests.cli.conftest import Finished
    from health_etl_tests.conftest import CommandLine

STEPS = "StepsRecord_1757901111933.avro"  # exported on 15 September 2025, 01:51:51 UTC
KEY = re.compile(r"raw/(\w+)/2025/09/20/person_one_20250920_22\d{4}_phone_[0-9a-f]{8}\.avro")


def test_eighteen_real_exports_are_stored_under_distinct_keys(real: Finished) -> None:
    assert real.ingested.exit_code == 0
    assert "18 files: 18 put into" in real.ingested.stdout
    keys = list(real.command.contents("raw"))
    types = [match[1] for match in map(KEY.fullmatch, keys) if match]
    assert len(types) == len(keys) == 18
    assert {types.count(name) for name in types} == {3}


def test_uploads_are_byte_for_byte_the_exports(real: Finished, shared: Path) -> None:
    exported = sorted(path.read_bytes() for path in (shared / "samples").glob("*.avro"))
    assert sorted(real.command.contents("raw").values()) == exported


def test_ingesting_the_same_exports_again_stores_nothing_new(command: CommandLine, sample: Path) -> None:
    first = command("ingest", sample, "--user", "demo")
    assert "26 files: 26 put into" in first.stdout
    before = command.contents()
    again = command("ingest", sample, "--user", "demo")
    assert again.exit_code == 0
    assert "0 put into" in again.stdout
    assert "26 already there, 0 refused" in again.stdout
    assert command.contents() == before


def test_the_same_content_under_two_names_is_stored_once(command: CommandLine, sample: Path) -> None:
    twin = command.folder / "StepsRecord_1757901111934.avro"
    shutil.copyfile(sample / STEPS, twin)
    result = command("ingest", sample / STEPS, twin, "--user", "demo")
    assert "2 files: 1 put into" in result.stdout
    assert len(command.contents()) == 1


def test_two_people_may_export_the_same_content(command: CommandLine, sample: Path) -> None:
    for user in ("one", "one_two"):
        assert "1 file: 1 put into" in command("ingest", sample / STEPS, "--user", user).stdout
    assert len(command.contents()) == 2


@pytest.mark.parametrize("user", ["demo", "with_under_score", "a@b.c", "a+b", "1", "A-b.c_d@e+f", "x" * 128])
def test_every_allowed_user_id_is_found_again(command: CommandLine, sample: Path, user: str) -> None:
    put = command("ingest", sample / STEPS, "--user", user)
    assert put.exit_code == 0
    assert [key.rpartition("/")[2] for key in command.contents()] == [
        f"{user}_20250915_015151_phone_{key_hash(command)}.avro"
    ]
    assert "1 already there" in command("ingest", sample / STEPS, "--user", user).stdout


def key_hash(command: CommandLine) -> str:
    return next(iter(command.contents())).removesuffix(".avro").rpartition("_")[2]


@pytest.mark.parametrize("user", ["", "a b", "a/b", "../a", "_a", ".hidden", "a\nb", "ä", "x" * 129])
def test_a_user_id_that_cannot_be_part_of_a_key_is_refused_in_one_sentence(
    command: CommandLine, sample: Path, user: str
) -> None:
    result = command("ingest", sample / STEPS, "--user", user)
    assert result.exit_code == 1
    assert "is not a valid user id; use at most 128" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not command.lake.exists()


def test_a_device_that_cannot_be_part_of_a_key_is_refused_in_one_sentence(command: CommandLine, sample: Path) -> None:
    result = command("ingest", sample / STEPS, "--user", "demo", "--device", "my_phone")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: 'my_phone' is not a valid device name")


def test_upload_date_and_device_are_taken_from_the_options(command: CommandLine, sample: Path) -> None:
    options = ["--uploaded", "2025-10-01", "--device", "tablet-2"]
    assert command("ingest", sample / STEPS, "--user", "demo", *options).exit_code == 0
    assert list(command.contents()) == [
        f"raw/StepsRecord/2025/10/01/demo_20250915_015151_tablet-2_{key_hash(command)}.avro"
    ]


def test_refused_files_are_named_with_the_reason_and_the_others_are_stored(command: CommandLine, sample: Path) -> None:
    folder = command.folder / "exports"
    folder.mkdir()
    good = (sample / STEPS).read_bytes()
    files = {
        "StepsRecord_1757901111933.avro": good,
        "StepsRecord_1757901111934.avro": good[: len(good) // 2],
        "StepsRecord_1757901111935.avro": b"",
        "StepsRecord_1757901111936.avro": b"no Avro at all",
        "HeartRateRecord_1757901111933.avro": good,
        "WeightRecord_1757901111933.avro": good,
        "steps of monday.avro": good,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    result = command("ingest", folder, "--user", "demo")
    assert result.exit_code == 1
    assert "7 files: 1 put into" in result.stdout
    assert "0 already there, 6 refused" in result.stdout
    refused = dict(re.findall(r"^Refused .*/exports/(.+?\.avro): (.+)\.$", result.stderr, re.MULTILINE))
    assert refused.keys() == files.keys() - {STEPS}
    assert all("\n" not in reason for reason in refused.values())
    assert "(empty)" in refused["StepsRecord_1757901111935.avro"]
    assert "(not_avro)" in refused["StepsRecord_1757901111936.avro"]
    assert "(unreadable)" in refused["StepsRecord_1757901111934.avro"]
    assert "(wrong_type)" in refused["HeartRateRecord_1757901111933.avro"]
    assert "WeightRecord is not a known record type" in refused["WeightRecord_1757901111933.avro"]
    assert len(command.contents()) == 1


def test_the_name_of_a_refused_file_is_shown_verbatim(command: CommandLine, sample: Path) -> None:
    path = command.folder / "steps [copy].avro"
    shutil.copyfile(sample / STEPS, path)
    assert f"Refused {path}: " in command("ingest", path, "--user", "demo").stderr


@pytest.mark.parametrize(("path", "message"), [("missing", "does not exist"), ("bare", "no .avro files")])
def test_nothing_to_ingest_is_reported_in_one_sentence(command: CommandLine, path: str, message: str) -> None:
    (command.folder / "bare").mkdir()
    result = command("ingest", command.folder / path, "--user", "demo")
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert command.contents() == {}


def test_a_lake_may_lie_in_a_folder_with_spaces_and_umlauts(
    command_line: type[CommandLine], tmp_path: Path, sample: Path
) -> None:
    command = command_line(tmp_path / "Größe 100 %")
    assert command("ingest", sample / STEPS, "--user", "demo").exit_code == 0
    assert len(command.contents("raw")) == 1
