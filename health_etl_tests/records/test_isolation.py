"""Whatever is wrong with one object, one copy, one decision or one manifest: it alone is affected, and it is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
from obstore.store import MemoryStore

from health_etl.avro import decode
from health_etl.errors import DamagedTableError, ObjectNotFoundError, ObjectRefusedError, PermanentError, TransientError
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import UNCLAIMED, mask_key, quarantine_key, release_key, unclaimed_key
from health_etl.lake.manifest import canonical_json
from health_etl.lake.store import FetchedObject, Lake
from health_etl.lake.tables import read_table
from health_etl.record_types import record_types
from health_etl.records import checks, read_files, replay, unclaimed
from health_etl.records import partition as records_partition
from health_etl.records.quality import QualityRules
from health_etl.uploads import releases
from health_etl.uploads.listing import list_all
from health_etl.uploads.releases import Release
from health_etl_tests.support.exports import (
    BEN,
    UPLOADED,
    avro_bytes,
    blood_glucose,
    contents,
    folder_lake,
    memory_lake,
    put,
    put_content,
)
from health_etl_tests.support.partition_outcome import (
    GLUCOSE,
    GLUCOSE_MANIFEST,
    GLUCOSE_TABLE,
    PARTITION,
    entry,
    outcome,
    readings,
)
from health_etl_tests.support.pipeline import manifest_of, records_of, update_records

LONG = f"raw/BloodGlucoseRecord/2025/09/21/{'x' * 214}_20250921_060000_phone_deadbeef.avro"
HEALTH_VALUE = "482.25"


class FailingLake(Lake):
    """A lake that refuses to hand out, or to take, single objects."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory://lake")
        self.refused: set[str] = set()
        self.not_taken: Callable[[str], bool] = lambda _: False

    def fetch(self, key: str) -> FetchedObject:
        if key in self.refused:
            raise ObjectRefusedError(f"The store refuses to hand out {mask_key(key)}.", "InvalidObjectState")
        return super().fetch(key)

    def sha256(self, key: str) -> str | None:
        if key in self.refused:
            raise ObjectRefusedError(f"The store refuses to hand out {mask_key(key)}.", "InvalidObjectState")
        return super().sha256(key)

    def put(self, key: str, content: bytes) -> None:
        if self.not_taken(key):
            raise PermanentError("The object is larger than the store takes.")
        super().put(key, content)


@pytest.fixture
def lake() -> FailingLake:
    return FailingLake()


def tables(lake: Lake) -> dict[str, bytes]:
    """Return the tables of the partition, whose bytes a bad file must not change."""
    return {key: content for key, content in contents(lake, "records/").items() if key.endswith(".parquet")}


def good_files(lake: Lake) -> list[str]:
    return [put(lake, "blood_glucose", readings(1, 2)), put(lake, "blood_glucose", readings(3), user_id=BEN)]


def tables_of_good_files() -> dict[str, bytes]:
    alone = memory_lake()
    good_files(alone)
    update_records(alone, "blood_glucose")
    return tables(alone)


def accounting(lake: Lake) -> checks.CheckResult:
    ((_, partition),) = checks.partitions(lake, GLUCOSE, [PARTITION], QualityRules())
    return checks.accounting(partition)


def quarantined(lake: Lake) -> list[replay.QuarantinedUpload]:
    return replay.list_quarantined(Catalogue(lake), lambda *_: True)


# Names


