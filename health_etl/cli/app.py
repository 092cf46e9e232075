"""The `health-etl` command. Each command imports what it needs when it runs, so that none waits for the others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from health_etl.errors import HealthEtlError

if TYPE_CHECKING:
    from health_etl.settings import Settings

app = typer.Typer(
    help="Health Connect exports to validated records, clinical insights and training data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console(soft_wrap=True, highlight=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False)

quarantine_app = typer.Typer(help="List, inspect and release what is kept out.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")
profiles_app = typer.Typer(help="Set what is known about a person; thresholds depend on it.", no_args_is_help=True)
app.add_typer(profiles_app, name="profiles")
deadletters_app = typer.Typer(help="List and retry upload messages that could not be used.", no_args_is_help=True)
app.add_typer(deadletters_app, name="deadletters")

DATE = "%Y-%m-%d"

First = Annotated[datetime | None, typer.Option("--from", formats=[DATE], help="First upload date. Default: all.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=[DATE], help="Last upload date. Default: all.")]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Record type, such as steps; repeatable. Default: all.")
]


@app.command()
def sample(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.", show_default=False)],
    people: Annotated[int, typer.Option(min=1, help="Number of people.")] = 1,
    days: Annotated[int, typer.Option(min=1, help="Number of days of each.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
) -> None:
    """Write synthetic phone exports of all six types, one folder per person."""
    from health_etl.cli.sample import write_samples

    with _one_sentence():
        write_samples(console, out, people, days, seed)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Export files, or folders of them.", show_default=False)],
    user: Annotated[str, typer.Option("--user", help="Whose exports these are.", show_default=False)],
    uploaded: Annotated[
        datetime | None,
        typer.Option(formats=[DATE], help="Upload date. Default: the UTC date in each file's name."),
    ] = None,
    device: Annotated[str, typer.Option(help="Device that exported them.")] = "phone",
) -> None:
    """Put phone exports ({RecordType}_{epoch ms}.avro) into the lake; the same content is stored once."""
    from health_etl.cli.ingest import ingest_exports

    with _settings() as settings:
        refused = ingest_exports(console, errors, settings, paths, user, uploaded.date() if uploaded else None, device)
    raise typer.Exit(1 if refused else 0)


@app.command()
def run(
    first: First = None,
    last: Last = None,
    types: Types = None,
    show_example: Annotated[bool, typer.Option("--show-example", help="Print one training line in full.")] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Draw the pictures of insights that the UI shows.")
    ] = False,
) -> None:
    """Bring records, insights and journal up to date: runs in Dagster that the UI shows as well."""
    from health_etl.cli.run import run_pipeline
    from health_etl.cli.scope import scope_of

    with _settings() as settings:
        scope = scope_of(_date(first), _date(last), types)
        failed = run_pipeline(console, errors, settings, scope, show_example=show_example, pictures=pictures)
    raise typer.Exit(1 if failed else 0)


@quarantine_app.command("list")
def quarantine_list(first: First = None, last: Last = None, types: Types = None) -> None:
    """List the files and rows that are kept out, with their reasons."""
    from health_etl.cli import quarantine
    from health_etl.cli.scope import scope_of

    with _settings() as settings:
        quarantine.print_list(console, settings, scope_of(_date(first), _date(last), types))


@quarantine_app.command("show")
def quarantine_show(
    file: Annotated[str, typer.Argument(help="Its key, or the last part of it.", show_default=False)],
) -> None:
    """Show all that is known about one file: reason, rule, remedy, counts, score; never a health value."""
    from health_etl.cli import quarantine

    with _settings() as settings:
        quarantine.show(console, settings, file)


@quarantine_app.command("release")
def quarantine_release(
    files: Annotated[
        list[str], typer.Argument(help='Keys, or their last parts; "all" for everything in scope.', show_default=False)
    ],
    first: First = None,
    last: Last = None,
    types: Types = None,
    override: Annotated[
        bool, typer.Option("--override", help="Accept despite the rules that a person may overrule.")
    ] = False,
    because: Annotated[str, typer.Option(help="Why; required with --override, and recorded.")] = "",
) -> None:
    """Run files again: after a fix, or despite the rules. Without --override an earlier override is withdrawn."""
    from health_etl.cli import quarantine
    from health_etl.cli.scope import scope_of

    with _settings() as settings:
        scope = scope_of(_date(first), _date(last), types)
        failed = quarantine.release(console, errors, settings, files, scope, override, because)
    raise typer.Exit(1 if failed else 0)


@profiles_app.command("set")
def profiles_set(
    user: Annotated[str, typer.Argument(help="Whose profile.", show_default=False)],
    birth_year: Annotated[str | None, typer.Option(help="Year of birth, such as 1980.")] = None,
    sex: Annotated[str | None, typer.Option(help="female or male.")] = None,
    hrmax: Annotated[str | None, typer.Option(help="Measured maximum heart rate, bpm.")] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="pregnancy or high_risk_diabetes; repeatable; replaces earlier ones."),
    ] = None,
) -> None:
    """Set these values and keep the rest; an empty value ("") clears one."""
    from health_etl.cli import profiles

    with _settings() as settings:
        profiles.set_profile(console, settings, user, birth_year, sex, hrmax, condition)


@profiles_app.command("show")
def profiles_show(user: Annotated[str | None, typer.Argument(help="Whose profile. Default: all.")] = None) -> None:
    """Print the profiles."""
    from health_etl.cli import profiles

    with _settings() as settings:
        profiles.show(console, settings, user)


@profiles_app.command("remove")
def profiles_remove(user: Annotated[str, typer.Argument(help="Whose profile.", show_default=False)]) -> None:
    """Delete a person's profile; adult defaults apply again."""
    from health_etl.cli import profiles

    with _settings() as settings:
        profiles.remove(console, settings, user)


