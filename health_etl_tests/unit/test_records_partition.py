"""A records partition accounts for every row, costs only what is new, and equals its full rebuild byte for byte."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from obstore.store import MemoryStore

from health_etl.core import avro, keys, records_partition
from health_etl.core.lake import FetchedObject, Lake
from health_etl.core.listing import Upload, list_partition
from health_etl.core.manifest import FileEntry
from health_etl.core.quality import QualityRules
from health_etl.core.reasons import FileReason
from health_etl.core.tables import read_table
from health_etl.record_types import record_types
from health_etl_tests.exports import (
    ANNA,
    BEN,
    BUILDERS,
    NOON,
    UPLOADED,
    Record,
    avro_bytes,
    blood_glucose,
    contents,
    heart_rate,
    key_of,
    memory_lake,
    plain,
    put,
    put_content,
    sleep_session,
    steps,
    utc,
)
from health_etl_tests.pipeline import manifest_of, records_of, rejected_of, update_records

PARTITION = UPLOADED.isoformat()
GLUCOSE = record_types()["blood_glucose"]
GLUCOSE_TABLE = keys.records_key("blood_glucose", PARTITION)
GLUCOSE_MANIFEST = keys.manifest_key(GLUCOSE_TABLE)


class WatchedLake(Lake):
    """A lake that remembers which objects were fetched in bulk."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory://lake")
        self.fetched: list[str] = []

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, FetchedObject | None]]:
        asked = list(keys)
        self.fetched += asked
        return super().get_many(asked)


@pytest.fixture
def lake() -> WatchedLake:
    return WatchedLake()


def readings(*numbers: int, **changed: Any) -> list[Record]:
    return [blood_glucose(f"g{n}", NOON + timedelta(minutes=5 * n), 100.0 + n, **changed) for n in numbers]


def outcome(lake: Lake, name: str = "blood_glucose") -> dict[str, tuple[int, int, int, int]]:
    """Rows in, accepted, duplicate, quarantined of every file."""
    return {file.key: file.counts for file in manifest_of(lake, name).files}


def entry(lake: Lake, key: str, name: str = "blood_glucose") -> FileEntry:
    (found,) = [file for file in manifest_of(lake, name).files if file.key == key]
    return found


def ids(lake: Lake, name: str = "blood_glucose") -> list[tuple[str, str]]:
    rows = records_of(lake, name)
    return list(zip(rows["user_id"], rows["record_id"], strict=True))


def uploads_of(lake: Lake) -> tuple[Upload, ...]:
    return list_partition(lake, record_types()["blood_glucose"], UPLOADED)


def outputs(lake: Lake) -> dict[str, bytes]:
    return contents(lake, "records/") | contents(lake, "quarantine/")


def rebuilt(lake: Lake, name: str = "blood_glucose") -> dict[str, bytes]:
    """What a first run over the same objects writes."""
    lake.delete(outputs(lake))
    update_records(lake, name)
    return outputs(lake)


@pytest.mark.parametrize("name", sorted(record_types()))
def test_a_first_export_is_accepted_whole(lake: Lake, name: str) -> None:
    key = put(lake, name, [plain(name, "r1"), plain(name, "r2")])
    done = update_records(lake, name)
    assert (done.files_read, done.changed) == (1, True)
    assert outcome(lake, name) == {key: (2, 2, 0, 0)}
    assert set(records_of(lake, name)["record_id"]) == {"r1", "r2"}


@pytest.mark.parametrize("name", sorted(record_types()))
def test_the_table_has_the_columns_and_types_that_the_record_type_tells(lake: Lake, name: str) -> None:
    put(lake, name, [plain(name)])
    update_records(lake, name)
    table = read_table(lake, keys.records_key(name, PARTITION))
    assert table.schema.equals(record_types()[name].arrow_schema)


def test_values_and_provenance_arrive_in_the_table_as_exported(lake: Lake) -> None:
    record = blood_glucose(
        "g1", NOON, 123.4, "Z", app="com.app", version=3, modified=NOON, fetched=utc("2025-09-21 12:00")
    )
    key = put(lake, "blood_glucose", [blood_glucose("g0", NOON - timedelta(days=1)), record])
    update_records(lake, "blood_glucose")
    row = records_of(lake, "blood_glucose").iloc[1]
    assert (row["record_id"], row["user_id"], row["source_app"]) == ("g1", ANNA, "com.app")
    assert (row["time_utc"], row["zone_offset"], row["glucose_mg_dl"]) == (pd.Timestamp(NOON), "Z", 123.4)
    assert (row["client_record_version"], row["last_modified_utc"]) == (3, pd.Timestamp(NOON))
    assert row["fetched_utc"] == pd.Timestamp("2025-09-21 12:00", tz="UTC")
    assert (row["source_key"], row["source_record_number"]) == (key, 1)


