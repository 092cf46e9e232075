"""`python -m benchmarks [CASE …]`: measure, print the table, and with `--save` keep ratios, picture and page."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.bench import Bench, CaseSkippedError, warm_up
from benchmarks.cases import CASES
from benchmarks.measure import default_core
from benchmarks.plot import PLOT, draw
from benchmarks.report import PAGE, page, slower, table
from benchmarks.results import Results, Size, load, save

TABLE_WIDTH = 170  # characters; a narrower terminal wraps its lines


def main() -> None:
    """Measure what the command line names."""
    chosen = _arguments()
    console = Console()
    size: Size = "quick" if chosen.quick else "full"
    if not chosen.page:
        with tempfile.TemporaryDirectory(dir=chosen.scratch, prefix="benchmarks-") as scratch:
            bench = Bench(Path(scratch), chosen.core, size, chosen.rounds)
            warm_up(bench)
            results = measured(console, bench, chosen.cases or list(CASES))
        kept = load()
        Console(width=max(console.width, TABLE_WIDTH)).print(table(results, kept[size], size))
        for sentence in slower(results, kept[size]):
            console.print(f"[red]Slower than twice what is kept:[/red] {sentence}")
        if not chosen.save:
            return
        save({**kept, size: kept[size].updated(results)})
    kept = load()
    draw(kept["full"], PLOT)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")


def measured(console: Console, bench: Bench, names: list[str]) -> Results:
    """Measure these cases, each in a folder that goes with it; a case that cannot be measured here is said to be."""
    results = Results()
    for name in names:
        with tempfile.TemporaryDirectory(dir=bench.scratch) as scratch, console.status(f"measuring {name} …"):
            try:
                found = list(CASES[name](replace(bench, scratch=Path(scratch))))
            except CaseSkippedError as reason:
                console.print(f"[yellow]Skipped {name}:[/yellow] {reason}.")
                continue
        console.print(f"Measured {name}.")
        results = results.updated(Results.of(*found))
    return results


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"any of {', '.join(CASES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes: minutes instead of an hour")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run; the best counts (default: 3)")
    parser.add_argument("--core", type=int, default=default_core(), help="where to run (default: the last core)")
    parser.add_argument("--scratch", type=Path, help="folder for lakes, 10 GB for full sizes (default: temporary)")
    parser.add_argument("--save", action="store_true", help="keep the results in ratios.json, picture and page")
    parser.add_argument("--page", action="store_true", help="measure nothing, write picture and page from ratios.json")
    chosen = parser.parse_args()
    if unknown := set(chosen.cases) - CASES.keys():
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    return chosen


if __name__ == "__main__":
    main()
