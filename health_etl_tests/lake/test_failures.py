"""Each error of the store becomes one sentence with the cause and the remedy, and never quotes the store's own text."""

from __future__ import annotations

import errno
import os

import pytest
from obstore import exceptions

from health_etl.errors import HealthEtlError, ObjectNotFoundError, PermanentError, TransientError
from health_etl.lake.failures import translate

S3, FOLDER = "s3://health-data", "file:///srv/lake"
OBJECT = "raw/someone_20250921.avro"


@pytest.mark.parametrize(
    ("error", "url", "kind", "sentence"),
    [
        (exceptions.GenericError("NoSuchBucket"), S3, PermanentError, "The bucket of s3://health-data does not exist"),
        (exceptions.NotFoundError(OBJECT), S3, ObjectNotFoundError, "s3://health-data/an upload does not exist."),
        (exceptions.PreconditionError(OBJECT), S3, TransientError, "an upload was replaced while it was being read"),
        (exceptions.GenericError("169.254.169.254"), S3, PermanentError, "No access keys for s3://health-data"),
        (exceptions.GenericError("<Code>RequestTimeTooSkewed"), S3, PermanentError, "differ too much"),
        (exceptions.GenericError("<Code>QuotaExceeded"), S3, PermanentError, "The quota of s3://health-data"),
        (exceptions.GenericError("<Code>PermanentRedirect"), S3, PermanentError, "is in another region"),
        (exceptions.PermissionDeniedError("no"), S3, PermanentError, "rejected the access keys"),
        (exceptions.GenericError("SignatureDoesNotMatch"), S3, PermanentError, "rejected the access keys"),
        (exceptions.GenericError("429 Too Many Requests"), S3, TransientError, "is overloaded; try again later."),
        (exceptions.GenericError("connection refused"), S3, TransientError, "does not answer"),
        (PermissionError(errno.EACCES, "no"), FOLDER, PermanentError, "may not read or write file:///srv/lake"),
        (FileNotFoundError(errno.ENOENT, OBJECT), FOLDER, ObjectNotFoundError, "/an upload does not exist."),
        (OSError(errno.ENOSPC, OBJECT), FOLDER, PermanentError, os.strerror(errno.ENOSPC)),
        (exceptions.GenericError(os.strerror(errno.EROFS)), FOLDER, PermanentError, os.strerror(errno.EROFS)),
        (exceptions.GenericError(OBJECT), FOLDER, PermanentError, "cannot be used (the store failed)"),
    ],
)
def test_an_error_of_the_store_becomes_our_own(
    error: Exception, url: str, kind: type[HealthEtlError], sentence: str
) -> None:
    found = translate(error, url, None, "an upload")
    assert type(found) is kind
    assert sentence in str(found)
    assert OBJECT not in str(found)
