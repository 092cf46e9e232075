"""What the store's failures mean to a person. Its own words are never quoted: they hold keys, and keys hold people."""

from __future__ import annotations

import errno
import os

from obstore import exceptions

from health_etl.errors import HealthEtlError, ObjectNotFoundError, PermanentError, TransientError

_REFUSED = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "ExpiredToken", "403 Forbidden")
_BUSY = ("<Code>SlowDown", "503 Service Unavailable", "429 Too Many Requests")
_OTHER_REGION = ("<Code>AuthorizationHeaderMalformed", "<Code>PermanentRedirect")
# Without keys of its own the library asks the metadata service of a cloud machine.
_NO_KEYS = ("169.254.169.254", "CredentialProvider", "credentials")


def translate(error: Exception, url: str, endpoint: str | None, what: str) -> HealthEtlError:
    """Return our failure for one of the store's; `what` names the object, with no person in it."""
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
        return _of_server(error, text, url, endpoint)
    if isinstance(error, PermissionError) or "Permission denied" in text:
        return PermanentError(
            f"{url} may not be read or written by this account; change its permissions or HEALTH_ETL_LAKE."
        )
    word = _system_word(error, text)
    return PermanentError(
        f"{url} cannot be used ({word}); check the folder and its disk, or set HEALTH_ETL_LAKE to another."
    )


def _of_server(error: Exception, text: str, url: str, endpoint: str | None) -> HealthEtlError:
    if any(word in text for word in _NO_KEYS):
        return missing_keys_error(url)
    if "<Code>RequestTimeTooSkewed" in text:
        return PermanentError(f"The clocks of this machine and of the S3 server of {url} differ; set them right.")
    if "<Code>QuotaExceeded" in text:
        return PermanentError(f"The quota of {url} is used up; raise it on the S3 server or make room.")
    if any(word in text for word in _OTHER_REGION):
        return PermanentError(f"{url} belongs to another region; set HEALTH_ETL_S3_REGION to the bucket's.")
    denied = isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError))
    if denied or any(word in text for word in _REFUSED):
        return PermanentError(
            f"The S3 server refused the keys for {url}; check HEALTH_ETL_S3_ACCESS_KEY_ID and "
            "HEALTH_ETL_S3_SECRET_ACCESS_KEY, and what they may do there."
        )
    if any(word in text for word in _BUSY):
        return TransientError(f"The S3 server of {url} at {endpoint or 'AWS'} is overloaded; run again later.")
    return TransientError(
        f"The S3 server of {url} at {endpoint or 'AWS'} does not answer; start it, or check HEALTH_ETL_S3_ENDPOINT_URL."
    )


def replaced_error(url: str, what: str) -> TransientError:
    """Return the failure of an object that another writer replaced or removed while it was read."""
    return TransientError(f"{url}/{what} was replaced while it was read; run again.")


def size_mismatch_error(url: str, what: str) -> TransientError:
    """Return the failure of an object of which more or fewer bytes arrived than it has."""
    return TransientError(f"{url}/{what} did not arrive whole; run again.")


def missing_keys_error(url: str) -> PermanentError:
    """Return the failure of a bucket without keys."""
    return PermanentError(
        f"There are no keys for {url}; set HEALTH_ETL_S3_ACCESS_KEY_ID and HEALTH_ETL_S3_SECRET_ACCESS_KEY."
    )


def _system_word(error: Exception, text: str) -> str:
    """Return the system's word for a fault of a disk, such as "No space left on device"."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    known = (errno.ENOSPC, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EDQUOT)
    return next((os.strerror(code) for code in known if os.strerror(code) in text), "the store failed")