def test_a_refused_upload_with_the_longest_name_does_not_block_its_neighbours(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lake = folder_lake(tmp_path_factory.mktemp("long"))
    good = good_files(lake)
    lake.put(LONG, b"xx")
    assert len(LONG.rpartition("/")[2]) == 250
    update_records(lake, "blood_glucose")
    assert tables(lake) == tables_of_good_files()
    assert outcome(lake) == {LONG: (0, 0, 0, 0), good[0]: (2, 2, 0, 0), good[1]: (1, 1, 0, 0)}
    assert lake.get(quarantine_key(LONG)) == b"xx"
    assert json.loads(lake.get(quarantine_key(LONG) + ".metadata.json"))["source_key"] == LONG
    for name in (LONG, LONG.rpartition("/")[2], mask_key(LONG), keys.fingerprint(LONG)):
        (item,) = replay.find_by_name(quarantined(lake), [name])
        assert item.entry.key == LONG
    replay.release(lake, [item], override=False, because="")
    update_records(lake, "blood_glucose")
    assert entry(lake, LONG).release_etag is not None
    (decision,) = releases.history(lake, LONG)
    assert decision is not None
    assert decision.source_key == LONG


@pytest.mark.parametrize("name", ["日" * 80, "é" * 120, "x" * 250, "a" * 200 + ".metadata.json"])
def test_an_unclaimed_object_of_any_name_is_copied(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    lake = folder_lake(tmp_path_factory.mktemp("unclaimed"))
    key = f"raw/StepsRecord/2025/09/21/{name}"
    lake.put(key, b"mine")
    unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    assert lake.get(unclaimed_key(key)) == b"mine"
    lake.delete([key])
    unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    assert contents(lake, UNCLAIMED) == {}


def test_the_copy_of_one_refused_upload_is_not_touched_by_another_of_a_similar_name(lake: FailingLake) -> None:
    other = LONG.replace("_deadbeef", "_deadbeee")
    twin = quarantine_key(LONG).replace("quarantine/", "raw/", 1)
    for key in (LONG, other):
        lake.put(key, key.encode())
    update_records(lake, "blood_glucose")
    lake.put(twin, b"unclaimed")
    unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    lake.delete([other])
    update_records(lake, "blood_glucose")
    copies = {key for key in contents(lake, "quarantine/") if key.endswith(".avro")}
    assert copies == {quarantine_key(LONG), unclaimed_key(twin)}


def test_copies_under_the_names_of_earlier_versions_are_removed(lake: FailingLake) -> None:
    bad = put_content(lake, "blood_glucose", b"not avro")
    old = bad.replace("raw/", "quarantine/", 1)
    stray = "raw/some/notes.txt"
    old_stray = stray.replace("raw/", "quarantine/unclaimed/", 1)
    for key in (old, old_stray):
        lake.put(key, b"copy")
        lake.put(key + ".metadata.json", b"{}")
    lake.put(stray, b"mine")
    item = {"key": stray, "etag": lake.fetch(stray).etag, "size_bytes": 4}
    lake.put(unclaimed.REPORT_KEY, canonical_json({"items": [item]}))
    update_records(lake, "blood_glucose")
    unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    kept = {key.removesuffix(".metadata.json") for key in contents(lake, "quarantine/")}
    assert kept == {quarantine_key(bad), unclaimed_key(stray)}


def test_a_decision_stored_under_the_name_of_an_earlier_version_still_applies(lake: FailingLake) -> None:
    key = put(lake, "blood_glucose", [blood_glucose("w", mg_dl=700.0)])
    sha256 = lake.sha256(key)
    assert sha256 is not None
    decision = Release(key, sha256, True, "checked", "2025-09-22T10:11:12.000001+00:00")
    old = key.replace("raw/", "quarantine/released/", 1) + ".20250922T101112_000001.release.json"
    lake.put(old, decision.to_json())
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (1, 1, 0, 0)}
    assert releases.history(lake, key) == [decision]
    later = Release(key, sha256, False, "", "2025-09-23T00:00:00.000000+00:00")
    releases.record(lake, later)
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (1, 0, 0, 1)}
    assert releases.history(lake, key) == [decision, later]


# Objects that the store refuses


def test_an_object_that_the_store_refuses_is_accounted_for_and_the_others_are_accepted(lake: FailingLake) -> None:
    good = good_files(lake)
    bad = put(lake, "blood_glucose", readings(9))
    etag = lake.fetch(bad).etag
    lake.refused.add(bad)
    update_records(lake, "blood_glucose")
    assert tables(lake) == tables_of_good_files()
    assert outcome(lake) == {bad: (0, 0, 0, 0), good[0]: (2, 2, 0, 0), good[1]: (1, 1, 0, 0)}
    found = entry(lake, bad)
    assert (found.reason, found.detail, found.etag) == ("store_refused", "the store answers InvalidObjectState", etag)
    metadata = json.loads(lake.get(quarantine_key(bad) + ".metadata.json"))
    assert (metadata["reason"], metadata["copied"]) == ("store_refused", False)
    assert accounting(lake).passed
    assert not update_records(lake, "blood_glucose").changed


