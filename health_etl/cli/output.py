"""Output that several commands share."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def progress_bar(console: Console) -> Progress:
    """Return a progress bar that disappears when it is done, and is shown on a terminal only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def printable(text: str) -> str:
    """Return text that others chose, such as a key, safe to print: without markup, and what is not printable (line
    feeds, escape sequences, bytes that are no text) is written as Python escapes it.
    """
    return escape("".join(one if one.isprintable() else ascii(one)[1:-1] for one in text))
