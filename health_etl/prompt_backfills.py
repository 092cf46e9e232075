"""Lets Dagster's daemon look at backfills every few seconds in place of every half a minute.

A backfill over several layers goes in waves, each asked for at one of these looks: with the default a small one waits
longer than it works. Dagster 1.13 has no setting for it, only a number that its daemon reads when it starts.
"""

from __future__ import annotations

from dagster._daemon import controller

LOOK_EVERY_SECONDS = 5


def look_often() -> None:
    """Do so for the daemon that this process is about to start."""
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = LOOK_EVERY_SECONDS
