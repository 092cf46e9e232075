"""Whatever bytes arrive: nothing crashes, hangs or exhausts memory, every row is accounted for, others are unharmed."""

from __future__ import annotations

import faulthandler
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from health_etl.avro import decode
from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import Lake
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl_tests.fuzz.hostile import CANARY, long_list
from health_etl_tests.fuzz.independent_count import count_records
from health_etl_tests.fuzz.mutants import Mutant, mutants, originals
from health_etl_tests.support.exports import ANNA, BEN, key_of, memory_lake, put_content
from health_etl_tests.support.pipeline import manifest_of, records_of, rejected_of, update_records
from health_etl_tests.support.waiting import PATIENCE_SECONDS

MAX_SECONDS = 1.0  # of processor time, for one file
MAX_BYTES = 200 * 1024 * 1024  # above the start
MAX_ADDRESS_SPACE_BYTES = 4 * 1024 * 1024 * 1024  # above the start: allocation then fails before the machine does
MISNAMED_EVERY = 10  # of the uploads: named after the undamaged file
BATCH_SIZE = 200  # files in one partition

READABLE = {None, FileReason.NO_GOOD_ROWS, FileReason.LOW_QUALITY}  # the file could be read, so its rows count
PAYLOAD = ("record-", "com.example", CANARY, ANNA)  # of the originals; no message of ours may quote it

every_type = pytest.mark.parametrize("name", sorted(record_types()))


@pytest.fixture(autouse=True)
def limit_memory_and_time() -> Iterator[None]:
    """Let a file fail that would take all memory, and end the process with all stacks if one hangs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes("VmSize") + MAX_ADDRESS_SPACE_BYTES, hard))
    yield
    faulthandler.cancel_dump_traceback_later()
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def restart_hang_timer() -> None:
    """Restart the timer that ends the process."""
    faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True)


def high_water_bytes(forget: bool = False) -> int:
    """Return the process's peak memory; `forget` resets it first."""
    if forget:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory_bytes("VmHWM")


def memory_bytes(kind: str) -> int:
    """Return a memory figure from /proc/self/status."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith(f"{kind}:"))
    return int(line.split()[1]) * 1024


@every_type
def test_no_mutant_crashes_or_hangs_the_decoder_or_exhausts_memory(
    name: str, mutants_per_type: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_type = record_types()[name]
    tried = mutants(name, mutants_per_type)
    decode.to_table(decode.decode(originals(name)[0].content, record_type, None).records, record_type)
    last = tmp_path / "last.avro"  # so that the culprit can be found even after a crash
    most_seconds, most_bytes = 0.0, 0
    for mutant in tried:
        last.write_bytes(mutant.content)
        restart_hang_timer()
        before = high_water_bytes(forget=True)
        started = time.thread_time()
        refusal = decode_or_refuse(mutant.content, record_type)
        seconds, grown = time.thread_time() - started, high_water_bytes() - before
        assert seconds < MAX_SECONDS, f"{mutant.kind}: {last}"
        assert grown < MAX_BYTES, f"{mutant.kind}: {last}"
        assert not any(word in refusal for word in PAYLOAD), f"{mutant.kind}: {last}"
        most_seconds, most_bytes = max(most_seconds, seconds), max(most_bytes, grown)
    record_property("cost", (name, most_seconds, most_bytes))


def decode_or_refuse(content: bytes, record_type: RecordType) -> str:
    """Decode a file; return its refusal as it would appear in a log, or an empty string."""
    try:
        decode.to_table(decode.decode(content, record_type, None).records, record_type)
    except FileRefusedError as refused:
        return "".join(traceback.format_exception(refused))
    return ""


@pytest.mark.parametrize("name", ["heart_rate", "sleep_session"])
def test_a_small_file_of_only_bad_rows_is_processed_within_limits(name: str) -> None:
    lake = memory_lake()
    put_content(lake, name, long_list(name, 85_000))
    update_records(memory_lake(), name)
    before = high_water_bytes(forget=True)
    started = time.thread_time()
    update_records(lake, name)
    (entry,) = manifest_of(lake, name).files
    assert (entry.reason, entry.rejected_measurements) == (FileReason.NO_GOOD_ROWS, 85_000)
    assert time.thread_time() - started < 3 * MAX_SECONDS
    assert high_water_bytes() - before < MAX_BYTES


@every_type
def test_every_mutant_is_accounted_for_and_other_files_are_unharmed(
    name: str, mutants_per_type: int, record_property: Callable[[str, object], None]
) -> None:
    tried = mutants(name, mutants_per_type)
    outcomes: Counter[tuple[str, str]] = Counter()
    for start in range(0, len(tried), BATCH_SIZE):
        restart_hang_timer()
        outcomes += run_mutants(name, tried[start : start + BATCH_SIZE])
    assert sum(outcomes.values()) == len(tried)
    for (kind, outcome), count in outcomes.items():
        record_property("outcome", (name, kind, outcome, count))


def run_mutants(name: str, tried: list[Mutant]) -> Counter[tuple[str, str]]:
    """Run mutants of one person beside valid files of another; return what became of them."""
    lake = memory_lake()
    good = [put_content(lake, name, file.content, user_id=BEN) for file in originals(name)]
    update_records(lake, name)
    alone = records_of(lake, name)
    by_key = dict(upload(lake, name, number, mutant) for number, mutant in enumerate(tried))
    update_records(lake, name)

    entries = {entry.key: entry for entry in manifest_of(lake, name).files}
    assert entries.keys() == {*good, *by_key}
    rows = records_of(lake, name)
    assert rows[rows["user_id"] == BEN].reset_index(drop=True).equals(alone)
    check_tables(lake, name, entries)
    outcomes: Counter[tuple[str, str]] = Counter()
    for key, mutant in by_key.items():
        entry = entries[key]
        entry.check()
        if is_misnamed(key, mutant):
            assert entry.reason in (FileReason.HASH_MISMATCH, FileReason.EMPTY, FileReason.NOT_AVRO), mutant.kind
        check_count(entry, mutant)
        assert not any(word in str(entry.detail) for word in PAYLOAD)
        outcomes[mutant.kind, describe_outcome(entry)] += 1
    return outcomes


def upload(lake: Lake, name: str, number: int, mutant: Mutant) -> tuple[str, Mutant]:
    """Upload a mutant to raw/: every second one for the same person, some under the hash of other bytes."""
    user_id = ANNA if number % 2 else f"person-{number}"
    if number % MISNAMED_EVERY:
        return put_content(lake, name, mutant.content, user_id=user_id), mutant
    key = key_of(name, originals(name)[0].content, user_id=user_id)
    lake.put(key, mutant.content)
    return key, mutant


def is_misnamed(key: str, mutant: Mutant) -> bool:
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


def check_count(entry: FileEntry, mutant: Mutant) -> None:
    """Compare the rows in with the container's own count, determined independently."""
    reason = FileReason(entry.reason) if entry.reason else None
    if reason in READABLE:
        assert entry.rows_in == count_records(mutant.content) > 0, mutant.kind
    else:
        assert entry.rows_in == 0, mutant.kind


def describe_outcome(entry: FileEntry) -> str:
    """Describe what became of a file."""
    if entry.reason:
        return f"quarantined ({entry.reason})"
    if entry.quarantined or entry.rejected_measurements:
        return "partly accepted"
    return "accepted" if entry.accepted else "duplicate of another"
