"""Updating a records partition costs only what is new and equals a full rebuild byte for byte."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from health_etl.lake import commits
from health_etl.lake.store import Lake
from health_etl.lake.tables import TableWriter, read_table
from health_etl.record_types import record_types
from health_etl.records import partition as records_partition
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    BUILDERS,
    NOON,
    UPLOADED,
    Record,
    avro_bytes,
    blood_glucose,
    memory_lake,
    put,
    put_content,
)
from health_etl_tests.support.partition_outcome import (
    GLUCOSE_FOLDER,
    WatchedLake,
    ids,
    outcome,
    outputs,
    readings,
    rebuild,
    uploads_of,
)
from health_etl_tests.support.pipeline import (
    files_of,
    manifest_key_of,
    manifest_of,
    records_of,
    rejected_of,
    update_records,
)
from health_etl_tests.support.state import is_accounts


@pytest.fixture
def lake() -> WatchedLake:
    return WatchedLake()


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


def test_a_vanished_file_rereads_the_files_of_its_person_and_restores_what_it_had_replaced(lake: WatchedLake) -> None:
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


def test_a_partition_without_uploads_writes_nothing(lake: Lake) -> None:
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


def test_a_new_code_version_of_a_type_rebuilds_only_that_type(lake: Lake) -> None:
    record_type = record_types()["blood_glucose"]
    newer = dataclasses.replace(record_type, code_version="2")
    assert records_partition.code_version(newer) != records_partition.code_version(record_type)
    put(lake, "blood_glucose", readings(1))
    manifest = update_records(lake, "blood_glucose").manifest
    uploads = uploads_of(lake)
    assert records_partition.is_current(manifest, uploads, record_type)
    assert not records_partition.is_current(manifest, uploads, newer)


@pytest.mark.parametrize("tampered", ["table", "table gone", "rejected", "rejected gone", "manifest gone"])
def test_a_partition_is_rebuilt_when_somebody_changed_or_deleted_a_part_of_it(lake: WatchedLake, tampered: str) -> None:
    bad = blood_glucose("bad", mg_dl=1.0)
    put(lake, "blood_glucose", [*readings(1), bad])
    update_records(lake, "blood_glucose")
    put(lake, "blood_glucose", readings(2))
    other = memory_lake()
    put(other, "blood_glucose", [*readings(7), blood_glucose("worse", mg_dl=2.0)])
    update_records(other, "blood_glucose")
    (table, rejected), (other_table, other_rejected) = map(tables_of, (lake, other))
    {
        "table": lambda: lake.put(table, other.get(other_table)),
        "table gone": lambda: lake.delete([table]),
        "rejected": lambda: lake.put(rejected, other.get(other_rejected)),
        "rejected gone": lambda: lake.delete([rejected]),
        "manifest gone": lambda: lake.delete([manifest_key_of(lake, GLUCOSE_FOLDER)]),
    }[tampered]()
    done = update_records(lake, "blood_glucose")
    assert done.files_read == 2
    assert ids(lake) == [(ANNA, "g1"), (ANNA, "g2")]
    assert rejected_of(lake, "blood_glucose")["record_id"].tolist() == ["bad"]
    assert outputs(lake) == rebuild(lake)


def tables_of(lake: Lake) -> tuple[str, str]:
    manifest = manifest_of(lake, "blood_glucose")
    assert manifest.rejected_key is not None
    return manifest.table_key, manifest.rejected_key


def test_people_without_new_files_are_carried_over_as_they_are(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1, 2))
    put(lake, "blood_glucose", readings(3), user_id=BEN)
    before = update_records(lake, "blood_glucose").manifest
    assert before is not None
    rows = read_table(lake, before.table_key)
    with TableWriter(lake, GLUCOSE_FOLDER, rows.schema) as table:
        table.append(rows.take([1, 0, 2]))  # an order that shows whether Anna's rows are made again
        disordered = replace(before, table_sha256=table.publish())
    commits.commit(lake, GLUCOSE_FOLDER, commits.head_of(lake, GLUCOSE_FOLDER), disordered.to_json())
    put(lake, "blood_glucose", readings(4), user_id=BEN)
    update_records(lake, "blood_glucose")
    assert ids(lake) == [(ANNA, "g2"), (ANNA, "g1"), (BEN, "g3"), (BEN, "g4")]
    put(lake, "blood_glucose", readings(5))
    update_records(lake, "blood_glucose")
    assert outputs(lake) == rebuild(lake)


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


def test_progress_is_called_for_every_file_that_is_read(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1))
    put(lake, "blood_glucose", readings(2))
    heard: list[int] = []
    record_type = record_types()["blood_glucose"]
    records_partition.update(lake, record_type, UPLOADED, uploads_of(lake), progress=heard.append)
    assert sum(heard) == 2


# Incremental equals full


def grown(lake: Lake, one_run_each: bool) -> dict[str, bytes]:
    """Upload overlapping exports of two people with updates, a bad row and a bad file; return the outputs."""
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


def test_a_partition_grown_file_by_file_equals_its_full_rebuild_byte_for_byte(lake: Lake) -> None:
    incremental = grown(lake, one_run_each=True)
    assert f"{GLUCOSE_FOLDER}manifest.json" in incremental
    assert any("/rejected_rows-" in key for key in incremental)
    assert incremental == rebuild(lake)


def test_a_partition_grown_file_by_file_equals_one_built_at_once(lake: Lake) -> None:
    at_once = memory_lake()
    grown(lake, one_run_each=True)
    grown(at_once, one_run_each=False)
    assert tables(lake) == tables(at_once) != {}
    # ETags differ between stores; everything else that is said of a file must be equal.
    by_file, others = ([replace(file, etag="") for file in files_of(one, "blood_glucose")] for one in (lake, at_once))
    assert by_file == others


def tables(lake: Lake) -> dict[str, bytes]:
    found = outputs(lake).items()
    return {key: content for key, content in found if key.endswith(".parquet") and not is_accounts(key)}


@pytest.mark.parametrize("name", ["heart_rate", "sleep_session"])
def test_nested_records_grown_file_by_file_equal_their_rebuild(lake: Lake, name: str) -> None:
    build: Callable[..., Record] = BUILDERS[name]
    for numbers in ((3, 1), (2,), (1, 4)):
        put(lake, name, [build(f"r{n}", NOON - timedelta(hours=9 * n)) for n in numbers])
        update_records(lake, name)
    incremental = outputs(lake)
    assert incremental == rebuild(lake, name)


def test_the_batches_in_which_a_partition_is_read_do_not_affect_the_result(lake: Lake) -> None:
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
    assert rebuild(lake, batch_files=1) == whole
    assert rebuild(lake, batch_files=5) == whole


def test_a_large_partition_read_in_batches_equals_its_full_rebuild(lake: Lake) -> None:
    for person in ("a", "b", "c", "d"):
        many = [
            blood_glucose(f"{person}{n}{n * 7919:028x}", NOON + timedelta(seconds=n), n % 500 + 50.5)
            for n in range(9_000)
        ]
        put(lake, "blood_glucose", many, user_id=person)
    update_records(lake, "blood_glucose")
    whole = outputs(lake)
    assert rebuild(lake, batch_files=1) == whole