@app.command()
def report(
    user: Annotated[str, typer.Option("--user", help="Whose days.", show_default=False)],
    day: Annotated[
        datetime, typer.Option("--date", formats=[DATE], help="Local day, or the first of several.", show_default=False)
    ],
    last: Annotated[
        datetime | None, typer.Option("--to", formats=[DATE], help="Last local day. Default: the same day.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write. Default: health-report_{user}_{date}.html here.")
    ] = None,
) -> None:
    """Write one self-contained HTML page about a person's day or days: charts, figures, texts."""
    from health_etl.cli.report import write_report

    with _settings() as settings:
        write_report(console, settings, user, day.date(), _date(last), out)


@app.command()
def sweep(
    grace_hours: Annotated[
        int, typer.Option(min=0, help="Keep what is younger; another machine may be about to use it.")
    ] = 24,
) -> None:
    """Delete tables, manifests and quarantined copies that were replaced. A schedule does it every night, too."""
    from health_etl.cli.sweep import sweep_lake

    with _settings() as settings:
        sweep_lake(console, settings, grace_hours)


@app.command()
def trace(
    example_id: Annotated[str, typer.Argument(help="metadata.example_id of a training line.", show_default=False)],
) -> None:
    """Name the person, the objects and the records that a training line was made from; for the lake's owner."""
    from health_etl.cli.trace import print_trace

    with _settings() as settings:
        print_trace(console, errors, settings, example_id)


@app.command()
def setup() -> None:
    """Create the buckets, queues and Dagster tables that the settings name, where they are missing."""
    from health_etl.cli.set_up import set_up

    with _settings() as settings:
        for line in set_up(settings):
            console.print(escape(line))


@deadletters_app.command("list")
def deadletters_list() -> None:
    """List the messages that were put aside, with their reasons; nothing is moved."""
    from health_etl.cli import deadletters

    with _settings() as settings:
        deadletters.print_list(console, settings)


@deadletters_app.command("redrive")
def deadletters_redrive(
    reasons: Annotated[
        list[str] | None, typer.Option("--reason", help="Only those with this reason; repeatable. Default: all.")
    ] = None,
) -> None:
    """Send messages back to the queue they came from; those that still cannot be used return here."""
    from health_etl.cli import deadletters

    with _settings() as settings:
        deadletters.redrive(console, settings, frozenset(reasons) if reasons else None)


@app.command()
def doctor() -> None:
    """Check settings, lake, Dagster instance and code location, and say what to do where one is not in order."""
    from health_etl.cli.doctor import print_findings

    raise typer.Exit(0 if print_findings(console) else 1)


@app.callback()
def _main() -> None:
    """Read the .env file before any command."""
    from dotenv import load_dotenv

    from health_etl.settings import project_root

    load_dotenv(project_root() / ".env")


def _date(value: datetime | None) -> date | None:
    return value.date() if value else None


@contextmanager
def _settings() -> Iterator[Settings]:
    """Read the settings, once for the whole command, which then ends as in `_one_sentence`."""
    from health_etl.settings import load

    with _one_sentence():
        yield load()


@contextmanager
def _one_sentence() -> Iterator[None]:
    """End with one clear sentence instead of a stack trace when the failure is one we foresaw."""
    try:
        yield
    except KeyboardInterrupt:
        errors.print("Stopped. Nothing is half written; run the same command again to continue.")
        raise typer.Exit(130) from None
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        errors.print(f"[red]Error:[/red] {escape(sentence)}")
        raise typer.Exit(1) from None


def _sentence(error: Exception) -> str | None:
    """Return the sentence for an error; None for a bug of ours, which needs its stack trace."""
    if isinstance(error, HealthEtlError):
        return str(error)
    if isinstance(error, OSError) and error.strerror and not isinstance(error, BrokenPipeError):
        return f"{error.filename or 'A file'} cannot be used ({error.strerror}); check the disk and the permissions."
    if "sqlalchemy" not in sys.modules:
        return None
    from health_etl.orchestration.home import broken_instance

    broken = broken_instance(error)
    return None if broken is None else str(broken)
