"""`health-etl quarantine`: what is kept out, why, and how to bring it back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from health_etl.cli.output import printable
from health_etl.errors import PermanentError
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import METADATA_SUFFIX, mask_key
from health_etl.lake.store import Lake, connect
from health_etl.planning.staleness import Scope
from health_etl.reasons import RULE, FileReason
from health_etl.records import replay, unclaimed
from health_etl.records.replay import (
    QuarantinedUpload,
    find_by_name,
    list_quarantined,
    matches_name,
    unknown_name_error,
)
from health_etl.settings import Settings
from health_etl.uploads import releases
from health_etl.uploads.releases import Release
from health_etl.wording import counted

TABLE_WIDTH = 400  # characters; a key stays in one piece, so that it can be copied


def print_list(console: Console, settings: Settings, scope: Scope) -> None:
    """Print every file and every set of rows that is kept out, or was released."""
    lake = connect(settings)
    items = _in_scope(lake, scope)
    stray = unclaimed.read_report(lake).items if scope == Scope() else ()
    if not items and not stray:
        console.print("Nothing is in quarantine.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("file", no_wrap=True)
    for heading in ("kept out", "reason", "records", "measurements"):
        table.add_column(heading, justify="right" if heading in ("records", "measurements") else "left")
    for item in items:
        entry = item.entry
        records = f"{entry.quarantined:,} of {entry.rows_in:,}"
        reasons = ", ".join(item.reasons)
        table.add_row(item.name, item.quarantined_part, reasons, records, f"{entry.rejected_measurements:,}")
    for other in stray:
        table.add_row(mask_key(other["key"]), "unclaimed", other["reason"], "", "")
    Console(width=max(console.width, TABLE_WIDTH)).print(table, soft_wrap=True, crop=False)
    console.print("`health-etl quarantine show FILE` shows more, `health-etl quarantine release FILE` runs one again.")


def show(console: Console, settings: Settings, name: str) -> None:
    """Print all that is known about one file in quarantine."""
    lake = connect(settings)
    items = [item for item in _in_scope(lake, Scope()) if matches_name(item.entry.key, name)]
    strays = _strays(lake, name)
    if not items and not strays:
        raise unknown_name_error(name)
    for item in items:
        _print_item(console, lake, item)
    for stray in strays:
        _print_stray(console, lake, stray)


def release(
    console: Console,
    errors: Console,
    settings: Settings,
    names: Sequence[str],
    scope: Scope,
    override: bool,
    because: str,
) -> int:
    """Record the decision to run these files again, run them, and return how many failures there were."""
    from health_etl.cli.run import run_pipeline

    lake = connect(settings)
    found = _in_scope(lake, scope)
    for name in names:
        if not any(matches_name(item.entry.key, name) for item in found) and (strays := _strays(lake, name)):
            raise PermanentError(f"{name} belongs to no partition and cannot be released: {strays[0]['remedy']}.")
    items = find_by_name(found, names)
    decisions = replay.release(lake, items, override, because)
    console.print(f"{counted(len(decisions), 'file')} to be run again{' against the rules' if override else ''}.")
    dates = sorted({item.upload_date for item in items})
    touched = Scope.from_dates(dates[0], dates[-1], frozenset(item.record_type for item in items))
    failures = run_pipeline(console, errors, settings, touched, list_refused=False)
    after = {item.entry.key: item for item in _in_scope(lake, touched)}
    for item in items:
        _print_outcome(console, after.get(item.entry.key), item)
    return failures


def _strays(lake: Lake, name: str) -> list[dict[str, Any]]:
    """Return the unclaimed uploads that go by this name."""
    return [stray for stray in unclaimed.read_report(lake).items if matches_name(stray["key"], name)]


def _in_scope(lake: Lake, scope: Scope) -> list[QuarantinedUpload]:
    catalogue = Catalogue(lake)
    catalogue.read_all()
    return list_quarantined(lake, catalogue, lambda name, day: scope.holds_type(name) and scope.holds_date(day))


def _print_item(console: Console, lake: Lake, item: QuarantinedUpload) -> None:
    entry = item.entry
    console.print(f"[bold]{printable(entry.key)}[/bold]")
    console.print(f"  known as  {item.name}")
    console.print(f"  kept out  {item.quarantined_part}")
    for reason in item.reasons:
        rows = f" ({counted(entry.faults[reason], 'measurement')})" if reason in entry.faults else ""
        console.print(f"  reason    {printable(reason)}{rows}")
    if entry.detail:
        console.print(f"  detail    {printable(entry.detail)}")
    console.print(f"  remedy    {item.remedy}")
    rows_in, accepted, duplicate, kept_out = (f"{count:,}" for count in entry.counts)
    console.print(f"  rows      {rows_in} in, {accepted} accepted, {duplicate} duplicate, {kept_out} quarantined")
    _print_quality(console, item)
    if item.is_refused:
        _print_copy(console, lake, str(entry.reason), keys.quarantine_key(entry.key))
    for decision in releases.history(lake, entry.key):
        console.print(f"  released  {printable(_describe(decision))}")


def _print_stray(console: Console, lake: Lake, stray: Mapping[str, Any]) -> None:
    console.print(f"[bold]{printable(stray['key'])}[/bold]")
    console.print(f"  known as  {mask_key(stray['key'])}")
    console.print("  kept out  unclaimed")
    for name in ("reason", "detail", "remedy"):
        console.print(f"  {name:9} {printable(stray[name])}")
    _print_copy(console, lake, stray["reason"], keys.unclaimed_key(stray["key"]))


def _print_copy(console: Console, lake: Lake, reason: str, copy: str) -> None:
    """Print which rule a refused file broke, and where its copy is, if there is one."""
    console.print(f"  rule      {RULE[FileReason(reason)]}")
    content = lake.find(copy + METADATA_SUFFIX)
    try:
        copied = content is not None and json.loads(content)["copied"] is True
    except (ValueError, KeyError, TypeError):
        copied = False
    console.print(f"  copy      {printable(lake.uri(copy)) if copied else 'none'}")


def _describe(decision: Release | None) -> str:
    if decision is None:
        return "by a decision that cannot be read, and has no effect"
    how = f"by override: {decision.because}" if decision.override else "to be judged by the rules again"
    return f"{decision.decided_utc} {how}"


def _print_quality(console: Console, item: QuarantinedUpload) -> None:
    quality = item.entry.quality
    if quality:
        console.print(
            f"  quality   {quality.score:g} = schema {quality.schema:g}, completeness {quality.completeness:g}, "
            f"physiological {quality.physiological:g}, temporal {quality.temporal:g}, weighed"
        )


def _print_outcome(console: Console, now: QuarantinedUpload | None, before: QuarantinedUpload) -> None:
    if now is None:
        raise PermanentError(f"{before.name} has vanished from raw/ in the meantime; nothing is left of it.")
    if now.reasons:
        reasons = ", ".join(now.reasons)
        console.print(f"[yellow]Still kept out[/yellow] {now.name}: {reasons}; {now.remedy}.")
    else:
        accepted = counted(now.entry.accepted, "record")
        console.print(f"[green]Released[/green] {now.name}: {accepted} accepted.")
