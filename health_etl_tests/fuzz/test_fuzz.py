"""Whatever bytes arrive: nothing crashes, hangs or exhausts memory, every row is accounted for, others are unharmed."""

from __future__ import annotations

import faulthandler
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from health_etl.avro import decode
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl_tests.fuzz import seeds
from health_etl_tests.fuzz.families import FAMILIES
from health_etl_tests.fuzz.hostile import long_list
from health_etl_tests.fuzz.independent_count import count_records
from health_etl_tests.fuzz.mutants import mutants, originals
from health_etl_tests.fuzz.run_files import PAYLOAD
from health_etl_tests.fuzz.seeds import Mutant, Outcomes, run_or_blame
from health_etl_tests.support.exports import memory_lake, put_content
from health_etl_tests.support.pipeline import files_of, update_records
from health_etl_tests.support.waiting import PATIENCE_SECONDS

MAX_SECONDS = 1.0  # of processor time, for one file
SECONDS_PER_RECORD = 1e-4  # on top of it; a file may hold 100,000 of them
MAX_BYTES = 200 * 1024 * 1024  # above the start
MAX_ADDRESS_SPACE_BYTES = 4 * 1024 * 1024 * 1024  # above the start: allocation then fails before the machine does
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
    name: str, mutants_wanted: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_type = record_types()[name]
    tried = mutants(name, round(mutants_wanted * FAMILIES[f"files/{name}"].share))
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
        assert seconds < MAX_SECONDS + SECONDS_PER_RECORD * declared(mutant.content), f"{mutant.kind}: {last}"
        assert grown < MAX_BYTES, f"{mutant.kind}: {last}"
        assert not any(word in refusal for word in PAYLOAD), f"{mutant.kind}: {last}"
        most_seconds, most_bytes = max(most_seconds, seconds), max(most_bytes, grown)
    record_property("cost", (name, most_seconds, most_bytes))


def declared(content: bytes) -> int:
    """Return how many records a file declares that adds up; 0 for any other, which must be refused at once."""
    try:
        return count_records(content)
    except ValueError:
        return 0


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
    (entry,) = files_of(lake, name)
    assert (entry.reason, entry.rejected_measurements) == (FileReason.NO_GOOD_ROWS, 85_000)
    assert time.thread_time() - started < 6 * MAX_SECONDS  # it takes 3 on a machine that does nothing else
    assert high_water_bytes() - before < MAX_BYTES


@pytest.mark.parametrize("name", FAMILIES)
def test_no_mutant_stops_a_stage_or_loses_a_row_or_harms_another(
    name: str, mutants_wanted: int, record_property: Callable[[str, object], None]
) -> None:
    family = FAMILIES[name]
    tried = seeds.mutants(name, family.kinds, round(mutants_wanted * family.share))
    outcomes: Outcomes = Counter()
    for start in range(0, len(tried), family.batch):
        restart_hang_timer()
        outcomes += run_or_blame(tried[start : start + family.batch], family.run)
    for ((stage, outcome), kind), count in outcomes.items():
        record_property("outcome", (name, str(stage), outcome, kind, count))


def test_a_mutant_can_be_made_again_from_its_seed() -> None:
    for name, family in FAMILIES.items():
        last = seeds.mutants(name, family.kinds, 40)[-1]
        assert seeds.remake(last.seed, name, family.kinds) == last


def test_a_failure_names_the_mutant_that_causes_it() -> None:
    def run(tried: Sequence[Mutant[bytes]]) -> Outcomes:
        assert not any(mutant.content.startswith(b"7") for mutant in tried)
        return Counter()

    tried = seeds.mutants("digits", {"digit": lambda rng: b"%d" % rng.randrange(10)}, 10)
    with pytest.raises(AssertionError) as caught:
        run_or_blame(tried, run)
    (seed,) = [mutant.seed for mutant in tried if mutant.content == b"7"]
    assert caught.value.__notes__[0].endswith(f"health_etl_tests.fuzz.replay {seed!r}")
