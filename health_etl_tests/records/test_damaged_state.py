"""A decision, manifest or table that cannot be read costs only what it is about, and is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from health_etl.errors import DamagedTableError
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import mask_key, release_key
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
    GLUCOSE_MANIFEST,
    GLUCOSE_TABLE,
    PARTITION,
    outcome,
    readings,
)
from health_etl_tests.support.pipeline import manifest_of, records_of, update_records


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
