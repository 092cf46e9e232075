"""Small objects of a lake that this process read or wrote a moment ago, by the ETag that a listing shows."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from threading import RLock

CACHE_SIZE_BYTES = 32 * 1024 * 1024
MAX_OBJECT_BYTES = 256 * 1024


class ObjectCache:
    """Bounded: the object that was not asked for longest goes first."""

    def __init__(self, kept_bytes: int = CACHE_SIZE_BYTES) -> None:
        self._bound = kept_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._turn = RLock()

    def find(self, key: str, etag: str) -> bytes | None:
        """Return an object's bytes when it is known in that version."""
        with self._turn:
            known, content = self._kept.get(key, ("", b""))
            if not etag or known != etag:
                return None
            self._kept.move_to_end(key)
            return content

    def keep(self, key: str, etag: str | None, content: bytes) -> None:
        """Remember an object in the place of any other version of it."""
        with self._turn:
            self.forget(key)
            if not etag or len(content) > MAX_OBJECT_BYTES:
                return
            self._kept[key] = (etag, content)
            self._bytes += len(content)
            while self._bytes > self._bound:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._bytes -= len(oldest)

    def forget(self, key: str) -> None:
        """Forget every version of an object."""
        with self._turn:
            self._bytes -= len(self._kept.pop(key, ("", b""))[1])


@cache
def shared_cache(url: str) -> ObjectCache:
    """Return what this process shares about a lake."""
    del url
    return ObjectCache()
