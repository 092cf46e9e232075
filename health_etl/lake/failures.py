"""Translation of the object store's errors into ours. The original text is never quoted: it contains keys, and keys
contain user ids.
"""

from __future__ import annotations

import errno
import os

from obstore import exceptions

from health_etl.errors import HealthEtlError, ObjectNotFoundError, PermanentError, TransientError

_ACCESS_DENIED = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "ExpiredToken", "403 Forbidden")
_OVERLOADED = ("<Code>SlowDown", "503 Service Unavailable", "429 Too Many Requests")
_OTHER_REGION = ("<Code>AuthorizationHeaderMalformed", "<Code>PermanentRedirect")
# Without credentials the library falls back to the cloud metadata service; these words show that it did.
_NO_KEYS = ("169.254.169.254", "CredentialProvider", "credentials")


def translate(error: Exception, url: str, endpoint: str | None, what: str) -> HealthEtlError:
    """Return our error for one of the store's; `what` names the object, without a user id."""
    text = str(error)
    if "NoSuchBucket" in text:
        return PermanentError(
            f"The bucket of {url} does not exist; create it, or set HEALTH_ETL_LAKE to one that does."
        )
    if isinstance(error, (FileNotFoundError, exceptions.NotFoundError)):
        return ObjectNotFoundError(f"{url}/{what} does not exist.")
    if isinstance(error, exceptions.PreconditionError):
        return replaced_error(url, what)
    if url.startswith("s3://"):
        return _translate_s3_error(error, text, url, endpoint)
    if isinstance(error, PermissionError) or "Permission denied" in text:
        return PermanentError(f"This account may not read or write {url}; change its permissions or HEALTH_ETL_LAKE.")
    word = _system_error_text(error, text)
    return PermanentError(
        f"{url} cannot be used ({word}); check the folder and its disk, or set HEALTH_ETL_LAKE to another folder."
    )


def _translate_s3_error(error: Exception, text: str, url: str, endpoint: str | None) -> HealthEtlError:
    if any(word in text for word in _NO_KEYS):
        return missing_keys_error(url)
    if "<Code>RequestTimeTooSkewed" in text:
        return PermanentError(
            f"The clocks of this machine and of the S3 server of {url} differ too much; synchronise them."
        )
    if "<Code>QuotaExceeded" in text:
        return PermanentError(f"The quota of {url} is exhausted; raise it on the S3 server or free some space.")
    if any(word in text for word in _OTHER_REGION):
        return PermanentError(f"{url} is in another region; set HEALTH_ETL_S3_REGION to the bucket's region.")
    denied = isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError))
    if denied or any(word in text for word in _ACCESS_DENIED):
        return PermanentError(
            f"The S3 server rejected the access keys for {url}; check HEALTH_ETL_S3_ACCESS_KEY_ID and "
            "HEALTH_ETL_S3_SECRET_ACCESS_KEY, and their permissions there."
        )
    if any(word in text for word in _OVERLOADED):
        return TransientError(f"The S3 server of {url} at {endpoint or 'AWS'} is overloaded; try again later.")
    return TransientError(
        f"The S3 server of {url} at {endpoint or 'AWS'} does not answer; start it, or check HEALTH_ETL_S3_ENDPOINT_URL."
    )


def replaced_error(url: str, what: str) -> TransientError:
    """Return the error for an object that another writer replaced or removed during the read."""
    return TransientError(f"{url}/{what} was replaced while it was being read; run again.")


def size_mismatch_error(url: str, what: str) -> TransientError:
    """Return the error for an object of which more or fewer bytes arrived than its size says."""
    return TransientError(f"{url}/{what} arrived incomplete; run again.")


def missing_keys_error(url: str) -> PermanentError:
    """Return the error for a bucket without access keys."""
    return PermanentError(
        f"No access keys for {url}; set HEALTH_ETL_S3_ACCESS_KEY_ID and HEALTH_ETL_S3_SECRET_ACCESS_KEY."
    )


def _system_error_text(error: Exception, text: str) -> str:
    """Return the operating system's text for a disk error, such as "No space left on device"."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    known = (errno.ENOSPC, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EDQUOT)
    return next((os.strerror(code) for code in known if os.strerror(code) in text), "the store failed")
