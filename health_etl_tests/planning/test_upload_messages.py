"""Messages of every supported kind give their partitions; all others have a reason."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_etl.planning.upload_messages import MessageFilter, ParsedMessage, Refusal, parse

BUCKET = "health-data"
TO = MessageFilter.of(f"s3://{BUCKET}", date(2023, 1, 1), date(2025, 12, 31))
KEY = "raw/StepsRecord/2025/09/21/anna_k_20250921_120000_phone_0123abcd.avro"
STEPS = ("steps", "2025-09-21")


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def s3_event(*keys: str, bucket: str = BUCKET) -> bytes:
    records = [
        {
            "eventVersion": "2.0",
            "eventSource": "minio:s3",
            "eventName": "s3:ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1, "eTag": "0"}},
        }
        for key in keys
    ]
    return body({"EventName": "s3:ObjectCreated:Put", "Key": f"{bucket}/{keys[0]}", "Records": records})


def upload_message(**changed: Any) -> bytes:
    whole = {
        "bucket": BUCKET,
        "key": KEY,
        "user_id": "anna_k",
        "record_type": "StepsRecord",
        "content_hash": "0123abcd",
        "idempotency_key": "k1",
        "correlation_id": "c-1",
        "retry_count": 0,
    }
    return body(whole | changed)


@pytest.mark.parametrize("encode", [str, quote_plus, quote, lambda key: quote(key, safe="")])
def test_an_s3_event_gives_the_partition_of_its_key_however_it_is_encoded(encode: Any) -> None:
    assert parse(s3_event(encode(KEY)), TO) == ParsedMessage(frozenset({STEPS}))


def test_every_record_of_an_event_counts_and_each_partition_is_listed_once() -> None:
    other = KEY.replace("StepsRecord", "heartraterecord").replace("09/21", "09/20")
    assert parse(s3_event(KEY, other, KEY), TO).partitions == {STEPS, ("heart_rate", "2025-09-20")}


def test_the_upload_message_of_the_predecessor_gives_partition_and_correlation_id() -> None:
    assert parse(upload_message(), TO) == ParsedMessage(frozenset({STEPS}), "c-1")
    assert parse(upload_message(record_type="steps"), TO).partitions == {STEPS}


def test_the_correlation_id_of_the_envelope_counts_if_the_body_has_none() -> None:
    assert parse(s3_event(KEY), TO, "c-9").correlation_id == "c-9"


@pytest.mark.parametrize("odd", ["a b", "", "x" * 65, "a\nb", 7])
def test_an_invalid_correlation_id_is_dropped(odd: Any) -> None:
    assert parse(upload_message(correlation_id=odd), TO).correlation_id is None


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        (b"", Refusal.MALFORMED),
        (b"\xff\xfe", Refusal.MALFORMED),
        (b"[" * 100_000, Refusal.MALFORMED),
        (b"[]", Refusal.MALFORMED),
        (b"{}", Refusal.MALFORMED),
        (body({"Records": [None]}), Refusal.MALFORMED),
        (body({"Records": [{"s3": {}}]}), Refusal.MALFORMED),
        (body({"Records": {"s3": 1}}), Refusal.MALFORMED),
        (b'{"key": "a", "key": "b", "bucket": "b"}', Refusal.MALFORMED),
        (
            upload_message(file_size=0).replace(b'"retry_count": 0', b'"retry_count": 1' + b"0" * 5_000),
            Refusal.MALFORMED,
        ),
        (upload_message().replace(b'"retry_count": 0', b'"retry_count": NaN'), Refusal.MALFORMED),
        (upload_message(key=7), Refusal.MALFORMED),
        (upload_message(key=["raw"]), Refusal.MALFORMED),
        (upload_message(record_type={}), Refusal.MALFORMED),
        (upload_message(key=KEY.replace("anna", "\ud800")), Refusal.KEY_UNPARSEABLE),
        (s3_event(KEY.replace("anna", "an%09na")), Refusal.KEY_UNPARSEABLE),
        (s3_event(KEY.replace("/21/", "/../")), Refusal.KEY_UNPARSEABLE),
        (s3_event(KEY.replace("2025/09/21", "٢٠٢٥/٠٩/٢١")), Refusal.KEY_UNPARSEABLE),
        (upload_message(bucket=None), Refusal.MALFORMED),
        (s3_event(KEY, bucket="other"), Refusal.FOREIGN_BUCKET),
        (upload_message(bucket="other"), Refusal.FOREIGN_BUCKET),
        (s3_event(KEY.replace("Steps", "Weight")), Refusal.UNKNOWN_TYPE),
        (s3_event("raw/StepsRecord/2025/09/21/readme.txt"), Refusal.KEY_UNPARSEABLE),
        (s3_event(KEY.replace("2025/09/21", "2019/01/01")), Refusal.OUTSIDE_PARTITIONS),
        (upload_message(record_type="HeartRateRecord"), Refusal.CONTRADICTION),
    ],
)
def test_an_unusable_message_has_a_reason(message: bytes, refusal: Refusal) -> None:
    found = parse(message, TO)
    assert (found.refusals, found.partitions) == ((refusal,), frozenset())


def test_a_partly_usable_message_has_partitions_and_a_reason() -> None:
    found = parse(s3_event(KEY, "raw/StepsRecord/2025/09/21/readme.txt"), TO)
    assert (found.partitions, found.refusals) == ({STEPS}, (Refusal.KEY_UNPARSEABLE,))


def test_objects_written_by_the_pipeline_are_neither_uploads_nor_faults() -> None:
    assert parse(s3_event("records/steps/2025-09-21.parquet"), TO) == ParsedMessage(ignored=1)


def test_a_lake_under_a_prefix_ignores_objects_outside_it() -> None:
    to = MessageFilter.of(f"s3://{BUCKET}/one/lake", TO.first, TO.last)
    assert parse(s3_event(f"one/lake/{KEY}"), to).partitions == {STEPS}
    assert parse(s3_event(KEY.replace("raw/", "two/raw/")), to).ignored == 1


def test_a_lake_in_a_folder_accepts_messages_about_any_bucket() -> None:
    assert parse(upload_message(bucket="any"), MessageFilter.of("file:///lake", TO.first, TO.last)).partitions == {
        STEPS
    }


ODD_RECORDS = [
    pytest.param("null", id="null"),
    pytest.param("[]", id="list"),
    pytest.param('"text"', id="text"),
    pytest.param('{"s3": null}', id="no object"),
    pytest.param('{"s3": {"bucket": {"name": 7}, "object": {"key": true}}}', id="wrong types"),
    pytest.param('{"s3": {"bucket": {"name": "health-data"}, "object": {"key": ""}}}', id="empty key"),
    pytest.param('{"size": 1' + "0" * 5_000 + "}", id="endless number"),
    pytest.param('{"size": -Infinity}', id="infinity"),
    pytest.param('{"s3": 1, "s3": 2}', id="repeated name"),
    pytest.param('{"' + "k" * 100_000 + '": 1}', id="huge name"),
]


@pytest.mark.parametrize("odd", ODD_RECORDS)
def test_a_bad_record_hides_none_of_those_around_it(odd: str) -> None:
    one, other = KEY, KEY.replace("09/21", "09/20")
    records = [json.dumps(json.loads(s3_event(key))["Records"][0]) for key in (one, other)]
    found = parse(f'{{"Records": [{records[0]}, {odd}, {records[1]}]}}'.encode(), TO)
    assert found.partitions == {STEPS, ("steps", "2025-09-20")}
    assert found.refusals == (Refusal.MALFORMED,)


def test_every_reason_of_a_message_is_listed_once() -> None:
    found = parse(s3_event(KEY.replace("Steps", "Weight"), "raw/x", "raw/y", KEY), TO)
    assert found.refusals == (Refusal.KEY_UNPARSEABLE, Refusal.UNKNOWN_TYPE)


@pytest.mark.parametrize(
    "message",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2025-09-21T12:00:00.000Z", "Bucket": BUCKET},
        {"EventName": "s3:TestEvent", "Records": []},
    ],
)
def test_a_test_event_is_neither_an_upload_nor_a_fault(message: dict[str, Any]) -> None:
    assert parse(body(message), TO) == ParsedMessage()


def test_the_message_that_stopped_a_queue_is_malformed(shared: Path) -> None:
    poison = (shared / "reports" / "04-poison-message" / "message.json").read_bytes()
    assert parse(poison, TO) == ParsedMessage(refusals=(Refusal.MALFORMED,))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["Records", "s3", "bucket", "name", "object", "key", "Event", "record_type"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(message=st.binary(max_size=200) | JSON.map(body), envelope=st.none() | st.binary() | st.integers() | st.text())
def test_no_message_makes_the_parser_raise(message: bytes, envelope: object) -> None:
    found = parse(message, TO, envelope)
    assert found.partitions or found.refusals or found.ignored or b"Records" in message or b"TestEvent" in message


@settings(max_examples=300, deadline=None)
@given(before=st.lists(JSON, max_size=3), after=st.lists(JSON, max_size=3))
def test_no_record_hides_a_good_one(before: list[Any], after: list[Any]) -> None:
    good = json.loads(s3_event(KEY))["Records"]
    found = parse(body({"Records": [*before, *good, *after]}), TO)
    assert found.partitions == {STEPS}
    assert bool(found.refusals) == bool(before or after)
