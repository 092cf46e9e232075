"""Whatever bytes arrive: nothing crashes, hangs or swells; every row is accounted for; good neighbours are unharmed."""

from __future__ import annotations

import faulthandler
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from health_etl.core import avro
from health_etl.core.manifest import FileEntry
from health_etl.core.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl_tests.exports import ANNA, BEN, key_of, memory_lake, put_content
from health_etl_tests.fuzz.independent_count import count_records
from health_etl_tests.fuzz.mutants import Mutant, mutants, originals
from health_etl_tests.pipeline import manifest_of, records_of, rejected_of, update_records

MAX_SECONDS = 1.0  # of processor time, for one file
MAX_BYTES = 200 * 1024 * 1024  # above the start
HANGS_AFTER_SECONDS = 300
AT_ONCE = 200  # files in one partition

JUDGED = {None, FileReason.NO_GOOD_ROWS, FileReason.LOW_QUALITY}  # could be read, so that its rows count
PAYLOAD = ("record-", "com.example", ANNA)  # of the originals; no text of ours may quote it

every_type = pytest.mark.parametrize("name", sorted(record_types()))


@pytest.fixture(autouse=True)
def ends_if_it_hangs() -> Iterator[None]:
    """End the process, with every stack, when something hangs."""
    faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def high_water_bytes(forget: bool = False) -> int:
    """Return the most memory that this process held; `forget` starts the count anew."""
    if forget:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@every_type
def test_no_mutant_crashes_hangs_or_swells_the_decoder(name: str, mutants_a_type: int) -> None:
    record_type = record_types()[name]
    tried = mutants(name, mutants_a_type)
    avro.to_table(avro.decode(originals(name)[0].content, record_type, None).records, record_type)
    for mutant in tried:
        before = high_water_bytes(forget=True)
        started = time.thread_time()
        told = decoded_or_refused(mutant.content, record_type)
        assert not any(word in told for word in PAYLOAD), mutant.kind
        assert time.thread_time() - started < MAX_SECONDS, mutant.kind
        assert high_water_bytes() - before < MAX_BYTES, mutant.kind


def decoded_or_refused(content: bytes, record_type: RecordType) -> str:
    """Decode a file; return what its refusal says, nothing when it was read."""
    try:
        avro.to_table(avro.decode(content, record_type, None).records, record_type)
    except FileRefusedError as refused:
        return str(refused)
    return ""


@every_type
def test_every_mutant_is_accounted_for_and_its_neighbours_are_unharmed(
    name: str, mutants_a_type: int, record_property: Callable[[str, object], None]
) -> None:
    tried = mutants(name, mutants_a_type)
    outcomes: Counter[tuple[str, str]] = Counter()
    for start in range(0, len(tried), AT_ONCE):
        outcomes += accounted_for(name, tried[start : start + AT_ONCE])
    assert sum(outcomes.values()) == len(tried)
    for (kind, outcome), count in outcomes.items():
        record_property("outcome", (name, kind, outcome, count))


def accounted_for(name: str, tried: list[Mutant]) -> Counter[tuple[str, str]]:
    """Run mutants of one person beside good files of another; return what became of them."""
    lake = memory_lake()
    good = [put_content(lake, name, file.content, user_id=BEN) for file in originals(name)]
    update_records(lake, name)
    alone = records_of(lake, name)
    by_key = {put_content(lake, name, mutant.content): mutant for mutant in tried}
    misnamed = key_of(name, b"of other bytes")
    lake.put(misnamed, originals(name)[0].content)
    update_records(lake, name)

    entries = {entry.key: entry for entry in manifest_of(lake, name).files}
    assert entries.keys() == {*good, *by_key, misnamed}
    assert entries[misnamed].reason == FileReason.HASH_MISMATCH
    rows = records_of(lake, name)
    assert rows[rows["user_id"] == BEN].reset_index(drop=True).equals(alone)
    check_tables(lake_counts(rows), entries)
    outcomes: Counter[tuple[str, str]] = Counter()
    for key, mutant in by_key.items():
        entry = entries[key]
        entry.check()
        check_count(entry, mutant)
        assert not any(word in str(entry.detail) for word in PAYLOAD)
        outcomes[mutant.kind, outcome_of(entry)] += 1
    if any(entry.rejected_measurements and not entry.reason for entry in entries.values()):
        assert len(rejected_of(lake, name)) == manifest_of(lake, name).rejected_rows
    return outcomes


def lake_counts(rows: object) -> dict[str, int]:
    """Count the records of every file that stand in the records table."""
    frame = rows[["source_key", "source_record_number"]].drop_duplicates()  # type: ignore[index]
    return {str(key): int(count) for key, count in frame["source_key"].value_counts().items()}


def check_tables(in_table: dict[str, int], entries: dict[str, FileEntry]) -> None:
    accepted = {key: entry.accepted for key, entry in entries.items() if entry.accepted}
    assert in_table == accepted


def check_count(entry: FileEntry, mutant: Mutant) -> None:
    """Hold the rows that came in against the container's own count, read by other means."""
    reason = FileReason(entry.reason) if entry.reason else None
    if reason in JUDGED:
        assert entry.rows_in == count_records(mutant.content) > 0, mutant.kind
    else:
        assert entry.rows_in == 0, mutant.kind


def outcome_of(entry: FileEntry) -> str:
    """Name what became of a file."""
    if entry.reason:
        return f"quarantined ({entry.reason})"
    if entry.quarantined or entry.rejected_measurements:
        return "partly accepted"
    return "accepted" if entry.accepted else "duplicate of another"
