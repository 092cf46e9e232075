"""Listing of a lake in a bucket, in the order of its keys. No key ends a listing.

obstore reads the pages, since botocore takes twenty times as long. But it refuses the whole of a page that has one key
that it cannot address: botocore reads such a page. And it drops a slash at the end of a key, so that a folder marker
looks like an empty object: the server is asked whether there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import obstore
from obstore import exceptions
from obstore.store import LocalStore, MemoryStore, S3Store

from health_etl.lake.listed import Listed, Lister, NoListingError, ObjectInfo, Unaddressable, fault_of

PAGE_OBJECTS = 1000  # one page of an S3 listing
MAX_QUESTIONS = 20  # about the empty objects of a page; for more, reading it again is cheaper

_NOT_READ = "invalid list response"  # obstore's words for an answer that it cannot read


class StoreListing(Lister):
    """Lists a store by obstore alone."""

    def __init__(self, store: LocalStore | MemoryStore | S3Store) -> None:
        self._store = store

    def everything(self, prefix: str) -> Iterator[Listed]:
        """Yield all that lies under a folder."""
        for page in obstore.list(self._store, prefix, chunk_size=PAGE_OBJECTS):
            for meta in page:
                yield ObjectInfo(meta["path"], meta["size"], meta["e_tag"] or "")

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly under a folder."""
        return _names(prefix, obstore.list_with_delimiter(self._store, prefix)["common_prefixes"])


@dataclass
class _Place:
    """How far a listing has come."""

    after: str | None = None  # the last key that was read
    at_end: bool = False


class BucketListing(Lister):
    """Lists the objects of a bucket under the lake's prefix. `connect` returns a boto3 client for S3."""

    def __init__(self, store: S3Store, bucket: str, prefix: str, connect: Callable[[], Any]) -> None:
        self._store = store
        self._bucket = bucket
        self._base = f"{prefix}/" if prefix else ""
        self._connect = connect

    def everything(self, prefix: str) -> Iterator[Listed]:
        """Yield all that lies under a folder."""
        place = _Place()
        while not place.at_end:
            yield from self._by_obstore(prefix, place)
            if not place.at_end:
                yield from self._by_botocore(prefix, place)

    def _by_obstore(self, prefix: str, place: _Place) -> Iterator[ObjectInfo]:
        """Yield what comes after that place, up to a page that obstore does not read right."""
        try:
            for page in obstore.list(self._store, prefix, offset=place.after, chunk_size=PAGE_OBJECTS):
                empty = [meta["path"] for meta in page if meta["size"] == 0]
                if len(empty) > MAX_QUESTIONS:
                    return
                markers = {path for path in empty if not self._is_object(path)}
                for meta in page:
                    if meta["size"] or meta["path"] not in markers:
                        yield ObjectInfo(meta["path"], meta["size"], meta["e_tag"] or "")
                place.after = page[-1]["path"]
        except exceptions.BaseError as error:
            if not _is_about_keys(error):
                raise
        else:
            place.at_end = True

    def _by_botocore(self, prefix: str, place: _Place) -> Iterator[Listed]:
        """Yield what comes after that place, page by page, up to a key that obstore can go on after."""
        with closing(self._connect()) as client:
            exact = _ExactPages(client, self._bucket, self._base)
            while True:
                page = exact.page(prefix, place.after)
                yield from page.listed
                if page.last is None:
                    place.at_end = True
                    return
                place.after = page.last
                if fault_of(page.last) is None:
                    return

    def folders(self, prefix: str) -> list[str]:
        """Return the names, those that keys can have, of the folders directly under a folder."""
        try:
            return _names(prefix, obstore.list_with_delimiter(self._store, prefix)["common_prefixes"])
        except exceptions.BaseError as error:
            if not _is_about_keys(error):
                raise
        with closing(self._connect()) as client:
            return _names(prefix, _ExactPages(client, self._bucket, self._base).folders(prefix))

    def astray(self, prefix: str) -> Iterator[Unaddressable]:
        """Yield what would lie under a folder, but for a slash in front of its key."""
        if not self._has_nameless_folder():
            return
        with closing(self._connect()) as client:
            exact, after = _ExactPages(client, self._bucket, self._base), None
            while True:
                page = exact.page(f"/{prefix}", after)
                yield from (item for item in page.listed if isinstance(item, Unaddressable))
                if page.last is None:
                    return
                after = page.last

    def is_folder_with_content(self, key: str) -> bool:
        """Tell whether there is an object whose key is this one and a slash; listings yield it without."""
        try:
            first = next(iter(obstore.list(self._store, key, chunk_size=1)), ())
        except exceptions.BaseError:
            return False
        return any(meta["path"] == key for meta in first)

    def _is_object(self, key: str) -> bool:
        try:
            obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        return True

    def _has_nameless_folder(self) -> bool:
        try:
            found = obstore.list_with_delimiter(self._store)
        except exceptions.BaseError as error:
            if not _is_about_keys(error):
                raise
            return True
        # obstore takes any page of HTML for an empty listing: an empty lake is read again, exactly.
        return "" in found["common_prefixes"] or not (found["common_prefixes"] or found["objects"])


@dataclass(frozen=True)
class _Page:
    listed: Sequence[Listed]
    last: str | None  # the key after which to go on, None at the end


class _ExactPages:
    """Pages of a listing as botocore reads them. Keys are relative to the lake."""

    def __init__(self, client: Any, bucket: str, base: str) -> None:
        self._client = client
        self._bucket = bucket
        self._base = base

    def page(self, prefix: str, after: str | None) -> _Page:
        """Return the objects under a folder whose keys come after one; as many as the server gives at once."""
        start = {} if after is None else {"StartAfter": self._base + after}
        found = self._list(Prefix=self._base + prefix, **start)
        entries = [(entry["Key"][len(self._base) :], entry) for entry in found.get("Contents", ())]
        listed = [_listed(key, entry) for key, entry in entries if not (key.endswith("/") and entry["Size"] == 0)]
        return _Page(listed, entries[-1][0] if found["IsTruncated"] and entries else None)

    def folders(self, prefix: str) -> list[str]:
        """Return the folders directly under a folder."""
        found, more = list[str](), dict[str, str]()
        while True:
            page = self._list(Prefix=self._base + prefix, Delimiter="/", **more)
            found += [entry["Prefix"][len(self._base) :] for entry in page.get("CommonPrefixes", ())]
            if not page["IsTruncated"]:
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _list(self, **options: str) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found: dict[str, Any] = self._client.list_objects_v2(Bucket=self._bucket, MaxKeys=PAGE_OBJECTS, **options)
        except (BotoCoreError, ClientError) as error:
            raise NoListingError from error
        if "Name" not in found:  # botocore too makes an empty listing of any page of HTML
            raise NoListingError
        return found


def _listed(key: str, entry: dict[str, Any]) -> Listed:
    fault = fault_of(key)
    info = ObjectInfo(key, entry["Size"], entry.get("ETag", ""))
    return info if fault is None else Unaddressable(info, fault)


def _is_about_keys(error: exceptions.BaseError) -> bool:
    return isinstance(error, exceptions.InvalidPathError) or _NOT_READ in str(error)


def _names(prefix: str, folders: Sequence[str]) -> list[str]:
    """Return the names of the folders; not that of an empty name, which obstore gives as the prefix itself."""
    names = {folder[len(prefix) :].removesuffix("/") for folder in folders if folder.startswith(prefix)}
    return sorted(name for name in names if name and fault_of(name) is None)
