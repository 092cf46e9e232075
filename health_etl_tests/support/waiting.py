"""Waiting for a condition. The limit is one that only a test that hangs ever reaches, on however busy a machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 600.0
LOOK_EVERY_SECONDS = 0.3


def wait_for(look: Callable[[], Any], seconds: float = PATIENCE_SECONDS, every: float = LOOK_EVERY_SECONDS) -> Any:
    """Look again and again until something is found; return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(every)
    raise AssertionError(f"nothing found within {seconds:g} seconds")
