"""Whatever bytes arrive: nothing crashes, hangs or swells; every row is accounted for; good neighbours are unharmed."""

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

MAX_SECONDS = 1.0  # of processor time, for one file
MAX_BYTES = 200 * 1024 * 1024  # above the start
HANGS_AFTER_SECONDS = 120  # one file, or one partition of them
MAX_ADDRESS_SPACE_BYTES = 4 * 1024 * 1024 * 1024  # above the start: beyond, allocation fails before the machine does
MISNAMED_EVERY = 10  # of the uploads: named after the file that was damaged
AT_ONCE = 200  # files in one partition

JUDGED = {None, FileReason.NO_GOOD_ROWS, FileReason.LOW_QUALITY}  # could be read, so that its rows count
PAYLOAD = ("record-", "com.example", CANARY, ANNA)  # of the originals; no text of ours may quote it

every_type = pytest.mark.parametrize("name", sorted(record_types()))


@pytest.fixture(autouse=True)
def spares_the_machine() -> Iterator[None]:
    """Let a file that would take all memory fail instead, and end the process, with every stack, when one hangs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes("VmSize") + MAX_ADDRESS_SPACE_BYTES, hard))
    yield
    faulthandler.cancel_dump_traceback_later()
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def wait_no_longer() -> None:
    """Start the time anew after which the process ends."""
    faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)


def high_water_bytes(forget: bool = False) -> int:
    """Return the most memory that this process held; `forget` starts the count anew."""
    if forget:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory_bytes("VmHWM")


def memory_bytes(kind: str) -> int:
    """Return a figure of /proc/self/status."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith(f"{kind}:"))
    return int(line.split()[1]) * 1024


@every_type
def test_no_mutant_crashes_hangs_or_swells_the_decoder(
    name: str, mutants_a_type: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_type = record_types()[name]
    tried = mutants(name, mutants_a_type)
    decode.to_table(decode.decode(originals(name)[0].content, record_type, None).records, record_type)
    last = tmp_path / "last.avro"  # where to find the culprit, also after a crash
    most_seconds, most_bytes = 0.0, 0
    for mutant in tried:
        last.write_bytes(mutant.content)
        wait_no_longer()
        before = high_water_bytes(forget=True)
        started = time.thread_time()
        told = decoded_or_refused(mutant.content, record_type)
        seconds, grown = time.thread_time() - started, high_water_bytes() - before
        assert seconds < MAX_SECONDS, f"{mutant.kind}: {last}"
        assert grown < MAX_BYTES, f"{mutant.kind}: {last}"
        assert not any(word in told for word in PAYLOAD), f"{mutant.kind}: {last}"
        most_seconds, most_bytes = max(most_seconds, seconds), max(most_bytes, grown)
    record_property("most", (name, most_seconds, most_bytes))


def decoded_or_refused(content: bytes, record_type: RecordType) -> str:
    """Decode a file; return its refusal as it would stand in a log, nothing when it was read."""
    try:
        decode.to_table(decode.decode(content, record_type, None).records, record_type)
    except FileRefusedError as refused:
        return "".join(traceback.format_exception(refused))
    return ""


@pytest.mark.parametrize("name", ["heart_rate", "sleep_session"])
def test_a_small_file_of_bad_rows_alone_is_judged_within_bounds(name: str) -> None:
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
def test_every_mutant_is_accounted_for_and_its_neighbours_are_unharmed(
    name: str, mutants_a_type: int, record_property: Callable[[str, object], None]
) -> None:
    tried = mutants(name, mutants_a_type)
    outcomes: Counter[tuple[str, str]] = Counter()
    for start in range(0, len(tried), AT_ONCE):
        wait_no_longer()
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
    by_key = dict(uploaded(lake, name, number, mutant) for number, mutant in enumerate(tried))
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
        outcomes[mutant.kind, outcome_of(entry)] += 1
    return outcomes


def uploaded(lake: Lake, name: str, number: int, mutant: Mutant) -> tuple[str, Mutant]:
    """Put a mutant under raw/: every second of one and the same person, some under the hash of other bytes."""
    user_id = ANNA if number % 2 else f"person-{number}"
    if number % MISNAMED_EVERY:
        return put_content(lake, name, mutant.content, user_id=user_id), mutant
    key = key_of(name, originals(name)[0].content, user_id=user_id)
    lake.put(key, mutant.content)
    return key, mutant


def is_misnamed(key: str, mutant: Mutant) -> bool:
    return not key.endswith(f"_{decode.content_digest(mutant.content)[:8]}.avro")


def check_tables(lake: Lake, name: str, entries: dict[str, FileEntry]) -> None:
    """Hold the tables against the manifest: a record is accepted by one good row, and quarantined by none."""
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
    """Return the records of a table by their file and their place in it."""
    return set(zip(rows["source_key"], rows["source_record_number"], strict=True))


def counts_of(records: set[tuple[str, int]]) -> Counter[str]:
    return Counter(key for key, _ in records)


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
