"""Partitions: records and insights by upload date (UTC), the journal by the person's local month."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg

from health_etl.core.select import LOOK_BACK_DAYS
from health_etl.core.validate import EARLIEST


def upload_dates(start_date: date) -> dg.DailyPartitionsDefinition:
    """Return the upload dates, today included."""
    return dg.DailyPartitionsDefinition(start_date=start_date.isoformat(), end_offset=1)


def local_months() -> dg.MonthlyPartitionsDefinition:
    """Return the local months: any that a valid record may lie in, one ahead for people east of UTC."""
    return dg.MonthlyPartitionsDefinition(start_date=EARLIEST.date().isoformat(), end_offset=2)


def look_back() -> dg.TimeWindowPartitionMapping:
    """Return how an insights partition looks back on records."""
    return dg.TimeWindowPartitionMapping(start_offset=-LOOK_BACK_DAYS, allow_nonexistent_upstream_partitions=True)


def month_of_uploads() -> dg.TimeWindowPartitionMapping:
    """Return how a month looks on uploads: its own and the next month's, which still bring days of it."""
    return dg.TimeWindowPartitionMapping(end_offset=1, allow_nonexistent_upstream_partitions=True)


def month_key(month: str) -> str:
    """Return the partition key of a month YYYY-MM."""
    return f"{month}-01"


def month_of(partition_key: str) -> str:
    """Return the month YYYY-MM of a partition key."""
    return partition_key[:7]


def ranges(partition_keys: Iterable[str], longest: int) -> list[tuple[str, ...]]:
    """Split daily partition keys into runs of consecutive dates, none longer than `longest`."""
    found: list[list[str]] = []
    for key in sorted(partition_keys):
        follows = found and date.fromisoformat(found[-1][-1]) + timedelta(days=1) == date.fromisoformat(key)
        if follows and len(found[-1]) < longest:
            found[-1].append(key)
        else:
            found.append([key])
    return [tuple(keys) for keys in found]
