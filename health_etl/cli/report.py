"""`health-etl report`: one HTML page about a person's day or days."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from health_etl.errors import PermanentError
from health_etl.lake.keys import USER_ID
from health_etl.lake.store import connect
from health_etl.report.collect import Period, collect
from health_etl.report.page import page
from health_etl.settings import Settings
from health_etl.wording import counted

MAX_DAYS = 92  # a quarter of a year; nobody reads a longer page


def write_report(
    console: Console, settings: Settings, user_id: str, first: date, last: date | None, out: Path | None
) -> None:
    """Write the page and say where it is."""
    period = _period(first, last)
    if not USER_ID.match(user_id):
        raise PermanentError(f"{user_id} is not a valid user id.")
    sections = collect(connect(settings), settings, user_id, period)
    path = out or Path(f"health-report_{user_id}_{str(period).replace(' ', '_')}.html")
    _write(path, page(user_id, period, sections))
    days = len({day for section in sections for day in section.days.insights["local_date"]})
    console.print(
        f"{escape(str(path))}: {counted(days, 'day')} of {escape(user_id)}, {counted(len(sections), 'section')}. "
        "It holds a person's health data; keep it private."
    )


def _period(first: date, last: date | None) -> Period:
    period = Period(first, last or first)
    length = (period.last - period.first).days + 1
    if length < 1:
        raise PermanentError(f"--to {period.last} is earlier than --date {period.first}.")
    if length > MAX_DAYS:
        raise PermanentError(f"A report covers at most {MAX_DAYS} days, and {period} is {length}.")
    return period


def _write(path: Path, content: str) -> None:
    try:
        path.touch(mode=0o600)  # a new file is its owner's alone
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise PermanentError(f"{path} cannot be written ({error.strerror}); name another file with --out.") from None
