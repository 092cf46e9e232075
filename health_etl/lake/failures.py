"""Translation of the object store's errors into ours.

The server's codes, the operating system's error numbers and the kinds of network failure are recognised; anything else
is reported as unexpected, never as a guess. Of the original text, only parts without keys are quoted: keys contain user
ids.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from enum import StrEnum

from obstore import exceptions

from health_etl.errors import (
    FolderHiddenError,
    HealthEtlError,
    ObjectNotFoundError,
    ObjectRefusedError,
    PermanentError,
    TransientError,
)
from health_etl.lake.keys import RAW, mask_key
from health_etl.lake.listed import NoListingError

MAX_QUOTED = 160  # characters of a server's message


class Deed(StrEnum):
    """What was asked of the store."""

    LIST = "list"
    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    SET_UP = "set up"


@dataclass(frozen=True)
class Attempt:
    """What was asked of the store, and where: `key` is an object's, or the folder's that was listed."""

    url: str
    deed: Deed
    key: str = ""
    endpoint: str | None = None

    @property
    def item(self) -> str:
        """The object or folder as it may be named, without a user id."""
        return f"{self.url}/{display_key(self.key)}" if self.key else self.url

    @property
    def server(self) -> str:
        """The server, in the middle of a sentence."""
        return f"S3 server of {self.url} at {self.endpoint or 'AWS'}"


@dataclass(frozen=True)
class _Answer:
    """What an S3 server answered; the parts are empty where it did not say."""

    status: int = 0
    code: str = ""
    message: str = ""

    @property
    def words(self) -> str:
        """The code, or else the status."""
        return self.code or (f"HTTP status {self.status}" if self.status else "")


# These concern the access keys, whatever the request.
_WRONG_KEYS = {
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"),
    *("InvalidSecurity", "AccountProblem", "NotSignedUp", "UnrecognizedClientException"),
}
_OVERLOADED = {"SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "RequestLimitExceeded", "Throttling"}
_OTHER_REGION = {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
_QUOTA = {"QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull", "InsufficientStorage"}
_OTHER_VERSION = (412, 416)  # the rest of an object that has another ETag now, or is shorter than what was read
_TIMED_OUT = {"RequestTimeout", "RequestTimeoutException"}
_SENTENCES = {
    "NoSuchBucket": "The bucket of {url} does not exist; create it, or set HEALTH_ETL_LAKE to one that does.",
    "InvalidBucketName": "The S3 server allows no bucket of the name in {url}; set HEALTH_ETL_LAKE to another bucket.",
    "RequestTimeTooSkewed": (
        "The clocks of this machine and of the S3 server of {url} differ too much; synchronise them."
    ),
    "EntityTooLarge": "{item} is larger than the S3 server takes; raise the server's limit on the size of an object.",
    "KeyTooLongError": "The name of {item} is longer than the S3 server takes; upload it under a shorter one.",
}
# Network failures as botocore names them.
_NETWORK = ("HTTPClientError", "ConnectionError")
_NO_KEYS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError")
# Without credentials obstore asks the cloud's metadata service; these words show that it did.
_METADATA_SERVICE = ("169.254.169.254", "CredentialProvider")

_SERVER_SAID = re.compile(r"status code: (\d{3})[^:\n]*:? ?(?!.*status code: )(.*)", re.DOTALL)
_CODE = re.compile(r"<Code>\s*([A-Za-z0-9._-]{1,80})\s*</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_HARMLESS = re.compile(r"[A-Za-z0-9 ,;:.'()-]+", re.ASCII)
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
_DEBUG = "\nDebug source:"
_BAD_KEY = "Could not parse path"


def translate(error: Exception, attempt: Attempt) -> HealthEtlError:
    """Return our error for one of the store's."""
    if isinstance(error, ValueError) and str(error).startswith(_BAD_KEY):
        return PermanentError(f"{attempt.item} is not a name that the store can hold; give the object another name.")
    if isinstance(error, NoListingError):
        if isinstance(error.__cause__, Exception):
            return translate(error.__cause__, attempt)
        return unexpected_error(attempt, "the answer is not an S3 listing", may_pass=False)
    if attempt.url.startswith("s3://"):
        return _of_server(error, attempt)
    return _of_folder(error, attempt)


def display_key(key: str) -> str:
    """Return a key, or a folder, as it may be shown: one that a person's upload may have is masked."""
    first, slash, rest = key.partition("/")
    if f"{first}/" == RAW and rest:
        return mask_key(key)
    if first == "quarantine" and rest:
        return f"quarantine/{mask_key(RAW + rest).removeprefix(RAW)}"
    return first + slash + rest


