"""`health-etl profiles`: what is set, shown and removed, and how mistakes are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

HEADER = "user_id,birth_year,sex,hrmax_bpm,conditions\n"


def kept(command: CommandLine) -> str:
    return (command.lake / "profiles.csv").read_text(encoding="utf-8")


def test_setting_one_value_keeps_the_others(command: CommandLine) -> None:
    command("profiles", "set", "zoe", "--sex", "female")
    command("profiles", "set", "ada", "--birth-year", "1980", "--hrmax", "181")
    said = command("profiles", "set", "ada", "--condition", "pregnancy", "--condition", "high_risk_diabetes")

    assert said.exit_code == 0
    assert "Set conditions of ada in file://" in said.stdout
    assert "health-etl run" in said.stdout
    assert kept(command) == f"{HEADER}ada,1980,,181,high_risk_diabetes;pregnancy\nzoe,,female,,\n"


def test_an_empty_text_clears_one_value(command: CommandLine) -> None:
    command("profiles", "set", "ada", "--birth-year", "1980", "--hrmax", "181", "--condition", "pregnancy")
    command("profiles", "set", "ada", "--hrmax", "", "--condition", "")
    assert kept(command) == f"{HEADER}ada,1980,,,\n"


def test_setting_the_current_value_changes_nothing(command: CommandLine) -> None:
    command("profiles", "set", "ada", "--birth-year", "1980")
    assert (
        command("profiles", "set", "ada", "--birth-year", "1980").stdout
        == "Nothing changed: the profile already says that.\n"
    )


def test_one_profile_or_all_can_be_shown(command: CommandLine) -> None:
    assert "adult defaults" in command("profiles", "show").stdout
    command("profiles", "set", "ada", "--birth-year", "1980", "--condition", "pregnancy")
    command("profiles", "set", "bob", "--sex", "male")
    every, one = command("profiles", "show").stdout, command("profiles", "show", "ada").stdout
    assert all(word in every for word in ("ada", "1980", "pregnancy", "bob", "male"))
    assert "1980" in one
    assert "bob" not in one


def test_a_removed_profile_is_gone_and_others_stay(command: CommandLine) -> None:
    command("profiles", "set", "ada", "--birth-year", "1980")
    command("profiles", "set", "bob", "--sex", "male")
    assert "Removed the profile of ada" in command("profiles", "remove", "ada").stdout
    assert kept(command) == f"{HEADER}bob,,male,,\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["set", "ada"], "Nothing to set: give at least one of --birth-year, --sex, --hrmax, --condition."),
        (["set", "ada", "--birth-year", "80"], "--birth-year must be a whole number from 1900 to 2100."),
        (["set", "ada", "--hrmax", "300"], "--hrmax must be a whole number from 100 to 220."),
        (["set", "ada", "--sex", "f"], "--sex must be one of female, male."),
        (["set", "ada", "--condition", "gout"], "--condition may only contain high_risk_diabetes, pregnancy"),
        (["set", "a da", "--sex", "male"], "is not a valid user id"),
        (["show", "zoe"], "zoe has no profile"),
        (["remove", "zoe"], "zoe has no profile"),
    ],
)
def test_a_mistake_is_reported_in_one_sentence_and_nothing_is_written(
    command: CommandLine, arguments: list[str], sentence: str
) -> None:
    said = command("profiles", *arguments)
    assert said.exit_code == 1
    assert said.stderr.count("\n") == 1
    assert sentence in said.stderr
    assert not (command.lake / "profiles.csv").exists()


def test_a_file_broken_by_hand_is_left_alone_and_reported_without_its_values(command: CommandLine) -> None:
    command.lake.mkdir(parents=True)
    spoilt = f"{HEADER}hidden-person,80,,,\n"
    (command.lake / "profiles.csv").write_text(spoilt, encoding="utf-8")
    said = command("profiles", "set", "ada", "--sex", "female")
    assert said.exit_code == 1
    assert said.stderr == "Error: profiles.csv, line 2: birth_year must be a whole number from 1900 to 2100.\n"
    assert kept(command) == spoilt
