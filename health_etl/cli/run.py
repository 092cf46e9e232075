"""`health-etl run`: progress while it works, and a table of what the lake holds at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from health_etl.cli.output import progress_bar
from health_etl.cli.runner import Outcome, bring_up_to_date
from health_etl.cli.summary import LeftOut, TypeSummary, journal_months, left_out, summarise
from health_etl.lake.keys import mask_key
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake, connect
from health_etl.orchestration import progress as progress_events
from health_etl.planning.staleness import Scope
from health_etl.reasons import remedy
from health_etl.settings import Settings
from health_etl.training.journal import WrittenMonths
from health_etl.wording import counted

if TYPE_CHECKING:
    from health_etl.uploads.listing import Unclaimed

MAX_PEOPLE_NAMED = 20  # a broken processor leaves out everybody
TABLE_WIDTH = 118  # characters; a narrower terminal wraps its lines and loses no figure


def run_pipeline(
    console: Console,
    errors: Console,
    settings: Settings,
    scope: Scope,
    *,
    show_example: bool = False,
    list_refused: bool = True,
    pictures: bool = False,
) -> int:
    """Bring the lake up to date, print the table, and return how many failures there were."""
    console.print(f"Lake: {escape(settings.lake)}")
    with progress_bar(console) as bar:
        outcome, files = _run(console, settings, scope, bar, pictures=pictures)
    lake, catalogue = connect(settings), outcome.catalogue
    written = WrittenMonths(lake)
    summaries = summarise(lake, catalogue, written, scope)
    Console(width=max(console.width, TABLE_WIDTH)).print(_table(summaries))
    if list_refused:
        _print_refused(console, summaries, outcome.listing.unclaimed)
    months = journal_months(catalogue, written)
    _print_left_out(console, left_out(catalogue, months, scope))
    if outcome.runs == 0:
        console.print("Everything was up to date; no file was read.")
    else:
        console.print(f"{counted(files, 'file')} read in {counted(outcome.runs, 'Dagster run')}.")
    journal = [manifest for manifest in months if manifest.rows]
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


def _run(console: Console, settings: Settings, scope: Scope, bar: Progress, *, pictures: bool) -> tuple[Outcome, int]:
    task = bar.add_task("Looking for what is new", total=None)
    read = 0

    def announce(what: str, files: int, steps: int) -> None:
        bar.update(task, description=f"Running {what}", total=files + steps, completed=0)

    def listen(what: str, count: int) -> None:
        nonlocal read
        read += count if what == "files" else 0
        bar.advance(task, count)

    def wait(until: str) -> None:
        console.print(f"Another run is in progress; {until}.")

    with progress_events.report_to(listen):
        outcome = bring_up_to_date(settings, scope, announce, wait, pictures=pictures)
    bar.remove_task(task)
    return outcome, read


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
            reasons = ", ".join([str(file.reason), *sorted(file.faults)])
            about = escape(f"{mask_key(file.key)}: {file.detail} ({reasons}); {what_to_do}.")
            console.print(f"[yellow]Quarantined[/yellow] {about}")
    for item in unclaimed:
        what_to_do = remedy(item.reason, ())
        about = escape(f"{mask_key(item.info.key)}: {item.detail} ({item.reason}); {what_to_do}.")
        console.print(f"[yellow]Unclaimed[/yellow] {about}")


def _print_left_out(console: Console, people: Sequence[LeftOut]) -> None:
    for one in people[:MAX_PEOPLE_NAMED]:
        others = len(one.partitions) - 1
        more = f" and {counted(others, 'other')}" if others else ""
        person = one.person
        console.print(
            f"[yellow]Left out[/yellow] the days of {person.subject} in {one.name} {one.partitions[-1]}"
            f"{more}: {person.stage} failed with {person.error}, which is a bug; please report it. They are made again "
            "once the person's records or the code change.",
            highlight=False,
        )
    if len(people) > MAX_PEOPLE_NAMED:
        unnamed = counted(len(people) - MAX_PEOPLE_NAMED, "other")
        console.print(f"[yellow]Left out[/yellow] {unnamed} as well; the check `people` of the insights names them.")


def _print_files(console: Console, lake: Lake, journal: Sequence[DerivedManifest]) -> None:
    for manifest in journal:
        console.print(f"{escape(lake.uri(manifest.details['key']))}  {counted(manifest.rows, 'line')}")


def _print_example(console: Console, lake: Lake, journal: Sequence[DerivedManifest]) -> None:
    """Print the longest training line."""
    key = max(journal, key=lambda manifest: manifest.rows).details["key"]
    lines = lake.get(key).decode().splitlines()
    console.print("One training line in full:")
    console.print_json(json.dumps(json.loads(max(lines, key=len)), ensure_ascii=False))
