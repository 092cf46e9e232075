"""Objects that change while they are read: what is kept is of one version, and a later run brings the newest in."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from health_etl.errors import TransientError
from health_etl.lake.store import Lake, connect
from health_etl.settings import Settings
from health_etl_tests.services.fault_proxy import SLOW_DOWN, Fault, FaultProxy, reads, writes
from health_etl_tests.support import exports, pipeline
from health_etl_tests.support.exports import avro_bytes, key_of, steps

if TYPE_CHECKING:
    from health_etl_tests.services.conftest import S3Server

MEBIBYTE = 1024 * 1024
LARGE_BYTES = 30 * MEBIBYTE
GOOD = avro_bytes("steps", [steps("s1"), steps("s2", exports.utc("2025-09-20 19:00"))])
KEY = key_of("steps", GOOD)
OTHER = avro_bytes("steps", [steps("b1")])
OTHER_KEY = key_of("steps", OTHER, user_id=exports.BEN)


@pytest.fixture
def lake(proxy: FaultProxy, s3_server: S3Server, s3_bucket: str) -> Lake:
    """A lake in a bucket behind the proxy."""
    return connect(
        Settings(
            lake=f"s3://{s3_bucket}",
            s3_endpoint_url=proxy.url,
            s3_access_key_id=s3_server.access_key_id,
            s3_secret_access_key=s3_server.secret_access_key,  # type: ignore[arg-type]
            s3_region=s3_server.region,
        )
    )


@pytest.fixture
def put(s3_server: S3Server, s3_bucket: str) -> Iterator[Callable[[str, bytes], Any]]:
    """Write an object as another client would, bypassing the proxy."""
    with closing(s3_server.client()) as client:
        yield lambda key, content: client.put_object(Bucket=s3_bucket, Key=key, Body=content)


@pytest.fixture
def remove(s3_server: S3Server, s3_bucket: str) -> Iterator[Callable[[str], Any]]:
    """Remove an object as another client would."""
    with closing(s3_server.client()) as client:
        yield lambda key: client.delete_object(Bucket=s3_bucket, Key=key)


def etag_of(content: bytes) -> str:
    """Return the ETag that S3 gives an object that was put at once."""
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def accounted(lake: Lake) -> dict[str, tuple[str, int, int, str | None]]:
    """Return ETag, size, accepted records and reason of every file in the manifest, by its key."""
    files = pipeline.files_of(lake, "steps")
    return {file.key: (file.etag, file.size_bytes, file.accepted, file.reason) for file in files}


def test_an_upload_that_vanishes_between_listing_and_reading_is_ignored(
    lake: Lake, proxy: FaultProxy, put: Callable[[str, bytes], Any], remove: Callable[[str], Any]
) -> None:
    put(KEY, GOOD)
    put(OTHER_KEY, OTHER)
    vanished = proxy.fail(Fault(meanwhile=lambda: remove(KEY)), reads(KEY), times=1)
    pipeline.update_records(lake, "steps")
    assert vanished() == 1
    assert accounted(lake) == {OTHER_KEY: (etag_of(OTHER), len(OTHER), 1, None)}
    assert list(pipeline.records_of(lake, "steps")["user_id"]) == [exports.BEN]
    assert not pipeline.update_records(lake, "steps").changed


def test_an_upload_replaced_between_listing_and_reading_is_accounted_for_as_read(
    lake: Lake, proxy: FaultProxy, put: Callable[[str, bytes], Any]
) -> None:
    put(KEY, GOOD[:-20])
    put(OTHER_KEY, OTHER)
    replaced = proxy.fail(Fault(meanwhile=lambda: put(KEY, GOOD)), reads(KEY), times=1)
    pipeline.update_records(lake, "steps")
    assert replaced() == 1
    assert accounted(lake)[KEY] == (etag_of(GOOD), len(GOOD), 2, None)
    assert pipeline.update_records(lake, "steps").files_read == 0


def test_an_upload_replaced_after_it_was_read_is_accounted_for_as_read_until_the_next_run(
    lake: Lake, proxy: FaultProxy, put: Callable[[str, bytes], Any]
) -> None:
    put(KEY, GOOD[:-20])
    put(OTHER_KEY, OTHER)
    replaced = proxy.fail(Fault(meanwhile=lambda: put(KEY, GOOD)), writes("/records/"), times=1)
    pipeline.update_records(lake, "steps")
    assert replaced() == 1
    assert accounted(lake)[KEY] == (etag_of(GOOD[:-20]), len(GOOD) - 20, 0, "hash_mismatch")
    pipeline.update_records(lake, "steps")
    assert accounted(lake)[KEY] == (etag_of(GOOD), len(GOOD), 2, None)


def test_an_upload_replaced_while_it_is_read_is_never_mixed_and_the_next_attempt_reads_the_newest(
    lake: Lake, proxy: FaultProxy, put: Callable[[str, bytes], Any]
) -> None:
    large = avro_bytes("steps", [steps("s1", app="x" * LARGE_BYTES)], codec="null")
    key = key_of("steps", large)
    put(key, large)
    replaced = proxy.fail(Fault(cut_after_bytes=10 * MEBIBYTE, meanwhile=lambda: put(key, GOOD)), reads(key), times=1)
    with pytest.raises(TransientError):
        pipeline.update_records(lake, "steps")
    assert replaced() == 1
    assert list(lake.objects("records/")) == []
    pipeline.update_records(lake, "steps")
    assert accounted(lake)[key] == (etag_of(GOOD), len(GOOD), 0, "hash_mismatch")


@pytest.fixture
def versions(put: Callable[[str, bytes], Any]) -> tuple[bytes, bytes]:
    """Two versions of a large object of one size; the first is there."""
    put("large", b"a" * LARGE_BYTES)
    return b"a" * LARGE_BYTES, b"b" * LARGE_BYTES


def test_an_interrupted_read_resumes_where_it_broke_off(
    lake: Lake, proxy: FaultProxy, versions: tuple[bytes, bytes]
) -> None:
    proxy.fail(Fault(cut_after_bytes=10 * MEBIBYTE), reads("large"), times=1)
    found = lake.fetch("large")
    assert found.content == versions[0]
    assert found.etag == etag_of(versions[0])
    resumed_from = int(proxy.seen[-1].headers["range"].removeprefix("bytes=").partition("-")[0])
    assert 0 < resumed_from <= 10 * MEBIBYTE  # not all that was sent before the break need have arrived


def test_an_interrupted_read_never_resumes_with_another_version(
    lake: Lake, proxy: FaultProxy, put: Callable[[str, bytes], Any], versions: tuple[bytes, bytes]
) -> None:
    replaced = Fault(cut_after_bytes=10 * MEBIBYTE, meanwhile=lambda: put("large", versions[1]))
    for read in (lake.fetch, lake.sha256):
        put("large", versions[0])
        proxy.fail(replaced, reads("large"), times=1)
        with pytest.raises(TransientError):
            read("large")
    assert lake.fetch("large").etag == etag_of(versions[1])


def test_a_read_never_resumes_with_bytes_of_another_range(
    lake: Lake, proxy: FaultProxy, versions: tuple[bytes, bytes]
) -> None:
    assert versions
    for read in (lake.fetch, lake.sha256):
        proxy.fail(Fault(extra_bytes=7), lambda request: "range" in request.headers)
        proxy.fail(Fault(cut_after_bytes=10 * MEBIBYTE), reads("large"), times=1)
        with pytest.raises(TransientError, match="arrived incomplete"):
            read("large")
        proxy.behave()


def test_an_object_replaced_during_a_whole_read_comes_from_one_version(
    lake: Lake, proxy: FaultProxy, put: Callable[[str, bytes], Any], versions: tuple[bytes, bytes]
) -> None:
    proxy.fail(Fault(pause_after_bytes=MEBIBYTE, meanwhile=lambda: put("large", versions[1])), reads("large"), times=1)
    found = lake.fetch("large")
    assert found.content in versions
    assert found.etag == etag_of(found.content)


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_an_open_table_comes_from_one_version_or_fails_as_transient(
    lake: Lake, proxy: FaultProxy, put: Callable[[str, bytes], Any], remove: Callable[[str], Any], change: str
) -> None:
    first, second = table(range(1_000_000)), table(range(1_000_000, 2_000_000))
    put("records/t.parquet", first)
    assert pq.read_table(lake.open("records/t.parquet")).num_rows == 1_000_000
    act = (lambda: put("records/t.parquet", second)) if change == "replaced" else (lambda: remove("records/t.parquet"))
    acted = proxy.fail(Fault(meanwhile=act), reads("t.parquet"), after=1, times=1)
    with pytest.raises(TransientError, match=r"records/t\.parquet was replaced while it was being read; run again\.$"):
        pq.read_table(lake.open("records/t.parquet"))
    assert acted() == 1


def test_a_table_whose_store_fails_while_it_is_read_fails_as_transient(
    lake: Lake, proxy: FaultProxy, put: Callable[[str, bytes], Any]
) -> None:
    put("records/t.parquet", table(range(1_000_000)))
    proxy.fail(SLOW_DOWN, reads("t.parquet"), after=1)
    with pytest.raises(TransientError, match="is overloaded"):
        pq.read_table(lake.open("records/t.parquet"))


def test_a_large_file_whose_last_response_is_lost_is_complete_and_leaves_no_parts(
    lake: Lake, proxy: FaultProxy, s3_server: S3Server, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(b"p" * 12 * MEBIBYTE)
    lost = proxy.fail(
        Fault(lose_answer=True), lambda request: request.method == "POST" and request.holds("uploadId="), times=1
    )
    lake.put_file("records/large.parquet", tmp_path / "large")
    assert lost() == 1
    assert lake.sha256("records/large.parquet") == hashlib.sha256(b"p" * 12 * MEBIBYTE).hexdigest()
    with closing(s3_server.client()) as client:
        assert client.list_multipart_uploads(Bucket=lake.url.removeprefix("s3://")).get("Uploads", []) == []


def table(values: range) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"value": list(values)}), buffer)
    return buffer.getvalue()
