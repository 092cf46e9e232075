"""Hostile names and times, through the whole pipeline: rows add up, no stage stops, and training data name nobody."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import Lake
from health_etl_tests.fuzz.run_files import describe
from health_etl_tests.fuzz.seeds import Mutant, Outcomes
from health_etl_tests.isolation.bad_days import CANARY_NAME
from health_etl_tests.isolation.items import CANARY
from health_etl_tests.isolation.neighbours import good_people_alone, of_good_people, put_good
from health_etl_tests.support.exports import NOON, contents, memory_lake, put
from health_etl_tests.support.pipeline import all_files, bring_up_to_date

LINE_ENDS = ("\u2028", "\u2029", "\x85", "\r")


def run(tried: Sequence[Mutant[str]]) -> Outcomes:
    """Bring a lake up to date with mutants beside good uploads; return what became of them."""
    lake = memory_lake()
    put_good(lake)
    by_key = {key: mutant for mutant in tried for key in [upload(lake, mutant)]}
    assert len(by_key) == len(tried)
    bring_up_to_date(lake)
    assert of_good_people(lake) == good_people_alone()
    check_training(lake)
    entries = _entries(lake)
    outcomes: Outcomes = Counter()
    for key, mutant in by_key.items():
        entry = entries[key]
        entry.check()
        assert entry.rows_in == 1, mutant.seed
        outcomes[describe(entry), mutant.kind] += 1
    assert bring_up_to_date(lake).nothing
    return outcomes


def check_training(lake: Lake) -> None:
    """Check that no file of training data names anybody, or breaks a reader's lines."""
    for key, content in contents(lake, "training/").items():
        text = content.decode()
        for word in (CANARY, CANARY_NAME, *LINE_ENDS):
            assert word not in text, (key, word)
        if key.endswith(".jsonl"):
            assert all(map(json.loads, text.removesuffix("\n").split("\n"))), key


def upload(lake: Lake, mutant: Mutant[str]) -> str:
    """Upload a mutant in a file of its own; every name of a person has the canary in it."""
    wanted = json.loads(mutant.content)
    exported = NOON + timedelta(seconds=zlib.crc32(mutant.seed.encode()) % 100_000)
    return put(lake, wanted["type"], [wanted["record"]], user_id=f"{CANARY}-{wanted['person']}", exported=exported)


def _entries(lake: Lake) -> dict[str, FileEntry]:
    return {entry.key: entry for entry in all_files(lake)}
