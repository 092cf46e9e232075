"""`health-etl trace`: from a training line back to the objects and records that it was made from."""

from __future__ import annotations

import re

from rich.console import Console

from health_etl.cli.output import printable
from health_etl.clinical import all_processors
from health_etl.days.pseudonym import source_file
from health_etl.errors import PermanentError
from health_etl.lake.store import connect
from health_etl.settings import Settings, zone_of
from health_etl.training.trace import Traced, trace
from health_etl.wording import counted

_EXAMPLE_ID = re.compile("[0-9a-f]{32}")


def print_trace(console: Console, errors: Console, settings: Settings, example_id: str) -> None:
    """Print the person, the objects and the records behind a training line."""
    if not _EXAMPLE_ID.fullmatch(example_id):
        raise PermanentError("An example id has 32 hexadecimal digits: copy metadata.example_id of a training line.")
    lake = connect(settings)
    with errors.status("Searching the insights …") as status:
        found = trace(
            lake,
            example_id,
            zone_of(settings.default_time_zone),
            lambda done, of: status.update(f"Searching the insights: {done:,} of {of:,} tables …"),
        )
    if found is None:
        raise PermanentError(
            f"No insight in {lake.uri('')} belongs to {example_id}: the line comes from another lake, from another "
            "HEALTH_ETL_PSEUDONYM_KEY, or from an upload that has been removed."
        )
    _print(console, found, settings.pseudonym_key.get_secret_value())


def _print(console: Console, found: Traced, pseudonym_key: str) -> None:
    title = all_processors()[found.name].title
    text = f"{found.level} text" if found.level else "day"
    console.print(f"{title}, {text} of {printable(found.user_id)} on {found.local_date}")
    if not found.source_keys:
        console.print("The day has been withdrawn: its last measurement moved to another day, or was removed.")
        return
    console.print(f"Insights: {found.name} {found.partition}")
    console.print(f"{counted(len(found.source_keys), 'object')}:")
    for key in found.source_keys:
        console.print(f"  {source_file(key, pseudonym_key)}  {printable(key)}")
    console.print(f"{counted(len(found.records), 'record')}:")
    for record in found.records.to_dict("records"):
        start, end = (f"{record[name]:%Y-%m-%d %H:%M:%S}" for name in ("start_utc", "end_utc"))
        span = start if start == end else f"{start} – {end}"
        name, app = printable(record["record_id"]), printable(record["source_app"])
        console.print(f"  {record['record_type']}  {name}  {span} UTC  {app}")
