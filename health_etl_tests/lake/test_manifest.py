"""Manifests: every row adds up, equal values give equal bytes, and they round-trip."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from health_etl.lake.manifest import (
    AccountingError,
    Counts,
    DerivedManifest,
    FileEntry,
    OutOfOrderError,
    Quality,
    RecordsManifest,
    VersionsDigest,
    canonical_json,
    data_version,
    digest,
    versions_digest,
)

ENTRY = FileEntry("raw/one", "etag", 100, 10, 7, 2, 1, quality=Quality(1.0, 1.0, 0.9, 1.0, 0.98))
REFUSED = FileEntry("raw/two", "etag", 5, 0, 0, 0, 0, "not_avro", "the file does not start as an Avro file does")
MANIFEST = RecordsManifest(
    record_type="steps",
    partition="2025-09-21",
    code_version="1.1",
    counts=Counts.of((ENTRY, REFUSED)),
    uploads_digest="uu",
    digest="dd",
    accounts_sha256="ff",
    measurement_rows=7,
    rejected_rows=1,
    table_sha256="aa",
    rejected_sha256="bb",
    utc_dates=("2025-09-20", "2025-09-21"),
    unzoned=False,
)


def entry(rows_in: int, accepted: int, duplicate: int, quarantined: int) -> FileEntry:
    return FileEntry("raw/one", "etag", 100, rows_in, accepted, duplicate, quarantined)


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (757, 253, 504, 0), (3, 1, 1, 1)])
def test_rows_that_add_up_pass(counts: tuple[int, int, int, int]) -> None:
    entry(*counts).check()


@pytest.mark.parametrize("counts", [(757, 253, 503, 0), (1, 1, 1, 0), (1, 2, -1, 0), (0, 0, 0, 1)])
def test_rows_that_do_not_add_up_raise(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(AccountingError, match="rows in, but"):
        entry(*counts).check()


def test_a_manifest_round_trips() -> None:
    assert RecordsManifest.from_json(MANIFEST.to_json()) == MANIFEST


def test_a_derived_manifest_round_trips() -> None:
    derived = DerivedManifest("steps", "2025-09-21", "inputs", "output", 3, {"local_months": {"2025-09": 3}})
    assert DerivedManifest.from_json(derived.to_json()) == derived


def test_totals_are_sums_over_all_files() -> None:
    assert MANIFEST.total() == (10, 7, 2, 1)
    assert MANIFEST.counts == Counts(2, 10, 7, 2, 1, refused=1, noted=1)
    assert Counts.of(()) == Counts()


VERSION = data_version("aa", (ENTRY, REFUSED))


@pytest.mark.parametrize(
    ("table_sha256", "files"),
    [
        ("cc", (ENTRY, REFUSED)),
        ("aa", (dataclasses.replace(ENTRY, quality=Quality(1.0, 1.0, 0.9, 1.0, 0.97)), REFUSED)),
        ("aa", (dataclasses.replace(ENTRY, key="raw/other"), REFUSED)),
    ],
    ids=["rows", "quality", "source"],
)
def test_the_data_version_changes_with_everything_read_downstream(
    table_sha256: str, files: tuple[FileEntry, ...]
) -> None:
    assert data_version(table_sha256, files) != VERSION


@pytest.mark.parametrize(
    "files",
    [
        (ENTRY,),
        (REFUSED, ENTRY),
        (dataclasses.replace(ENTRY, etag="other"), REFUSED),
        (ENTRY, REFUSED, dataclasses.replace(ENTRY, key="raw/3", rows_in=4, accepted=0, duplicate=4, quarantined=0)),
    ],
    ids=["refused file", "order", "etag", "file of duplicates"],
)
def test_the_data_version_stays_when_nothing_downstream_would_change(files: tuple[FileEntry, ...]) -> None:
    assert data_version("aa", files) == VERSION


def test_equal_values_give_equal_bytes_whatever_the_order_of_keys() -> None:
    assert (
        canonical_json({"b": "ü", "a": [1]})
        == canonical_json({"a": [1], "b": "ü"})
        == ('{\n "a": [\n  1\n ],\n "b": "ü"\n}\n'.encode())
    )


def test_a_digest_keeps_its_parts_apart() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"]) != digest(["abc"])
    assert digest(["ab", "c"]) == digest(iter(["ab", "c"]))


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000])
def test_the_version_of_uploads_is_one_digest_over_a_line_for_each_in_order(count: int) -> None:
    # As a literal: a different digest would make every partition of every lake stale.
    versions: Mapping[str, tuple[str, str | None]] = {
        f"raw/{n:04}": (f'"{n}"', "r" if n % 7 == 0 else None) for n in reversed(range(count))
    }
    lines = [f'raw/{n:04} "{n}" {"r" if n % 7 == 0 else ""}' for n in range(count)]
    assert versions_digest(versions) == digest(lines)


def test_a_digest_of_uploads_refuses_a_key_that_is_out_of_order() -> None:
    whole = VersionsDigest()
    whole.add("raw/b", "1", None)
    with pytest.raises(OutOfOrderError):
        whole.add("raw/a", "1", None)
