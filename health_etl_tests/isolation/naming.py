"""What the command says of bad items: each is named once, by its masked name, with its reason; nobody is named."""

from __future__ import annotations

import re
from collections.abc import Iterable

from health_etl_tests.isolation.items import CANARY, BadItem, Kept

# Nothing of the key but a known type and a date, both as we would write them ourselves.
MASKED = re.compile(r"raw/(?:[A-Z][A-Za-z]+Record/\d{4}/\d{2}/\d{2}/|… )(upload-[0-9a-f]{12})", re.ASCII)
MARKS = {Kept.UNCLAIMED: "Unclaimed ", Kept.FILE: "Quarantined "}


def check_listed_once(item: BadItem, listed: str) -> None:
    """Check that one line of `quarantine list` is about the item, and says how much of it is kept out, and why."""
    lines = [line for line in listed.splitlines() if item.fingerprint in line]
    assert CANARY not in listed
    assert len(lines) == (item.kept is not Kept.NOTHING), listed
    for line in lines:
        assert MASKED.findall(line) == [item.fingerprint]
        assert f" {item.kept} " in line, line
        assert item.reason in line, line


def check_named_by_run(items: Iterable[BadItem], output: str) -> None:
    """Check that `run` says in one line of each item, which is kept out whole, that it is, and why."""
    assert CANARY not in output
    lines = [line for line in output.splitlines() if line.startswith(tuple(MARKS.values()))]
    named = {item: [line for line in lines if item.fingerprint in line] for item in items}
    for item, of_it in named.items():
        assert len(of_it) == (item.kept is not Kept.NOTHING), item
        for line in of_it:
            assert MASKED.findall(line) == [item.fingerprint]
            assert line.startswith(MARKS[item.kept])
            assert item.reason in line, line
    assert len(lines) == sum(map(len, named.values()))