def test_a_sample_and_a_stage_are_rows_of_their_own_and_count_as_one_record(lake: Lake) -> None:
    heart = put(lake, "heart_rate", [heart_rate(bpm=(60, 61, 62))])
    sleep = put(lake, "sleep_session", [sleep_session()])
    assert update_records(lake, "heart_rate").manifest.measurement_rows == 3
    assert update_records(lake, "sleep_session").manifest.measurement_rows == 3
    assert outcome(lake, "heart_rate") == {heart: (1, 1, 0, 0)}
    assert outcome(lake, "sleep_session") == {sleep: (1, 1, 0, 0)}


def test_what_several_exports_repeat_is_accepted_once(lake: Lake) -> None:
    first = put(lake, "blood_glucose", readings(0, 1, 2, fetched=utc("2025-09-21 01:00")))
    second = put(lake, "blood_glucose", readings(1, 2, 3, fetched=utc("2025-09-21 02:00")))
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {first: (3, 1, 2, 0), second: (3, 3, 0, 0)}
    assert [record for _, record in ids(lake)] == ["g0", "g1", "g2", "g3"]


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        (
            {"version": 1, "modified": utc("2025-09-21 05:00"), "fetched": utc("2025-09-21 06:00")},
            {"version": 2, "modified": utc("2025-09-21 01:00"), "fetched": utc("2025-09-21 02:00")},
        ),
        (
            {"modified": utc("2025-09-21 01:00"), "fetched": utc("2025-09-21 06:00")},
            {"modified": utc("2025-09-21 02:00"), "fetched": utc("2025-09-21 03:00")},
        ),
        (
            {"modified": utc("2025-09-21 01:00"), "fetched": utc("2025-09-21 02:00")},
            {"modified": utc("2025-09-21 01:00"), "fetched": utc("2025-09-21 03:00")},
        ),
    ],
    ids=["version", "last modified", "fetched"],
)
@pytest.mark.parametrize("stronger_first", [True, False])
@pytest.mark.parametrize("one_run_each", [True, False])
def test_the_latest_version_wins_whatever_came_first(
    lake: Lake, weaker: dict[str, Any], stronger: dict[str, Any], stronger_first: bool, one_run_each: bool
) -> None:
    exports = [blood_glucose(mg_dl=1000 / 9, **weaker), blood_glucose(mg_dl=200.0, **stronger)]
    for record in reversed(exports) if stronger_first else exports:
        put(lake, "blood_glucose", [record])
        if one_run_each:
            update_records(lake, "blood_glucose")
    update_records(lake, "blood_glucose")
    assert records_of(lake, "blood_glucose")["glucose_mg_dl"].tolist() == [200.0]
    assert manifest_of(lake, "blood_glucose").total() == (2, 1, 1, 0)


def test_the_same_record_id_of_two_people_stays_two_records(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1), user_id=ANNA)
    put(lake, "blood_glucose", readings(1), user_id=BEN)
    update_records(lake, "blood_glucose")
    assert ids(lake) == [(ANNA, "g1"), (BEN, "g1")]
    assert manifest_of(lake, "blood_glucose").total() == (2, 2, 0, 0)


def test_a_row_out_of_range_is_quarantined_with_its_reason_and_its_neighbours_stay(lake: Lake) -> None:
    key = put(lake, "blood_glucose", [*readings(1, 2), blood_glucose("bad", mg_dl=700.0)])
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (3, 2, 0, 1)}
    rejected = rejected_of(lake, "blood_glucose")
    assert rejected["record_id"].tolist() == ["bad"]
    assert rejected["glucose_mg_dl"].tolist() == [700.0]
    assert rejected["faults"].tolist() == ["glucose_mg_dl:out_of_range"]


@pytest.mark.parametrize("one_run_each", [True, False])
@pytest.mark.parametrize("bad_first", [True, False])
def test_an_invalid_update_is_quarantined_and_the_good_version_before_it_stays(
    lake: Lake, one_run_each: bool, bad_first: bool
) -> None:
    bad = avro_bytes("blood_glucose", [blood_glucose(version=2, mg_dl=5.0), *readings(9)])
    good = avro_bytes("blood_glucose", [blood_glucose(version=1)])
    for content in (bad, good) if bad_first else (good, bad):
        put_content(lake, "blood_glucose", content)
        if one_run_each:
            update_records(lake, "blood_glucose")
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {
        key_of("blood_glucose", good): (1, 1, 0, 0),
        key_of("blood_glucose", bad): (2, 1, 0, 1),
    }
    assert records_of(lake, "blood_glucose").set_index("record_id")["client_record_version"]["g1"] == 1
    assert rejected_of(lake, "blood_glucose")["client_record_version"].tolist() == [2]