def test_a_store_that_hands_out_nothing_fails_the_run(lake: FailingLake, monkeypatch: pytest.MonkeyPatch) -> None:
    good_files(lake)

    def refuse(self: Lake, key: str) -> FetchedObject:
        if self.sha256(key) is None:
            raise ObjectNotFoundError(key)
        raise ObjectRefusedError("The store refuses to hand out anything.", "AccessDenied")

    monkeypatch.setattr(Lake, "fetch", refuse)
    with pytest.raises(ObjectRefusedError, match="anything"):
        update_records(lake, "blood_glucose")


def test_an_object_that_was_restored_is_read_once_it_is_released(lake: FailingLake) -> None:
    bad = put(lake, "blood_glucose", readings(9))
    lake.refused.add(bad)
    update_records(lake, "blood_glucose")
    (item,) = quarantined(lake)
    with pytest.raises(ObjectRefusedError, match="refuses to hand out"):
        replay.release(lake, [item], override=False, because="")
    lake.refused.clear()
    replay.release(lake, [item], override=False, because="")
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {bad: (1, 1, 0, 0)}
    assert [key for key in contents(lake, "quarantine/") if not key.startswith("quarantine/released/")] == []


def test_an_unclaimed_object_that_cannot_be_read_costs_only_its_copy(lake: FailingLake) -> None:
    stray, other = "raw/StepsRecord/notes.txt", "raw/StepsRecord/more.txt"
    lake.put(stray, b"archived")
    lake.put(other, b"here")
    lake.refused.add(stray)
    report = unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    assert {item["key"] for item in report.items} == {stray, other}
    assert lake.get(unclaimed_key(other)) == b"here"
    assert json.loads(lake.get(unclaimed_key(stray) + ".metadata.json"))["copied"] is False


# Errors that the code does not know


def break_on(monkeypatch: pytest.MonkeyPatch, stage: str, bad: str) -> None:
    """Make one stage fail for the records called `bad`, with a health value in the error's text."""
    real: Any = getattr(read_files, stage)

    def failing(rows: pd.DataFrame, *rest: Any) -> Any:
        if rows["record_id"].eq(bad).any():
            raise ZeroDivisionError(f"float division of {HEALTH_VALUE}")
        return real(rows, *rest)

    monkeypatch.setattr(read_files, stage, failing)


def break_decoding(monkeypatch: pytest.MonkeyPatch, bad: bytes) -> None:
    real = decode.decode

    def failing(content: bytes, *rest: Any) -> Any:
        if content == bad:
            raise ZeroDivisionError(f"float division of {HEALTH_VALUE}")
        return real(content, *rest)

    monkeypatch.setattr(decode, "decode", failing)


