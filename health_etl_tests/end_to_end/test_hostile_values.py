"""Whatever values an export contains: rows add up, a good record beside them is accepted, and later steps succeed."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from health_etl.record_types import record_types
from health_etl_tests.support.exports import Record, memory_lake, plain, put
from health_etl_tests.support.pipeline import bring_up_to_date, journal_examples, manifest_of, records_of

Path = tuple[str | int, ...]

# The limits of the type, the epoch, microseconds instead of milliseconds, and the years 10000 and 0.
WHOLE_NUMBERS = (-(2**63), 2**63 - 1, 0, -1, 10**15, 253_402_300_800_000, -62_135_596_800_001)
FRACTIONS = (float("nan"), float("inf"), float("-inf"), 1e308, -0.0, 5e-324)
OFFSETS = ("", "Z", "+99:99", "-18:00", "+18:00:01", "+25:00", "+05:53:28", "-05:00\n", "Europe/Berlin", "\x00", None)
TEXTS = ("", "\x00", "a" * 5000, "é", "../up", None)
ENUMS = ("specimenSource", "mealType", "relationToMeal", "stage")
NOT_NULL = ("id", "dataOriginPackageName")


def hostile(name: str, value: Any) -> Sequence[Any]:
    if name in ENUMS:
        return ()
    if isinstance(value, int):
        return WHOLE_NUMBERS
    if isinstance(value, float):
        return FRACTIONS
    if name.endswith("ZoneOffsetId") or name == "zoneOffsetId":
        return OFFSETS
    return [text for text in TEXTS if text is not None or name not in NOT_NULL]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every scalar value of a record with its path, only from the first element of a list."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        yield from leaves(value[0], (*path, 0))
    else:
        yield path, value


def changed(record: Record, path: Path, value: Any) -> Record:
    record = copy.deepcopy(record)
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return record


@pytest.mark.parametrize("name", sorted(record_types()))
def test_no_value_that_avro_can_represent_breaks_the_pipeline(name: str) -> None:
    records = [
        changed(plain(name, f"r{number}_{position}"), path, value)
        for number, (path, own) in enumerate(leaves(plain(name)))
        for position, value in enumerate(hostile(str(path[-1]), own))
    ]
    lake = memory_lake()
    put(lake, name, [plain(name, "good"), *records])
    bring_up_to_date(lake)
    rows_in, accepted, duplicate, quarantined = manifest_of(lake, name).total()
    assert rows_in == len(records) + 1 == accepted + duplicate + quarantined
    assert quarantined >= 5
    assert "good" in set(records_of(lake, name)["record_id"])
    assert any(example["metadata"]["local_date"].startswith("2025-09-") for example in journal_examples(lake))
