"""How long `health-etl run` takes and how much memory it peaks at, in fresh processes.

python benchmarks/cold_run.py [--people N --days D]

Without options it runs the shipped sample; with them, synthetic exports. The ratio is against the first, cold run of
the same call: what a rerun over unchanged files costs, and what one late file costs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Measured:
    """One process: wall time and peak resident memory."""

    what: str
    seconds: float
    peak_mb: float


def measure(what: str, arguments: list[str], environment: dict[str, str]) -> Measured:
    """Run one `health-etl` command in a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "health_etl", *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"health-etl {' '.join(arguments[:1])} failed")
    return Measured(what, time.perf_counter() - start, usage.ru_maxrss / 1024)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=0)
    parser.add_argument("--days", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        results = _in_fresh_lake(Path(scratch), chosen.people, chosen.days)
    table = Table("what", "seconds", "ratio", "peak memory MB")
    for result in results:
        ratio = f"{result.seconds / results[0].seconds:.2f}"
        table.add_row(result.what, f"{result.seconds:.1f}", ratio, f"{result.peak_mb:.0f}")
    Console().print(table)


def _in_fresh_lake(scratch: Path, people: int, days: int) -> list[Measured]:
    home = scratch / "dagster_home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "HEALTH_ETL_LAKE": (scratch / "lake").as_uri()}
    folders = _exports(scratch, people, days, environment)
    files = sorted(path for folder in folders.values() for path in folder.glob("*.avro"))
    late = files[-1]
    for person, folder in folders.items():
        names = [str(path) for path in sorted(folder.glob("*.avro")) if path != late]
        measure("ingest", ["ingest", *names, "--user", person], environment)
    results = [
        measure(f"cold run, {len(files) - 1} files", ["run"], environment),
        measure("again, nothing new", ["run"], environment),
    ]
    measure("ingest", ["ingest", str(late), "--user", max(folders)], environment)
    return [*results, measure("again, one late file", ["run"], environment)]


def _exports(scratch: Path, people: int, days: int, environment: dict[str, str]) -> dict[str, Path]:
    if not people:
        return {"demo": ROOT / "data" / "sample"}
    out = scratch / "exports"
    measure("sample", ["sample", "--out", str(out), "--people", str(people), "--days", str(days)], environment)
    return {folder.name: folder for folder in sorted(out.iterdir())}


if __name__ == "__main__":
    main()
