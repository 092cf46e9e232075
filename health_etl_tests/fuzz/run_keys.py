"""Uploads under hostile keys: each is read by its partition or reported as unclaimed, and none stops another."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from health_etl.cli import quarantine
from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import Lake
from health_etl.planning.staleness import Scope
from health_etl.record_types import by_avro_name, record_types
from health_etl.records import unclaimed
from health_etl_tests.fuzz.hostile_keys import CONTENTS
from health_etl_tests.fuzz.seeds import Mutant, Outcomes
from health_etl_tests.isolation.items import CANARY, Stage, World, fingerprint
from health_etl_tests.isolation.neighbours import good_people_alone, of_good_people, of_records, put_good
from health_etl_tests.isolation.worlds import FolderWorld
from health_etl_tests.support.pipeline import Done, all_files, take_in

# What may be claimed: a type's folder in any case, a date in ASCII digits, a name.
CLAIMABLE = re.compile(rb"raw/([A-Za-z]+)/20\d\d/\d\d/\d\d/[^/]+\.avro", re.DOTALL)


def run_in_folder(tried: Sequence[Mutant[bytes]]) -> Outcomes:
    """Run mutants in a folder."""
    with tempfile.TemporaryDirectory(prefix="health-etl-fuzz-") as folder, pytest.MonkeyPatch.context() as patch:
        return run(FolderWorld(Path(folder) / "lake", patch), tried)


def run(world: World, tried: Sequence[Mutant[bytes]]) -> Outcomes:
    """Put an upload under each of these keys beside good ones; return what became of them."""
    put_good(world.lake)
    good = {info.key for info in world.lake.objects("raw/")}
    placed = {os.fsdecode(mutant.content): mutant for mutant in tried if is_placed(world, mutant)}
    take_in(world.lake, Done())
    assert of_records(of_good_people(world.lake)) == of_records(good_people_alone())
    found = _Found.of(world.lake)
    assert found.everything ^ (placed.keys() | good) == set()
    listed = _quarantine_list(world)
    assert CANARY not in listed
    outcomes: Outcomes = Counter()
    for key, mutant in placed.items():
        assert (key in found.claimed) != (key in found.unclaimed), mutant.seed
        is_kept_out = key in found.unclaimed or found.claimed[key].reason is not None
        assert listed.count(fingerprint(mutant.content)) == is_kept_out, mutant.seed
        outcomes[found.outcome(key, mutant), mutant.kind] += 1
    for mutant in tried:
        if mutant not in placed.values():
            outcomes[(Stage.LIST, "another is in its place"), mutant.kind] += 1
    again = Done()
    take_in(world.lake, again)
    assert again.nothing
    return outcomes


@dataclass(frozen=True)
class _Found:
    """What a run says of the uploads, by key."""

    claimed: dict[str, FileEntry]
    unclaimed: dict[str, str]

    @classmethod
    def of(cls, lake: Lake) -> _Found:
        entries = all_files(lake)
        report = unclaimed.read_report(lake).items
        assert len({item["key"] for item in report}) == len(report)
        return cls({entry.key: entry for entry in entries}, {item["key"]: item["reason"] for item in report})

    @property
    def everything(self) -> set[str]:
        return {*self.claimed, *self.unclaimed}

    def outcome(self, key: str, mutant: Mutant[bytes]) -> tuple[Stage, str]:
        if key in self.unclaimed:
            return Stage.LIST, f"unclaimed: {self.unclaimed[key]}"
        entry = self.claimed[key]
        entry.check()
        match = CLAIMABLE.fullmatch(mutant.content)
        assert match is not None, mutant.seed
        assert match[1].decode().lower() in by_avro_name(), mutant.seed
        if entry.reason:
            return Stage.DECODE, f"refused: {entry.reason}"
        assert entry.rows_in == 1, mutant.seed
        return Stage.WRITE, "accepted" if entry.accepted else "duplicate of another"


def is_placed(world: World, mutant: Mutant[bytes]) -> bool:
    """Put an upload there; false where a folder has a file, or a file a folder, in its place."""
    key = mutant.content
    folder = key.split(b"/")[1].decode(errors="replace").lower()
    record_type = by_avro_name().get(folder) or record_types()["steps"]
    try:
        world.put(key, CONTENTS[record_type.avro_name])
    except (FileExistsError, IsADirectoryError, NotADirectoryError):
        return False
    return True


def _quarantine_list(world: World) -> str:
    printed = StringIO()
    with redirect_stdout(printed):
        quarantine.print_list(Console(width=240), world.settings, Scope())
    return printed.getvalue()
