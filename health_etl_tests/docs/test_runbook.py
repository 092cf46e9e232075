"""The runbook says what to do for every reason and every check, and for no other."""

from __future__ import annotations

import re
from pathlib import Path

from health_etl.insights import checks as insights_checks
from health_etl.orchestration.standing_checks import NO_FAILED_PARTITIONS
from health_etl.reasons import OVERRIDABLE, FileReason
from health_etl.record_types import record_types
from health_etl.records import checks as records_checks
from health_etl.records.validate import RowReason
from health_etl.training import checks as training_checks

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"


def codes(heading: str) -> set[str]:
    """Return the codes in the first column of the table under a heading."""
    text = RUNBOOK.read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))


def test_it_says_what_to_do_for_every_reason_to_refuse_a_file() -> None:
    assert codes("A file was refused") == set(FileReason)


def test_it_promises_an_override_only_for_files_that_can_have_one() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z_]+)` \|.*\| yes \|$", text, re.MULTILINE)) == OVERRIDABLE


def test_it_says_what_to_do_for_every_reason_to_reject_a_row() -> None:
    own = {check.reason for record_type in record_types().values() for check in record_type.row_checks}
    assert codes("Rows were rejected") == own | set(RowReason)


def test_it_says_what_to_do_for_every_check() -> None:
    checks = (*records_checks.CHECKS, *insights_checks.CHECKS, *training_checks.CHECKS)
    assert codes("A check failed") == {check.name for check in checks} | {NO_FAILED_PARTITIONS}
