"""What the commands print: progress while they work, tables at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from health_etl.cli.summary import TypeSummary, journal_files, summarise
from health_etl.errors import PermanentError
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake, connect
from health_etl.orchestration import progress as progress_events
from health_etl.planning.staleness import Scope
from health_etl.reasons import remedy
from health_etl.record_types import record_types
from health_etl.settings import Settings, load
from health_etl.uploads.ingest import check_names, find_exports, ingest
from health_etl.wording import counted

if TYPE_CHECKING:
    from health_etl.cli.runner import Outcome
    from health_etl.uploads.listing import Unclaimed

TABLE_WIDTH = 118  # characters; a narrower terminal wraps its lines, and loses no figure


def writing_samples(console: Console, out: Path, people: int, days: int, seed: int) -> None:
    """Write synthetic exports and say how many."""
    from health_etl.synthetic import generate, write_exports

    count = size_bytes = 0
    with _progress(console) as bar:
        task = bar.add_task("Writing exports", total=None)
        for _, files in groupby(generate(people, days, seed), key=lambda file: file.person):
            try:
                written = write_exports(files, out)
            except OSError as error:
                raise PermanentError(f"{out} cannot be written ({error.strerror}); name another folder.") from None
            count += len(written)
            size_bytes += sum(path.stat().st_size for path in written)
            bar.update(task, completed=count)
    what = f"{counted(count, 'export')} of {counted(people, 'person', 'people')} over {counted(days, 'day')}"
    console.print(f"{what}, {size_bytes / 1e6:.1f} MB, in {escape(str(out))}")


def ingesting(
    console: Console,
    errors: Console,
    paths: Sequence[Path],
    user_id: str,
    uploaded: date | None,
    device: str,
) -> int:
    """Ingest and say what became of the files; return how many were refused."""
    check_names(user_id, device)
    settings = load()
    lake = connect(settings)
    files = find_exports(paths)
    if not files:
        raise PermanentError("There are no .avro files there; name export files or folders of them.")
    done = []
    with _progress(console) as bar:
        task = bar.add_task("Ingesting", total=len(files))
        for item in ingest(lake, files, user_id, uploaded, device):
            done.append(item)
            bar.advance(task)
    refused = [item for item in done if item.refused]
    for item in refused:
        errors.print(f"[red]Refused[/red] {escape(str(item.path))}: {escape(str(item.refused))}.")
    new = sum(item.is_new for item in done)
    already = len(done) - new - len(refused)
    console.print(
        f"{counted(len(done), 'file')}: {new} put into {settings.lake}/raw, {already} already there, "
        f"{len(refused)} refused"
    )
    return len(refused)


def running(
    console: Console, errors: Console, scope: Scope, *, show_example: bool = False, tell_refused: bool = True
) -> int:
    """Bring the lake up to date, print the table; return how many failures there were."""
    settings = load()
    console.print(f"Lake: {escape(settings.lake)}")
    with _progress(console) as bar:
        outcome, files = _run(settings, scope, bar)
    lake = connect(settings)
    catalogue = Catalogue(lake)
    catalogue.read_all()
    summaries = summarise(lake, catalogue, scope)
    Console(width=max(console.width, TABLE_WIDTH)).print(_table(summaries))
    if tell_refused:
        _print_refused(console, summaries, outcome.listing.unclaimed)
    if outcome.runs == 0:
        console.print("Everything was up to date; no file was read.")
    else:
        console.print(f"{counted(files, 'file')} read in {counted(outcome.runs, 'Dagster run')}.")
    journal = journal_files(lake, catalogue)
    _print_files(console, lake, journal)
    if settings.uses_demo_key:
        console.print(
            "[yellow]Note:[/yellow] subjects are made with the public demo key; set HEALTH_ETL_PSEUDONYM_KEY before "
            "you share training data."
        )
    if show_example and journal:
        _print_example(console, lake, journal)
    for failure in outcome.failures:
        errors.print(f"[red]Failed:[/red] {escape(failure)}")
    return len(outcome.failures)


def _run(settings: Settings, scope: Scope, bar: Progress) -> tuple[Outcome, int]:
    from health_etl.cli.runner import bring_up_to_date

    task = bar.add_task("Looking for what is new", total=None)
    read = 0

    def announce(what: str, files: int, steps: int) -> None:
        bar.update(task, description=f"Running {what}", total=files + steps, completed=0)

    def listen(what: str, count: int) -> None:
        nonlocal read
        read += count if what == "files" else 0
        bar.advance(task, count)

    with progress_events.listening(listen):
        outcome = bring_up_to_date(settings, scope, announce)
    bar.remove_task(task)
    return outcome, read


def known_types(types: Sequence[str] | None) -> frozenset[str] | None:
    """Return the record types that a person named, None for all; PermanentError when one is unknown."""
    if not types:
        return None
    by_any_name = {name: name for name in record_types()} | {
        record_type.avro_name.lower(): name for name, record_type in record_types().items()
    }
    unknown = [name for name in types if name.lower() not in by_any_name]
    if unknown:
        raise PermanentError(f"{unknown[0]} is no record type; known are {', '.join(record_types())}.")
    return frozenset(by_any_name[name.lower()] for name in types)


def _table(summaries: Sequence[TypeSummary]) -> Table:
    table = Table(show_footer=True, box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("type", "total", no_wrap=True)
    counts = [
        ("files", [s.files for s in summaries]),
        ("rows", [s.rows for s in summaries]),
        ("accepted", [s.accepted for s in summaries]),
        ("duplicate", [s.duplicate for s in summaries]),
        ("quarantined", [s.quarantined for s in summaries]),
        ("refused", [len(s.refused) for s in summaries]),
        ("person-days", [s.person_days for s in summaries]),
        ("lines", [s.training_lines for s in summaries]),
    ]
    for heading, values in counts:
        table.add_column(heading, f"{sum(values):,}", justify="right", no_wrap=True, footer_style="bold")
    for position, summary in enumerate(summaries):
        table.add_row(summary.name, *(f"{values[position]:,}" for _, values in counts))
    return table


def _print_refused(console: Console, summaries: Sequence[TypeSummary], unclaimed: Sequence[Unclaimed]) -> None:
    for summary in summaries:
        for file in summary.refused:
            what_to_do = remedy(file.reason, file.faults)
            console.print(
                f"[yellow]Quarantined[/yellow] {escape(file.key)}: {file.detail} ({file.reason}); {what_to_do}.",
                highlight=False,
            )
    for item in unclaimed:
        what_to_do = remedy(item.reason, ())
        console.print(
            f"[yellow]Unclaimed[/yellow] {escape(item.info.key)}: {item.detail} ({item.reason}); {what_to_do}."
        )


def _print_files(console: Console, lake: Lake, journal: Sequence[DerivedManifest]) -> None:
    for manifest in journal:
        console.print(f"{escape(lake.uri(manifest.details['key']))}  {counted(manifest.rows, 'line')}")


def _print_example(console: Console, lake: Lake, journal: Sequence[DerivedManifest]) -> None:
    """Print the training line that says most."""
    key = max(journal, key=lambda manifest: manifest.rows).details["key"]
    lines = lake.get(key).decode().splitlines()
    console.print("One training line in full:")
    console.print_json(json.dumps(json.loads(max(lines, key=len)), ensure_ascii=False))


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
