"""What speaks for and against one insights partition. Counts and reasons only: no health value, no user id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from health_etl.core import keys
from health_etl.core.catalogue import Catalogue
from health_etl.core.lake import Lake
from health_etl.core.tables import read_frame
from health_etl.core.verdict import Check, Verdict
from health_etl.insights.partition import InsightOptions, inputs

# ASSUMPTION: share of person-days that may lack coverage before somebody should look at the devices.
MAX_SHARE_WITHOUT_COVERAGE = 0.5

_COLUMNS = ["subject", "local_date", "withdrawn", "coverage_reason"]


@dataclass
class Partition:
    """One insights partition, read when first asked for."""

    lake: Lake
    catalogue: Catalogue
    record_type: str
    partition: str
    options: InsightOptions

    @cached_property
    def days(self) -> pd.DataFrame:
        """Every row that was written; none when the partition was not."""
        if self.partition not in self.catalogue.insights(self.record_type):
            return pd.DataFrame({name: pd.Series(dtype="str") for name in _COLUMNS}).assign(withdrawn=False)
        return read_frame(self.lake, keys.insights_key(self.record_type, self.partition), columns=_COLUMNS)

    @property
    def told(self) -> pd.DataFrame:
        """The person-days that have a text."""
        return self.days[~self.days["withdrawn"].astype(bool)]


def one_row_a_day(partition: Partition) -> Verdict:
    """Count persons' days that have more than one row."""
    twice = int(partition.days.duplicated(["subject", "local_date"]).sum())
    facts = {"person_days": len(partition.told), "rows_too_many": twice}
    if twice:
        text = "A person's day has several rows. Report it as a bug; nothing downstream is written."
        return Verdict(False, text, True, facts)
    return Verdict(True, f"{len(partition.told)} person-days, each once.", facts=facts)


def coverage(partition: Partition) -> Verdict:
    """Count person-days whose recordings do not suffice for some metric."""
    short = partition.told["coverage_reason"].notna()
    share = float(short.mean()) if len(short) else 0.0
    facts = {"person_days": len(short), "without_coverage": int(short.sum())}
    if share > MAX_SHARE_WITHOUT_COVERAGE:
        text = (
            "Most days are recorded too sparsely for some of their metrics, which are null and say so. "
            "Look whether devices were worn and apps may read in the background."
        )
        return Verdict(False, text, facts=facts)
    return Verdict(True, f"{1 - share:.0%} of the person-days are recorded well enough.", facts=facts)


def freshness(partition: Partition) -> Verdict:
    """Say whether the partition is made from what the records say now."""
    written = partition.catalogue.insights(partition.record_type).get(partition.partition)
    wanted = inputs(partition.catalogue, partition.record_type, partition.partition, partition.options)
    if wanted is None or (written is not None and written.inputs_digest == wanted.digest):
        return Verdict(True, "Made from the records as they are now.")
    return Verdict(False, "Records, settings or the code changed since. Materialise the partition.")


CHECKS: tuple[Check[Partition], ...] = (
    Check("one_row_a_day", "Every person's local day has one row.", one_row_a_day, True),
    Check("coverage", f"At most {MAX_SHARE_WITHOUT_COVERAGE:.0%} of the person-days lack coverage.", coverage),
    Check("freshness", "The partition is made from the records as they are now.", freshness),
)
