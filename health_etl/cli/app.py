"""The `health-etl` command. Each command is a few lines over the library; heavy imports wait until they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from health_etl.errors import HealthEtlError

app = typer.Typer(
    help="Health Connect exports to validated records, clinical insights and training data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console(soft_wrap=True, highlight=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False)

quarantine = typer.Typer(help="What is kept out, why, and how it comes back.", no_args_is_help=True)
app.add_typer(quarantine, name="quarantine")
profiles = typer.Typer(help="What is known of a person and thresholds follow.", no_args_is_help=True)
app.add_typer(profiles, name="profiles")
deadletters = typer.Typer(help="Upload messages that were no use, why, and another try.", no_args_is_help=True)
app.add_typer(deadletters, name="deadletters")

DATE = "%Y-%m-%d"

First = Annotated[datetime | None, typer.Option("--from", formats=[DATE], help="First upload date. Default: all.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=[DATE], help="Last upload date. Default: all.")]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Record type, such as steps; may be repeated. Default: all.")
]


@app.command()
def sample(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.", show_default=False)],
    people: Annotated[int, typer.Option(min=1, help="How many people.")] = 1,
    days: Annotated[int, typer.Option(min=1, help="How many days of each.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
) -> None:
    """Write synthetic phone exports of all six types, one folder a person."""
    from health_etl.cli.output import writing_samples

    with _one_sentence():
        writing_samples(console, out, people, days, seed)


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
    """Put phone exports ({RecordType}_{epoch ms}.avro) into the lake, once for each content."""
    from health_etl.cli.output import ingesting

    with _one_sentence():
        refused = ingesting(console, errors, paths, user, uploaded.date() if uploaded else None, device)
    raise typer.Exit(1 if refused else 0)


@app.command()
def run(
    first: First = None,
    last: Last = None,
    types: Types = None,
    show_example: Annotated[bool, typer.Option("--show-example", help="Print one training line in full.")] = False,
) -> None:
    """Bring records, insights and journal up to date, through Dagster, on the instance that the UI shows."""
    from health_etl.cli.output import known_types, running
    from health_etl.planning.staleness import Scope

    with _one_sentence():
        failed = running(
            console, errors, Scope(_date(first), _date(last), known_types(types)), show_example=show_example
        )
    raise typer.Exit(1 if failed else 0)


@quarantine.command("list")
def quarantine_list(first: First = None, last: Last = None, types: Types = None) -> None:
    """List the files and rows that are kept out, with the reason."""
    from health_etl.cli.output import known_types
    from health_etl.cli.quarantine import listing
    from health_etl.planning.staleness import Scope

    with _one_sentence():
        listing(console, Scope(_date(first), _date(last), known_types(types)))


@quarantine.command("show")
def quarantine_show(
    file: Annotated[str, typer.Argument(help="Its key, or the last part of it.", show_default=False)],
) -> None:
    """Tell all that is known of one file: reason, rule, way out, counts, score; never a health value."""
    from health_etl.cli.quarantine import showing

    with _one_sentence():
        showing(console, file)


@quarantine.command("release")
def quarantine_release(
    files: Annotated[
        list[str], typer.Argument(help='Keys, or their last parts; "all" for everything in scope.', show_default=False)
    ],
    first: First = None,
    last: Last = None,
    types: Types = None,
    override: Annotated[
        bool, typer.Option("--override", help="Accept against the rules that a person may overrule.")
    ] = False,
    because: Annotated[str, typer.Option(help="Why; needed with --override, and kept.")] = "",
) -> None:
    """Run files again: after a fix, or against the rules. Without --override an earlier override is taken back."""
    from health_etl.cli.output import known_types
    from health_etl.cli.quarantine import releasing
    from health_etl.planning.staleness import Scope

    with _one_sentence():
        scope = Scope(_date(first), _date(last), known_types(types))
        failed = releasing(console, errors, files, scope, override, because)
    raise typer.Exit(1 if failed else 0)


@profiles.command("set")
def profiles_set(
    user: Annotated[str, typer.Argument(help="Whose profile.", show_default=False)],
    birth_year: Annotated[str | None, typer.Option(help="Such as 1980.")] = None,
    sex: Annotated[str | None, typer.Option(help="female or male.")] = None,
    hrmax: Annotated[str | None, typer.Option(help="Measured maximal heart rate, bpm.")] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="pregnancy or high_risk_diabetes; may be repeated, in place of earlier ones."),
    ] = None,
) -> None:
    """Set what is given and keep the rest; an empty text ("") forgets what was set."""
    from health_etl.cli.profiles import setting

    with _one_sentence():
        setting(console, user, birth_year, sex, hrmax, condition)


@profiles.command("show")
def profiles_show(user: Annotated[str | None, typer.Argument(help="Whose; default: all.")] = None) -> None:
    """Print the profiles."""
    from health_etl.cli.profiles import showing

    with _one_sentence():
        showing(console, user)


@profiles.command("remove")
def profiles_remove(user: Annotated[str, typer.Argument(help="Whose profile.", show_default=False)]) -> None:
    """Forget a person's profile; adult defaults hold again."""
    from health_etl.cli.profiles import removing

    with _one_sentence():
        removing(console, user)


@app.command()
def report(
    user: Annotated[str, typer.Option("--user", help="Whose days.", show_default=False)],
    day: Annotated[
        datetime, typer.Option("--date", formats=[DATE], help="Local day, or first one.", show_default=False)
    ],
    last: Annotated[
        datetime | None, typer.Option("--to", formats=[DATE], help="Last local day. Default: one day.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write. Default: health-report_{user}_{date}.html here.")
    ] = None,
) -> None:
    """Write one self-contained HTML page about a person's day or days: pictures, figures, texts."""
    from health_etl.cli.report import reporting

    with _one_sentence():
        reporting(console, user, day.date(), _date(last), out)


@app.command()
def setup() -> None:
    """Make the buckets and Dagster's tables that the settings name, where they are missing."""
    from health_etl.cli.set_up import set_up
    from health_etl.settings import load

    with _one_sentence():
        for line in set_up(load()):
            console.print(line)


@deadletters.command("list")
def deadletters_list() -> None:
    """List the messages that were put aside, with the reason; they stay where they are."""
    from health_etl.cli.deadletters import listing

    with _one_sentence():
        listing(console)


@deadletters.command("redrive")
def deadletters_redrive(
    reasons: Annotated[
        list[str] | None, typer.Option("--reason", help="Only those with this reason; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Send messages back to the queue that they came from, once: what is still no use comes back here."""
    from health_etl.cli.deadletters import redriving

    with _one_sentence():
        redriving(console, frozenset(reasons) if reasons else None)


@app.command()
def doctor() -> None:
    """Say whether settings, store, instance and code location are in order, and what to do where they are not."""
    from health_etl.cli.doctor import examining

    raise typer.Exit(0 if examining(console) else 1)


@app.callback()
def _main() -> None:
    """Keep the commands named, and the .env file read before any of them."""
    from dotenv import load_dotenv

    from health_etl.settings import project_root

    load_dotenv(project_root() / ".env")


def _date(value: datetime | None) -> date | None:
    return value.date() if value else None


@contextmanager
def _one_sentence() -> Iterator[None]:
    """End with one clear sentence instead of a stack trace when the failure is one that we foresaw."""
    try:
        yield
    except HealthEtlError as error:
        errors.print(f"[red]Error:[/red] {escape(str(error))}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print("Stopped. Nothing is half written; run the same command again to go on.")
        raise typer.Exit(130) from None