def test_a_late_older_version_does_not_bring_back_what_an_update_replaced(lake: Lake) -> None:
    newer = put(lake, "blood_glucose", [blood_glucose(version=2, mg_dl=150.0)])
    update_records(lake, "blood_glucose")
    older = put(lake, "blood_glucose", [blood_glucose(version=1)])
    done = update_records(lake, "blood_glucose")
    assert done.files_read == 1
    assert outcome(lake) == {older: (1, 0, 1, 0), newer: (1, 1, 0, 0)}
    assert records_of(lake, "blood_glucose")["glucose_mg_dl"].tolist() == [150.0]


def test_of_several_invalid_versions_the_latest_is_quarantined_and_the_others_are_duplicates(lake: Lake) -> None:
    later = put(lake, "blood_glucose", [blood_glucose(version=3, mg_dl=5.0), *readings(8)])
    update_records(lake, "blood_glucose")
    earlier = put(lake, "blood_glucose", [blood_glucose(version=2, mg_dl=4.0), *readings(9)])
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {later: (2, 1, 0, 1), earlier: (2, 1, 1, 0)}


def test_a_later_valid_version_releases_a_quarantined_row(lake: Lake) -> None:
    bad = put(lake, "blood_glucose", [blood_glucose(version=1, mg_dl=5.0), *readings(9)])
    update_records(lake, "blood_glucose")
    good = put(lake, "blood_glucose", [blood_glucose(version=2)])
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {bad: (2, 1, 1, 0), good: (1, 1, 0, 0)}
    assert lake.find(keys.rejected_key("BloodGlucoseRecord", PARTITION)) is None


def test_one_bad_sample_is_rejected_and_its_record_still_counts_as_accepted(lake: Lake) -> None:
    key = put(lake, "heart_rate", [heart_rate(bpm=(60, 250, 61))])
    done = update_records(lake, "heart_rate")
    assert outcome(lake, "heart_rate") == {key: (1, 1, 0, 0)}
    assert (done.manifest.measurement_rows, done.manifest.rejected_rows) == (2, 1)


def test_one_bad_stage_takes_its_whole_session_into_quarantine(lake: Lake) -> None:
    broken = sleep_session("n2")
    broken["stages"][0]["startTimeEpochMillis"] -= 1
    key = put(lake, "sleep_session", [sleep_session("n1"), broken])
    done = update_records(lake, "sleep_session")
    assert outcome(lake, "sleep_session") == {key: (2, 1, 0, 1)}
    assert done.manifest.rejected_rows == 3
    assert set(records_of(lake, "sleep_session")["record_id"]) == {"n1"}


def test_a_record_without_samples_is_quarantined_and_not_lost(lake: Lake) -> None:
    key = put(lake, "heart_rate", [heart_rate("empty", bpm=()), heart_rate("full")])
    update_records(lake, "heart_rate")
    assert outcome(lake, "heart_rate") == {key: (2, 1, 0, 1)}
    assert rejected_of(lake, "heart_rate")["record_id"].tolist() == ["empty"]


def test_the_same_record_twice_in_one_file_counts_once(lake: Lake) -> None:
    key = put(lake, "blood_glucose", [blood_glucose(mg_dl=100.0), blood_glucose(mg_dl=101.0)])
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (2, 1, 1, 0)}
    assert records_of(lake, "blood_glucose")["glucose_mg_dl"].tolist() == [101.0]


# What is read again


def test_an_unchanged_partition_reads_no_file(lake: WatchedLake) -> None:
    put(lake, "blood_glucose", readings(1, 2))
    update_records(lake, "blood_glucose")
    before = outputs(lake)
    lake.fetched.clear()
    done = update_records(lake, "blood_glucose")
    assert (done.files_read, done.changed, lake.fetched) == (0, False, [])
    assert outputs(lake) == before


def test_a_late_file_reads_only_itself(lake: WatchedLake) -> None:
    put(lake, "blood_glucose", readings(1, 2))
    put(lake, "blood_glucose", readings(1, 2), user_id=BEN)
    update_records(lake, "blood_glucose")
    lake.fetched.clear()
    late = put(lake, "blood_glucose", readings(3))
    done = update_records(lake, "blood_glucose")
    assert (done.files_read, lake.fetched) == (1, [late])
    assert ids(lake) == [(ANNA, "g1"), (ANNA, "g2"), (ANNA, "g3"), (BEN, "g1"), (BEN, "g2")]


