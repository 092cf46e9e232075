"""Values in lists are counted exactly before anything is decoded, whatever stands between them."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import fastavro
import pytest

from health_etl.avro import bounds
from health_etl.avro.bounds import MAX_LISTED_VALUES, MAX_RECORD_VALUES, MAX_VALUES, Schema
from health_etl.avro.codecs import CODECS
from health_etl.avro.container import inspect_container
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl_tests.support.exports import NOON, avro_bytes, heart_rate, sleep_session

MUCH = 10**9

PAIR = {"type": "record", "name": "Pair", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "int"}]}
MIXED = {
    "type": "record",
    "name": "Mixed",
    "fields": [
        {"name": "flag", "type": "boolean"},
        {"name": "share", "type": "float"},
        {"name": "label", "type": ["null", "string"]},
        {"name": "mark", "type": {"type": "fixed", "name": "Mark", "size": 3}},
        {"name": "pairs", "type": {"type": "array", "items": PAIR}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "texts", "type": {"type": "map", "values": "string"}},
        {"name": "more", "type": {"type": "array", "items": {"type": "array", "items": "double"}}},
        {"name": "again", "type": ["null", "Pair"]},
        {"name": "maybe", "type": {"type": "array", "items": ["null", "Pair"]}},
    ],
}


def mixed(pairs: int = 0, texts: int = 0, more: tuple[int, ...] = (), maybe: int = 0) -> dict[str, Any]:
    pair = {"a": -(2**40), "b": 70}
    return {
        "flag": True,
        "share": 0.5,
        "label": "x" * 200,
        "mark": b"abc",
        "pairs": [pair] * pairs,
        "kind": "B",
        "texts": {f"t{number}": "y" * 100 for number in range(texts)},
        "more": [[1.0] * count for count in more],
        "again": pair,
        "maybe": [pair, None] * maybe,
    }


def encoded(schema: Any, *records: Any) -> bytes:
    file = io.BytesIO()
    for record in records:
        fastavro.schemaless_writer(file, fastavro.parse_schema(schema), record)
    return file.getvalue()


def listed(*records: Any, most: int = MUCH) -> int:
    return Schema(MIXED).count_list_values(encoded(MIXED, *records), len(records), most)


@pytest.mark.parametrize(
    ("record", "values"),
    [
        (mixed(), 0),
        (mixed(pairs=7), 7 * 3),
        (mixed(pairs=70_000), 70_000 * 3),
        (mixed(texts=4), 4),
        (mixed(more=(5, 0, 2)), 3 + 7),
        (mixed(maybe=2), 4 * 3),
    ],
)
def test_values_in_lists_are_counted(record: Any, values: int) -> None:
    assert listed(record) == values
    assert listed(record, mixed(pairs=1), record) == 2 * values + 3


def test_a_list_written_in_blocks_with_sizes_counts_as_one() -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "x", "type": {"type": "array", "items": "long"}}, {"name": "y", "type": "string"}],
    }
    parts = b"\x03\x04\x02\x02" + b"\x02\x80\x01" + b"\x00"  # -2, two bytes, two numbers; one number of two bytes; end
    assert Schema(schema).count_list_values(parts + b"\x04ab", 1, MUCH) == 3


def test_exceeding_the_limit_is_refused_before_the_values_are_walked() -> None:
    assert listed(mixed(pairs=10), most=30) == 30
    with pytest.raises(FileRefusedError) as caught:
        listed(mixed(pairs=10), most=29)
    assert caught.value.reason == FileReason.TOO_MANY_RECORDS


def test_records_truncated_anywhere_are_unreadable() -> None:
    whole = encoded(MIXED, mixed(pairs=30, texts=2, more=(2,), maybe=1))
    for cut in range(len(whole)):
        with pytest.raises(FileRefusedError) as caught:
            Schema(MIXED).count_list_values(whole[:cut], 1, MUCH)
        assert caught.value.reason == FileReason.UNREADABLE


def test_a_file_whose_lists_exceed_the_limit_is_refused_and_one_at_the_limit_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = avro_bytes("heart_rate", [heart_rate(f"h{n}", NOON, [62] * 50, every=timedelta(0)) for n in range(20)])
    monkeypatch.setattr(bounds, "MAX_LISTED_VALUES", 1)  # so that the lists are walked at all
    for bound, fits in ((20 * 50 * 3, True), (20 * 50 * 3 - 1, False)):
        monkeypatch.setattr("health_etl.avro.container.MAX_LISTED_VALUES", bound)
        if fits:
            assert inspect_container(content, 100).record_count == 20
        else:
            with pytest.raises(FileRefusedError, match="too_many_records"):
                inspect_container(content, 100)


def test_files_too_small_to_exceed_the_limit_are_not_walked() -> None:
    for name, record_type in record_types().items():
        schema = Schema(record_type.avro_schema)
        assert not schema.may_exceed_list_limit(1_000_000), name
    assert Schema(record_types()["heart_rate"].avro_schema).may_exceed_list_limit(MAX_LISTED_VALUES)
    assert not Schema(record_types()["steps"].avro_schema).may_exceed_list_limit(MUCH)


@pytest.mark.parametrize("codec", CODECS)
def test_list_values_are_counted_over_all_blocks_of_any_codec(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = avro_bytes("sleep_session", [sleep_session(f"n{n}") for n in range(2_000)], codec=codec)
    monkeypatch.setattr(bounds, "MAX_LISTED_VALUES", 1)
    monkeypatch.setattr("health_etl.avro.container.MAX_LISTED_VALUES", 2_000 * 3 * 4)
    assert inspect_container(content, MUCH).record_count == 2_000
    monkeypatch.setattr("health_etl.avro.container.MAX_LISTED_VALUES", 2_000 * 3 * 4 - 1)
    with pytest.raises(FileRefusedError, match="too_many_records"):
        inspect_container(content, MUCH)


def test_a_type_referenced_several_times_counts_every_time() -> None:
    def of(uses: int) -> dict[str, Any]:
        wide = {"type": "record", "name": "W", "fields": [{"name": f"f{n}", "type": "long"} for n in range(9)]}
        more = [{"name": f"w{n}", "type": "W"} for n in range(uses)]
        return {"type": "record", "name": "R", "fields": [{"name": "w", "type": wide}, *more]}

    uses = (MAX_RECORD_VALUES - 1) // 10 - 1
    assert Schema(of(uses)).extent.values <= MAX_RECORD_VALUES
    with pytest.raises(FileRefusedError) as caught:
        Schema(of(uses + 1))
    assert caught.value.reason == FileReason.SCHEMA_REFUSED


def test_an_element_of_few_bytes_counts_all_its_values() -> None:
    nulls = [{"name": f"n{number}", "type": "null"} for number in range(300)]
    wide = {"type": "record", "name": "Wide", "fields": [*nulls, {"name": "flag", "type": "boolean"}]}
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": {"type": "array", "items": wide}}]}
    element = dict.fromkeys(field["name"] for field in nulls) | {"flag": True}
    assert Schema(schema).count_list_values(encoded(schema, {"x": [element] * 5}), 1, MUCH) == 5 * 302


def test_many_records_of_many_values_are_refused_but_not_as_many_of_ours() -> None:
    assert max(Schema(record_type.avro_schema).extent.values for record_type in record_types().values()) <= 25
    schema = {"type": "record", "name": "R", "fields": [{"name": f"n{number}", "type": "null"} for number in range(99)]}
    Schema(schema).check_values(MAX_VALUES // 100)
    with pytest.raises(FileRefusedError) as caught:
        Schema(schema).check_values(MAX_VALUES // 100 + 1)
    assert caught.value.reason == FileReason.TOO_MANY_RECORDS
