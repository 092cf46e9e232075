"""Bad files among good ones: named, kept apart, shown, released; the output of the good ones does not change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from health_etl.lake.keys import fingerprint, mask_key, quarantine_key, unclaimed_key
from health_etl.lake.store import Lake, connect
from health_etl.reasons import REMEDIES, FileReason
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl_tests.support.exports import avro_bytes, blood_glucose, heart_rate, key_of, put_content, steps, utc
from health_etl_tests.support.instances import instance_at
from health_etl_tests.support.state import without_etags

if TYPE_CHECKING:
    from health_etl_tests.cli.conftest import Finished
    from health_etl_tests.conftest import CommandLine

UPLOADED = date(2025, 9, 16)
NOON = utc("2025-09-16 12:00")
OTHER = "zoe"  # whose only file is damaged, and repaired later
UNCLAIMED = {FileReason.UNKNOWN_TYPE, FileReason.KEY_UNPARSEABLE, FileReason.OUTSIDE_PARTITIONS}
MEGABYTE = 1024 * 1024


def glucose(number: int, mg_dl: float = 100.0, day: str = "2025-09-16") -> dict[str, object]:
    return blood_glucose(f"bad-{number}", utc(f"{day} 12:00") + timedelta(minutes=number), mg_dl)


def bad_files() -> dict[FileReason, bytes]:
    """Return one file for every reason that concerns its content."""
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    short = {**schema, "fields": [f for f in schema["fields"] if f["name"] != "levelInMilligramsPerDeciliter"]}
    padded = {**schema, "fields": [*schema["fields"], {"name": "padding", "type": "string", "default": ""}]}
    hollow = {"name": "hollow", "type": {"type": "array", "items": "null"}, "default": []}
    hollow_schema = {**schema, "fields": [*schema["fields"], hollow]}
    plain = avro_bytes("blood_glucose", [glucose(1)], codec="null")
    wild = [glucose(number, 900.0) for number in range(4)]
    late = [glucose(number, 900.0, "2031-01-01") for number in range(4)]
    return {
        FileReason.EMPTY: b"",
        FileReason.NOT_AVRO: b"PK\x03\x04 not avro",
        FileReason.UNREADABLE: avro_bytes("blood_glucose", [glucose(1), glucose(2)])[:-25],
        FileReason.WRONG_TYPE: avro_bytes("steps", [steps()]),
        FileReason.SCHEMA_INCOMPATIBLE: avro_bytes("blood_glucose", [glucose(1)], short),
        FileReason.TOO_MANY_RECORDS: too_many_records(),
        FileReason.DECOMPRESSION_BOMB: avro_bytes(
            "blood_glucose", [{**glucose(1), "padding": "a" * 5_000_000}], padded
        ),
        FileReason.CODEC_UNSUPPORTED: plain.replace(b"avro.codec\x08null", b"avro.codec\x08zstd"),
        FileReason.SCHEMA_REFUSED: avro_bytes("blood_glucose", [{**glucose(1), "hollow": [None] * 9}], hollow_schema),
        FileReason.NO_GOOD_ROWS: avro_bytes("blood_glucose", wild),
        FileReason.LOW_QUALITY: avro_bytes("blood_glucose", [*late, glucose(9)]),
    }


def too_many_records() -> bytes:
    """Return a file of 101,000 records: one block of a thousand, over and over."""
    whole = avro_bytes("blood_glucose", [glucose(number) for number in range(1000)], codec="null")
    sync = whole[-16:]
    header_end = whole.index(sync) + len(sync)
    return whole[:header_end] + whole[header_end:] * 101


def put_bad_files(lake: Lake, folder: Path) -> dict[FileReason, str]:
    """Put one bad file for every reason into raw/ next to the demo person's; return their keys."""
    keys = {
        reason: put_content(lake, "blood_glucose", content, user_id="demo", upload_date=UPLOADED)
        for reason, content in bad_files().items()
    }
    large = key_of("blood_glucose", b"large", user_id="demo", upload_date=UPLOADED)
    with (folder / large).open("wb") as file:
        file.truncate(101 * MEGABYTE)
    right = avro_bytes("heart_rate", [heart_rate("mended", NOON)])
    mismatch = key_of("heart_rate", right, user_id=OTHER, upload_date=UPLOADED)
    lake.put(mismatch, avro_bytes("heart_rate", [heart_rate("another", NOON)]))
    strays = {
        FileReason.UNKNOWN_TYPE: "raw/VoodooRecord/2025/09/16/demo_20250916_120000_phone_00000000.avro",
        FileReason.KEY_UNPARSEABLE: "raw/StepsRecord/2025/09/16/notes.txt",
        FileReason.OUTSIDE_PARTITIONS: "raw/StepsRecord/1999/09/16/demo_19990916_120000_phone_00000000.avro",
    }
    for key in strays.values():
        lake.put(key, b"stray")
    return {**keys, FileReason.TOO_LARGE: large, FileReason.HASH_MISMATCH: mismatch, **strays}


