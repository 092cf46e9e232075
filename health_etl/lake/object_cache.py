"""A cache of small objects that this process recently read or wrote, by key and ETag."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from threading import RLock

CACHE_SIZE_BYTES = 32 * 1024 * 1024
MAX_OBJECT_BYTES = 256 * 1024


class ObjectCache:
    """A size-bounded LRU cache, safe for use by several threads."""

    def __init__(self, max_bytes: int = CACHE_SIZE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._objects: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._lock = RLock()

    def find(self, key: str, etag: str) -> bytes | None:
        """Return the object's bytes if this version is cached."""
        with self._lock:
            known, content = self._objects.get(key, ("", b""))
            if not etag or known != etag:
                return None
            self._objects.move_to_end(key)
            return content

    def keep(self, key: str, etag: str | None, content: bytes) -> None:
        """Cache an object, replacing any other version of it."""
        with self._lock:
            self.forget(key)
            if not etag or len(content) > MAX_OBJECT_BYTES:
                return
            self._objects[key] = (etag, content)
            self._bytes += len(content)
            while self._bytes > self._max_bytes:
                _, (_, oldest) = self._objects.popitem(last=False)
                self._bytes -= len(oldest)

    def forget(self, key: str) -> None:
        """Drop an object from the cache."""
        with self._lock:
            self._bytes -= len(self._objects.pop(key, ("", b""))[1])


@cache
def shared_cache(url: str) -> ObjectCache:
    """Return the cache that all Lake objects of this process share for one URL."""
    del url
    return ObjectCache()
