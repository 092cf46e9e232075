"""Whatever lies in the lake's folder, and whatever it is called: the good upload is taken in, the other named."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy.exc

from health_etl_tests.support.exports import avro_bytes, key_of, steps

if TYPE_CHECKING:
    from pathlib import Path

    from health_etl_tests.conftest import CommandLine

CONTENT = avro_bytes("steps", [steps()])
GOOD = key_of("steps", CONTENT)
DAY, NAME = GOOD.rpartition("/")[0], GOOD.rpartition("/")[2]
OTHER_DIGITS = "raw/StepsRecord/٢٠٢٥/٠٩/١٥"


def put(command: CommandLine, folder: str, name: bytes) -> None:
    path = command.lake / folder / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)


def unclaimed(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("Unclaimed")]


@pytest.mark.parametrize(
    ("folder", "name", "detail"),
    [
        (DAY, b"jos\xe9_20250916_060000_phone_2d429326.avro", "its name is not UTF-8"),
        (DAY, b"a\tb_20250916_060000_phone_2d429326.avro", "its name holds a control character"),
        (OTHER_DIGITS, b"u_20250915_060000_phone_2d429326.avro", "are not a date of the form YYYY/MM/DD"),
        ("raw/StepsRecord/20-25/0-9", b"jos[/x]", "are not a date of the form YYYY/MM/DD"),
        (f"{DAY}/[/jos]", b"x", "the key is not raw/"),
    ],
)
def test_a_strange_name_costs_only_itself_and_is_named_without_its_text(
    command: CommandLine, folder: str, name: bytes, detail: str
) -> None:
    put(command, DAY, NAME.encode())
    put(command, folder, name)
    ran = command("run", "--type", "steps")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert "1 file read" in ran.stdout
    (line,) = unclaimed(ran.stdout)
    assert detail in line
    assert [part for part in ("jos", "a\tb", "u_2025") if part in line] == []
    again = command("run", "--type", "steps")
    assert "Everything was up to date" in again.stdout
    assert len(unclaimed(again.stdout)) == 1


def test_a_lake_in_a_folder_whose_name_looks_like_markup_is_used_as_any_other(
    command_line: type[CommandLine], tmp_path: Path
) -> None:
    lake = tmp_path / "a[" / "b][red]" / "lake"
    command = command_line(tmp_path, {"HEALTH_ETL_LAKE": f"file://{lake}"})
    (lake / DAY).mkdir(parents=True)
    (lake / GOOD).write_bytes(CONTENT)
    ran = command("run", "--type", "steps")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert f"Lake: file://{lake}\n" in ran.stdout
    assert f"file://{lake}/training/" in ran.stdout
    for arguments in (["doctor"], ["quarantine", "list"], ["profiles", "set", "anna", "--sex", "female"]):
        assert "[/" not in (output := command(*arguments).output) or str(lake) in output
    assert command("profiles", "set", "[/b]", "--sex", "female").exit_code == 1
    assert command("report", "--user", "[/b]", "--date", "2025-09-16").exit_code == 1


@pytest.mark.parametrize("url", ["file:///srv/x/c#1/lake", "file:///srv/x/c?1/lake"])
def test_a_sign_that_would_end_the_path_is_refused_with_how_to_write_it(
    command_line: type[CommandLine], tmp_path: Path, url: str
) -> None:
    result = command_line(tmp_path, {"HEALTH_ETL_LAKE": url})("profiles", "show")
    assert result.exit_code == 1
    assert "%23" in result.stderr


def test_a_run_that_waits_says_so_at_once_to_a_file_as_well(command: CommandLine) -> None:
    with (command.dagster_home / "health-etl-run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with command.started("run") as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(2)]
            assert said[1] == "Another run is in progress; waiting for its end.\n"
            fcntl.flock(lock, fcntl.LOCK_UN)
            process.communicate()
            assert process.returncode == 0


def test_a_database_that_is_full_in_the_middle_of_a_run_is_one_sentence(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    put(command, DAY, NAME.encode())

    def full(*_: Any, **__: Any) -> None:
        raise sqlalchemy.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(dg.DagsterInstance, "create_run_for_job", full)
    result = command("run", "--type", "steps")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "failed (OperationalError: database or disk is full)" in result.stderr
    assert str(command.dagster_home) in result.stderr


def test_an_error_that_nobody_foresaw_is_told_without_its_text(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(command, DAY, NAME.encode())

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError(f"{NAME} of anna")

    monkeypatch.setattr("health_etl.orchestration.assets.records.records_partition.update", broken)
    result = command("run", "--type", "steps")
    assert result.exit_code == 1
    assert "met an unexpected error (KeyError)" in result.stderr
    assert "anna" not in result.stderr