def test_a_changed_file_rereads_the_files_of_its_person_and_nobody_else_s(lake: WatchedLake) -> None:
    changed = put(lake, "blood_glucose", readings(1, 2))
    other = put(lake, "blood_glucose", readings(3))
    put(lake, "blood_glucose", readings(1), user_id=BEN)
    update_records(lake, "blood_glucose")
    lake.fetched.clear()
    lake.put(changed, lake.get(changed))  # the same bytes under a new ETag
    done = update_records(lake, "blood_glucose")
    assert sorted(lake.fetched) == sorted([changed, other])
    assert done.files_read == 2
    assert manifest_of(lake, "blood_glucose").total() == (4, 4, 0, 0)


def test_a_vanished_file_rereads_the_files_of_its_person_and_frees_what_it_had_replaced(lake: WatchedLake) -> None:
    kept = put(lake, "blood_glucose", [blood_glucose(mg_dl=100.0, version=1)])
    vanished = put(lake, "blood_glucose", [blood_glucose(mg_dl=200.0, version=2), *readings(2)])
    put(lake, "blood_glucose", readings(1), user_id=BEN)
    update_records(lake, "blood_glucose")
    lake.fetched.clear()
    lake.delete([vanished])
    update_records(lake, "blood_glucose")
    assert lake.fetched == [kept]
    assert ids(lake) == [(ANNA, "g1"), (BEN, "g1")]
    assert records_of(lake, "blood_glucose")["glucose_mg_dl"].tolist() == [100.0, 101.0]
    assert outcome(lake)[kept] == (1, 1, 0, 0)


def test_a_partition_whose_files_all_vanished_is_empty_and_stays_accounted_for(lake: Lake) -> None:
    key = put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    lake.delete([key])
    done = update_records(lake, "blood_glucose")
    assert done.changed
    assert manifest_of(lake, "blood_glucose").total() == (0, 0, 0, 0)
    assert len(records_of(lake, "blood_glucose")) == 0


def test_a_partition_that_nobody_uploaded_to_writes_nothing(lake: Lake) -> None:
    done = update_records(lake, "blood_glucose")
    assert (done.files_read, done.changed, done.manifest.total()) == (0, False, (0, 0, 0, 0))
    assert outputs(lake) == {}


def test_a_new_code_version_reads_everything_again(lake: WatchedLake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, "blood_glucose", readings(1))
    put(lake, "blood_glucose", readings(2), user_id=BEN)
    update_records(lake, "blood_glucose")
    monkeypatch.setattr(records_partition, "CODE_VERSION", "next")
    done = update_records(lake, "blood_glucose")
    assert done.files_read == 2
    assert manifest_of(lake, "blood_glucose").code_version == "next.1"
    assert update_records(lake, "blood_glucose").files_read == 0


def test_a_new_code_version_of_a_type_rebuilds_that_type_alone(lake: Lake) -> None:
    record_type = record_types()["blood_glucose"]
    newer = dataclasses.replace(record_type, code_version="2")
    assert records_partition.code_version(newer) != records_partition.code_version(record_type)
    put(lake, "blood_glucose", readings(1))
    manifest = update_records(lake, "blood_glucose").manifest
    uploads = uploads_of(lake)
    assert records_partition.is_current(manifest, uploads, record_type)
    assert not records_partition.is_current(manifest, uploads, newer)


@pytest.mark.parametrize("tampered", ["table", "table gone", "rejected", "rejected gone", "manifest gone"])
def test_a_run_that_broke_off_between_table_and_manifest_is_built_anew(lake: WatchedLake, tampered: str) -> None:
    bad = blood_glucose("bad", mg_dl=1.0)
    put(lake, "blood_glucose", [*readings(1), bad])
    update_records(lake, "blood_glucose")
    put(lake, "blood_glucose", readings(2))
    rejected = keys.rejected_key("BloodGlucoseRecord", PARTITION)
    other = memory_lake()
    put(other, "blood_glucose", [*readings(7), blood_glucose("worse", mg_dl=2.0)])
    update_records(other, "blood_glucose")
    {
        "table": lambda: lake.put(GLUCOSE_TABLE, other.get(GLUCOSE_TABLE)),
        "table gone": lambda: lake.delete([GLUCOSE_TABLE]),
        "rejected": lambda: lake.put(rejected, other.get(rejected)),
        "rejected gone": lambda: lake.delete([rejected]),
        "manifest gone": lambda: lake.delete([GLUCOSE_MANIFEST]),
    }[tampered]()
    done = update_records(lake, "blood_glucose")
    assert done.files_read == 2
    assert ids(lake) == [(ANNA, "g1"), (ANNA, "g2")]
    assert rejected_of(lake, "blood_glucose")["record_id"].tolist() == ["bad"]
    assert outputs(lake) == rebuilt(lake)


