"""Waiting within a tick: one that stays a while answers at once, and a tick is a line in Dagster's database.

For sensors that are asked in threads of their own (`sensors: use_threads` in dagster.yaml), so that none waits for
another.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 4.0
LOOK_EVERY_SECONDS = 0.25


class LongPoll:
    """What is left of a tick's time to wait."""

    def __init__(self) -> None:
        self._until_s = time.monotonic() + SECONDS

    def wait_for(self, came: Callable[[], bool]) -> bool:
        """Wait until something came; say whether it did before the time was up."""
        while time.monotonic() < self._until_s:
            if came():
                return True
            time.sleep(LOOK_EVERY_SECONDS)
        return False
