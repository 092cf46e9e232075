"""Exports that differ from our schema, have no ids, or are in another unit, from the command line: one person each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import FileEntry
from health_etl.record_types import by_avro_name
from health_etl_tests.support.exports import (
    Record,
    avro_bytes,
    blood_glucose,
    folder_lake,
    sleep_session,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import files_of, records_of
from health_etl_tests.support.schema_changes import Schema, field_of, holder, schema_of

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

MORNING = utc("2025-09-15 08:00")
EXPORTED = utc("2025-09-16 06:00")
UPLOADED = date(2025, 9, 16)
LOW_AND_HIGH_MMOL_L = [5.4, 5.9, 7.1, 9.8, 12.4, 15.0, 17.7, 19.9, 20.2, 22.1, 24.0, 23.1, 16.4, 11.2, 8.0, 6.1]


class Expected(NamedTuple):
    """What becomes of an export: rows in, accepted, duplicate, quarantined; and why."""

    counts: tuple[int, int, int, int]
    faults: Mapping[str, int] = {}
    reason: str | None = None
    drift: tuple[str, ...] = ()


ACCEPTED = Expected((3, 3, 0, 0))
EXPECTED = {
    "another_unit": Expected((24, 0, 0, 24), {"glucose_mg_dl:unit_suspect": 24}, "no_good_rows"),
    "annotated_times": Expected(
        (3, 3, 0, 0),
        drift=(
            "endTimeEpochMillis is annotated as timestamp-millis",
            "startTimeEpochMillis is annotated as timestamp-millis",
        ),
    ),
    "null_count": Expected((3, 2, 0, 1), {"steps:missing_value": 1}, drift=("count may be null",)),
    "null_version": Expected((3, 3, 0, 0), drift=("metadata.clientRecordVersion may be null",)),
    "unread_field": Expected((1, 1, 0, 0), drift=("durationMillis is missing",)),
    "no_ids": ACCEPTED,
    "empty_offset": ACCEPTED,
}
REPORTED = {
    "another_unit": "09-mmol-in-mg-field/BloodGlucoseRecord_1758002400000.avro",
    "annotated_times": "10-logical-type-timestamp-millis/StepsRecord_1758002400000.avro",
    "null_count": "11-null-in-one-record/StepsRecord_1758002400000.avro",
    "null_version": "11-null-in-one-record/StepsRecord_1758002400001.avro",
    "unread_field": "12-field-that-nobody-reads-is-missing/SleepSessionRecord_1758002400000.avro",
    "no_ids": "13-records-without-id/StepsRecord_1758002400000.avro",
    "empty_offset": "14-offset-empty-text/StepsRecord_1758002400000.avro",
}


def three_steps(**changed: str) -> list[Record]:
    return [
        steps(f"s{n}", MORNING + n * timedelta(hours=1), count=100 + n, fetched=EXPORTED, **changed)  # type: ignore[arg-type]
        for n in range(3)
    ]


def nullable(path: tuple[str, ...]) -> tuple[Schema, list[Record]]:
    """Return a schema in which that field may be null, and records of which the second has none."""
    schema, records = schema_of("steps"), three_steps()
    field_of(schema, path)["type"] = ["null", field_of(schema, path)["type"]]
    place = records[1]["metadata"] if path[0] == "metadata" else records[1]
    place[path[-1]] = None
    return schema, records


def own_exports() -> Mapping[str, tuple[str, bytes]]:
    """Return exports of our own making by person: record type and content."""
    times = [MORNING + n * timedelta(minutes=5) for n in range(24)]
    levels = (LOW_AND_HIGH_MMOL_L * 2)[:24]
    glucose = [blood_glucose(f"g{n}", *reading) for n, reading in enumerate(zip(times, levels, strict=True))]
    annotated = schema_of("steps")
    for name in ("startTimeEpochMillis", "endTimeEpochMillis"):
        field_of(annotated, (name,))["type"] = {"type": "long", "logicalType": "timestamp-millis"}
    shorter = schema_of("sleep_session")
    holder(shorter, ("durationMillis",))["fields"].remove(field_of(shorter, ("durationMillis",)))
    without_ids = three_steps()
    for record in without_ids:
        record["metadata"]["id"] = ""
    return {
        "another_unit": ("blood_glucose", avro_bytes("blood_glucose", glucose)),
        "annotated_times": ("steps", avro_bytes("steps", three_steps(), annotated)),
        "null_count": ("steps", avro_bytes("steps", *reversed(nullable(("count",))))),
        "null_version": ("steps", avro_bytes("steps", *reversed(nullable(("metadata", "clientRecordVersion"))))),
        "unread_field": (
            "sleep_session",
            avro_bytes("sleep_session", [sleep_session(start=utc("2025-09-14 23:00"))], shorter),
        ),
        "no_ids": ("steps", avro_bytes("steps", without_ids)),
        "empty_offset": ("steps", avro_bytes("steps", three_steps(zone=""))),
    }


@pytest.fixture(scope="module", params=["own", "reported"])
def taken_in(
    request: pytest.FixtureRequest, command_line: type[CommandLine], tmp_path_factory: pytest.TempPathFactory
) -> CommandLine:
    """A lake of all these exports, run once, with what the run said in `ran.txt`."""
    folder = tmp_path_factory.mktemp(str(request.param))
    files = own_files(folder) if request.param == "own" else reported_files(request.getfixturevalue("shared"))
    command = command_line(folder)
    for person, path in files.items():
        assert command("ingest", path, "--user", person).exit_code == 0
    (folder / "ran.txt").write_text(command("run").output, encoding="utf-8")
    return command


def own_files(folder: Path) -> dict[str, Path]:
    avro_names = {record_type.name: record_type.avro_name for record_type in by_avro_name().values()}
    files = {}
    for person, (name, content) in own_exports().items():
        files[person] = folder / person / f"{avro_names[name]}_{int(EXPORTED.timestamp()) * 1000}.avro"
        files[person].parent.mkdir()
        files[person].write_bytes(content)
    return files


def reported_files(shared: Path) -> dict[str, Path]:
    return {person: shared / "reports" / path for person, path in REPORTED.items()}


def entries(command: CommandLine) -> dict[str, FileEntry]:
    lake = folder_lake(command.lake)
    files = [entry for name in ("blood_glucose", "sleep_session", "steps") for entry in files_of(lake, name, UPLOADED)]
    return {person: entry for entry in files for person in EXPECTED if f"/{person}_" in entry.key}


def test_what_can_be_read_right_is_accepted_and_the_rest_says_why(taken_in: CommandLine) -> None:
    found = {
        person: Expected(entry.counts, entry.faults, entry.reason, entry.drift)
        for person, entry in entries(taken_in).items()
    }
    assert found == EXPECTED


def test_records_without_an_id_are_three_records(taken_in: CommandLine) -> None:
    rows = records_of(folder_lake(taken_in.lake), "steps", UPLOADED).query("user_id == 'no_ids'")
    assert sorted(rows["steps"]) == [100, 101, 102]
    assert rows["record_id"].nunique() == 3


def test_nothing_is_said_of_a_day_whose_readings_are_in_another_unit(taken_in: CommandLine) -> None:
    lake = folder_lake(taken_in.lake)
    assert sum(manifest.rows for manifest in Catalogue(lake).insights("blood_glucose").values()) == 0


def test_the_night_without_its_duration_has_all_its_sleep(taken_in: CommandLine) -> None:
    rows = records_of(folder_lake(taken_in.lake), "sleep_session", UPLOADED)
    assert set((rows["end_utc"] - rows["start_utc"]).dt.total_seconds()) <= {7 * 3600, 8 * 3600}


def test_an_empty_offset_is_stored_as_none(taken_in: CommandLine) -> None:
    rows = records_of(folder_lake(taken_in.lake), "steps", UPLOADED).query("user_id == 'empty_offset'")
    assert rows["start_zone_offset"].isna().all()


def test_a_unit_that_looks_wrong_is_shown_with_a_way_out_and_can_be_overruled(taken_in: CommandLine) -> None:
    key = entries(taken_in)["another_unit"].key
    shown = " ".join(taken_in("quarantine", "show", key).output.split())
    assert "glucose_mg_dl:unit_suspect" in shown
    assert "set the app to the column's unit and export again" in shown
    said = taken_in("quarantine", "release", key, "--override", "--because", "a trial of the meter")
    assert "24 records accepted." in said.output
    assert entries(taken_in)["another_unit"].counts == (24, 24, 0, 0)
