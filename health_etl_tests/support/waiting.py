"""Waiting for a condition, with a limit that only a hanging test reaches, even on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 600.0
LOOK_EVERY_SECONDS = 0.3


def wait_for(look: Callable[[], Any], seconds: float = PATIENCE_SECONDS, every: float = LOOK_EVERY_SECONDS) -> Any:
    """Poll until `look` returns something truthy; return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(every)
    raise AssertionError(f"nothing found within {seconds:g} seconds")
