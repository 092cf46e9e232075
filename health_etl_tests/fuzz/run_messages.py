"""Hostile messages: each is read, ignored or refused; no good record beside a bad one is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date

from health_etl.planning.upload_messages import MessageFilter, ParsedMessage, Refusal, parse
from health_etl.record_types import record_types
from health_etl_tests.fuzz.hostile_messages import BESIDE_A_GOOD_RECORD
from health_etl_tests.fuzz.seeds import Mutant, Outcomes
from health_etl_tests.isolation.bad_messages import BUCKET, GOOD
from health_etl_tests.isolation.items import Stage

FIRST, LAST = date(2023, 1, 1), date(2026, 12, 31)
FILTERS = (MessageFilter(None, "", FIRST, LAST), MessageFilter(BUCKET, "", FIRST, LAST))


def run(tried: Sequence[Mutant[bytes]]) -> Outcomes:
    """Parse messages; return what became of them."""
    outcomes: Outcomes = Counter()
    for mutant in tried:
        for message_filter in FILTERS:
            found = parse(mutant.content, message_filter)
            check(found, mutant)
        outcomes[(Stage.PARSE_MESSAGES, describe(found)), mutant.kind] += 1
    return outcomes


def check(found: ParsedMessage, mutant: Mutant[bytes]) -> None:
    """Check that what was found may be run, that a good record is among it, and that nothing is lost in silence."""
    for name, day in found.partitions:
        assert name in record_types(), mutant.seed
        assert FIRST <= date.fromisoformat(day) <= LAST, mutant.seed
    if mutant.kind in BESIDE_A_GOOD_RECORD:
        assert found.partitions >= GOOD, mutant.seed
    assert set(found.refusals) <= set(Refusal), mutant.seed
    if not found.partitions and not found.ignored and not found.refusals:
        assert json.loads(mutant.content)["Event"] == "s3:TestEvent", mutant.seed


def describe(found: ParsedMessage) -> str:
    """Say what became of a message."""
    if found.refusals:
        return f"refused{' in part' if found.partitions else ''}: {', '.join(found.refusals)}"
    return "read" if found.partitions else "about nothing of ours"
