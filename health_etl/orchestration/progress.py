"""Progress: whoever watches a run in its own process hears of each file read and each partition done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int], None]

_LISTENER: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


def advance(what: str, count: int = 1) -> None:
    """Say that `count` more of `what` ("files", "steps") are done."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(what, count)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear of progress made within."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
