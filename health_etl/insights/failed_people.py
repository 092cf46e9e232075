"""People whose days of a partition could not be made: who, in which stage, and the class of the error.

Recorded in the manifest of the insights partition, or of the journal's month, which is why they are known by their
pseudonym. How they are found is in days/isolation.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from health_etl.check_result import CheckResult
from health_etl.days.pseudonym import subject
from health_etl.lake.manifest import DerivedManifest
from health_etl.wording import counted

FAILED_PEOPLE = "failed_people"  # in the details of a manifest


class Stage(StrEnum):
    """What failed for a person."""

    SELECT = "select"  # finding the local days; what earlier uploads gave stays, since the days are not known
    ANALYSE = "analyse"
    JOIN = "join"  # the day across types
    WRITE = "write"  # the days do not fit the table
    NARRATE = "narrate"
    PUBLISH = "publish"  # the day makes no training line that passes its checks


@dataclass(frozen=True, order=True)
class FailedPerson:
    """A person whose days were left out, and why; the error's text is not kept, as it may hold a health value."""

    subject: str
    stage: str
    error: str


def failed_people(errors: Mapping[str, str], stage: Stage, pseudonym_key: str) -> list[FailedPerson]:
    """Return people by pseudonym, given the class of the error by user id."""
    return [FailedPerson(subject(user_id, pseudonym_key), stage, error) for user_id, error in errors.items()]


def check(failed: Sequence[FailedPerson], nobody: str, somebody: str) -> CheckResult:
    """Return the result of a check that nobody was left out; `somebody` goes on after "3 people"."""
    facts = {"people_left_out": len(failed)}
    if not failed:
        return CheckResult(True, nobody, facts=facts)
    text = f"{counted(len(failed), 'person', 'people')} {somebody} Everybody else is complete. Report it as a bug."
    return CheckResult(False, text, True, facts, [asdict(person) for person in failed])


def failed_in(manifest: DerivedManifest) -> tuple[FailedPerson, ...]:
    """Return the people who failed in a partition, in the order of their pseudonyms."""
    return tuple(FailedPerson(**found) for found in manifest.details.get(FAILED_PEOPLE, ()))