def test_rejected_rows_that_a_broken_run_left_behind_are_removed(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    rejected = keys.rejected_key("BloodGlucoseRecord", PARTITION)
    lake.put(rejected, b"left behind")
    put(lake, "blood_glucose", readings(2))
    assert update_records(lake, "blood_glucose").files_read == 2
    assert lake.find(rejected) is None


def test_a_file_that_vanishes_between_listing_and_reading_is_left_out(lake: Lake) -> None:
    gone = put(lake, "blood_glucose", readings(1))
    kept = put(lake, "blood_glucose", readings(2), user_id=BEN)
    uploads = uploads_of(lake)
    lake.delete([gone])
    records_partition.update(lake, record_types()["blood_glucose"], UPLOADED, uploads)
    assert outcome(lake) == {kept: (1, 1, 0, 0)}


def test_a_file_that_changes_between_listing_and_reading_is_stale_at_the_next_look(lake: Lake) -> None:
    key = put(lake, "blood_glucose", readings(1))
    uploads = uploads_of(lake)
    lake.put(key, lake.get(key))
    done = records_partition.update(lake, record_types()["blood_glucose"], UPLOADED, uploads)
    record_type = record_types()["blood_glucose"]
    assert not records_partition.is_current(done.manifest, uploads, record_type)
    assert records_partition.is_current(done.manifest, uploads_of(lake), record_type)


def test_progress_hears_of_every_file_that_is_read(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1))
    put(lake, "blood_glucose", readings(2))
    heard: list[int] = []
    record_type = record_types()["blood_glucose"]
    records_partition.update(lake, record_type, UPLOADED, uploads_of(lake), progress=heard.append)
    assert sum(heard) == 2


# Incremental equals full


def grown(lake: Lake, one_run_each: bool) -> dict[str, bytes]:
    """Overlapping exports of two people with updates, a bad row, a bad file; what the lake then holds."""
    steps_of_growth: list[tuple[str, bytes]] = [
        (ANNA, avro_bytes("blood_glucose", readings(5, 6, 7))),
        (BEN, avro_bytes("blood_glucose", readings(1, 2))),
        (ANNA, avro_bytes("blood_glucose", [*readings(1, 2), blood_glucose("bad", mg_dl=1.0)])),
        (ANNA, avro_bytes("blood_glucose", [blood_glucose("g6", NOON, 90.0, version=4)])),
        (BEN, avro_bytes("blood_glucose", readings(1))[:-20]),
        (ANNA, avro_bytes("blood_glucose", [blood_glucose("g2", mg_dl=1.0, version=9)])),
        ("aaron", avro_bytes("blood_glucose", readings(3))),
    ]
    for user_id, content in steps_of_growth:
        put_content(lake, "blood_glucose", content, user_id=user_id)
        if one_run_each:
            update_records(lake, "blood_glucose")
    update_records(lake, "blood_glucose")
    return outputs(lake)


def without_etags(objects: dict[str, bytes]) -> dict[str, bytes]:
    """Two stores name the same objects by other ETags; all else must be equal."""
    return {key: re.sub(rb'"etag": ".*"', b"", content) for key, content in objects.items()}


def test_a_partition_grown_file_by_file_equals_its_full_rebuild_byte_for_byte(lake: Lake) -> None:
    incremental = grown(lake, one_run_each=True)
    assert GLUCOSE_MANIFEST in incremental
    assert any(key.endswith("rejected_rows.parquet") for key in incremental)
    assert incremental == rebuilt(lake)


def test_a_partition_grown_file_by_file_equals_one_that_came_at_once(lake: Lake) -> None:
    assert without_etags(grown(lake, one_run_each=True)) == without_etags(grown(memory_lake(), one_run_each=False))


@pytest.mark.parametrize("name", ["heart_rate", "sleep_session"])
def test_nested_records_grow_as_they_are_rebuilt(lake: Lake, name: str) -> None:
    build: Callable[..., Record] = BUILDERS[name]
    for numbers in ((3, 1), (2,), (1, 4)):
        put(lake, name, [build(f"r{n}", NOON - timedelta(hours=9 * n)) for n in numbers])
        update_records(lake, name)
    incremental = outputs(lake)
    assert incremental == rebuilt(lake, name)


