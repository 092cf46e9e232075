"""Progress of runs in this process: a listener is called for every file read and every step completed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int], None]

_LISTENER: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


def advance(what: str, count: int = 1) -> None:
    """Report that `count` more of `what` ("files" or "steps") are done."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(what, count)


@contextmanager
def report_to(listener: Listener) -> Iterator[None]:
    """Call the listener about all progress made within the block."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
