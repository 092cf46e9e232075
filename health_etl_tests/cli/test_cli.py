"""The command as a whole: its help, its mistakes reported in one sentence, and its documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from health_etl.cli.app import app
from health_etl.settings import variable_names

if TYPE_CHECKING:
    from typer.testing import Result

    from health_etl_tests.conftest import CommandLine

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SECRET = "too-short"


PARAMETERS = [
    pytest.param(parameter, id=f"{name} {parameter.opts[-1]}")
    for name, command in COMMANDS.items()
    for parameter in command.params
]


def sentence(result: Result) -> str:
    """Return the one sentence that a command ended with."""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].endswith(".")
    assert result.exit_code == 1
    return lines[0]


def test_python_dash_m_is_the_command(command: CommandLine) -> None:
    done = command.apart("--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: python -m health_etl" in done.stdout
    assert all(re.search(rf"^\W*{name} ", done.stdout, re.MULTILINE) for name in COMMANDS)


def test_the_command_without_arguments_shows_its_help(command: CommandLine) -> None:
    assert "Usage:" in command().output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command: CommandLine, name: str) -> None:
    assert COMMANDS[name].help
    shown = command(name, "--help")
    assert shown.exit_code == 0
    assert shown.output == command(name, "-h").output


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_every_option_has_help(parameter: Any) -> None:
    assert parameter.help


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["ingset"], "ingset"),
        (["run", "--frm", "2025-09-15"], "--frm"),
        (["run", "--from", "2025-02-30"], "2025-02-30"),
        (["run", "surplus"], "surplus"),
        (["ingest", "."], "--user"),
        (["sample"], "--out"),
        (["sample", "--out", "made", "--people", "0"], "--people"),
    ],
)
def test_a_misused_command_says_what_was_wrong(command: CommandLine, arguments: list[str], named: str) -> None:
    result = command(*arguments)
    assert result.exit_code == 2
    assert named in result.stderr
    assert not command.lake.exists()


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("HEALTH_ETL_LAKEE", "file:///lake", "did you mean HEALTH_ETL_LAKE?"),
        ("HEALTH_ETL_LAKE", "ftp://lake", "s3://bucket"),
        ("HEALTH_ETL_S3_ENDPOINT_URL", "localhost:9000", "http(s)://host:port"),
        ("HEALTH_ETL_S3_ACCESS_KEY_ID", "alone", "HEALTH_ETL_S3_SECRET_ACCESS_KEY"),
        ("HEALTH_ETL_PSEUDONYM_KEY", SECRET, "at least 16 characters"),
        ("HEALTH_ETL_DEFAULT_TIME_ZONE", "Mars/Olympus", "America/Chicago"),
        ("HEALTH_ETL_START_DATE", "yesterday", "YYYY-MM-DD"),
        ("HEALTH_ETL_START_DATE", "2999-01-01", "future"),
        ("HEALTH_ETL_CONCURRENCY", "0", "1 to 256"),
        ("HEALTH_ETL_CONCURRENCY", "many", "1 to 256"),
    ],
)
def test_an_unusable_setting_is_named_with_what_is_allowed(
    command_line: type[CommandLine], tmp_path: Path, variable: str, value: str, allowed: str
) -> None:
    message = sentence(command_line(tmp_path, {variable: value})("run"))
    assert variable in message
    assert allowed in message
    assert SECRET not in message


def test_ingest_refuses_an_unknown_setting_too(command_line: type[CommandLine], tmp_path: Path, sample: Path) -> None:
    command = command_line(tmp_path, {"HEALTH_ETL_BUCKET": "health-data"})
    assert "HEALTH_ETL_BUCKET is not a setting" in sentence(command("ingest", sample, "--user", "demo"))
    assert not command.lake.exists()


def test_a_lake_that_cannot_be_created_is_reported_in_one_sentence(
    command_line: type[CommandLine], tmp_path: Path, sample: Path
) -> None:
    (tmp_path / "taken").write_text("a file, and no folder")
    command = command_line(tmp_path, {"HEALTH_ETL_LAKE": (tmp_path / "taken" / "lake").as_uri()})
    for arguments in (["run"], ["ingest", str(sample), "--user", "demo"]):
        assert "set HEALTH_ETL_LAKE to another" in sentence(command(*arguments))


@pytest.mark.parametrize("odd", ["[/red]", "[/]", "[bold]steps[/bold]"])
def test_user_input_is_quoted_verbatim(command: CommandLine, sample: Path, odd: str) -> None:
    assert odd in sentence(command("run", "--type", odd))
    assert odd in sentence(command("ingest", sample, "--user", odd))
    assert odd in sentence(command("ingest", f"/nowhere/{odd}", "--user", "demo"))


def test_no_traceback_reaches_the_user(command_line: type[CommandLine], tmp_path: Path) -> None:
    done = command_line(tmp_path, {"HEALTH_ETL_LAKEE": "file:///lake"}).apart("run")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: HEALTH_ETL_LAKEE is not a setting")
    assert done.stderr.count("\n") == 1


def test_sample_with_the_same_seed_writes_the_same_bytes(command: CommandLine) -> None:
    def written(name: str, *options: str) -> dict[str, bytes]:
        folder = command.folder / name
        assert command("sample", "--out", folder, "--people", "2", "--days", "1", *options).exit_code == 0
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    first = written("first", "--seed", "3")
    assert {name.partition("/")[0] for name in first} == {"person_01", "person_02"}
    assert written("second", "--seed", "3") == first
    assert written("third", "--seed", "4") != first


def test_sample_says_how_many_exports_it_wrote(command: CommandLine) -> None:
    folder = command.folder / "made"
    result = command("sample", "--out", folder, "--days", "2")
    assert f"{len(list(folder.rglob('*.avro')))} exports of 1 person over 2 days" in result.stdout


def test_sample_into_a_file_is_refused_in_one_sentence(command: CommandLine) -> None:
    taken = command.folder / "taken"
    taken.write_text("a file, and no folder")
    assert str(taken) in sentence(command("sample", "--out", taken))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_shows_every_command(checkout: Path, name: str) -> None:
    assert f"health-etl {name}" in (checkout / "README.md").read_text(encoding="utf-8")


def test_env_example_names_every_setting_and_no_other(checkout: Path) -> None:
    text = (checkout / ".env.example").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^#(HEALTH_ETL_\w+)=", text, re.MULTILINE)) == variable_names()


def test_a_lake_whose_name_looks_like_markup_is_printed_as_it_is(
    command_line: type[CommandLine], tmp_path: Path, sample: Path
) -> None:
    lake = (tmp_path / "a[").as_uri().replace("%5B", "[") + "/b]"
    command = command_line(tmp_path, {"HEALTH_ETL_LAKE": lake})
    ingested = command("ingest", min(sample.glob("StepsRecord_*")), "--user", "demo")
    assert f"put into {lake}/raw" in ingested.stdout
    assert "lake" in command("doctor").stdout  # a table, which may break the lines


def test_dates_the_wrong_way_round_are_refused(command: CommandLine) -> None:
    done = command("run", "--from", "2025-10-30", "--to", "2025-10-01")
    assert done.exit_code == 1
    assert "--from 2025-10-30 lies after --to 2025-10-01; swap them." in done.stderr
