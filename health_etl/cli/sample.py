"""`health-etl sample`: synthetic exports of invented people."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from health_etl.cli.output import progress_bar
from health_etl.errors import PermanentError
from health_etl.synthetic import generate, write_exports
from health_etl.wording import counted


def write_samples(console: Console, out: Path, people: int, days: int, seed: int) -> None:
    """Write synthetic exports and print how many; raises PermanentError when the folder cannot be written."""
    count = size_bytes = 0
    with progress_bar(console) as bar:
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
