"""Who requests what: sensors tick in parallel, and Dagster stores what one has requested only after its tick.

It stores all of that before it evaluates the same sensor again, even if the daemon died or its database was down;
what is not stored by then never will be. So a request is remembered until its sensor is evaluated again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

EXPIRY_SECONDS = 600  # for a sensor that is not evaluated again because it was switched off


@dataclass(frozen=True)
class _PendingRequest:
    sensor: str
    state: str
    until_s: float


class PendingRequests:
    """What the sensors of this process have just requested, by record type and partition."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], _PendingRequest] = {}
        self._turn = Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other sensors from checking and requesting while the block runs."""
        with self._turn:
            yield

    def begin(self, sensor: str) -> None:
        """Note that a sensor is evaluated again: what it requested is stored, or lost."""
        with self._turn:
            self._made = {key: request for key, request in self._made.items() if request.sensor != sensor}

    def of_others(self, name: str, wanted: Mapping[str, str], sensor: str, now_s: float) -> set[str]:
        """Return the partitions that another sensor has just requested in the same state."""
        self._made = {key: request for key, request in self._made.items() if request.until_s > now_s}
        found = {partition: self._made.get((name, partition)) for partition in wanted}
        return {
            partition
            for partition, request in found.items()
            if request is not None and request.sensor != sensor and request.state == wanted[partition]
        }

    def make(self, name: str, wanted: Mapping[str, str], sensor: str, now_s: float) -> None:
        """Note what a sensor requests."""
        for partition, state in wanted.items():
            self._made[name, partition] = _PendingRequest(sensor, state, now_s + EXPIRY_SECONDS)
