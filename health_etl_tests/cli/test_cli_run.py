"""`health-etl run`: what it counts and writes, that a second one does nothing, and what a late file changes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from health_etl.clinical.common.base import Level
from health_etl.lake.keys import mask_key, quarantine_key, unclaimed_key
from health_etl.record_types import record_types
from health_etl_tests.support.instances import instance_at

if TYPE_CHECKING:
    from health_etl_tests.cli.conftest import Finished
    from health_etl_tests.conftest import CommandLine

UP_TO_DATE = "Everything was up to date; no file was read."
LATE = "StepsRecord_1757986939488.avro"  # exported on 16 September 2025
STEPS_OF_15 = "StepsRecord_1757901111933.avro"
LEVELS = len(Level)
HEADINGS = ["files", "rows", "accepted", "duplicate", "quarantined", "refused", "person-days", "lines"]


class Materialised(NamedTuple):
    """One materialisation that the instance knows of."""

    storage_id: int
    asset: str
    partition: str | None


def row(output: str, name: str) -> dict[str, int]:
    """Return a row of the table that a run ends with, by heading, in the table's order."""
    assert re.search(r"\s+".join(["type", *HEADINGS]), output), output
    found = re.search(rf"^\W*{name}\s+([\d,\s]+)$", output, re.MULTILINE)
    assert found, output
    return dict(zip(HEADINGS, (int(figure.replace(",", "")) for figure in found[1].split()), strict=True))


