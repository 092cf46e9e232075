"""Damaged files of one person beside good ones of another: every row is accounted for, the good ones are unharmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from health_etl.avro import decode
from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import Lake
from health_etl.reasons import FileReason
from health_etl_tests.fuzz.hostile import CANARY
from health_etl_tests.fuzz.independent_count import count_records
from health_etl_tests.fuzz.mutants import originals
from health_etl_tests.fuzz.seeds import Mutant, Outcomes
from health_etl_tests.isolation.items import Stage
from health_etl_tests.support.exports import ANNA, BEN, key_of, memory_lake, put_content
from health_etl_tests.support.pipeline import files_of, manifest_of, records_of, rejected_of, update_records

MISNAMED_EVERY = 10  # of the uploads: named after the undamaged file
READABLE = {None, FileReason.NO_GOOD_ROWS, FileReason.LOW_QUALITY}  # the file could be read, so its rows count
PAYLOAD = ("record-", "com.example", CANARY, ANNA)  # of the originals; no message of ours may quote it


def run(name: str, tried: Sequence[Mutant[bytes]]) -> Outcomes:
    """Bring one partition up to date with mutants beside valid files; return what became of them."""
    lake = memory_lake()
    good = [put_content(lake, name, file.content, user_id=BEN) for file in originals(name)]
    update_records(lake, name)
    alone = records_of(lake, name)
    by_key = dict(upload(lake, name, number, mutant) for number, mutant in enumerate(tried))
    update_records(lake, name)

    entries = {entry.key: entry for entry in files_of(lake, name)}
    assert entries.keys() == {*good, *by_key}
    rows = records_of(lake, name)
    assert rows[rows["user_id"] == BEN].reset_index(drop=True).equals(alone)
    check_tables(lake, name, entries)
    outcomes: Outcomes = Counter()
    for key, mutant in by_key.items():
        entry = entries[key]
        entry.check()
        if is_misnamed(key, mutant):
            assert entry.reason in (FileReason.HASH_MISMATCH, FileReason.EMPTY, FileReason.NOT_AVRO), mutant.seed
        check_count(entry, mutant)
        assert not any(word in str(entry.detail) for word in PAYLOAD), mutant.seed
        outcomes[describe(entry), mutant.kind] += 1
    return outcomes


def upload(lake: Lake, name: str, number: int, mutant: Mutant[bytes]) -> tuple[str, Mutant[bytes]]:
    """Upload a mutant to raw/: every second one for the same person, some under the hash of other bytes."""
    user_id = ANNA if number % 2 else f"person-{number}"
    if number % MISNAMED_EVERY:
        return put_content(lake, name, mutant.content, user_id=user_id), mutant
    key = key_of(name, originals(name)[0].content, user_id=user_id)
    lake.put(key, mutant.content)
    return key, mutant


def is_misnamed(key: str, mutant: Mutant[bytes]) -> bool:
    return not key.endswith(f"_{decode.content_digest(mutant.content)[:8]}.avro")


def check_tables(lake: Lake, name: str, entries: dict[str, FileEntry]) -> None:
    """Compare the tables with the manifest: a record is accepted with one good row, and quarantined with none."""
    manifest = manifest_of(lake, name)
    accepted = records_in(records_of(lake, name))
    assert len(records_of(lake, name)) == manifest.measurement_rows
    assert counts_of(accepted) == {key: entry.accepted for key, entry in entries.items() if entry.accepted}
    if not manifest.rejected_rows:
        assert not any(entry.quarantined for entry in entries.values() if not entry.reason)
        return
    rejected = rejected_of(lake, name)
    assert len(rejected) == manifest.rejected_rows
    without_a_good_row = Counter(
        {key: count for key, count in counts_of(records_in(rejected) - accepted).items() if not entries[key].reason}
    )
    assert without_a_good_row == {
        key: entry.quarantined for key, entry in entries.items() if entry.quarantined and not entry.reason
    }


def records_in(rows: pd.DataFrame) -> set[tuple[str, int]]:
    """Return the records of a table, by file and position."""
    return set(zip(rows["source_key"], rows["source_record_number"], strict=True))


def counts_of(records: set[tuple[str, int]]) -> Counter[str]:
    return Counter(key for key, _ in records)


def check_count(entry: FileEntry, mutant: Mutant[bytes]) -> None:
    """Compare the rows in with the container's own count, determined independently."""
    reason = FileReason(entry.reason) if entry.reason else None
    if reason in READABLE:
        assert entry.rows_in == count_records(mutant.content) > 0, mutant.seed
    else:
        assert entry.rows_in == 0, mutant.seed


def describe(entry: FileEntry) -> tuple[Stage, str]:
    """Say at which stage a file came to its end, and how."""
    if entry.reason:
        return Stage.VALIDATE if entry.rows_in else Stage.DECODE, f"refused: {entry.reason}"
    if entry.quarantined or entry.rejected_measurements:
        return Stage.VALIDATE, "partly accepted"
    return Stage.WRITE, "accepted" if entry.accepted else "duplicate of another"
