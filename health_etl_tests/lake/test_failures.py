"""Each error of the store becomes one sentence with its true cause and the remedy, and never tells a key."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from health_etl.errors import HealthEtlError, ObjectNotFoundError, ObjectRefusedError, PermanentError, TransientError
from health_etl.lake import store
from health_etl.lake.failures import Attempt, Deed, display_key, translate
from health_etl.lake.store import Lake, connect
from health_etl.settings import Settings
from health_etl_tests.support.exports import folder_lake
from health_etl_tests.support.fixed_answer import Answer, answering

KEY = "raw/StepsRecord/2025/09/16/anna_20250916_060000_phone_2d429326.avro"
SECRETS = ("anna",)
DEEDS: dict[Deed, Callable[[Lake], object]] = {
    Deed.LIST: lambda lake: list(lake.objects("raw/StepsRecord/2025/09/16/")),
    Deed.READ: lambda lake: lake.fetch(KEY),
    Deed.WRITE: lambda lake: lake.put(KEY, b"content"),
    Deed.DELETE: lambda lake: lake.delete([KEY]),
}
LIST, READ, WRITE, DELETE = Deed.LIST, Deed.READ, Deed.WRITE, Deed.DELETE


@pytest.fixture(autouse=True)
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask once; what is retried is tested with the real server."""
    monkeypatch.setattr(store, "RETRIES", 0)
    monkeypatch.setattr(store, "CONNECT_TIMEOUT", timedelta(seconds=1))


@pytest.fixture
def server() -> Iterator[Answer]:
    with answering() as answer:
        yield answer


def bucket(endpoint: str) -> Lake:
    keys = {"s3_access_key_id": "test", "s3_secret_access_key": "test-secret"}
    return connect(Settings.model_validate({"lake": "s3://health-data", "s3_endpoint_url": endpoint, **keys}))


def error_of(lake: Lake, deed: Deed) -> HealthEtlError:
    with pytest.raises(HealthEtlError) as caught:
        DEEDS[deed](lake)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert [secret for secret in SECRETS if secret in sentence] == []
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "deed", "kind", "words"),
    [
        (403, "InvalidAccessKeyId", LIST, PermanentError, r"rejected the access keys for s3://health-data \(Invalid"),
        (403, "SignatureDoesNotMatch", READ, PermanentError, "rejected the access keys"),
        (400, "ExpiredToken", WRITE, PermanentError, "rejected the access keys"),
        (401, None, READ, PermanentError, "rejected the access keys"),
        (403, "AccessDenied", LIST, PermanentError, r"may not list s3://health-data/raw/.*\(AccessDenied\)"),
        (403, "AccessDenied", WRITE, PermanentError, r"may not write s3://health-data/raw/.*\(AccessDenied\)"),
        (403, None, DELETE, PermanentError, r"may not delete .*\(HTTP status 403\)"),
        (403, "AccessDenied", READ, ObjectRefusedError, r"refuses to hand out .*\(AccessDenied\)"),
        (403, "InvalidObjectState", READ, ObjectRefusedError, r"refuses to hand out .*\(InvalidObjectState\)"),
        (400, "KMS.DisabledException", READ, ObjectRefusedError, r"refuses to hand out .*\(KMS.DisabledException\)"),
        (403, None, READ, ObjectRefusedError, r"refuses to hand out .*\(HTTP status 403\)"),
        (451, None, READ, ObjectRefusedError, r"refuses to hand out .*\(HTTP status 451\)"),
        (403, "RequestTimeTooSkewed", READ, PermanentError, "differ too much"),
        (404, "NoSuchBucket", LIST, PermanentError, "The bucket of s3://health-data does not exist"),
        (404, "NoSuchBucket", WRITE, PermanentError, "The bucket of s3://health-data does not exist"),
        (400, "InvalidBucketName", LIST, PermanentError, "allows no bucket of the name in s3://health-data"),
        (404, "NoSuchKey", READ, ObjectNotFoundError, "does not exist"),
        (412, "PreconditionFailed", READ, TransientError, "was replaced while it was being read"),
        (400, "EntityTooLarge", WRITE, PermanentError, "is larger than the S3 server takes"),
        (400, "KeyTooLongError", WRITE, PermanentError, "is longer than the S3 server takes"),
        (403, "QuotaExceeded", WRITE, PermanentError, "The quota of s3://health-data"),
        (301, "PermanentRedirect", LIST, PermanentError, "is in another region"),
        (503, "SlowDown", READ, TransientError, "is overloaded; try again later"),
        (429, None, LIST, TransientError, "is overloaded; try again later"),
        (500, "InternalError", READ, TransientError, r"something unexpected when asked to read .* \(InternalError\)"),
        (
            501,
            "NotImplemented",
            WRITE,
            PermanentError,
            r"something unexpected when asked to write .*\(NotImplemented\)",
        ),
        (405, "MethodNotAllowed", LIST, PermanentError, r"something unexpected when asked to list .*\(MethodNotAllo"),
        (404, None, LIST, PermanentError, r"something unexpected when asked to list .*\(HTTP status 404\)"),
        (400, None, WRITE, PermanentError, r"something unexpected when asked to write .*\(HTTP status 400\)"),
    ],
)
def test_what_a_server_answers_is_told_by_its_code(
    server: Answer, status: int, code: str | None, deed: Deed, kind: type[HealthEtlError], words: str
) -> None:
    server.refuse(status, code)
    error = error_of(bucket(server.url), deed)
    assert type(error) is kind
    assert re.search(words, str(error))