def materialised(command: CommandLine, after: int = 0) -> list[Materialised]:
    """Return what the command's instance recorded after that storage id, oldest first."""
    with instance_at(str(command.dagster_home)) as instance:
        found = [
            Materialised(event.storage_id, key.to_user_string(), event.partition_key)
            for key in instance.get_asset_keys()
            for event in instance.fetch_materializations(key, limit=1000).records
        ]
    return sorted(event for event in found if event.storage_id > after)


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    """Return the keys of objects that were added, removed or changed."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def ingest(command: CommandLine, sample: Path, names: Iterable[str]) -> None:
    assert command("ingest", *(sample / name for name in names), "--user", "demo").exit_code == 0


def run(command: CommandLine, *options: str) -> str:
    """Run, and return its output; the run must succeed."""
    result = command("run", *options)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


@pytest.fixture(scope="module")
def uploads(sample: Path) -> Sequence[list[str]]:
    """Three uploads, by the day of export: daily totals that state an offset, and glucose that states a wrong one."""
    names = sorted(path.name for path in sample.glob("*.avro") if path.name.startswith(("Steps", "BloodGlucose")))
    midnights_utc = ("1757894400000", "1757980800000", "1758067200000", "1758153600000")  # 15 to 18 September 2025
    days = [[name for name in names if first <= name.partition("_")[2] < end] for first, end in pairwise(midnights_utc)]
    assert [len(day) for day in days] == [4, 4, 2]
    return days


@pytest.fixture(scope="module")
def in_order(
    command_line: type[CommandLine],
    tmp_path_factory: pytest.TempPathFactory,
    sample: Path,
    uploads: Sequence[list[str]],
) -> CommandLine:
    """A lake that received its uploads in chronological order, with a run after each."""
    command = command_line(tmp_path_factory.mktemp("in_order"))
    for upload in uploads:
        ingest(command, sample, upload)
        run(command)
    return command


def test_real_exports_are_counted_row_by_row(real: Finished) -> None:
    assert real.ran.exit_code == 0
    assert tuple(row(real.ran.stdout, "total").values()) == (18, 1228, 410, 818, 0, 0, 8, 8 * LEVELS)
    counts = {name: row(real.ran.stdout, name) for name in record_types()}
    assert {name: (count["rows"], count["accepted"]) for name, count in counts.items()} == {
        "blood_glucose": (757, 253),
        "heart_rate": (234, 78),
        "heart_rate_variability_rmssd": (222, 74),
        "sleep_session": (6, 2),
        "steps": (6, 2),
        "active_calories_burned": (3, 1),
    }
    assert {count["files"] for count in counts.values()} == {3}


def test_training_files_hold_as_many_lines_as_the_run_says(real: Finished) -> None:
    journals = {key: content for key, content in real.command.contents("training").items() if key.endswith(".jsonl")}
    reported = dict(
        re.findall(rf"^{re.escape(real.command.lake.as_uri())}/(\S+)  (\d+) lines?$", real.ran.stdout, re.M)
    )
    assert {key: int(count) for key, count in reported.items()} == {
        key: content.count(b"\n") for key, content in journals.items()
    }
    assert sum(map(int, reported.values())) == (8 + 2) * LEVELS, "of the types, and of two days across them"


def test_training_data_do_not_name_the_person(real: Finished) -> None:
    assert not [key for key, content in real.command.contents("training").items() if b"person_one" in content]


def test_a_second_run_reads_no_file_and_leaves_every_byte_and_the_instance_alone(real: Finished) -> None:
    before, events = real.command.contents(), materialised(real.command)
    output = run(real.command)
    assert UP_TO_DATE in output
    assert row(output, "total") == row(real.ran.stdout, "total")
    assert real.command.contents() == before
    assert materialised(real.command) == events


LIGHT = """
import sys
from health_etl.cli.app import app
app(["run"], standalone_mode=False)
print(*sys.modules)
"""


def test_a_run_that_finds_nothing_new_does_not_load_dagster(real: Finished) -> None:
    # The run before it left its word that every run has ended.
    done = real.command.python(LIGHT)
    assert UP_TO_DATE in done.stdout
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "health_etl.cli.runner" in loaded
    assert loaded.isdisjoint({"dagster", "sqlalchemy", "matplotlib", "pandera", "boto3", "pika", "jinja2"})


def test_show_example_prints_one_line_of_the_training_data(real: Finished) -> None:
    output = run(real.command, "--show-example")
    example = json.loads(output[output.index("\n{") :])
    lines = b"".join(real.command.contents("training").values()).splitlines()
    assert example in [json.loads(line) for line in lines if line.startswith(b'{"instruction"')]


def test_the_table_can_be_read_in_a_narrow_terminal(real: Finished, command_line: type[CommandLine]) -> None:
    output = run(command_line(real.command.folder, {"COLUMNS": "80"}))
    assert row(output, "heart_rate_variability_rmssd")["rows"] == 222
    assert all(heading in output for heading in HEADINGS)


def test_an_empty_lake_is_up_to_date(command: CommandLine) -> None:
    output = run(command)
    assert UP_TO_DATE in output
    assert set(row(output, "total").values()) == {0}


def test_an_unknown_record_type_is_refused_and_the_known_ones_are_listed(command: CommandLine) -> None:
    result = command("run", "--type", "weight")
    assert result.exit_code == 1
    assert result.stderr == f"Error: weight is not a record type; choose from {', '.join(record_types())}.\n"


def test_types_and_dates_limit_a_run_and_a_later_one_does_the_rest(
    command: CommandLine, sample: Path, uploads: Sequence[list[str]], in_order: CommandLine
) -> None:
    for upload in uploads:
        ingest(command, sample, upload)
    output = run(command, "--type", "StepsRecord", "--from", "2025-09-16", "--to", "2025-09-16")
    assert row(output, "steps")["files"] == 2
    assert "blood_glucose" not in output
    assert {(event.asset, event.partition) for event in materialised(command)} == {
        ("records/steps", "2025-09-16"),
        ("quarantine/steps", "2025-09-16"),
        ("records/utc_offsets", "2025-09-16"),
        ("insights/steps", "2025-09-16"),
        ("insights/daily_journal", "2025-09-16"),
        ("training/health_journal", "2025-09-01"),
    }
    assert "8 files read" in run(command)
    assert command.state("training/") == in_order.state("training/")


def test_the_order_of_uploads_and_runs_leaves_no_trace_in_the_training_data(
    command: CommandLine, sample: Path, uploads: Sequence[list[str]], in_order: CommandLine
) -> None:
    for position in (2, 0, 1):
        ingest(command, sample, uploads[position])
        run(command)
    assert command.state("training/") == in_order.state("training/")
    assert command.state("training/").keys() == {
        f"training/{domain}/2025/09/{name}"
        for domain in ("daily_journal", "metabolic_diabetes", "physical_activity")
        for name in ("health_journal_2025_09.jsonl", "manifest.json")
    }


def test_unusable_files_are_shown_with_a_remedy_and_kept_in_quarantine(command: CommandLine, sample: Path) -> None:
    ingest(command, sample, [STEPS_OF_15])
    good = (sample / STEPS_OF_15).read_bytes()
    cut = good[:-9]
    name_of_cut = f"demo_20250915_015152_phone_{hashlib.sha256(cut).hexdigest()[:8]}.avro"
    unusable = {
        f"raw/StepsRecord/2025/09/15/{name_of_cut}": (cut, "Quarantined", "unreadable"),
        "raw/StepsRecord/2025/09/15/demo_20250915_015153_phone_0123abcd.avro": (good, "Quarantined", "hash_mismatch"),
        "raw/WeightRecord/2025/09/15/demo_20250915_015151_phone_0123abcd.avro": (good, "Unclaimed", "unknown_type"),
        "raw/StepsRecord/2025/09/15/readme.txt": (b"odd", "Unclaimed", "key_unparseable"),
        "raw/StepsRecord/2019/01/01/demo_20190101_015151_phone_0123abcd.avro": (
            good,
            "Unclaimed",
            "outside_partitions",
        ),
    }
    for key, (content, _, _) in unusable.items():
        (command.lake / key).parent.mkdir(parents=True, exist_ok=True)
        (command.lake / key).write_bytes(content)
    raw = command.contents("raw")
    output = run(command)
    assert tuple(row(output, "steps").values()) == (3, 2, 2, 0, 0, 2, 1, LEVELS)
    for key, (content, word, reason) in unusable.items():
        assert re.search(rf"^{word} {re.escape(mask_key(key))}: .+ \({reason}\); .+\.$", output, re.MULTILINE)
        copy = command.contents("quarantine")
        copied = quarantine_key(key) if word == "Quarantined" else unclaimed_key(key)
        assert copy[copied] == content
        assert json.loads(copy[copied + ".metadata.json"])["reason"] == reason
    assert command.contents("raw") == raw
    before = command.contents()
    again = run(command)
    assert UP_TO_DATE in again
    assert len(re.findall(r"^(?:Quarantined|Unclaimed) ", again, re.MULTILINE)) == len(unusable)
    assert command.contents() == before


def test_a_failed_step_is_reported_in_one_sentence_and_the_next_run_does_the_rest(
    command: CommandLine, sample: Path
) -> None:
    ingest(command, sample, [STEPS_OF_15])
    in_the_way = command.lake / "insights" / "steps" / "2025-09-15"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    done = command.apart("run")
    assert done.returncode == 1
    assert re.fullmatch(
        r"Failed: file://\S+ cannot be written .+; check .+, or set HEALTH_ETL_LAKE to another folder\.\n",
        done.stderr,
    )
    assert "Traceback" not in done.stdout
    in_the_way.unlink()
    output = run(command)
    assert "0 files read" in output
    assert row(output, "steps")["lines"] == LEVELS


def test_a_late_file_for_an_old_date_changes_exactly_what_it_touches(command: CommandLine, sample: Path) -> None:
    names = {path.name for path in sample.glob("*.avro") if not path.name.startswith("HeartRate")}
    ingest(command, sample, names - {LATE})
    run(command)
    before, last = command.state(), materialised(command)[-1].storage_id
    ingest(command, sample, [LATE])
    assert "1 file read" in run(command)
    outputs = changed(before, command.state())
    assert {key.rpartition("/")[0] for key in outputs if not key.endswith("manifest.json")} == {
        "records/steps/2025-09-16",
        "records/utc_offsets/2025-09-16",
        "insights/steps/2025-09-16",
        "insights/daily_journal/2025-09-16",
        "training/daily_journal/2025/09",
        "training/physical_activity/2025/09",
    }
    # The ring's offset is new evidence for glucose, whose records state none that is believed. The quarantine asset of
    # a partition is materialised whenever the partition is.
    assert {(event.asset, event.partition) for event in materialised(command, after=last)} == {
        ("records/steps", "2025-09-16"),
        ("quarantine/steps", "2025-09-16"),
        ("records/utc_offsets", "2025-09-16"),
        *(
            (f"insights/{name}", f"2025-09-{day}")
            for name in ("steps", "blood_glucose", "daily_journal")
            for day in (16, 17)
        ),
        ("training/health_journal", "2025-09-01"),
    }
