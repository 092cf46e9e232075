"""Partitions of a range are made together, and each equals what it would be if made alone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from health_etl.days import batching
from health_etl.days.batching import qualify_people, split_by_partition, unqualify_people
from health_etl.errors import TransientError
from health_etl.insights import batches
from health_etl.insights import writer as writer
from health_etl.insights.batches import analyse_all, select_changed
from health_etl.insights.writer import InsightsWriter
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.record_types import record_types
from health_etl_tests.support.exports import ANNA, BEN, UPLOADED, contents, memory_lake, plain, put, shift_days
from health_etl_tests.support.pipeline import OPTIONS, make_insights, update_offsets, update_records

DATES = [UPLOADED + timedelta(days=n) for n in range(5)]
NAMES = sorted(record_types())


def record_of(name: str, record_id: str, days: int, zone: str | None = None, version: int = 0) -> Any:
    """Return a typical record that many days later; `zone` replaces every offset that it states."""
    record = shift_days(plain(name, record_id), days)
    if version:
        record["metadata"]["clientRecordVersion"] = version
    return record if zone is None else {key: zone if key.endswith("ZoneOffset") else record[key] for key in record}


def uploads(name: str) -> dict[date, list[tuple[str, Any]]]:
    """Two people day by day; a day that comes late, one that comes again, and offsets that are not to be believed."""
    found = {
        day: [(user, record_of(name, f"{user}-{n}", n)) for user in (ANNA, BEN)]
        for n, day in enumerate(DATES)
        if n != 1
    }
    found[DATES[3]].append((ANNA, record_of(name, "late", 1)))
    found[DATES[4]].append((BEN, record_of(name, f"{BEN}-2", 2, version=1)))
    found[DATES[2]].append((BEN, record_of(name, "unzoned", 1, zone="Z")))
    found[DATES[4]].append((ANNA, record_of(name, "unzoned", 3, zone="Z")))
    return found


def lake_of(name: str) -> Lake:
    lake = memory_lake()
    for day, records in uploads(name).items():
        for user, record in records:
            put(lake, name, [record], upload_date=day, user_id=user)
        update_records(lake, name, day)
        update_offsets(lake, day)
    return lake


def make_together(lake: Lake, name: str) -> None:
    """Make every partition, as a single run does."""
    partitions = [day.isoformat() for day in DATES]
    selected = select_changed(lake, name, partitions, OPTIONS)
    found = analyse_all(lake, name, selected, OPTIONS)
    assert not found.failed
    writer = InsightsWriter(lake, Catalogue(lake), name, OPTIONS.clinical)
    for partition, analysed in found.partitions.items():
        writer.stage(partition, analysed.days_digest, analysed.rows)
    for partition in partitions:
        writer.write(partition)


def made_alone(name: str) -> dict[str, bytes]:
    lake = lake_of(name)
    for day in uploads(name):
        make_insights(lake, name, day.isoformat())
    return contents(lake, "insights/")


@pytest.mark.parametrize("name", NAMES)
def test_partitions_made_together_equal_those_made_alone_byte_for_byte(name: str) -> None:
    lake = lake_of(name)
    make_together(lake, name)
    assert len(contents(lake, "insights/")) == 2 * len(uploads(name))
    assert contents(lake, "insights/") == made_alone(name)
    before = contents(lake, "insights/")
    make_together(lake, name)
    assert contents(lake, "insights/") == before


def test_large_partitions_are_made_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "BATCH_ROWS", 1)
    monkeypatch.setattr(writer, "BATCH_ROWS", 1)
    lake = lake_of("steps")
    assert len(select_changed(lake, "steps", [day.isoformat() for day in DATES], OPTIONS).batches) == 4
    make_together(lake, "steps")
    assert contents(lake, "insights/") == made_alone("steps")


def test_a_run_holds_a_bounded_number_of_rows_and_selects_the_rest_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "BATCH_ROWS", 1)
    monkeypatch.setattr(batches, "MAX_HELD_ROWS", 1)
    lake = lake_of("steps")
    found = select_changed(lake, "steps", [day.isoformat() for day in DATES], OPTIONS)
    assert [type(batch) for batch in found.batches] == [batches.Selected, *3 * [batches.Unselected]]
    assert found.count == 4
    make_together(lake, "steps")
    assert contents(lake, "insights/") == made_alone("steps")


def test_a_partition_that_fails_does_not_affect_others(monkeypatch: pytest.MonkeyPatch) -> None:
    lake, broken = lake_of("steps"), DATES[2].isoformat()
    analyse = batches._analysed

    def failing(name: str, selected: batches.Selected, options: Any) -> Any:
        if broken in selected.inputs:
            raise ValueError("broken")
        return analyse(name, selected, options)

    monkeypatch.setattr(batches, "_analysed", failing)
    selected = select_changed(lake, "steps", [day.isoformat() for day in DATES], OPTIONS)
    found = analyse_all(lake, "steps", selected, OPTIONS)
    assert [*found.failed] == [broken]
    assert sorted(found.partitions) == [day.isoformat() for day in (DATES[0], *DATES[3:])]


def test_a_transient_failure_ends_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lake_of("steps")
    selected = select_changed(lake, "steps", [day.isoformat() for day in DATES], OPTIONS)

    def failing(*_arguments: Any) -> Any:
        raise TransientError("the store is away")

    monkeypatch.setattr(batches, "_analysed", failing)
    with pytest.raises(TransientError):
        analyse_all(lake, "steps", selected, OPTIONS)


def test_a_partition_that_cannot_be_narrated_with_others_is_narrated_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    together = InsightsWriter._narrate_batch

    def failing(self: InsightsWriter, partitions: list[str]) -> Any:
        if len(partitions) > 1:
            raise ValueError("not together")
        return together(self, partitions)

    monkeypatch.setattr(InsightsWriter, "_narrate_batch", failing)
    lake = lake_of("steps")
    make_together(lake, "steps")
    assert contents(lake, "insights/") == made_alone("steps")


def test_a_partition_whose_days_break_the_schema_fails_alone_and_only_when_it_is_written() -> None:
    lake = lake_of("steps")
    partitions = [day.isoformat() for day in DATES]
    found = analyse_all(lake, "steps", select_changed(lake, "steps", partitions, OPTIONS), OPTIONS)
    writer = InsightsWriter(lake, Catalogue(lake), "steps", OPTIONS.clinical)
    broken, *others = sorted(found.partitions)
    for partition, analysed in found.partitions.items():
        days = analysed.rows.assign(local_date=None) if partition == broken else analysed.rows
        writer.stage(partition, analysed.days_digest, days)
    with pytest.raises(ValueError, match="local_date"):
        writer.write(broken)
    assert [manifest.partition for name in others if (manifest := writer.write(name))] == others


def test_user_ids_are_qualified_and_unqualified_again() -> None:
    people = pd.Series(["anna", "ben"], dtype="str")
    apart = qualify_people(pd.Series(["2025-01-02", "2025-01-01"], dtype="str"), people)
    assert unqualify_people(apart).tolist() == unqualify_people(people).tolist() == ["anna", "ben"]
    found = split_by_partition(pd.DataFrame({"who": apart, "n": [1, 2]}), "who")
    assert {name: rows["who"].tolist() for name, rows in found.items()} == {
        "2025-01-01": ["ben"],
        "2025-01-02": ["anna"],
    }
    assert split_by_partition(pd.DataFrame({"who": apart.iloc[:0]}), "who") == {}
