"""Sweeping deletes what no current manifest names, once it is old enough, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from health_etl.lake import commits, keys, sweep
from health_etl.lake.store import Lake
from health_etl.lake.sweep import GRACE, Swept
from health_etl_tests.support.exports import blood_glucose, contents, memory_lake, put, put_content, steps
from health_etl_tests.support.pipeline import bring_up_to_date, manifest_of
from health_etl_tests.support.state import state_of


@pytest.fixture
def lake() -> Lake:
    """A lake of two states: one of a first upload, one of a second as well."""
    lake = memory_lake()
    put(lake, "steps", [steps("s1")])
    put(lake, "blood_glucose", [blood_glucose("g1"), blood_glucose("g2", mg_dl=9_000)])
    put_content(lake, "blood_glucose", b"not avro")
    bring_up_to_date(lake)
    put(lake, "steps", [steps("s2")])
    put(lake, "blood_glucose", [blood_glucose("g3", mg_dl=8_000)])
    bring_up_to_date(lake)
    return lake


def swept(lake: Lake, grace: timedelta = timedelta(0)) -> Swept:
    return sweep.sweep(lake, datetime.now(UTC), grace)


def test_what_was_replaced_goes_and_the_state_stays(lake: Lake) -> None:
    before, state = contents(lake, ""), state_of(lake)
    done = swept(lake)
    assert done.objects == len(before) - len(contents(lake, "")) > 0
    assert done.size_bytes == sum(map(len, before.values())) - sum(map(len, contents(lake, "").values()))
    assert state_of(lake) == state
    assert bring_up_to_date(lake).nothing
    assert swept(lake) == Swept()


def test_what_is_young_stays(lake: Lake) -> None:
    before = contents(lake, "")
    done = swept(lake, GRACE)
    assert (done.objects, done.too_young > 0) == (0, True)
    assert contents(lake, "") == before
    assert sweep.sweep(lake, datetime.now(UTC) + GRACE, GRACE).objects == done.too_young


def test_a_writer_goes_on_from_the_number_that_it_read(lake: Lake) -> None:
    folder = keys.records_folder("steps", manifest_of(lake, "steps").partition)
    swept(lake)
    assert commits.head_of(lake, folder).number == 2
    put(lake, "steps", [steps("s3")])
    bring_up_to_date(lake)
    assert commits.head_of(lake, folder).number == 3


@pytest.mark.parametrize(
    ("key", "stays"),
    [
        # Not ours.
        ("records/steps/notes.txt", True),
        ("records/steps/2025-09-21/notes.parquet", True),
        ("training/dataset/card.md", True),
        ("insights/steps/2025-09-21/000001.manifest.json.bak", True),
        ("profiles.csv", True),
        ("quarantine/StepsRecord/2025/09/21/readme.txt", True),
        # Ours, of an earlier layout.
        ("records/steps/2025-09-21.parquet", False),
        ("records/steps/2025-09-21.manifest.json", False),
        ("insights/steps/2025-09-21.parquet", False),
        ("training/physical_activity/2025/09/manifest.json", False),
        ("quarantine/StepsRecord/2025/09/21/rejected_rows.parquet", False),
        ("quarantine/StepsRecord/2025/09/21/rejected_rows.parquet.metadata.json", False),
    ],
)
def test_what_is_not_ours_stays_and_what_an_earlier_layout_left_goes(lake: Lake, key: str, stays: bool) -> None:
    lake.put(key, b"content")
    swept(lake)
    assert lake.find(key) == (b"content" if stays else None)


def test_nothing_of_a_partition_goes_whose_manifest_cannot_be_read(lake: Lake) -> None:
    folder = keys.records_folder("steps", manifest_of(lake, "steps").partition)
    lake.put(keys.manifest_key(folder, 2), b"{")
    before = contents(lake, folder)
    swept(lake)
    assert contents(lake, folder) == before


def test_decisions_and_unclaimed_copies_are_no_concern_of_a_sweep(lake: Lake) -> None:
    for key in ("quarantine/released/StepsRecord/2025/09/21/x.avro", "quarantine/unclaimed/y.avro"):
        lake.put(key, b"kept")
    swept(lake)
    assert lake.find("quarantine/released/StepsRecord/2025/09/21/x.avro") == b"kept"
    assert lake.find("quarantine/unclaimed/y.avro") == b"kept"
