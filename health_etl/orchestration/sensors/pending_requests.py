"""Who requests what: sensors tick side by side, and Dagster stores what one has requested only after its tick.

It stores all of that before it evaluates the same sensor again, also after a daemon died or its database was away;
what is not stored by then never will be. So a claim lasts until its sensor is evaluated again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

EXPIRY_SECONDS = 600  # of a sensor that is not evaluated again, since somebody switched it off


@dataclass(frozen=True)
class _PendingRequest:
    sensor: str
    state: str
    until_s: float


class PendingRequests:
    """What the sensors of this process requested a moment ago, by record type and partition."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], _PendingRequest] = {}
        self._turn = Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let no other sensor look and claim meanwhile."""
        with self._turn:
            yield

    def begin(self, sensor: str) -> None:
        """Note that a sensor is evaluated again: what it requested is stored, or lost."""
        with self._turn:
            self._made = {key: claim for key, claim in self._made.items() if claim.sensor != sensor}

    def of_others(self, name: str, wanted: Mapping[str, str], sensor: str, now_s: float) -> set[str]:
        """Return the partitions for which another sensor has just asked in the same state."""
        self._made = {key: claim for key, claim in self._made.items() if claim.until_s > now_s}
        found = {partition: self._made.get((name, partition)) for partition in wanted}
        return {
            partition
            for partition, claim in found.items()
            if claim is not None and claim.sensor != sensor and claim.state == wanted[partition]
        }

    def make(self, name: str, wanted: Mapping[str, str], sensor: str, now_s: float) -> None:
        """Note what a sensor asks for."""
        for partition, state in wanted.items():
            self._made[name, partition] = _PendingRequest(sensor, state, now_s + EXPIRY_SECONDS)