def made(command: CommandLine) -> dict[str, bytes]:
    """Return everything derived, but for the manifests of records, which name every file."""
    return without_etags(command.state("records/", "insights/", "training/"))


@pytest.fixture(scope="module")
def mixed(
    sample: Path, command_line: type[CommandLine], tmp_path_factory: pytest.TempPathFactory
) -> tuple[CommandLine, dict[FileReason, str], str]:
    """A lake of the 26 good files and a bad one for every reason, run once; the keys, and what the run said."""
    command = command_line(tmp_path_factory.mktemp("mixed"))
    command("ingest", sample, "--user", "demo")
    keys = put_bad_files(connect(Settings(lake=command.lake.as_uri())), command.lake)
    ran = command("run")
    assert ran.exit_code == 0
    return command, keys, ran.stdout


def test_every_reason_is_among_the_bad_files(mixed: tuple[CommandLine, dict[FileReason, str], str]) -> None:
    of_failures = {FileReason.STORE_REFUSED, FileReason.UNEXPECTED}  # of the store or the code: see test_isolation.py
    assert set(mixed[1]) == set(FileReason) - of_failures


def test_each_bad_file_is_named_with_its_reason(mixed: tuple[CommandLine, dict[FileReason, str], str]) -> None:
    _, keys, said = mixed
    for reason, key in keys.items():
        line = next(line for line in said.splitlines() if mask_key(key) in line)
        assert re.search(rf"\({reason}[,)]", line)


def test_bad_files_do_not_change_the_output_of_good_ones(
    mixed: tuple[CommandLine, dict[FileReason, str], str], demo: Finished
) -> None:
    assert made(mixed[0]) == made(demo.command)


def test_the_list_shows_every_file_that_is_kept_out(mixed: tuple[CommandLine, dict[FileReason, str], str]) -> None:
    command, keys, _ = mixed
    listed = command("quarantine", "list").stdout.splitlines()
    for reason, key in keys.items():
        assert reason in next(line for line in listed if mask_key(key) in line)
        assert key not in "\n".join(listed)


@pytest.mark.parametrize("name_of", [str, mask_key, fingerprint, lambda key: key.rpartition("/")[2]])
def test_a_file_can_be_shown_by_any_of_its_names(
    mixed: tuple[CommandLine, dict[FileReason, str], str], name_of: Callable[[str], str]
) -> None:
    command, keys, _ = mixed
    key = keys[FileReason.LOW_QUALITY]
    said = command("quarantine", "show", name_of(key)).stdout
    assert f"{key}\n  known as  {mask_key(key)}\n" in said
    assert "its quality score is 0.68, below the threshold of 0.7" in said
    assert "glucose_mg_dl:out_of_range (4 measurements)" in said
    assert "900" not in said


def test_an_unknown_name_is_reported_in_one_sentence(
    mixed: tuple[CommandLine, dict[FileReason, str], str],
) -> None:
    said = mixed[0]("quarantine", "show", "no-such-file.avro")
    assert (said.exit_code, said.stderr.count("\n")) == (1, 1)
    assert "Nothing in quarantine is called no-such-file.avro" in said.stderr


@pytest.mark.parametrize(
    ("reason", "arguments", "expected"),
    [
        (FileReason.NOT_AVRO, ["--override", "--because", "it must"], "cannot be released by override (not_avro)"),
        (FileReason.NO_GOOD_ROWS, ["--override"], "An override needs a reason"),
    ],
)
def test_an_impossible_override_is_refused_and_nothing_is_recorded(
    mixed: tuple[CommandLine, dict[FileReason, str], str], reason: FileReason, arguments: list[str], expected: str
) -> None:
    command, keys, _ = mixed
    said = command("quarantine", "release", keys[reason], *arguments)
    assert said.exit_code == 1
    assert expected in said.stderr
    assert command.contents("quarantine/released") == {}


