"""What a listing yields: objects, and what lies among them that the store cannot hand out under its key."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ObjectInfo(NamedTuple):
    """One object of a listing; a tuple because a listing may create hundreds of thousands. Sorts by key."""

    key: str
    size_bytes: int
    etag: str


class Unaddressable(NamedTuple):
    """Something in a listing that cannot be read under its key, in which bytes that are not UTF-8 are surrogates.
    `detail` says what is wrong, without any part of the key.
    """

    info: ObjectInfo
    detail: str
    hides_objects: bool = False  # a folder that cannot be listed


Listed = ObjectInfo | Unaddressable


class NoListingError(Exception):
    """The server answered something else than a listing, or botocore failed; that error is then the cause."""


class Lister(ABC):
    """Lists one kind of store. `prefix` ends in /, or is empty."""

    @abstractmethod
    def everything(self, prefix: str) -> Iterator[Listed]:
        """Yield all that lies under a folder; folder markers are left out."""

    @abstractmethod
    def folders(self, prefix: str) -> list[str]:
        """Return the names, those that keys can have, of the folders directly under a folder."""

    def astray(self, prefix: str) -> Iterator[Unaddressable]:
        """Yield what would lie under a folder, but for a slash in front of its key: only a bucket has such keys."""
        del prefix
        yield from ()

    def is_folder_with_content(self, key: str) -> bool:
        """Tell whether there is an object whose key is this one and a slash, listed without it: only in a bucket."""
        del key
        return False


def fault_of(key: str) -> str | None:
    """Return what makes a key unusable, None if nothing does."""
    if key.isascii() and key.isprintable():
        return _fault_of_folders(key)
    if _CONTROL.search(key):
        return "its name holds a control character"
    try:
        key.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    return _fault_of_folders(key)


def _fault_of_folders(key: str) -> str | None:
    if "//" in key or key.startswith("/"):
        return "the name of one of its folders is empty (//)"
    if key.endswith("/"):
        return "its name ends in /"
    if "." in (parts := key.split("/")) or ".." in parts:
        return "one of its folders is named . or .."
    return None
