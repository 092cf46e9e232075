"""A decision, manifest or table that cannot be read costs only what it is about, and is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from health_etl.errors import DamagedTableError
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import manifest_key, mask_key, release_key
from health_etl.lake.tables import read_table
from health_etl.records import checks
from health_etl.records.quality import QualityRules
from health_etl.uploads import releases
from health_etl_tests.support.exports import (
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
)
from health_etl_tests.support.partition_outcome import (
    GLUCOSE,
    GLUCOSE_FOLDER,
    PARTITION,
    outcome,
    readings,
)
from health_etl_tests.support.pipeline import files_of, manifest_key_of, manifest_of, records_of, update_records
from health_etl_tests.support.state import state_of


@pytest.fixture
def lake() -> FailingLake:
    return FailingLake()


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
    before = state_of(lake)
    lake.put(manifest_key_of(lake, GLUCOSE_FOLDER), content)
    catalogue = Catalogue(lake)
    catalogue.read_all()
    assert [*catalogue.records("blood_glucose")] == [PARTITION]
    assert not accounting(lake).passed
    assert update_records(lake, "blood_glucose").files_read == 3
    assert state_of(lake) == before


def test_a_manifest_that_cannot_be_read_of_a_partition_without_uploads_is_replaced(lake: FailingLake) -> None:
    lake.put(manifest_key(GLUCOSE_FOLDER, 1), b"{")
    update_records(lake, "blood_glucose")
    assert files_of(lake, "blood_glucose") == ()


def test_objects_among_the_manifests_that_are_none_are_passed_over(lake: FailingLake) -> None:
    folders = [f"{name}/000001" for name in ("notes", "2025-9-1", "2025-13-01", "sub/2025-09-21")]
    for name in (*folders, "2025-09-21", "000001", "2025-09-21/1", "2025-09-21/latest", "2025-09-21/-00001"):
        lake.put(f"records/blood_glucose/{name}.manifest.json", b"{}")
        lake.put(f"insights/blood_glucose/{name}.manifest.json", b"{}")
    catalogue = Catalogue(lake)
    catalogue.read_all()
    assert [*catalogue.records("blood_glucose"), *catalogue.insights("blood_glucose")] == []


def damaged_tables() -> Iterator[bytes]:
    lake = memory_lake()
    good_files(lake)
    update_records(lake, "blood_glucose")
    whole = lake.get(manifest_of(lake, "blood_glucose").table_key)
    yield from (b"", b"no Parquet", whole[:-9], whole[: len(whole) // 2] + whole[-200:])


@pytest.mark.parametrize("content", [*damaged_tables()], ids=["empty", "other", "cut", "shortened"])
def test_a_damaged_table_is_named_by_the_accounting_and_by_those_who_read_it(lake: FailingLake, content: bytes) -> None:
    good_files(lake)
    update_records(lake, "blood_glucose")
    table = manifest_of(lake, "blood_glucose").table_key
    lake.put(table, content)
    assert not accounting(lake).passed
    with pytest.raises(DamagedTableError, match=rf"is damaged; delete the folder .*/{GLUCOSE_FOLDER[:-1]}, then run"):
        read_table(lake, table)
    lake.delete(contents(lake, GLUCOSE_FOLDER))
    update_records(lake, "blood_glucose")
    assert accounting(lake).passed
    assert len(records_of(lake, "blood_glucose")) == 3


def test_a_damaged_table_is_written_again_when_its_partition_changes(lake: FailingLake) -> None:
    good_files(lake)
    update_records(lake, "blood_glucose")
    lake.put(manifest_of(lake, "blood_glucose").table_key, b"no Parquet")
    put(lake, "blood_glucose", readings(4))
    assert update_records(lake, "blood_glucose").files_read == 3
    assert len(records_of(lake, "blood_glucose")) == 4