def tables(command: CommandLine) -> Iterator[tuple[str, dict[str, object]]]:
    """Return (asset, row) of every row that the quarantine assets show."""
    with instance_at(str(command.dagster_home)) as instance:
        for name in record_types():
            key = dg.AssetKey(["quarantine", name])
            for event in instance.fetch_materializations(key, limit=100).records:
                assert event.asset_materialization is not None
                table = event.asset_materialization.metadata.get("quarantine")
                if isinstance(table, dg.TableMetadataValue):
                    yield from ((name, dict(row.data)) for row in table.records)


def test_the_quarantine_assets_show_the_refused_files_with_their_reasons(
    mixed: tuple[CommandLine, dict[FileReason, str], str],
) -> None:
    command, keys, _ = mixed
    shown = {(str(row["file"]), str(row["reason"]).split(", ")[0]) for _, row in tables(command)}
    assert shown == {
        (mask_key(key).rpartition("/")[2], reason) for reason, key in keys.items() if reason not in UNCLAIMED
    }


@pytest.mark.parametrize("reason", sorted(UNCLAIMED))
def test_unclaimed_uploads_can_be_shown_but_not_released(
    mixed: tuple[CommandLine, dict[FileReason, str], str], reason: FileReason
) -> None:
    command, keys, _ = mixed
    shown = command("quarantine", "show", keys[reason].rpartition("/")[2]).stdout
    masked = mask_key(keys[reason])
    assert f"{keys[reason]}\n  known as  {masked}\n  kept out  unclaimed\n  reason    {reason}\n" in shown
    assert f"  remedy    {REMEDIES[reason]}\n" in shown
    assert unclaimed_key(keys[reason]) in shown
    said = command("quarantine", "release", keys[reason])
    assert said.exit_code == 1
    assert f"belongs to no partition and cannot be released: {REMEDIES[reason]}." in said.stderr


# These change the lake; they come last.


def test_a_repaired_file_is_accepted_when_it_is_released(
    mixed: tuple[CommandLine, dict[FileReason, str], str], demo: Finished
) -> None:
    command, keys, _ = mixed
    key = keys[FileReason.HASH_MISMATCH]
    (command.lake / key).write_bytes(avro_bytes("heart_rate", [heart_rate("mended", NOON)]))
    said = command("quarantine", "release", key)
    assert said.exit_code == 0
    assert f"Released {mask_key(key)}: 1 record accepted." in said.stdout
    assert not (command.lake / quarantine_key(key)).exists()
    before, after = made(demo.command), made(command)
    lines = "training/cardiovascular_fitness/2025/09/health_journal_2025_09.jsonl"
    assert set(before[lines].splitlines()) < set(after[lines].splitlines())
    glucose_lines = "training/metabolic_diabetes/2025/09/health_journal_2025_09.jsonl"
    assert after[glucose_lines] == before[glucose_lines]


def test_real_values_out_of_range_are_accepted_by_override_and_the_reason_is_kept(
    mixed: tuple[CommandLine, dict[FileReason, str], str],
) -> None:
    command, keys, _ = mixed
    key = keys[FileReason.NO_GOOD_ROWS]
    said = command("quarantine", "release", key, "--override", "--because", "the meter was checked")
    assert f"Released {mask_key(key)}: 4 records accepted." in said.stdout
    assert "Everything was up to date; no file was read." in command("run").stdout
    shown = command("quarantine", "show", key).stdout
    assert re.search(r"released  \S+ by override: the meter was checked$", shown, re.MULTILINE)


def test_a_withdrawn_override_is_still_shown_with_its_reason(
    mixed: tuple[CommandLine, dict[FileReason, str], str],
) -> None:
    command, keys, _ = mixed
    key = keys[FileReason.NO_GOOD_ROWS]
    said = command("quarantine", "release", key).stdout
    assert f"Still kept out {mask_key(key)}: no_good_rows" in said
    shown = command("quarantine", "show", key).stdout
    decisions = re.findall(r"^  released  \S+ (.*)$", shown, re.MULTILINE)
    assert decisions == ["by override: the meter was checked", "to be judged by the rules again"]


def test_a_release_reports_only_the_named_files(mixed: tuple[CommandLine, dict[FileReason, str], str]) -> None:
    command, keys, _ = mixed
    named = keys[FileReason.UNREADABLE]
    said = command("quarantine", "release", named).stdout
    assert {reason for reason, key in keys.items() if mask_key(key) in said} == {FileReason.UNREADABLE}
