"""The contract of every record type for whole files: each reason refuses one file and accepts another that barely
satisfies the rule.

Types are discovered; the files are built from the type's fixtures. Reasons that depend on where a file is stored do not
depend on the type, nor those of files that fail in a way of their own: they are tested in test_keys.py,
test_listing.py, test_unclaimed.py and test_isolation.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from health_etl.avro import decode
from health_etl.lake.store import Lake
from health_etl.reasons import FileReason
from health_etl.record_types import record_types
from health_etl.records import partition as records_partition
from health_etl.records.quality import QualityRules
from health_etl.uploads.listing import TypeListing
from health_etl_tests.support.exports import (
    UPLOADED,
    Record,
    avro_bytes,
    epoch_ms,
    key_of,
    memory_lake,
    plain,
    put_content,
    utc,
)
from health_etl_tests.support.pipeline import files_of

OF_NO_TYPE = {
    FileReason.UNKNOWN_TYPE,
    FileReason.KEY_UNPARSEABLE,
    FileReason.OUTSIDE_PARTITIONS,
    FileReason.STORE_REFUSED,
    FileReason.UNEXPECTED,
}
TIMES = ("timeEpochMillis", "startTimeEpochMillis", "endTimeEpochMillis")


@dataclass(frozen=True)
class Pair:
    """A file that is refused and one that just passes, with the limits that hold for both."""

    refused: bytes
    passes: bytes
    max_records: int = decode.MAX_RECORDS
    max_file_bytes: int = decode.MAX_FILE_BYTES
    threshold: float = QualityRules.threshold
    refused_named_after: bytes | None = None  # other bytes; None for its own


def records_of_type(name: str, count: int) -> list[Record]:
    return [plain(name, f"r{number}") for number in range(count)]


def with_impossible_time(record: Record) -> Record:
    """Return the record as dated by a clock that is years ahead."""
    late = epoch_ms(utc("2031-01-01 00:00"))
    return {**copy.deepcopy(record), **{name: late for name in TIMES if name in record}}


def with_field(name: str, field: dict[str, Any], value: object) -> bytes:
    """Return a file of one record with an additional field."""
    schema = copy.deepcopy(dict(record_types()[name].avro_schema))
    schema["fields"].append(field)
    return avro_bytes(name, [{**plain(name), field["name"]: value}], schema)


def padded(name: str, length: int) -> bytes:
    return with_field(name, {"name": "padding", "type": "string", "default": ""}, "a" * length)


def listed(name: str, items: str, elements: list[object]) -> bytes:
    return with_field(name, {"name": "more", "type": {"type": "array", "items": items}, "default": []}, elements)


def without_first_field(name: str) -> bytes:
    schema = copy.deepcopy(dict(record_types()[name].avro_schema))
    del schema["fields"][0]
    return avro_bytes(name, [plain(name)], schema)


def other_type(name: str) -> str:
    return next(other for other in sorted(record_types()) if other != name)


def of_limited_size(name: str) -> Pair:
    refused, passes = (avro_bytes(name, records_of_type(name, count), codec="null") for count in (2, 1))
    return Pair(refused, passes, max_file_bytes=len(passes))


def codecs(name: str) -> Pair:
    known = avro_bytes(name, [plain(name)], codec="null")
    return Pair(known.replace(b"avro.codec\x08null", b"avro.codec\x08zstd"), avro_bytes(name, [plain(name)]))


def some_bad(name: str, good: int) -> bytes:
    """Return a file of one record with an impossible time, and that many good ones."""
    return avro_bytes(name, [*records_of_type(name, good), with_impossible_time(plain(name, "late"))])


PAIRS: dict[FileReason, Callable[[str], Pair]] = {
    FileReason.EMPTY: lambda name: Pair(avro_bytes(name, []), avro_bytes(name, [plain(name)])),
    FileReason.NOT_AVRO: lambda name: Pair(
        b"obj\x01" + avro_bytes(name, [plain(name)])[4:], avro_bytes(name, [plain(name)])
    ),
    FileReason.UNREADABLE: lambda name: Pair(avro_bytes(name, [plain(name)])[:-1], avro_bytes(name, [plain(name)])),
    FileReason.WRONG_TYPE: lambda name: Pair(
        avro_bytes(other_type(name), [plain(other_type(name))]), avro_bytes(name, [plain(name)])
    ),
    FileReason.SCHEMA_INCOMPATIBLE: lambda name: Pair(without_first_field(name), padded(name, 1)),
    FileReason.TOO_LARGE: of_limited_size,
    FileReason.TOO_MANY_RECORDS: lambda name: Pair(
        avro_bytes(name, records_of_type(name, 3)), avro_bytes(name, records_of_type(name, 2)), max_records=2
    ),
    FileReason.DECOMPRESSION_BOMB: lambda name: Pair(padded(name, 5_000_000), padded(name, 50_000)),
    FileReason.CODEC_UNSUPPORTED: codecs,
    FileReason.SCHEMA_REFUSED: lambda name: Pair(listed(name, "null", [None] * 9), listed(name, "int", [0] * 9)),
    FileReason.HASH_MISMATCH: lambda name: Pair(
        avro_bytes(name, [plain(name)]), avro_bytes(name, [plain(name)]), refused_named_after=b"other bytes"
    ),
    FileReason.NO_GOOD_ROWS: lambda name: Pair(some_bad(name, good=0), some_bad(name, good=1)),
    FileReason.LOW_QUALITY: lambda name: Pair(some_bad(name, good=1), some_bad(name, good=9), threshold=0.95),
}

every_type = pytest.mark.parametrize("name", sorted(record_types()))
every_reason = pytest.mark.parametrize("reason", sorted(PAIRS))


def judged(lake: Lake, name: str, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> tuple[str | None, int]:
    """Update the partition; return why its only file was refused, and how many records were accepted."""
    monkeypatch.setattr(decode, "MAX_RECORDS", pair.max_records)
    monkeypatch.setattr(decode, "MAX_FILE_BYTES", pair.max_file_bytes)
    record_type, rules = record_types()[name], QualityRules(threshold=pair.threshold)
    records_partition.update(lake, record_type, UPLOADED, TypeListing(lake, record_type).uploads(UPLOADED), rules)
    (entry,) = files_of(lake, name)
    entry.check()
    return entry.reason, entry.accepted


def test_every_reason_to_refuse_a_file_for_its_content_has_a_pair() -> None:
    assert set(PAIRS) == set(FileReason) - OF_NO_TYPE


@every_type
@every_reason
def test_a_file_of_any_type_is_refused_for_each_reason(
    name: str, reason: FileReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, pair = memory_lake(), PAIRS[reason](name)
    lake.put(key_of(name, pair.refused_named_after or pair.refused), pair.refused)
    assert judged(lake, name, pair, monkeypatch) == (reason, 0)


@every_type
@every_reason
def test_a_file_of_any_type_that_barely_satisfies_a_rule_is_accepted(
    name: str, reason: FileReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, pair = memory_lake(), PAIRS[reason](name)
    put_content(lake, name, pair.passes)
    why, accepted = judged(lake, name, pair, monkeypatch)
    assert why is None
    assert accepted > 0