def break_flattening(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    real = GLUCOSE.flatten

    def failing(records: Any) -> Any:
        if bad in records["metadata"].combine_chunks().field("id").to_pylist():
            raise ZeroDivisionError(f"float division of {HEALTH_VALUE}")
        return real(records)

    monkeypatch.setitem(GLUCOSE.__dict__, "flatten", failing)


def break_storing(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def convert(rows: pd.DataFrame, schema: Any) -> Any:
            if rows["record_id"].eq(bad).any():
                raise ZeroDivisionError(f"float division of {HEALTH_VALUE}")
            return real(rows, schema)

        return convert

    for module in (read_files, records_partition):
        monkeypatch.setattr(module, "to_arrow", failing(module.to_arrow))


STAGES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "decode": lambda patch: break_decoding(patch, avro_bytes("blood_glucose", [blood_glucose("bad")])),
    "flatten": lambda patch: break_flattening(patch, "bad"),
    "validate": lambda patch: break_on(patch, "row_faults", "bad"),
    "score": lambda patch: break_on(patch, "file_qualities", "bad"),
    "store": lambda patch: break_storing(patch, "bad"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_file_that_the_code_fails_on_is_refused_alone(
    lake: FailingLake, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = good_files(lake)
    bad = put(lake, "blood_glucose", [blood_glucose("bad")])
    STAGES[stage](monkeypatch)
    heard: list[int] = []
    uploads = list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).uploads["blood_glucose", UPLOADED]
    records_partition.update(lake, GLUCOSE, UPLOADED, uploads, progress=heard.append)
    assert sum(heard) == 3
    assert tables(lake) == tables_of_good_files()
    counted = 0 if stage == "decode" else 1
    assert outcome(lake) == {bad: (counted, 0, 0, counted), good[0]: (2, 2, 0, 0), good[1]: (1, 1, 0, 0)}
    assert (entry(lake, bad).reason, entry(lake, bad).detail) == ("unexpected", "ZeroDivisionError while it was read")
    everything = b"".join(contents(lake, "records/").values()) + lake.get(quarantine_key(bad) + ".metadata.json")
    assert HEALTH_VALUE.encode() not in everything
    assert accounting(lake).passed
    ((_, partition),) = checks.partitions(lake, GLUCOSE, [PARTITION], QualityRules())
    found = checks.refused_files(partition)
    assert (found.passed, found.is_serious, found.facts["unexpected"]) == (False, True, 1)
    assert found.summary.startswith("The code failed on 1 file: report it as a bug.")


@pytest.mark.parametrize("error", [TransientError("try again"), PermanentError("the lake is gone"), MemoryError()])
def test_an_error_that_is_not_about_a_file_still_fails_the_run(
    lake: FailingLake, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    good_files(lake)

    def failing(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(read_files, "row_faults", failing)
    with pytest.raises(type(error)):
        update_records(lake, "blood_glucose")
    assert GLUCOSE_MANIFEST not in contents(lake, "records/")


# Copies that cannot be written


@pytest.mark.parametrize("suffix", [".avro", ".metadata.json"])
def test_a_copy_that_the_store_does_not_take_costs_only_the_copy(lake: FailingLake, suffix: str) -> None:
    good_files(lake)
    bad = put_content(lake, "blood_glucose", b"not avro")
    lake.not_taken = lambda key: key.startswith("quarantine/") and key.endswith(suffix)
    update_records(lake, "blood_glucose")
    assert tables(lake) == tables_of_good_files()
    assert entry(lake, bad).reason == "not_avro"
    assert str(entry(lake, bad).detail).endswith("; the store did not accept a copy")
    assert [key for key in contents(lake, "quarantine/") if key.endswith(suffix)] == []


def test_a_lake_that_takes_nothing_fails_the_run(lake: FailingLake) -> None:
    put_content(lake, "blood_glucose", b"not avro")
    lake.not_taken = lambda _: True
    with pytest.raises(PermanentError, match="larger than the store takes"):
        update_records(lake, "blood_glucose")


def test_an_unclaimed_object_whose_copy_is_not_taken_is_still_reported(lake: FailingLake) -> None:
    lake.put("raw/notes.txt", b"mine")
    lake.not_taken = lambda key: key.startswith(UNCLAIMED)
    report = unclaimed.update(lake, list_all(lake, date(2025, 1, 1), date(2026, 1, 1)).unclaimed)
    assert [item["key"] for item in report.items] == ["raw/notes.txt"]


# Decisions, manifests and tables that are damaged

GARBAGE = [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"files": 5}', b"[" * 100_000, b'{"rows_in": 1}']


@pytest.mark.parametrize("content", GARBAGE)
def test_a_decision_that_cannot_be_read_is_named_and_has_no_effect(lake: FailingLake, content: bytes) -> None:
    good = good_files(lake)
    wild = put(lake, "blood_glucose", [blood_glucose("w", mg_dl=700.0)])
    lake.put(release_key(wild, datetime(2025, 9, 22, tzinfo=UTC)), content)
    lake.put("quarantine/released/BloodGlucoseRecord/2025/09/21/junk.release.json", content)
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {good[0]: (2, 2, 0, 0), good[1]: (1, 1, 0, 0), wild: (1, 0, 0, 1)}
    assert releases.history(lake, wild) == [None]
    ((_, partition),) = checks.partitions(lake, GLUCOSE, [PARTITION], QualityRules())
    found = checks.decisions(partition)
    assert not found.passed
    assert [row["file"] for row in found.rows] == [mask_key(wild)]


@pytest.mark.parametrize("content", GARBAGE)
def test_a_records_manifest_that_cannot_be_read_is_written_again_with_its_tables(
    lake: FailingLake, content: bytes
) -> None:
    good_files(lake)
    put_content(lake, "blood_glucose", b"not avro")
    update_records(lake, "blood_glucose")
    before = contents(lake, "records/") | contents(lake, "quarantine/")
    lake.put(GLUCOSE_MANIFEST, content)
    catalogue = Catalogue(lake)
    catalogue.read_all()
    assert [*catalogue.records("blood_glucose")] == [PARTITION]
    assert not accounting(lake).passed
    assert update_records(lake, "blood_glucose").files_read == 3
    assert contents(lake, "records/") | contents(lake, "quarantine/") == before


def test_a_manifest_that_cannot_be_read_of_a_partition_without_uploads_is_replaced(lake: FailingLake) -> None:
    lake.put(GLUCOSE_MANIFEST, b"{")
    update_records(lake, "blood_glucose")
    assert manifest_of(lake, "blood_glucose").files == ()


def test_objects_among_the_manifests_that_are_none_are_passed_over(lake: FailingLake) -> None:
    for name in ("notes", "2025-9-1", "2025-13-01", "sub/2025-09-21"):
        lake.put(f"records/blood_glucose/{name}.manifest.json", b"{}")
        lake.put(f"insights/blood_glucose/{name}.manifest.json", b"{}")
    catalogue = Catalogue(lake)
    catalogue.read_all()
    assert [*catalogue.records("blood_glucose"), *catalogue.insights("blood_glucose")] == []


def damaged_tables() -> Iterator[bytes]:
    lake = memory_lake()
    good_files(lake)
    update_records(lake, "blood_glucose")
    whole = lake.get(GLUCOSE_TABLE)
    yield from (b"", b"no Parquet", whole[:-9], whole[: len(whole) // 2] + whole[-200:])


@pytest.mark.parametrize("content", [*damaged_tables()], ids=["empty", "other", "cut", "shortened"])
def test_a_damaged_table_is_named_by_the_accounting_and_by_those_who_read_it(lake: FailingLake, content: bytes) -> None:
    good_files(lake)
    update_records(lake, "blood_glucose")
    lake.put(GLUCOSE_TABLE, content)
    assert not accounting(lake).passed
    with pytest.raises(DamagedTableError, match=r"is damaged; delete it and .*manifest.json, then run again"):
        read_table(lake, GLUCOSE_TABLE)
    lake.delete([GLUCOSE_TABLE, GLUCOSE_MANIFEST])
    update_records(lake, "blood_glucose")
    assert accounting(lake).passed
    assert len(records_of(lake, "blood_glucose")) == 3


def test_a_damaged_table_is_written_again_when_its_partition_changes(lake: FailingLake) -> None:
    good_files(lake)
    update_records(lake, "blood_glucose")
    lake.put(GLUCOSE_TABLE, b"no Parquet")
    put(lake, "blood_glucose", readings(4))
    assert update_records(lake, "blood_glucose").files_read == 3
    assert len(records_of(lake, "blood_glucose")) == 4


def test_every_record_type_survives_a_file_that_the_code_fails_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = decode.decode
    monkeypatch.setattr(decode, "decode", lambda content, *rest: 1 / 0 if content == b"bad" else real(content, *rest))
    for name in record_types():
        lake = memory_lake()
        bad = put_content(lake, name, b"bad")
        update_records(lake, name)
        assert entry(lake, bad, name).reason == "unexpected"
