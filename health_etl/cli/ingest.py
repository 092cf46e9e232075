"""`health-etl ingest`: phone exports into the lake. Needs neither Dagster nor pandas, and must not import them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from health_etl.cli.output import printable, progress_bar
from health_etl.errors import PermanentError
from health_etl.lake.store import connect
from health_etl.settings import Settings
from health_etl.uploads.ingest import check_names, find_exports, ingest
from health_etl.wording import counted


def ingest_exports(
    console: Console,
    errors: Console,
    settings: Settings,
    paths: Sequence[Path],
    user_id: str,
    uploaded: date | None,
    device: str,
) -> int:
    """Ingest, print what became of the files, and return how many were refused."""
    check_names(user_id, device)
    lake = connect(settings)
    files = find_exports(paths)
    if not files:
        raise PermanentError("There are no .avro files there; name export files or folders of them.")
    done = []
    with progress_bar(console) as bar:
        task = bar.add_task("Ingesting", total=len(files))
        for item in ingest(lake, files, user_id, uploaded, device):
            done.append(item)
            bar.advance(task)
    refused = [item for item in done if item.refused]
    for item in refused:
        errors.print(f"[red]Refused[/red] {printable(str(item.path))}: {printable(str(item.refused))}.")
    new = sum(item.is_new for item in done)
    already = len(done) - new - len(refused)
    console.print(
        f"{counted(len(done), 'file')}: {new} put into {escape(settings.lake)}/raw, {already} already there, "
        f"{len(refused)} refused"
    )
    return len(refused)
