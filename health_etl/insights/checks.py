"""Asset checks of one insights partition, independent of Dagster.

Results hold counts and reasons only, never a health value or a user id.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from health_etl.check_result import Check, CheckResult
from health_etl.insights import daily_journal, failed_people
from health_etl.insights.look_back import DaysIndex
from health_etl.insights.partition import InsightOptions, inputs, is_current
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame

# ASSUMPTION: the share of person-days that may lack coverage before someone should look at the devices.
MAX_SHARE_WITHOUT_COVERAGE = 0.5

PEOPLE = "Everybody's days could be made."

_COLUMNS = ["subject", "local_date", "withdrawn", "coverage_reason"]


class CheckContext:
    """What the checks compare all partitions of one kind of insights with, read once per run."""

    def __init__(self, catalogue: Catalogue, name: str) -> None:
        self._catalogue = catalogue
        self._name = name

    @cached_property
    def index(self) -> DaysIndex:
        """The index of which partitions measured which days."""
        self._catalogue.insights(self._name).read_all()
        return DaysIndex(self._catalogue.insights(self._name))

    @cached_property
    def _types(self) -> dict[str, DaysIndex]:
        return daily_journal.indices(self._catalogue)

    def days_digest(self, partition: Partition) -> str | None:
        """Return the digest of what the partition's days should be measured from; None when it is not needed."""
        if self._name == DAILY_JOURNAL:
            return daily_journal.days_digest(self._catalogue, self._types, partition.partition, partition.options)
        wanted = inputs(self._catalogue, self._name, partition.partition, partition.options)
        return None if wanted is None else wanted.digest


@dataclass
class Partition:
    """One insights partition, read when first needed; `name` is a record type or the day across types."""

    lake: Lake
    catalogue: Catalogue
    name: str
    partition: str
    options: InsightOptions
    context: CheckContext

    @cached_property
    def days(self) -> pd.DataFrame:
        """Every row that was written; empty when the partition was not."""
        written = self.catalogue.insights(self.name).get(self.partition)
        if written is None:
            return pd.DataFrame({name: pd.Series(dtype="str") for name in _COLUMNS}).assign(withdrawn=False)
        return read_frame(self.lake, written.table_key, columns=_COLUMNS)

    @property
    def narrated(self) -> pd.DataFrame:
        """The person-days that have a text."""
        return self.days[~self.days["withdrawn"].astype(bool)]


def one_row_a_day(partition: Partition) -> CheckResult:
    """Count the person-days that have more than one row."""
    twice = int(partition.days.duplicated(["subject", "local_date"]).sum())
    facts = {"person_days": len(partition.narrated), "rows_too_many": twice}
    if twice:
        text = "A person's day has several rows. Report it as a bug; nothing downstream is written."
        return CheckResult(False, text, True, facts)
    return CheckResult(True, f"{len(partition.narrated)} person-days, each once.", facts=facts)


def coverage(partition: Partition) -> CheckResult:
    """Count the person-days whose recordings are insufficient for some metric."""
    short = partition.narrated["coverage_reason"].notna()
    share = float(short.mean()) if len(short) else 0.0
    facts = {"person_days": len(short), "without_coverage": int(short.sum())}
    if share > MAX_SHARE_WITHOUT_COVERAGE:
        text = (
            "Most days are recorded too sparsely for some of their metrics, which are null and say so. "
            "Check whether devices are worn and apps are allowed to read in the background."
        )
        return CheckResult(False, text, facts=facts)
    return CheckResult(True, f"{1 - share:.0%} of the person-days are recorded well enough.", facts=facts)


def freshness(partition: Partition) -> CheckResult:
    """Check whether the partition reflects the current records, profiles, settings and earlier days."""
    written = partition.catalogue.insights(partition.name).get(partition.partition)
    wanted = partition.context.days_digest(partition)
    if wanted is None or is_current(written, wanted, partition.context.index):
        return CheckResult(True, "Made from the records and earlier days as they are now.")
    return CheckResult(
        False,
        "Records, profiles, settings, code or earlier days have changed since. Materialise the partition.",
    )


def people(partition: Partition) -> CheckResult:
    """List the people whose days of this partition could not be made."""
    written = partition.catalogue.insights(partition.name).get(partition.partition)
    failed = failed_people.failed_in(written) if written is not None else ()
    left_out = "left out: their days are withdrawn until their records or the code change."
    return failed_people.check(failed, PEOPLE, left_out)


CHECKS: tuple[Check[Partition], ...] = (
    Check("one_row_a_day", "Every person's local day has one row.", one_row_a_day, True),
    Check("coverage", f"At most {MAX_SHARE_WITHOUT_COVERAGE:.0%} of the person-days lack coverage.", coverage),
    Check("people", PEOPLE, people),
    Check("freshness", "The partition is made from the current state of everything it depends on.", freshness),
)
