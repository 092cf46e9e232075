"""Partitions: records and insights by upload date (UTC), the journal by the person's local month."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

from health_etl.days.select import UPLOAD_WINDOW_DAYS
from health_etl.records.local_time import MAX_OFFSET_MINUTES
from health_etl.records.validate import EARLIEST


def upload_dates(start_date: date) -> dg.DailyPartitionsDefinition:
    """Return the upload dates, including today."""
    return dg.DailyPartitionsDefinition(start_date=start_date.isoformat(), end_offset=1)


def local_months() -> dg.MonthlyPartitionsDefinition:
    """Return every local month in which a valid record may lie, wherever the person is.

    The first is that of the earliest moment west of UTC. The last is the next month: a record may lie two days after
    its upload, and its local night two more.
    """
    first = (EARLIEST - timedelta(minutes=MAX_OFFSET_MINUTES)).date().replace(day=1)
    return dg.MonthlyPartitionsDefinition(start_date=first.isoformat(), end_offset=2)


def look_back() -> dg.TimeWindowPartitionMapping:
    """Return the mapping from an insights partition to the records that it looks back on."""
    return dg.TimeWindowPartitionMapping(start_offset=-UPLOAD_WINDOW_DAYS, allow_nonexistent_upstream_partitions=True)


def month_of_uploads() -> dg.TimeWindowPartitionMapping:
    """Return the mapping from a month to its uploads: its own, and the next month's, which still bring days of it."""
    return dg.TimeWindowPartitionMapping(end_offset=1, allow_nonexistent_upstream_partitions=True)