def _of_server(error: Exception, attempt: Attempt) -> HealthEtlError:
    text = str(error)
    answer = _answer(error, text)
    if answer.code in _SENTENCES:
        return PermanentError(_SENTENCES[answer.code].format(url=attempt.url, item=attempt.item))
    if isinstance(error, (FileNotFoundError, exceptions.NotFoundError)) and attempt.deed != Deed.WRITE:
        return ObjectNotFoundError(f"{attempt.item} does not exist.")
    if isinstance(error, exceptions.PreconditionError):
        return replaced_error(attempt)
    if answer.status or answer.code:
        return _of_answer(answer, attempt)
    if any(word in text for word in _METADATA_SERVICE) or _is_one_of(error, _NO_KEYS):
        return missing_keys_error(attempt.url)
    return _of_network(error, text, attempt) or unexpected_error(attempt, type(error).__name__)


def _of_answer(answer: _Answer, attempt: Attempt) -> HealthEtlError:
    """Return the error for what an S3 server answered."""
    if answer.code in _WRONG_KEYS or answer.status == 401:
        return PermanentError(
            f"The S3 server rejected the access keys for {attempt.url} ({answer.words}); check "
            "HEALTH_ETL_S3_ACCESS_KEY_ID and HEALTH_ETL_S3_SECRET_ACCESS_KEY."
        )
    if answer.code in _QUOTA or answer.status == 507:
        return PermanentError(f"The quota of {attempt.url} is exhausted; raise it on the S3 server or free some space.")
    if answer.code in _OTHER_REGION:
        return _other_region_error(attempt)
    if answer.code in _OVERLOADED or answer.status in (429, 503):
        return TransientError(f"The {attempt.server} is overloaded; try again later.")
    if answer.code in _TIMED_OUT or answer.status == 408:
        return _no_answer_error(attempt)
    if attempt.deed == Deed.READ and answer.status in _OTHER_VERSION:
        return replaced_error(attempt)
    if attempt.deed == Deed.READ and 400 <= answer.status < 500:
        return _refused_error(attempt, answer.words)
    if answer.status == 403 or answer.code == "AccessDenied":
        return PermanentError(
            f"The access keys may not {attempt.deed} {attempt.item} ({answer.words}); give them that permission on the "
            "S3 server, or set HEALTH_ETL_S3_ACCESS_KEY_ID to one that has it."
        )
    words = answer.words + (f": {_harmless(answer.message, attempt.key)}").rstrip(": ")
    return unexpected_error(attempt, words, may_pass=answer.status >= 500 and answer.status != 501)


def _of_network(error: Exception, text: str, attempt: Attempt) -> HealthEtlError | None:
    """Return the error for a server that was not reached, or broke off."""
    if "dns error" in text or "NameResolutionError" in text or "Name or service not known" in text:
        return TransientError(
            f"The name of the {attempt.server} cannot be resolved; check HEALTH_ETL_S3_ENDPOINT_URL and the network."
        )
    if "redirect without LOCATION" in text:
        return _other_region_error(attempt)
    if "InvalidCertificate" in text or _is_one_of(error, ("SSLError",)):
        return PermanentError(
            f"The certificate of the {attempt.server} cannot be trusted; install the certificate of its authority."
        )
    if "InvalidMessage" in text:  # TLS was spoken to it
        return PermanentError(
            f"The {attempt.server} does not speak TLS; set HEALTH_ETL_S3_ENDPOINT_URL to its http:// address."
        )
    if "HttpError {" in text or _is_one_of(error, _NETWORK):
        return _no_answer_error(attempt)
    return None


def _of_folder(error: Exception, attempt: Attempt) -> HealthEtlError:
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := _SYSTEM_ERROR.findall(str(error).partition(_DEBUG)[0])):
        number = int(found[-1])
    if number == errno.ENOENT or isinstance(error, (FileNotFoundError, exceptions.NotFoundError)):
        return ObjectNotFoundError(f"{attempt.item} does not exist.")
    if isinstance(error, exceptions.PreconditionError):
        return replaced_error(attempt)
    if number is None and not isinstance(error, exceptions.PermissionDeniedError):
        return unexpected_error(attempt, type(error).__name__)
    number = errno.EACCES if number is None else number
    words = os.strerror(number)
    if number in (errno.EACCES, errno.EPERM):
        if attempt.deed == Deed.READ:
            return _refused_error(attempt, words)
        if attempt.deed == Deed.LIST:
            return hidden_error(attempt)
        return PermanentError(
            f"This account may not {attempt.deed} {attempt.item}; change its permissions or HEALTH_ETL_LAKE."
        )
    if number in (errno.ENOSPC, errno.EDQUOT):
        return PermanentError(f"The disk of {attempt.url} is full ({words}); free some space.")
    if number == errno.ENAMETOOLONG:
        return PermanentError(f"The name of {attempt.item} is longer than its file system takes ({words}).")
    return PermanentError(
        f"{attempt.item} cannot be {_DONE[attempt.deed]} ({words}); check the folder and its disk, or set "
        "HEALTH_ETL_LAKE to another folder."
    )


