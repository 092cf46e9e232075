"""Whatever is wrong with one object or one copy: it alone is affected, and it is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest

from health_etl.avro import decode
from health_etl.errors import ObjectNotFoundError, ObjectRefusedError, PermanentError, TransientError
from health_etl.lake.keys import UNCLAIMED, quarantine_key, unclaimed_key
from health_etl.lake.store import FetchedObject, Lake
from health_etl.record_types import record_types
from health_etl.records import build, checks, read_files, replay, unclaimed
from health_etl.records import partition as records_partition
from health_etl.records.quality import QualityRules
from health_etl.uploads.listing import list_all
from health_etl_tests.support.exports import (
    UPLOADED,
    avro_bytes,
    blood_glucose,
    contents,
    memory_lake,
    put,
    put_content,
)
from health_etl_tests.support.failing_lake import (
    FailingLake,
    accounting,
    good_files,
    quarantined,
    tables,
    tables_of_good_files,
)
from health_etl_tests.support.partition_outcome import (
    GLUCOSE,
    GLUCOSE_FOLDER,
    PARTITION,
    entry,
    outcome,
    readings,
)
from health_etl_tests.support.pipeline import update_records

HEALTH_VALUE = "482.25"


@pytest.fixture
def lake() -> FailingLake:
    return FailingLake()


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

    for module in (read_files, build):
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
    assert contents(lake, GLUCOSE_FOLDER) == {}


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


def test_every_record_type_survives_a_file_that_the_code_fails_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = decode.decode
    monkeypatch.setattr(decode, "decode", lambda content, *rest: 1 / 0 if content == b"bad" else real(content, *rest))
    for name in record_types():
        lake = memory_lake()
        bad = put_content(lake, name, b"bad")
        update_records(lake, name)
        assert entry(lake, bad, name).reason == "unexpected"
