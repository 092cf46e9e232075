"""`health-etl doctor`: what is in order, and what to do where something is not."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

KEY = "a-key-of-our-own-for-pseudonyms"


def findings(output: str) -> dict[str, tuple[str, str]]:
    """Return mark and text of every finding by what was looked at; the text goes on with what to do."""
    found: dict[str, tuple[str, str]] = {}
    what = ""
    for line in output.splitlines():
        mark, _, text = line.partition(" ")
        if mark in ("✓", "✗"):
            what, _, text = text.partition(": ")
            found[what] = (mark, text)
        else:
            found[what] = (found[what][0], f"{found[what][1]} {text.strip()}")
    return found


def test_doctor_finds_everything_in_order_and_leaves_no_trace(command_line: type[CommandLine], tmp_path: Path) -> None:
    command = command_line(tmp_path, {"HEALTH_ETL_PSEUDONYM_KEY": KEY})
    done = command.apart("doctor")
    found = findings(done.stdout)
    assert {name: mark for name, (mark, _) in found.items()} == dict.fromkeys(
        ["packages", "settings", "lake", "uploads", "Dagster instance", "disks", "code location"], "✓"
    )
    assert done.returncode == 0
    assert command.lake.as_uri() in found["lake"][1]
    assert str(command.dagster_home) in found["Dagster instance"][1]
    assert "HEALTH_ETL_PSEUDONYM_KEY" not in done.stdout
    assert KEY not in done.stdout
    assert command.contents() == {}


def test_doctor_says_what_to_do_about_a_lake_and_an_instance_that_cannot_be_used(
    command_line: type[CommandLine], tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file, and no folder")
    settings = {"HEALTH_ETL_LAKE": (tmp_path / "taken").as_uri(), "DAGSTER_HOME": str(tmp_path / "missing")}
    done = command_line(tmp_path, settings).apart("doctor")
    found = findings(done.stdout)
    assert done.returncode == 1
    assert done.stderr == ""
    assert found["settings"][0] == "✓"
    assert "HEALTH_ETL_PSEUDONYM_KEY" in found["settings"][1]
    assert found["lake"][0] == found["Dagster instance"][0] == "✗"
    assert "HEALTH_ETL_LAKE" in found["lake"][1]
    assert "create it, or unset DAGSTER_HOME" in found["Dagster instance"][1]


def test_doctor_names_what_belongs_to_no_partition_masked(command_line: type[CommandLine], tmp_path: Path) -> None:
    command = command_line(tmp_path)
    day = command.lake / "raw" / "StepsRecord" / "2025" / "09" / "16"
    for name in ("anna[/b].txt", os.fsdecode(b"anna\xe9.avro")):
        (day / name).parent.mkdir(parents=True, exist_ok=True)
        (day / name).write_bytes(b"x")
    result = command("doctor")
    mark, text = findings(result.stdout)["uploads"]
    assert (result.exit_code, mark) == (1, "✗")
    assert "looked at 2 objects in raw/, 2 belong to no partition" in text
    assert "its name is not UTF-8" in text
    assert "health-etl ingest" in text
    assert "anna" not in result.stdout


def test_doctor_says_which_disk_is_full(
    command_line: type[CommandLine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("health_etl.cli.doctor.MIN_FREE_MB", 10**12)
    mark, text = findings(command_line(tmp_path)("doctor").stdout)["disks"]
    assert mark == "✗"
    assert "DAGSTER_HOME has" in text
    assert "free some space there" in text


def test_doctor_names_the_setting_that_cannot_be_used(command_line: type[CommandLine], tmp_path: Path) -> None:
    result = command_line(tmp_path, {"HEALTH_ETL_START_DATE": "yesterday"})("doctor")
    assert result.exit_code == 1
    mark, text = findings(result.stdout)["settings"]
    assert mark == "✗"
    assert re.search(r"HEALTH_ETL_START_DATE is not valid; expected: .* YYYY-MM-DD", text)
