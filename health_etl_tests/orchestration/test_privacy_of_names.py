"""Names that users, devices, folders and files have appear in no event, log, metadata, training file or command output,
whatever they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.avro import decode
from health_etl.lake.keys import fingerprint, mask_key
from health_etl.record_types import record_types
from health_etl_tests.orchestration.test_privacy import around, stored
from health_etl_tests.support.exports import avro_bytes, blood_glucose, steps, utc

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

CANARY = "zyxcanary"  # every hostile name has it, with a number after it that says which
FOLDER = "raw/StepsRecord/2025/09/15"
STAMP = "20250915_120000"
NOON = utc("2025-09-15 12:00")


def canary(number: int) -> str:
    return f"{CANARY}{number:02}"


def hostile_objects() -> dict[str, bytes]:
    """Return good, refused and unclaimed objects by their keys; nearly every part of a key is hostile somewhere."""
    good = avro_bytes("steps", [steps("s1", NOON)])
    wild = avro_bytes("blood_glucose", [blood_glucose("g1", NOON), blood_glucose("g2", NOON, 4000.0)])
    renamed = json.loads(json.dumps(record_types()["steps"].avro_schema))
    renamed["name"] = canary(13)
    return {
        f"{FOLDER}/{canary(1)}_{STAMP}_{canary(2)}_{digest(good)}.avro": good,
        f"raw/BloodGlucoseRecord/2025/09/15/{canary(3)}_{STAMP}_phone_{digest(wild)}.avro": wild,
        f"{FOLDER}/{canary(4)}_{STAMP}_{canary(5)}_00000000.avro": b"damaged",
        f"{FOLDER}/[red]{canary(6)}_{STAMP}_x[bold]y_00000000.avro": b"damaged",
        f"{FOLDER}/{canary(7)}.txt": b"stray",
        f"{FOLDER}/{canary(8)} e\u0301\u202e{'日' * 60}.avro": b"stray",
        f"raw/{canary(9)}/2025/09/15/x_{STAMP}_phone_00000000.avro": b"stray",
        f"raw/StepsRecord/2025/{canary(10)}/15/x_{STAMP}_phone_00000000.avro": b"stray",
        f"raw/StepsRecord/1999/01/01/{canary(11)}_{STAMP}_phone_00000000.avro": b"stray",
        f"raw/StepsRecord/2025/09/15/deeper/{canary(12)}/x_{STAMP}_phone_00000000.avro": b"stray",
        f"{FOLDER}/x_{STAMP}_phone_{digest(of_type(renamed))}.avro": of_type(renamed),
        f"{FOLDER}/{canary(14) * 18}_{STAMP}_phone_00000000.avro": b"damaged",
        f"raw/{canary(15)}.avro": b"stray",
        f"raw/StepsRecord/2025/09/15/{canary(16)}\nline_{STAMP}_phone_00000000.avro": b"stray",
    }


def digest(content: bytes) -> str:
    return decode.content_digest(content)[:8]


def of_type(schema: dict[str, object]) -> bytes:
    return avro_bytes("steps", [steps("s9", NOON)], schema)


def put_all(lake: Path, objects: dict[str, bytes]) -> None:
    for key, content in objects.items():
        path = lake / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def command(command_line: type[CommandLine], tmp_path: Path) -> CommandLine:
    """The command, on an empty lake."""
    return command_line(tmp_path, {"HEALTH_ETL_PSEUDONYM_KEY": "a key for tests alone, of many letters"})


def test_no_name_that_others_chose_gets_out(command: CommandLine) -> None:
    objects = hostile_objects()
    put_all(command.lake, objects)
    released = command.lake / "quarantine/released/StepsRecord/2025/09/15" / f"{canary(17)}.release.json"
    released.parent.mkdir(parents=True)
    released.write_bytes(b"no decision")
    damaged = next(key for key in objects if canary(4) in key)
    ran = command("run")
    assert ran.exit_code == 0
    said = [ran, command("quarantine", "list"), command("quarantine", "release", mask_key(damaged)), command("doctor")]
    text = "\n".join(part for one in said for part in (one.stdout, one.stderr))
    assert around(text, CANARY) == []
    assert mask_key(damaged) in text
    assert "Unclaimed raw/… upload-" in text
    assert around(stored(command.dagster_home), CANARY) == []
    training = b"\n".join(content for content in command.contents("training").values()).decode()
    assert '"record_type"' in training
    assert around(training, CANARY) == []
    shown = command("quarantine", "show", mask_key(damaged)).stdout
    assert damaged in shown  # the lake's owner asked for it


def test_what_is_shown_of_a_name_can_neither_break_the_line_nor_the_markup(command: CommandLine) -> None:
    objects = {key: content for key, content in hostile_objects().items() if canary(6) in key or canary(8) in key}
    put_all(command.lake, objects)
    assert command("run").exit_code == 0
    for key in objects:
        shown = command("quarantine", "show", fingerprint(key)).stdout.splitlines()
        assert shown[0] == key.replace("\u202e", "\\u202e")
        assert shown[1] == f"  known as  {mask_key(key)}"
