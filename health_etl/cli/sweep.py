"""`health-etl sweep`: free the space of what commits have replaced and killed runs have left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.console import Console

from health_etl.lake.store import connect
from health_etl.lake.sweep import Swept, sweep
from health_etl.settings import Settings
from health_etl.wording import counted


def sweep_lake(console: Console, settings: Settings, grace_hours: int) -> None:
    """Sweep, and print what became of it."""
    console.print(sentence(sweep(connect(settings), datetime.now(UTC), timedelta(hours=grace_hours))))


def sentence(swept: Swept) -> str:
    """Return what a sweep did, in words."""
    left = f"; {counted(swept.too_young, 'younger one')} left for a later sweep" if swept.too_young else ""
    return f"{counted(swept.objects, 'object')} deleted, {swept.size_bytes / 1e6:,.1f} MB{left}."