_DONE = {
    Deed.LIST: "listed",
    Deed.READ: "read",
    Deed.WRITE: "written",
    Deed.DELETE: "deleted",
    Deed.SET_UP: "used",
}


def unexpected_error(attempt: Attempt, words: str, *, may_pass: bool = True) -> HealthEtlError:
    """Return the error for what nobody foresaw; `words` are the store's own, or the name of the exception."""
    kind = TransientError if may_pass else PermanentError
    return kind(
        f"The store answered something unexpected when asked to {attempt.deed} {attempt.item} ({words}); "
        "see the log of the store, or check HEALTH_ETL_LAKE and HEALTH_ETL_S3_ENDPOINT_URL."
    )


def replaced_error(attempt: Attempt) -> TransientError:
    """Return the error for an object that another writer replaced or removed during the read."""
    return TransientError(f"{attempt.item} was replaced while it was being read; run again.")


def size_mismatch_error(attempt: Attempt) -> TransientError:
    """Return the error for an object of which more or fewer bytes arrived than its size says."""
    return TransientError(f"{attempt.item} arrived incomplete; run again.")


def missing_keys_error(url: str) -> PermanentError:
    """Return the error for a bucket without access keys."""
    return PermanentError(
        f"No access keys for {url}; set HEALTH_ETL_S3_ACCESS_KEY_ID and HEALTH_ETL_S3_SECRET_ACCESS_KEY."
    )


def hidden_error(attempt: Attempt) -> FolderHiddenError:
    """Return the error for a folder that this account may not look into."""
    return FolderHiddenError(
        f"This account may not look into {attempt.item}; permit it, since the objects there would seem deleted."
    )


def slashed_error(attempt: Attempt) -> ObjectRefusedError:
    """Return the error for an object whose key ends in a slash, which the store cannot be asked for."""
    words = "its name ends in /"
    return ObjectRefusedError(f"{attempt.item} cannot be read ({words}); upload it under another name.", words)


def _refused_error(attempt: Attempt, words: str) -> ObjectRefusedError:
    return ObjectRefusedError(
        f"The store refuses to hand out {attempt.item} ({words}); restore the object, or permit this account to read "
        "it.",
        words,
    )


def _other_region_error(attempt: Attempt) -> PermanentError:
    return PermanentError(f"{attempt.url} is in another region; set HEALTH_ETL_S3_REGION to the bucket's region.")


def _no_answer_error(attempt: Attempt) -> TransientError:
    return TransientError(f"The {attempt.server} does not answer; start it, or check HEALTH_ETL_S3_ENDPOINT_URL.")


def _answer(error: Exception, text: str) -> _Answer:
    """Return what the server answered, from an error of obstore's or of botocore's."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        said = response.get("Error", {})
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _Answer(status, _code_of(str(said.get("Code", ""))), str(said.get("Message", "")))
    found = _SERVER_SAID.search(text.partition(_DEBUG)[0])
    if found is None:
        return _Answer()
    code, message = _CODE.search(found[2]), _MESSAGE.search(found[2])
    return _Answer(int(found[1]), code[1] if code else "", message[1] if message else "")


def _code_of(word: str) -> str:
    """Return a code that botocore reports; where the answer had none, it reports the status."""
    return "" if word.isdigit() or not re.fullmatch(r"[A-Za-z0-9._-]{1,80}", word) else word


def _harmless(message: str, key: str) -> str:
    """Return a server's message, empty if it may hold part of a key."""
    parts = {part.lower() for part in re.findall(r"[A-Za-z0-9]{3,}", key)}
    fits = len(message) <= MAX_QUOTED and _HARMLESS.fullmatch(message)
    return message if fits and not any(part in message.lower() for part in parts) else ""


def _is_one_of(error: Exception, names: tuple[str, ...]) -> bool:
    """Tell whether an error is of a class with such a name; importing botocore for it would take a quarter second."""
    return any(kind.__name__ in names for kind in type(error).__mro__)
