"""The accounts of a partition come back as they were written, whatever is said of a file."""

from __future__ import annotations

import dataclasses

import pytest

from health_etl.errors import DamagedTableError, ObjectNotFoundError
from health_etl.lake import accounts
from health_etl.lake.keys import ACCOUNTS, records_folder
from health_etl.lake.manifest import Counts, FileEntry, Quality, RecordsManifest
from health_etl.lake.store import Lake
from health_etl_tests.support.exports import memory_lake

GOOD = FileEntry(
    "raw/one",
    "etag",
    100,
    10,
    7,
    2,
    1,
    drift=("trend was added",),
    quality=Quality(1.0, 1.0, 0.9, 1.0, 0.98),
    rejected_measurements=3,
    faults={"steps:out_of_range": 2, "start_utc:time_implausible": 1},
    release_etag="decided",
)
REFUSED = FileEntry("raw/two", "etag", 5, 0, 0, 0, 0, "not_avro", "the file does not start as an Avro file does")


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def written(lake: Lake, *files: FileEntry) -> RecordsManifest:
    sha256 = accounts.write(lake, records_folder("steps", "2025-09-21") + ACCOUNTS, files)
    empty = RecordsManifest.empty("steps", "2025-09-21", "1.1")
    return dataclasses.replace(empty, counts=Counts.of(files), accounts_sha256=sha256)


@pytest.mark.parametrize("files", [(), (GOOD,), (REFUSED,), (GOOD, REFUSED)])
def test_accounts_round_trip(lake: Lake, files: tuple[FileEntry, ...]) -> None:
    assert accounts.read(lake, written(lake, *files)) == files


def test_the_same_accounts_give_the_same_bytes(lake: Lake) -> None:
    turned = dataclasses.replace(GOOD, faults=dict(reversed(GOOD.faults.items())))
    assert written(lake, GOOD).accounts_sha256 == written(lake, turned).accounts_sha256


def test_a_name_that_utf_8_cannot_encode_is_escaped(lake: Lake) -> None:
    odd = dataclasses.replace(REFUSED, detail="the field \ud800 is new", drift=("\udfff was added",))
    (found,) = accounts.read(lake, written(lake, odd))
    assert (found.detail, found.drift) == ("the field \\ud800 is new", ("\\udfff was added",))
    assert accounts.read(lake, written(lake, found)) == (found,)


def test_only_files_with_a_quality_have_a_score(lake: Lake) -> None:
    unscored = dataclasses.replace(GOOD, key="raw/three", quality=None)
    assert accounts.qualities(lake, [written(lake, GOOD, REFUSED, unscored)]) == {"raw/one": 0.98}
    assert accounts.qualities(lake, [written(lake)]) == {}


@pytest.mark.parametrize("content", [b"", b"no Parquet"])
def test_accounts_that_are_gone_or_damaged_are_an_error(lake: Lake, content: bytes) -> None:
    manifest = written(lake, GOOD)
    lake.put(manifest.accounts_key, content)
    with pytest.raises(DamagedTableError):
        accounts.read(lake, manifest)
    lake.delete([manifest.accounts_key])
    with pytest.raises(ObjectNotFoundError):
        accounts.read(lake, manifest)
