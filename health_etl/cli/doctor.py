"""`health-etl doctor`: whether everything is in order, and what to do where it is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rich.console import Console
from rich.markup import escape

from health_etl.errors import HealthEtlError
from health_etl.lake.keys import RAW, mask_key
from health_etl.lake.store import connect
from health_etl.reasons import REMEDIES
from health_etl.settings import Settings, home_folder, load, project_root
from health_etl.uploads.listing import Unclaimed, sort_uploads
from health_etl.wording import counted

MAX_LISTED = 10_000  # objects of raw/; ten pages of an S3 listing
MAX_NAMED = 10  # objects
LISTED_BY_RUNS = ("records/", "insights/", "training/", "quarantine/")
MIN_FREE_MB = 50


@dataclass(frozen=True)
class Finding:
    """One thing examined: `wrong` says what to do, None when it is in order."""

    what: str
    found: str
    wrong: str | None = None
    hint: str | None = None


def print_findings(console: Console) -> bool:
    """Print the findings, and below each what to do; return whether everything is in order."""
    findings = examine()
    for finding in findings:
        mark = "[red]✗[/red]" if finding.wrong else "[green]✓[/green]"
        console.print(f"{mark} {finding.what}: {escape(finding.found)}", soft_wrap=True, highlight=False)
        if remedy := finding.wrong or finding.hint:
            console.print(f"  → {escape(remedy)}", soft_wrap=True, highlight=False)
    return not any(finding.wrong for finding in findings)


def examine() -> list[Finding]:
    """Examine packages, settings, lake, instance and code location."""
    findings = [_packages()]
    try:
        settings = load()
    except HealthEtlError as error:
        return [*findings, Finding("settings", "not usable", str(error))]
    findings.append(_settings(settings))
    findings.append(_guarded("lake", lambda: _lake(settings)))
    findings.append(_guarded("uploads", lambda: _uploads(settings)))
    findings.append(_guarded("Dagster instance", _instance))
    findings.append(_disks(settings))
    findings.append(_code_location())
    return findings


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except HealthEtlError as error:
        return Finding(what, "not usable", str(error))


def _packages() -> Finding:
    found = {name: version(name) for name in ("dagster", "dagster-webserver", "dagster-aws")}
    # dagster-aws 0.x.y is released with dagster 1.(x-16).y
    expected = f"0.{int(found['dagster'].split('.')[1]) + 16}.{found['dagster'].split('.')[2]}"
    matching = found["dagster"] == found["dagster-webserver"] and found["dagster-aws"] == expected
    wrong = None if matching else "install matching releases: pip install -c constraints.txt -e ."
    return Finding("packages", ", ".join(f"{name} {release}" for name, release in found.items()), wrong)


def _settings(settings: Settings) -> Finding:
    hint = None
    if settings.uses_demo_key:
        hint = "set HEALTH_ETL_PSEUDONYM_KEY before sharing training data: the demo key is public"
    return Finding("settings", f"default time zone {settings.default_time_zone}", hint=hint)


def _lake(settings: Settings) -> Finding:
    lake = connect(settings)
    lake.check()
    for folder in LISTED_BY_RUNS:
        next(lake.objects(folder), None)
    return Finding("lake", f"{settings.lake} can be listed, read and written")


def _uploads(settings: Settings) -> Finding:
    """Look at the beginning of raw/; a huge one is not read to its end."""
    listed = [*islice(connect(settings).everything(RAW), MAX_LISTED)]
    all_or_first = "the first " if len(listed) == MAX_LISTED else ""
    looked = f"looked at {all_or_first}{counted(len(listed), 'object')} in raw/"
    unclaimed = sort_uploads(listed, settings.start_date, datetime.now(UTC).date()).unclaimed
    if not unclaimed:
        return Finding("uploads", f"{looked}: each belongs to a partition")
    named = "; ".join(f"{mask_key(item.info.key)}: {item.detail}" for item in unclaimed[:MAX_NAMED])
    more = f"; and {len(unclaimed) - MAX_NAMED:,} more" if len(unclaimed) > MAX_NAMED else ""
    verb = "belongs" if len(unclaimed) == 1 else "belong"
    found = f"{looked}, {len(unclaimed):,} {verb} to no partition: {named}{more}"
    return Finding("uploads", found, _remedy(unclaimed))


def _remedy(unclaimed: tuple[Unclaimed, ...]) -> str:
    return "; ".join(sorted({REMEDIES[item.reason] for item in unclaimed}))


def _instance() -> Finding:
    from health_etl.orchestration.home import dagster_home, open_instance

    home = dagster_home()
    with open_instance() as instance:
        return Finding("Dagster instance", f"{home}, {counted(instance.get_runs_count(), 'run')} so far")


def _disks(settings: Settings) -> Finding:
    """Look at the disks that a run writes to."""
    folders = {"DAGSTER_HOME": home_folder(), "the folder for temporary files": Path(tempfile.gettempdir())}
    if settings.lake.startswith("file:"):
        folders["the lake"] = Path(unquote(urlsplit(settings.lake).path))
    free_mb = {name: shutil.disk_usage(path).free // 2**20 for name, path in folders.items() if path.is_dir()}
    full = [f"{name} has {free} MB" for name, free in free_mb.items() if free < MIN_FREE_MB]
    if full:
        return Finding("disks", f"nearly full: {', '.join(full)} left", "free some space there")
    return Finding("disks", f"at least {min(free_mb.values(), default=0):,} MB are free wherever a run writes")


def _code_location() -> Finding:
    workspace = project_root() / "workspace.yaml"
    if not workspace.is_file():
        return Finding("code location", "no workspace.yaml here", "run in the project's folder")
    warnings.filterwarnings("ignore")
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(workspace)]
    done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Finding("code location", "health_etl loads")
    return Finding("code location", "does not load", "run: dagster definitions validate -w workspace.yaml")
