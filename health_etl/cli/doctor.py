"""`health-etl doctor`: whether everything is in order, and what to do where it is not."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from health_etl.errors import HealthEtlError
from health_etl.lake.store import connect
from health_etl.settings import Settings, load, project_root


@dataclass(frozen=True)
class Finding:
    """One thing examined: `wrong` says what to do, None when it is in order."""

    what: str
    found: str
    wrong: str | None = None
    hint: str | None = None


def print_findings(console: Console) -> bool:
    """Print a table of findings; return whether everything is in order."""
    findings = examine()
    table = Table("", "what", "found", "what to do")
    for finding in findings:
        mark = "[red]✗[/red]" if finding.wrong else "[green]✓[/green]"
        table.add_row(mark, finding.what, escape(finding.found), escape(finding.wrong or finding.hint or ""))
    console.print(table)
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
    findings.append(_guarded("Dagster instance", _instance))
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
    connect(settings).check()
    return Finding("lake", f"{settings.lake} can be read and written")


def _instance() -> Finding:
    import dagster as dg

    from health_etl.orchestration.home import dagster_home

    home = dagster_home()
    try:
        with dg.DagsterInstance.get() as instance:
            count = instance.get_runs_count()
    except Exception as error:  # noqa: BLE001 - the storages raise whatever their drivers raise
        return Finding("Dagster instance", f"{home} does not open", f"{type(error).__name__}: {error}".splitlines()[0])
    return Finding("Dagster instance", f"{home}, {count} runs so far")


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