def test_the_batches_that_a_partition_is_read_in_leave_no_trace(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [
        "a",
        "a-1",
        "a.b",
        "a_b",
        "A",
        *(f"person_{number:02}" for number in range(7)),
    ]  # no key sorts as its user
    for number, user_id in enumerate(people):
        put(lake, "blood_glucose", readings(*range(number, number + 3)), user_id=user_id)
    update_records(lake, "blood_glucose")
    whole = outputs(lake)
    monkeypatch.setattr(records_partition, "BATCH_FILES", 1)
    assert rebuilt(lake) == whole
    monkeypatch.setattr(records_partition, "BATCH_FILES", 5)
    assert rebuilt(lake) == whole


def test_a_large_partition_read_in_batches_equals_its_full_rebuild(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for person in ("a", "b", "c", "d"):
        many = [
            blood_glucose(f"{person}{n}{n * 7919:028x}", NOON + timedelta(seconds=n), n % 500 + 50.5)
            for n in range(9_000)
        ]
        put(lake, "blood_glucose", many, user_id=person)
    update_records(lake, "blood_glucose")
    whole = outputs(lake)
    monkeypatch.setattr(records_partition, "BATCH_FILES", 1)
    assert rebuilt(lake) == whole


# Files that are refused whole


def _records_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(avro, "MAX_RECORDS", 5)
    return avro_bytes("blood_glucose", readings(*range(6)))


def _bytes_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> bytes:
    content = avro_bytes("blood_glucose", readings(*range(60)))
    monkeypatch.setattr(avro, "MAX_FILE_BYTES", len(content) - 1)
    return content


def _incompatible(_: pytest.MonkeyPatch) -> bytes:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "levelInMilligramsPerDeciliter"]
    return avro_bytes("blood_glucose", readings(1), schema)


def _codec_that_is_not_read(_: pytest.MonkeyPatch) -> bytes:
    content = avro_bytes("blood_glucose", readings(1), codec="null")
    return content.replace(b"avro.codec\x08null", b"avro.codec\x08zstd")


def _bomb(_: pytest.MonkeyPatch) -> bytes:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"].append({"name": "padding", "type": "string", "default": ""})
    return avro_bytes("blood_glucose", [{**blood_glucose(), "padding": "a" * 5_000_000}], schema)


def _lists_without_bytes(_: pytest.MonkeyPatch) -> bytes:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"].append({"name": "nothing", "type": {"type": "array", "items": "null"}, "default": []})
    return avro_bytes("blood_glucose", [{**blood_glucose(), "nothing": [None] * 9}], schema)


BAD_FILES: dict[str, Callable[[pytest.MonkeyPatch], bytes]] = {
    "empty": lambda _: b"",
    "not_avro": lambda _: b"PK\x03\x04 not avro",
    "unreadable": lambda _: avro_bytes("blood_glucose", readings(1, 2))[:-25],
    "wrong_type": lambda _: avro_bytes("steps", [steps()]),
    "schema_incompatible": _incompatible,
    "too_many_records": _records_over_the_limit,
    "too_large": _bytes_over_the_limit,
    "codec_unsupported": _codec_that_is_not_read,
    "decompression_bomb": _bomb,
    "schema_refused": _lists_without_bytes,
}
ELSEWHERE = {  # can be read, needs a name of its own, or belongs to no partition
    FileReason.NO_GOOD_ROWS,
    FileReason.LOW_QUALITY,
    FileReason.HASH_MISMATCH,
    FileReason.UNKNOWN_TYPE,
    FileReason.KEY_UNPARSEABLE,
    FileReason.OUTSIDE_PARTITIONS,
}


def test_every_reason_to_refuse_a_file_is_tried() -> None:
    assert set(BAD_FILES) | ELSEWHERE == set(FileReason)


@pytest.mark.parametrize("reason", sorted(BAD_FILES))
def test_a_bad_file_is_quarantined_with_its_reason_and_its_neighbours_go_on(
    lake: Lake, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = BAD_FILES[reason](monkeypatch)
    bad = put_content(lake, "blood_glucose", content)
    good = put(lake, "blood_glucose", readings(1, 2))
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {bad: (0, 0, 0, 0), good: (2, 2, 0, 0)}
    assert entry(lake, bad).reason == reason
    copy = keys.quarantine_key(bad)
    is_copied = reason != "too_large"  # that one stays in raw/ alone
    assert lake.find(copy) == (content if is_copied else None)
    metadata = json.loads(lake.get(copy + ".metadata.json"))
    assert (metadata["source_key"], metadata["reason"], metadata["copied"]) == (bad, reason, is_copied)
    assert (metadata["etag"], metadata["size_bytes"]) == (entry(lake, bad).etag, len(content))
    assert metadata["detail"] == entry(lake, bad).detail
    assert metadata["way_out"]
    assert lake.get(bad) == content, "raw/ is read only"


def _same_file_of(lake: Lake, reason: str) -> dict[str, object]:
    """Put a file that is refused for this reason beside a good one; return what its metadata says."""
    late, wild = utc("2031-01-01 00:00"), 5_000.0
    records = {
        "no_good_rows": [blood_glucose("b1", mg_dl=wild), blood_glucose("b2", mg_dl=wild)],
        "low_quality": [*(blood_glucose(f"b{n}", late, wild) for n in range(4)), *readings(9)],
    }[reason]
    bad, good = put(lake, "blood_glucose", records), put(lake, "blood_glucose", readings(1, 2))
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {bad: (len(records), 0, 0, len(records)), good: (2, 2, 0, 0)}
    assert lake.get(keys.quarantine_key(bad)) == lake.get(bad)
    metadata: dict[str, object] = json.loads(lake.get(keys.quarantine_key(bad) + ".metadata.json"))
    assert (metadata["reason"], metadata["rows_in"]) == (reason, len(records))
    return metadata


def test_a_file_without_a_good_record_is_quarantined_whole(lake: Lake) -> None:
    metadata = _same_file_of(lake, "no_good_rows")
    assert metadata["faults"] == {"glucose_mg_dl:out_of_range": 2}
    assert metadata["detail"] == "none of its 2 records is valid"
    assert records_of(lake, "blood_glucose")["record_id"].tolist() == ["g1", "g2"]


def test_a_file_under_the_threshold_is_quarantined_whole_with_its_good_records(lake: Lake) -> None:
    metadata = _same_file_of(lake, "low_quality")
    # 0.3 schema + 0.3 completeness + 0.2 * 1/5 physiological + 0.2 * 1/5 temporal
    assert metadata["detail"] == "its quality score is 0.68, 0.7 is needed"
    assert metadata["faults"] == {"glucose_mg_dl:out_of_range": 4, "time_utc:time_implausible": 4}
    assert records_of(lake, "blood_glucose")["record_id"].tolist() == ["g1", "g2"]


def test_a_lower_threshold_lets_a_file_in_that_was_under_the_earlier_one(lake: Lake) -> None:
    _same_file_of(lake, "low_quality")
    uploads = list_partition(lake, GLUCOSE, UPLOADED)
    done = records_partition.update(lake, GLUCOSE, UPLOADED, uploads, QualityRules(threshold=0.68))
    assert done.files_read == 2
    assert done.manifest.total() == (7, 3, 0, 4)
    assert [key for key in contents(lake, "quarantine/") if ".avro" in key] == []
    rejected = json.loads(lake.get(keys.rejected_key("BloodGlucoseRecord", PARTITION) + ".metadata.json"))
    assert [file["rejected_measurements"] for file in rejected["files"]] == [4]


def test_a_copy_that_a_killed_run_left_in_quarantine_goes_once_its_file_is_good(lake: Lake) -> None:
    key = put(lake, "blood_glucose", readings(1))
    lake.put(keys.quarantine_key(key), b"left behind")
    update_records(lake, "blood_glucose")
    assert contents(lake, "quarantine/") == {}


def test_a_file_whose_content_is_not_what_its_name_says_is_quarantined_until_it_is_put_right(lake: Lake) -> None:
    content = avro_bytes("blood_glucose", readings(1, 2))
    key = key_of("blood_glucose", content)
    lake.put(key, avro_bytes("blood_glucose", readings(3)))
    update_records(lake, "blood_glucose")
    assert entry(lake, key).reason == "hash_mismatch"
    assert lake.find(keys.quarantine_key(key)) is not None
    lake.put(key, content)
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (2, 2, 0, 0)}
    assert contents(lake, "quarantine/") == {}


def test_a_refused_file_that_vanishes_takes_its_copy_with_it(lake: Lake) -> None:
    bad = put_content(lake, "blood_glucose", b"not avro")
    put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    lake.delete([bad])
    update_records(lake, "blood_glucose")
    assert contents(lake, "quarantine/") == {}


def test_a_file_that_a_new_code_version_can_read_is_released(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as strict:
        strict.setattr(avro, "MAX_RECORDS", 1)
        key = put(lake, "blood_glucose", readings(1, 2))
        update_records(lake, "blood_glucose")
    assert entry(lake, key).reason == "too_many_records"
    monkeypatch.setattr(records_partition, "CODE_VERSION", "next")
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (2, 2, 0, 0)}
    assert contents(lake, "quarantine/") == {}


def test_a_refused_file_is_not_read_again_while_it_stays_as_it_is(lake: WatchedLake) -> None:
    put_content(lake, "blood_glucose", b"not avro")
    update_records(lake, "blood_glucose")
    lake.fetched.clear()
    late = put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    assert lake.fetched == [late]
    assert [file.reason for file in manifest_of(lake, "blood_glucose").files].count("not_avro") == 1
    assert len(contents(lake, "quarantine/")) == 2


def test_a_file_that_is_listed_as_too_large_is_refused_without_being_fetched(
    lake: WatchedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = put_content(lake, "blood_glucose", _bytes_over_the_limit(monkeypatch))
    put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    assert entry(lake, large).reason == "too_large"
    assert large not in lake.fetched


def test_a_damaged_file_of_any_codec_leaves_its_neighbours_alone(lake: Lake) -> None:
    for codec in ("null", "deflate", "bzip2", "xz"):
        content = bytearray(avro_bytes("blood_glucose", readings(1, 2, 3), codec=codec))
        content[-40] ^= 0xFF
        put_content(lake, "blood_glucose", bytes(content), exported=utc("2025-09-21 03:00"))
    good = put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    assert outcome(lake)[good][0] == 1
    assert len(outcome(lake)) == 5


def test_a_time_that_the_writer_calls_a_timestamp_is_read_or_quarantined_and_its_neighbours_go_on(lake: Lake) -> None:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"][1]["type"] = {"type": "long", "logicalType": "timestamp-millis"}
    other = put_content(lake, "blood_glucose", avro_bytes("blood_glucose", readings(1), schema))
    good = put(lake, "blood_glucose", readings(2))
    update_records(lake, "blood_glucose")
    assert outcome(lake)[good] == (1, 1, 0, 0)
    assert entry(lake, other).reason == "schema_incompatible" or outcome(lake)[other] == (1, 1, 0, 0)


def test_added_fields_are_told_in_the_manifest_and_lower_the_quality(lake: Lake) -> None:
    schema = json.loads(json.dumps(record_types()["steps"].avro_schema))
    schema["fields"].append({"name": "floors", "type": ["null", "int"], "default": None})
    key = put_content(lake, "steps", avro_bytes("steps", [{**steps(), "floors": 3}], schema))
    update_records(lake, "steps")
    found = entry(lake, key, "steps")
    assert (found.counts, found.added_fields) == ((1, 1, 0, 0), ("floors",))
    assert found.quality is not None
    assert found.quality.score == 0.97


# What those downstream are told


def test_the_manifest_names_the_utc_dates_that_good_rows_touch(lake: Lake) -> None:
    late = steps(start=utc("2025-09-20 23:30"), end=utc("2025-09-21 00:30"))
    put(lake, "steps", [late, steps("bad", start=utc("2025-09-10 10:00"), count=-5)])
    assert update_records(lake, "steps").manifest.utc_dates == ("2025-09-20", "2025-09-21")


@pytest.mark.parametrize(("zone", "unzoned"), [("-05:00", False), ("+00:00", False), ("Z", True), (None, True)])
def test_the_manifest_tells_whether_a_record_states_no_offset_that_is_believed(
    lake: Lake, zone: str | None, unzoned: bool
) -> None:
    put(lake, "blood_glucose", readings(1, zone=zone))
    assert update_records(lake, "blood_glucose").manifest.unzoned is unzoned


def test_an_offset_missing_at_the_end_alone_counts_as_unzoned(lake: Lake) -> None:
    put(lake, "steps", [{**steps(), "endZoneOffsetId": None}])
    assert update_records(lake, "steps").manifest.unzoned


def test_the_data_version_stays_when_a_re_export_brings_nothing_new(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1, 2, fetched=utc("2025-09-21 05:00")))
    before = update_records(lake, "blood_glucose").manifest
    put(lake, "blood_glucose", readings(1, 2, fetched=utc("2025-09-21 04:00")))
    done = update_records(lake, "blood_glucose")
    assert done.manifest.digest == before.digest
    assert not done.changed


def test_uploads_of_other_dates_are_left_alone(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1), upload_date=date(2025, 9, 20))
    put(lake, "blood_glucose", readings(2))
    update_records(lake, "blood_glucose")
    assert [record for _, record in ids(lake)] == ["g2"]
