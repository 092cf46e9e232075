"""Partitions: records and insights by upload date (UTC), the journal by the person's local month."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

import dagster as dg

from health_etl.days.select import LOOK_BACK_DAYS
from health_etl.records.validate import EARLIEST


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


def next_day(partition_key: str) -> str:
    """Return the daily partition after this one."""
    return (date.fromisoformat(partition_key) + timedelta(days=1)).isoformat()


def next_month(partition_key: str) -> str:
    """Return the monthly partition after this one."""
    year, month = int(partition_key[:4]), int(partition_key[5:7])
    return f"{year + month // 12}-{month % 12 + 1:02d}-01"


def ranges(
    partition_keys: Iterable[str], longest: int, following: Callable[[str], str] = next_day
) -> list[tuple[str, ...]]:
    """Split partition keys into runs of consecutive ones, none longer than `longest`; `following` says what comes
    after a key.
    """
    found: list[list[str]] = []
    for key in sorted(partition_keys):
        if found and following(found[-1][-1]) == key and len(found[-1]) < longest:
            found[-1].append(key)
        else:
            found.append([key])
    return [tuple(keys) for keys in found]
