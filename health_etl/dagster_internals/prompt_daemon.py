"""Lets Dagster's daemon look at sensors every second in place of every five, and at backfills every five in place of
every thirty.

A sensor that waits for something within its tick is deaf from the end of the tick to the next look. A backfill over
several layers goes in waves, each asked for at a look: a small one would wait longer than it works. Dagster 1.13 has no
setting for either, only numbers that its daemon reads.
"""

from __future__ import annotations

from typing import Any

from dagster._daemon import controller, sensor

SENSORS_EVERY_SECONDS = 1
BACKFILLS_EVERY_SECONDS = 5

_controller: Any = controller
_sensor: Any = sensor


def look_often() -> None:
    """Do so for the daemon that this process is about to start."""
    _controller.DEFAULT_DAEMON_INTERVAL_SECONDS = BACKFILLS_EVERY_SECONDS
    _sensor.MIN_INTERVAL_LOOP_TIME = SENSORS_EVERY_SECONDS
