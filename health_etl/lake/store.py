"""The lake: the one place that knows how objects are kept, whether in a folder or in a bucket.

Every failure of the store leaves here as one of our own: not found, permanent (a retry cannot help) or transient.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions
from obstore.store import LocalStore, MemoryStore, S3Store

from health_etl.errors import ObjectNotFoundError
from health_etl.lake.failures import missing_keys_error, replaced_error, size_mismatch_error, translate
from health_etl.lake.keys import RAW, mask_key
from health_etl.lake.object_cache import ObjectCache, shared_cache

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from typing_extensions import Buffer

    from health_etl.settings import Settings

    Store = LocalStore | MemoryStore | S3Store

CONNECT_TIMEOUT = timedelta(seconds=5)
REQUEST_TIMEOUT = timedelta(seconds=60)
RETRIES = 3
RETRY_TIMEOUT = timedelta(seconds=15)
LIST_PAGE_SIZE = 1000  # objects; a page of S3
READ_AHEAD_BYTES = 1024 * 1024
NO_SUCH_RANGE = "416 "  # what S3 says when an object is asked for its last bytes and has none


class ObjectInfo(NamedTuple):
    """One object of a listing; a tuple, since a listing makes hundred thousands of them. Sorts by key."""

    key: str
    size_bytes: int
    etag: str


@dataclass(frozen=True)
class FetchedObject:
    """One object as read; its ETag may be newer than that of a listing."""

    content: bytes
    etag: str


class LakeFile(io.RawIOBase):
    """A seekable object, as Python's io knows files. All reads are of the version that was opened.

    One that is replaced or removed meanwhile fails as transient: half of each would be neither.
    """

    def __init__(self, size_bytes: int, end: bytes, read: Callable[[int, int], bytes]) -> None:
        self._size_bytes = size_bytes
        self._read = read
        self._position = 0
        self._ahead = end  # what was read last, and where it begins
        self._ahead_from = size_bytes - len(end)

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, and return the new position."""
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer; return how many bytes it took."""
        view = memoryview(buffer)
        content = self._next(len(view))
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _next(self, count: int) -> bytes:
        start, end = self._position, min(self._position + count, self._size_bytes)
        if start >= end:
            return b""
        if not self._ahead_from <= start <= end <= self._ahead_from + len(self._ahead):
            self._ahead = self._read(start, max(end, min(start + READ_AHEAD_BYTES, self._size_bytes)))
            self._ahead_from = start
        return self._ahead[start - self._ahead_from : end - self._ahead_from]


class Lake:
    """Objects under one URL. All keys are relative to it; all writes are atomic."""

    def __init__(
        self,
        store: Store,
        url: str,
        concurrency: int = 16,
        endpoint: str | None = None,
        cache: ObjectCache | None = None,
    ) -> None:
        self._store = store
        self._cache = cache or ObjectCache()
        self._endpoint = endpoint
        self.url = url
        self.concurrency = concurrency

    def uri(self, key: str) -> str:
        """Return the full address of an object."""
        return f"{self.url}/{key}"

    def get(self, key: str) -> bytes:
        """Return an object's bytes; ObjectNotFoundError when there is none."""
        found = self.fetch(key)
        self._cache.keep(key, found.etag, found.content)
        return found.content

    def fetch(self, key: str) -> FetchedObject:
        """Return an object's bytes and their ETag; ObjectNotFoundError when there is none."""
        with self._failures(key):
            found = obstore.get(self._store, key)
            content = bytes(found.bytes())
        self._check_size(key, len(content), found.meta["size"])
        return FetchedObject(content, found.meta["e_tag"] or "")

    def fetch_version(self, key: str, etag: str) -> FetchedObject:
        """Return an object as `fetch` does, without a request when it has that ETag and was read or written lately."""
        known = self._cache.find(key, etag)
        if known is not None:
            return FetchedObject(known, etag)
        found = self.fetch(key)
        self._cache.keep(key, found.etag, found.content)
        return found

    def find(self, key: str) -> bytes | None:
        """Return an object's bytes, or None when there is none."""
        try:
            return self.get(key)
        except ObjectNotFoundError:
            return None

    def sha256(self, key: str) -> str | None:
        """Return the SHA-256 of an object's bytes in hex, read piece by piece; None when there is none."""
        whole, size_bytes = hashlib.sha256(), 0
        try:
            with self._failures(key):
                found = obstore.get(self._store, key)
                for chunk in found.stream():
                    whole.update(chunk)
                    size_bytes += len(chunk)
        except ObjectNotFoundError:
            return None
        self._check_size(key, size_bytes, found.meta["size"])
        return whole.hexdigest()

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, FetchedObject | None]]:
        """Fetch objects concurrently, in the order asked; None for one that is not there."""
        return self._many(keys, self.fetch)

    def get_versions(self, etags: Mapping[str, str]) -> Iterator[tuple[str, FetchedObject | None]]:
        """Do the same as `get_many` for objects of known ETags, each as `fetch_version` does."""
        return self._many(etags, lambda key: self.fetch_version(key, etags[key]))

    def put(self, key: str, content: bytes) -> None:
        """Write an object: all of the new or the old one, nothing between."""
        with self._failures(key):
            written = obstore.put(self._store, key, content)
        self._cache.keep(key, written["e_tag"], content)

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a local file, atomically."""
        with self._failures(key):
            obstore.put(self._store, key, path)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""
        for key in keys:
            self._cache.forget(key)
            try:
                with self._failures(key):
                    obstore.delete(self._store, key)
            except ObjectNotFoundError:
                continue

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the objects under a folder (`prefix` ends in /), page by page."""
        with self._failures(prefix):
            for page in obstore.list(self._store, prefix, chunk_size=LIST_PAGE_SIZE):
                for meta in page:
                    yield ObjectInfo(meta["path"], meta["size"], meta["e_tag"] or "")

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly under a folder."""
        with self._failures(prefix):
            found = obstore.list_with_delimiter(self._store, prefix)
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found["common_prefixes"])

    def open(self, key: str) -> LakeFile:
        """Return a seekable reader that fetches only what is asked; a small object comes whole, in one request."""
        meta, end = self._end(key)

        def read(start: int, end: int) -> bytes:
            options: GetOptions = {"range": (start, end), "if_match": meta["e_tag"]}
            try:
                with self._failures(key):
                    content = bytes(obstore.get(self._store, key, options=options).bytes())
            except ObjectNotFoundError:
                raise replaced_error(self.url, _told(key)) from None
            self._check_size(key, len(content), end - start)
            return content

        return LakeFile(meta["size"], end, read)

    def check(self) -> None:
        """Make sure that the lake answers and can be written; raises PermanentError or TransientError."""
        probe = "_doctor/probe"
        self.put(probe, b"ok")
        self.get(probe)
        self.delete([probe])

    def _end(self, key: str) -> tuple[ObjectMeta, bytes]:
        """Return what the store says of an object, and its last bytes: Parquet is read from there."""
        options: GetOptions = {"range": {"suffix": READ_AHEAD_BYTES}}
        with self._failures(key):
            try:
                found = obstore.get(self._store, key, options=options)
                return found.meta, bytes(found.bytes())
            except exceptions.GenericError as error:
                if NO_SUCH_RANGE not in str(error):
                    raise
                return obstore.head(self._store, key), b""

    def _many(
        self, keys: Iterable[str], fetch: Callable[[str], FetchedObject]
    ) -> Iterator[tuple[str, FetchedObject | None]]:
        def found(key: str) -> FetchedObject | None:
            try:
                return fetch(key)
            except ObjectNotFoundError:
                return None

        # Windows keep at most `concurrency` objects waiting: memory hangs on that, not on the number of keys.
        pending = iter(keys)
        with ThreadPoolExecutor(self.concurrency) as pool:
            while window := [*islice(pending, self.concurrency)]:
                yield from zip(window, pool.map(found, window), strict=True)

    def _check_size(self, key: str, size_bytes: int, expected_bytes: int) -> None:
        # obstore takes a read that broke off up again, of the same ETag or not at all, but trusts the answer's range.
        if size_bytes != expected_bytes:
            raise size_mismatch_error(self.url, _told(key))

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except (exceptions.BaseError, OSError) as error:
            raise translate(error, self.url, self._endpoint, _told(key)) from None


def _told(key: str) -> str:
    """Return a key as people may see it."""
    return mask_key(key) if key.startswith(RAW) else key


def connect(settings: Settings) -> Lake:
    """Open the lake that the settings name; a folder is made when it is not there."""
    url = urlsplit(settings.lake)
    if url.scheme == "file":
        root = Path(unquote(url.path))
        try:
            store: Store = LocalStore(prefix=root, mkdir=True)
        except (exceptions.BaseError, OSError) as error:
            raise translate(error, settings.lake, None, "") from None
        return Lake(store, settings.lake, settings.concurrency, cache=shared_cache(settings.lake))
    if settings.s3_endpoint_url and settings.s3_access_key_id is None:
        raise missing_keys_error(settings.lake)
    store = _s3(settings, url.netloc, url.path.strip("/"))
    cache = shared_cache(f"{settings.s3_endpoint_url} {settings.lake}")
    return Lake(store, settings.lake, settings.concurrency, settings.s3_endpoint_url, cache)


def _s3(settings: Settings, bucket: str, prefix: str) -> S3Store:
    secret = settings.s3_secret_access_key
    keys = (
        {"access_key_id": settings.s3_access_key_id, "secret_access_key": secret.get_secret_value()}
        if settings.s3_access_key_id and secret
        else {}
    )
    endpoint = {"endpoint": settings.s3_endpoint_url} if settings.s3_endpoint_url else {}
    return S3Store(
        bucket,
        prefix=prefix or None,
        region=settings.s3_region,
        virtual_hosted_style_request=False,
        # We remove object by object, and not every server takes the request for many (Ceph 16 falls over it).
        config={"disable_bulk_delete": True},
        client_options={
            "allow_http": True,
            "connect_timeout": CONNECT_TIMEOUT,
            "timeout": REQUEST_TIMEOUT,
        },
        retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT},
        **keys,  # type: ignore[arg-type]
        **endpoint,  # type: ignore[arg-type]
    )
