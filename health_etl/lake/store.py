"""The lake's object store, in a folder or a bucket. Knows bytes and keys, not what the objects mean.

Every store error leaves this module as one of ours: not found, permanent (a retry cannot help) or transient.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions
from obstore.store import LocalStore, MemoryStore, S3Store

from health_etl.errors import ObjectNotFoundError, ObjectRefusedError
from health_etl.lake.bucket_listing import BucketListing, StoreListing
from health_etl.lake.failures import (
    Attempt,
    Deed,
    hidden_error,
    missing_keys_error,
    replaced_error,
    size_mismatch_error,
    slashed_error,
    translate,
    unexpected_error,
)
from health_etl.lake.folder_listing import FolderListing
from health_etl.lake.listed import Listed, Lister, NoListingError, ObjectInfo
from health_etl.lake.object_cache import ObjectCache, shared_cache
from health_etl.lake.s3_client import boto3_client

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from typing_extensions import Buffer

    from health_etl.settings import Settings

    Store = LocalStore | MemoryStore | S3Store

Found = TypeVar("Found")

FOREIGN_ERRORS = (exceptions.BaseError, OSError, NoListingError, ValueError)  # the last: not a key that obstore takes

CONNECT_TIMEOUT = timedelta(seconds=5)
REQUEST_TIMEOUT = timedelta(seconds=60)
RETRIES = 3
RETRY_TIMEOUT = timedelta(seconds=15)
READ_AHEAD_BYTES = 1024 * 1024
INVALID_RANGE = "416 "  # S3's answer to a suffix range request for an empty object


@dataclass(frozen=True)
class FetchedObject:
    """One object as read; its ETag may be newer than the one in a listing."""

    content: bytes
    etag: str


class LakeFile(io.RawIOBase):
    """A seekable, read-only file over an object. All reads are of the version that was opened.

    If the object is replaced or removed meanwhile, reads raise TransientError rather than mix two versions.
    """

    def __init__(self, size_bytes: int, end: bytes, read: Callable[[int, int], bytes]) -> None:
        self._size_bytes = size_bytes
        self._read = read
        self._position = 0
        self._buffer = end  # the range read last
        self._buffer_start = size_bytes - len(end)

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
        """Fill the buffer; return the number of bytes read."""
        view = memoryview(buffer)
        content = self._next(len(view))
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _next(self, count: int) -> bytes:
        start, end = self._position, min(self._position + count, self._size_bytes)
        if start >= end:
            return b""
        if not self._buffer_start <= start <= end <= self._buffer_start + len(self._buffer):
            self._buffer = self._read(start, max(end, min(start + READ_AHEAD_BYTES, self._size_bytes)))
            self._buffer_start = start
        return self._buffer[start - self._buffer_start : end - self._buffer_start]


class Lake:
    """Objects under one URL. All keys are relative to it; all writes are atomic."""

    def __init__(
        self,
        store: Store,
        url: str,
        concurrency: int = 16,
        endpoint: str | None = None,
        cache: ObjectCache | None = None,
        lister: Lister | None = None,
    ) -> None:
        self._store = store
        self._lister = lister or StoreListing(store)
        self._cache = cache or ObjectCache()
        self._endpoint = endpoint
        self.url = url
        self.concurrency = concurrency

    def uri(self, key: str) -> str:
        """Return the full address of an object."""
        return f"{self.url}/{key}"

    def get(self, key: str) -> bytes:
        """Return an object's bytes; raises ObjectNotFoundError if there is none."""
        found = self.fetch(key)
        self._cache.keep(key, found.etag, found.content)
        return found.content

    def fetch(self, key: str) -> FetchedObject:
        """Return an object's bytes and ETag, bypassing the cache.

        Raises ObjectNotFoundError if there is none, ObjectRefusedError if the store does not hand it out.
        """
        with self._translate_errors(Deed.READ, key):
            found = obstore.get(self._store, key)
            content = bytes(found.bytes())
        self._check_size(key, len(content), found.meta["size"])
        if not found.meta["e_tag"]:
            raise unexpected_error(self._attempt(Deed.READ, key), "no ETag")
        return FetchedObject(content, found.meta["e_tag"])

    def fetch_version(self, key: str, etag: str) -> FetchedObject:
        """Return an object as `fetch` does, but from the cache if it holds the version with this ETag."""
        known = self._cache.find(key, etag)
        if known is not None:
            return FetchedObject(known, etag)
        found = self.fetch(key)
        self._cache.keep(key, found.etag, found.content)
        return found

    def find(self, key: str) -> bytes | None:
        """Return an object's bytes; None if there is none."""
        try:
            return self.get(key)
        except ObjectNotFoundError:
            return None

    def sha256(self, key: str) -> str | None:
        """Return the SHA-256 of an object's bytes in hex, read in chunks; None if there is no such object."""
        whole, size_bytes = hashlib.sha256(), 0
        try:
            with self._translate_errors(Deed.READ, key):
                found = obstore.get(self._store, key)
                for chunk in found.stream():
                    whole.update(chunk)
                    size_bytes += len(chunk)
        except ObjectNotFoundError:
            return None
        self._check_size(key, size_bytes, found.meta["size"])
        return whole.hexdigest()

    def modified_utc(self, key: str) -> datetime:
        """Return when an object was last written; raises ObjectNotFoundError if there is none."""
        with self._translate_errors(Deed.READ, key):
            return obstore.head(self._store, key)["last_modified"]

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, FetchedObject | ObjectRefusedError | None]]:
        """Fetch objects concurrently and yield them in the given order; None for one that does not exist, and the error
        for one that the store refuses to hand out.
        """

        def fetch(key: str) -> FetchedObject | ObjectRefusedError | None:
            try:
                return self.fetch(key)
            except ObjectNotFoundError:
                return slashed_error(self._attempt(Deed.READ, key)) if self._ends_in_slash(key) else None
            except ObjectRefusedError as refused:
                return refused

        return self._concurrently(fetch, keys)

    def get_versions(self, etags: Mapping[str, str]) -> Iterator[tuple[str, FetchedObject | ObjectRefusedError | None]]:
        """Like `get_many`, for objects with known ETags: each is fetched as by `fetch_version`."""

        def fetch(key: str) -> FetchedObject | ObjectRefusedError | None:
            try:
                return self.fetch_version(key, etags[key])
            except ObjectNotFoundError:
                return None
            except ObjectRefusedError as refused:
                return refused

        return self._concurrently(fetch, etags)

    def put(self, key: str, content: bytes) -> None:
        """Write an object atomically: readers see all of the old or all of the new content."""
        with self._translate_errors(Deed.WRITE, key):
            written = obstore.put(self._store, key, content)
        self._cache.keep(key, written["e_tag"], content)

    def create(self, key: str, content: bytes) -> bool:
        """Write an object unless there is one with that key; return whether it was written."""
        with self._translate_errors(Deed.WRITE, key):
            try:
                written = obstore.put(self._store, key, content, mode="create")
            except exceptions.AlreadyExistsError:
                return False
        self._cache.keep(key, written["e_tag"], content)
        return True

    def put_file(self, key: str, path: Path) -> str:
        """Write an object from a local file, atomically; return its ETag."""
        with self._translate_errors(Deed.WRITE, key):
            return obstore.put(self._store, key, path)["e_tag"] or ""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; it is not an error if one does not exist."""
        for key in keys:
            self._cache.forget(key)
            try:
                with self._translate_errors(Deed.DELETE, key):
                    obstore.delete(self._store, key)
            except ObjectNotFoundError:
                continue

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the objects under a folder (`prefix` ends in /). What cannot be read under its key is left out.

        Raises PermanentError where a folder below cannot be looked into, since objects in it would seem deleted.
        """
        with self._translate_errors(Deed.LIST, prefix):
            for found in self._lister.everything(prefix):
                if isinstance(found, ObjectInfo):
                    yield found
                elif found.hides_objects:
                    raise hidden_error(self._attempt(Deed.LIST, found.info.key))

    def everything(self, prefix: str) -> Iterator[Listed]:
        """List all that lies under a folder (`prefix` ends in /), even what cannot be read under its key."""
        with self._translate_errors(Deed.LIST, prefix):
            yield from self._lister.astray(prefix)
            yield from self._lister.everything(prefix)

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly under a folder; those that no key can have are left out."""
        with self._translate_errors(Deed.LIST, prefix):
            return self._lister.folders(prefix)

    def open(self, key: str) -> LakeFile:
        """Return a seekable reader that fetches only the ranges read; a small object takes a single request."""
        meta, end = self._read_tail(key)

        def read(start: int, end: int) -> bytes:
            options: GetOptions = {"range": (start, end), "if_match": meta["e_tag"]}
            try:
                with self._translate_errors(Deed.READ, key):
                    content = bytes(obstore.get(self._store, key, options=options).bytes())
            except ObjectNotFoundError:
                raise replaced_error(self._attempt(Deed.READ, key)) from None
            self._check_size(key, len(content), end - start)
            return content

        return LakeFile(meta["size"], end, read)

    def check(self) -> None:
        """Verify that the lake responds and is writable; raises PermanentError or TransientError."""
        probe = "_doctor/probe"
        self.put(probe, b"ok")
        self.get(probe)
        self.delete([probe])

    def _read_tail(self, key: str) -> tuple[ObjectMeta, bytes]:
        """Return an object's metadata and its last bytes, which is where reading Parquet starts."""
        options: GetOptions = {"range": {"suffix": READ_AHEAD_BYTES}}
        with self._translate_errors(Deed.READ, key):
            try:
                found = obstore.get(self._store, key, options=options)
                return found.meta, bytes(found.bytes())
            except exceptions.GenericError as error:
                if INVALID_RANGE not in str(error):
                    raise
                return obstore.head(self._store, key), b""

    def _concurrently(self, fetch: Callable[[str], Found], keys: Iterable[str]) -> Iterator[tuple[str, Found]]:
        # Fetched in windows: memory depends on `concurrency`, not on the number of keys.
        pending = iter(keys)
        with ThreadPoolExecutor(self.concurrency) as pool:
            while window := [*islice(pending, self.concurrency)]:
                yield from zip(window, pool.map(fetch, window), strict=True)

    def _ends_in_slash(self, key: str) -> bool:
        with self._translate_errors(Deed.LIST, key):
            return self._lister.is_folder_with_content(key)

    def _check_size(self, key: str, size_bytes: int, expected_bytes: int) -> None:
        # obstore resumes an interrupted read only for the same ETag, but it does not check the range of the response.
        if size_bytes != expected_bytes:
            raise size_mismatch_error(self._attempt(Deed.READ, key))

    def _attempt(self, deed: Deed, key: str) -> Attempt:
        return Attempt(self.url, deed, key, self._endpoint)

    @contextmanager
    def _translate_errors(self, deed: Deed, key: str) -> Iterator[None]:
        try:
            yield
        except FOREIGN_ERRORS as error:
            raise translate(error, self._attempt(deed, key)) from None


def connect(settings: Settings) -> Lake:
    """Open the lake named in the settings; a missing folder is created."""
    url = urlsplit(settings.lake)
    if url.scheme == "file":
        root = Path(unquote(url.path))
        try:
            store: Store = LocalStore(prefix=root, mkdir=True)
        except FOREIGN_ERRORS as error:
            raise translate(error, Attempt(settings.lake, Deed.SET_UP)) from None
        cache = shared_cache(settings.lake)
        return Lake(store, settings.lake, settings.concurrency, cache=cache, lister=FolderListing(root))
    if settings.s3_endpoint_url and settings.s3_access_key_id is None:
        raise missing_keys_error(settings.lake)
    bucket, prefix = url.netloc, url.path.strip("/")
    store = _s3(settings, bucket, prefix)
    cache = shared_cache(f"{settings.s3_endpoint_url} {settings.lake}")
    lister = BucketListing(store, bucket, prefix, partial(boto3_client, settings, "s3"))
    return Lake(store, settings.lake, settings.concurrency, settings.s3_endpoint_url, cache, lister)


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
        # We delete one by one anyway, and not every server supports bulk deletes (Ceph 16 fails on them).
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