def test_the_words_of_the_server_are_quoted_unless_they_may_hold_a_key(server: Answer) -> None:
    server.refuse(500, "InternalError", "We encountered an internal error. Please try again.")
    assert "(InternalError: We encountered an internal error. Please try again.)" in str(
        error_of(bucket(server.url), READ)
    )
    for message in (f"Cannot read {KEY}", "No access for ANNA today", "see https://example.org/x_y"):
        server.refuse(500, "InternalError", message)
        assert "(InternalError)" in str(error_of(bucket(server.url), READ))


@pytest.mark.parametrize("deed", [LIST, WRITE])
def test_something_that_is_no_s3_server_is_not_taken_for_an_empty_bucket(server: Answer, deed: Deed) -> None:
    server.status, server.body = 200, b"<html><body>Welcome to the console</body></html>"
    lake = bucket(server.url)
    with pytest.raises(PermanentError if deed == LIST else TransientError, match="something unexpected"):
        list(lake.everything("raw/")) if deed == LIST else lake.put(KEY, b"")
    with pytest.raises(TransientError, match=r"something unexpected when asked to read .* \(no ETag\)"):
        lake.fetch(KEY)


@pytest.mark.parametrize(
    ("endpoint", "kind", "words"),
    [
        ("http://127.0.0.1:9", TransientError, "does not answer; start it, or check HEALTH_ETL_S3_ENDPOINT_URL"),
        ("http://no-such-host.invalid:9000", TransientError, "The name of the S3 server .* cannot be resolved"),
    ],
)
def test_a_server_that_is_not_there_does_not_answer(endpoint: str, kind: type[HealthEtlError], words: str) -> None:
    error = error_of(bucket(endpoint), LIST)
    assert type(error) is kind
    assert re.search(words, str(error))


def test_a_server_without_tls_is_told_from_one_that_is_down(server: Answer) -> None:
    error = error_of(bucket(server.url.replace("http:", "https:")), READ)
    assert type(error) is PermanentError
    assert "does not speak TLS; set HEALTH_ETL_S3_ENDPOINT_URL to its http:// address" in str(error)


@pytest.mark.parametrize(
    ("number", "deed", "kind", "words"),
    [
        (errno.EACCES, WRITE, PermanentError, "may not write file:///srv/lake/raw/"),
        (errno.EACCES, READ, ObjectRefusedError, r"refuses to hand out .*\(Permission denied\)"),
        (errno.ENOENT, READ, ObjectNotFoundError, "does not exist"),
        (errno.ENOSPC, WRITE, PermanentError, "The disk of file:///srv/lake is full"),
        (errno.EDQUOT, WRITE, PermanentError, "The disk of file:///srv/lake is full"),
        (errno.EROFS, WRITE, PermanentError, r"cannot be written \(Read-only file system\); check the folder"),
        (errno.EIO, READ, PermanentError, r"cannot be read \(Input/output error\)"),
        (errno.ENAMETOOLONG, WRITE, PermanentError, "is longer than its file system takes"),
    ],
)
def test_an_error_of_a_folder_is_told_by_the_number_of_the_system(
    number: int, deed: Deed, kind: type[HealthEtlError], words: str
) -> None:
    error = translate(OSError(number, os.strerror(number), f"/srv/lake/{KEY}"), Attempt("file:///srv/lake", deed, KEY))
    assert type(error) is kind
    assert re.search(words, str(error))
    assert [secret for secret in SECRETS if secret in str(error)] == []


def test_obstores_own_errors_of_a_folder_have_the_number_of_the_system(tmp_path: Path) -> None:
    lake = folder_lake(tmp_path / "lake")
    with pytest.raises(PermanentError, match="is longer than its file system takes"):
        lake.put(f"raw/{'x' * 300}", b"")
    (tmp_path / "lake" / "records").write_bytes(b"a file in place of the folder")
    with pytest.raises(PermanentError, match=r"cannot be written \(Not a directory\)"):
        lake.put("records/steps/2025-09-16.parquet", b"")


def test_an_error_that_nobody_foresaw_is_called_unexpected() -> None:
    for url in ("s3://health-data", "file:///srv/lake"):
        error = translate(OSError(f"who knows, {KEY}"), Attempt(url, READ, KEY))
        assert re.search(r"something unexpected when asked to read .* \(OSError\)", str(error))
        assert "anna" not in str(error)


@pytest.mark.parametrize("key", ["raw//anna", "raw/./anna", "raw/an\tna"])
def test_a_key_that_the_store_cannot_have_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(PermanentError, match="is not a name that the store can hold") as caught:
        folder_lake(tmp_path).find(key)
    assert "anna" not in str(caught.value)


def test_keys_that_hold_a_persons_name_are_masked_wherever_they_lie() -> None:
    for key in (KEY, f"quarantine/{KEY[4:]}", "quarantine/released/anna.json", "quarantine/unclaimed/anna", "raw/anna"):
        assert "anna" not in display_key(key)
    assert display_key("records/steps/2025-09-16.parquet") == "records/steps/2025-09-16.parquet"
    assert [display_key(folder) for folder in ("raw/", "quarantine/", "")] == ["raw/", "quarantine/", ""]
