"""A file that cannot be used goes to quarantine as a whole, with its reason; the others are not affected."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from health_etl.avro import decode
from health_etl.avro.codecs import CODECS
from health_etl.lake import keys
from health_etl.lake.store import Lake
from health_etl.lake.sweep import sweep
from health_etl.reasons import FileReason
from health_etl.record_types import record_types
from health_etl.records import partition as records_partition
from health_etl.records.quality import QualityRules
from health_etl.uploads.listing import TypeListing
from health_etl_tests.support.exports import (
    UPLOADED,
    avro_bytes,
    blood_glucose,
    contents,
    key_of,
    put,
    put_content,
    steps,
    utc,
)
from health_etl_tests.support.partition_outcome import GLUCOSE, WatchedLake, entry, outcome, readings
from health_etl_tests.support.pipeline import files_of, records_of, update_records


@pytest.fixture
def lake() -> WatchedLake:
    return WatchedLake()


def _records_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(decode, "MAX_RECORDS", 5)
    return avro_bytes("blood_glucose", readings(*range(6)))


def _bytes_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> bytes:
    content = avro_bytes("blood_glucose", readings(*range(60)))
    monkeypatch.setattr(decode, "MAX_FILE_BYTES", len(content) - 1)
    return content


def _incompatible(_: pytest.MonkeyPatch) -> bytes:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "levelInMilligramsPerDeciliter"]
    return avro_bytes("blood_glucose", readings(1), schema)


def _codec_that_is_not_read(_: pytest.MonkeyPatch) -> bytes:
    content = avro_bytes("blood_glucose", readings(1), codec="null")
    return content.replace(b"avro.codec\x08null", b"avro.codec\x08zstd")


def _bomb(_: pytest.MonkeyPatch) -> bytes:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"].append({"name": "padding", "type": "string", "default": ""})
    return avro_bytes("blood_glucose", [{**blood_glucose(), "padding": "a" * 5_000_000}], schema)


def _lists_without_bytes(_: pytest.MonkeyPatch) -> bytes:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"].append({"name": "nothing", "type": {"type": "array", "items": "null"}, "default": []})
    return avro_bytes("blood_glucose", [{**blood_glucose(), "nothing": [None] * 9}], schema)


BAD_FILES: dict[str, Callable[[pytest.MonkeyPatch], bytes]] = {
    "empty": lambda _: b"",
    "not_avro": lambda _: b"PK\x03\x04 not avro",
    "unreadable": lambda _: avro_bytes("blood_glucose", readings(1, 2))[:-25],
    "wrong_type": lambda _: avro_bytes("steps", [steps()]),
    "schema_incompatible": _incompatible,
    "too_many_records": _records_over_the_limit,
    "too_large": _bytes_over_the_limit,
    "codec_unsupported": _codec_that_is_not_read,
    "decompression_bomb": _bomb,
    "schema_refused": _lists_without_bytes,
}
ELSEWHERE = {  # is readable, needs a name of its own, belongs to no partition, or see test_isolation.py
    FileReason.STORE_REFUSED,
    FileReason.UNEXPECTED,
    FileReason.NO_GOOD_ROWS,
    FileReason.LOW_QUALITY,
    FileReason.HASH_MISMATCH,
    FileReason.UNKNOWN_TYPE,
    FileReason.KEY_UNPARSEABLE,
    FileReason.OUTSIDE_PARTITIONS,
}


def test_every_reason_to_refuse_a_file_is_tested() -> None:
    assert set(BAD_FILES) | ELSEWHERE == set(FileReason)


@pytest.mark.parametrize("reason", sorted(BAD_FILES))
def test_a_bad_file_is_quarantined_with_its_reason_and_the_others_are_accepted(
    lake: Lake, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = BAD_FILES[reason](monkeypatch)
    bad = put_content(lake, "blood_glucose", content)
    good = put(lake, "blood_glucose", readings(1, 2))
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {bad: (0, 0, 0, 0), good: (2, 2, 0, 0)}
    assert entry(lake, bad).reason == reason
    copy = keys.quarantine_key(bad)
    is_copied = reason != "too_large"  # that one is not copied
    assert lake.find(copy) == (content if is_copied else None)
    metadata = json.loads(lake.get(copy + ".metadata.json"))
    assert (metadata["source_key"], metadata["reason"], metadata["copied"]) == (bad, reason, is_copied)
    assert (metadata["etag"], metadata["size_bytes"]) == (entry(lake, bad).etag, len(content))
    assert metadata["detail"] == entry(lake, bad).detail
    assert metadata["remedy"]
    assert lake.get(bad) == content, "raw/ is read only"


def _same_file_of(lake: Lake, reason: str) -> dict[str, object]:
    """Put a file that is refused for this reason beside a good one; return what its metadata says."""
    late, wild = utc("2031-01-01 00:00"), 5_000.0
    records = {
        "no_good_rows": [blood_glucose("b1", mg_dl=wild), blood_glucose("b2", mg_dl=wild)],
        "low_quality": [*(blood_glucose(f"b{n}", late, wild) for n in range(4)), *readings(9)],
    }[reason]
    bad, good = put(lake, "blood_glucose", records), put(lake, "blood_glucose", readings(1, 2))
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {bad: (len(records), 0, 0, len(records)), good: (2, 2, 0, 0)}
    assert lake.get(keys.quarantine_key(bad)) == lake.get(bad)
    metadata: dict[str, object] = json.loads(lake.get(keys.quarantine_key(bad) + ".metadata.json"))
    assert (metadata["reason"], metadata["rows_in"]) == (reason, len(records))
    return metadata


def test_a_file_without_a_good_record_is_quarantined_whole(lake: Lake) -> None:
    metadata = _same_file_of(lake, "no_good_rows")
    assert metadata["faults"] == {"glucose_mg_dl:out_of_range": 2}
    assert metadata["detail"] == "each of its 2 records is invalid"
    assert records_of(lake, "blood_glucose")["record_id"].tolist() == ["g1", "g2"]


def test_a_file_whose_only_record_is_bad_says_so(lake: Lake) -> None:
    put(lake, "blood_glucose", [blood_glucose("b1", mg_dl=5_000.0)])
    update_records(lake, "blood_glucose")
    (entry,) = files_of(lake, "blood_glucose")
    assert (entry.reason, entry.detail) == (FileReason.NO_GOOD_ROWS, "its only record is invalid")


def test_a_file_below_the_threshold_is_quarantined_whole_including_its_good_records(lake: Lake) -> None:
    metadata = _same_file_of(lake, "low_quality")
    # 0.3 schema + 0.3 completeness + 0.2 * 1/5 physiological + 0.2 * 1/5 temporal
    assert metadata["detail"] == "its quality score is 0.68, below the threshold of 0.7"
    assert metadata["faults"] == {"glucose_mg_dl:out_of_range": 4, "time_utc:time_implausible": 4}
    assert records_of(lake, "blood_glucose")["record_id"].tolist() == ["g1", "g2"]


def test_a_lower_threshold_accepts_a_file_that_was_below_the_earlier_one(lake: Lake) -> None:
    _same_file_of(lake, "low_quality")
    uploads = TypeListing(lake, GLUCOSE).uploads(UPLOADED)
    done = records_partition.update(lake, GLUCOSE, UPLOADED, uploads, QualityRules(threshold=0.68))
    assert done.files_read == 2
    assert done.manifest.total() == (7, 3, 0, 4)
    assert [key for key in contents(lake, "quarantine/") if ".avro" in key] == []
    rejected = json.loads(lake.get(f"{done.manifest.rejected_key}.metadata.json"))
    assert [file["rejected_measurements"] for file in rejected["files"]] == [4]


def test_a_copy_left_in_quarantine_by_a_killed_run_is_swept(lake: Lake) -> None:
    key = put(lake, "blood_glucose", readings(1))
    lake.put(keys.quarantine_key(key), b"left behind")
    update_records(lake, "blood_glucose")
    assert sweep(lake, datetime.now(UTC), timedelta(0)).objects == 1
    assert contents(lake, "quarantine/") == {}


def test_a_file_whose_content_does_not_match_its_name_is_quarantined_until_corrected(lake: Lake) -> None:
    content = avro_bytes("blood_glucose", readings(1, 2))
    key = key_of("blood_glucose", content)
    lake.put(key, avro_bytes("blood_glucose", readings(3)))
    update_records(lake, "blood_glucose")
    assert entry(lake, key).reason == "hash_mismatch"
    assert lake.find(keys.quarantine_key(key)) is not None
    lake.put(key, content)
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (2, 2, 0, 0)}
    assert contents(lake, "quarantine/") == {}


def test_a_refused_file_that_vanishes_takes_its_copy_with_it(lake: Lake) -> None:
    bad = put_content(lake, "blood_glucose", b"not avro")
    put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    lake.delete([bad])
    update_records(lake, "blood_glucose")
    assert contents(lake, "quarantine/") == {}


def test_a_file_that_a_new_code_version_can_read_is_released(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as strict:
        strict.setattr(decode, "MAX_RECORDS", 1)
        key = put(lake, "blood_glucose", readings(1, 2))
        update_records(lake, "blood_glucose")
    assert entry(lake, key).reason == "too_many_records"
    monkeypatch.setattr(records_partition, "CODE_VERSION", "next")
    update_records(lake, "blood_glucose")
    assert outcome(lake) == {key: (2, 2, 0, 0)}
    assert contents(lake, "quarantine/") == {}


def test_a_refused_file_is_not_read_again_while_it_is_unchanged(lake: WatchedLake) -> None:
    put_content(lake, "blood_glucose", b"not avro")
    update_records(lake, "blood_glucose")
    lake.fetched.clear()
    late = put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    assert lake.fetched == [late]
    assert [file.reason for file in files_of(lake, "blood_glucose")].count("not_avro") == 1
    assert len(contents(lake, "quarantine/")) == 2


def test_a_file_that_is_listed_as_too_large_is_refused_without_being_fetched(
    lake: WatchedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = put_content(lake, "blood_glucose", _bytes_over_the_limit(monkeypatch))
    put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    assert entry(lake, large).reason == "too_large"
    assert large not in lake.fetched


def test_a_damaged_file_of_any_codec_leaves_its_neighbours_alone(lake: Lake) -> None:
    for codec in CODECS:
        content = bytearray(avro_bytes("blood_glucose", readings(1, 2, 3), codec=codec))
        content[-40] ^= 0xFF
        put_content(lake, "blood_glucose", bytes(content), exported=utc("2025-09-21 03:00"))
    good = put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    assert outcome(lake)[good][0] == 1
    assert len(outcome(lake)) == len(CODECS) + 1


def test_a_time_annotated_as_what_it_is_anyway_is_read(lake: Lake) -> None:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"][1]["type"] = {"type": "long", "logicalType": "timestamp-millis"}
    other = put_content(lake, "blood_glucose", avro_bytes("blood_glucose", readings(1), schema))
    good = put(lake, "blood_glucose", readings(2))
    update_records(lake, "blood_glucose")
    assert outcome(lake)[good] == (1, 1, 0, 0)
    assert outcome(lake)[other] == (1, 1, 0, 0)
    assert entry(lake, other).drift == ("timeEpochMillis is annotated as timestamp-millis",)


def test_a_time_annotated_as_microseconds_quarantines_the_file_and_the_others_are_accepted(lake: Lake) -> None:
    schema = json.loads(json.dumps(record_types()["blood_glucose"].avro_schema))
    schema["fields"][1]["type"] = {"type": "long", "logicalType": "timestamp-micros"}
    other = put_content(lake, "blood_glucose", avro_bytes("blood_glucose", readings(1), schema))
    good = put(lake, "blood_glucose", readings(2))
    update_records(lake, "blood_glucose")
    assert outcome(lake)[good] == (1, 1, 0, 0)
    assert entry(lake, other).reason == "schema_incompatible"
    assert entry(lake, other).detail == "the field timeEpochMillis is of an incompatible type (timestamp-micros)"


def test_added_fields_are_listed_in_the_manifest_and_lower_the_quality(lake: Lake) -> None:
    schema = json.loads(json.dumps(record_types()["steps"].avro_schema))
    schema["fields"].append({"name": "floors", "type": ["null", "int"], "default": None})
    key = put_content(lake, "steps", avro_bytes("steps", [{**steps(), "floors": 3}], schema))
    update_records(lake, "steps")
    found = entry(lake, key, "steps")
    assert (found.counts, found.drift) == ((1, 1, 0, 0), ("floors was added",))
    assert found.quality is not None
    assert found.quality.score == 0.97
