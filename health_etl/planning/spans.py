"""Days and months as partition keys, and spans of them. Partitions definitions belong in orchestration/."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

from health_etl.errors import SettingsError


def last_upload_date(start_date: date) -> date:
    """Return the last upload date that is a partition: today, in UTC. Raises SettingsError when there is none."""
    today = datetime.now(UTC).date()
    if today < start_date:
        raise SettingsError("HEALTH_ETL_START_DATE is in the future; set it to the first upload date, or unset it.")
    return today


def month_key(month: str) -> str:
    """Return the partition key of a month (YYYY-MM)."""
    return f"{month}-01"


def month_of(partition_key: str) -> str:
    """Return the month (YYYY-MM) of a partition key."""
    return partition_key[:7]


def next_day(partition_key: str) -> str:
    """Return the daily partition after this one."""
    return (date.fromisoformat(partition_key) + timedelta(days=1)).isoformat()


def next_month(partition_key: str) -> str:
    """Return the monthly partition after this one."""
    year, month = int(partition_key[:4]), int(partition_key[5:7])
    return f"{year + month // 12}-{month % 12 + 1:02d}-01"


def ranges(
    partition_keys: Iterable[str], max_length: int, following: Callable[[str], str] = next_day
) -> list[tuple[str, ...]]:
    """Split partition keys into spans of at most `max_length` consecutive keys; `following` returns the next key."""
    found: list[list[str]] = []
    for key in sorted(partition_keys):
        if found and following(found[-1][-1]) == key and len(found[-1]) < max_length:
            found[-1].append(key)
        else:
            found.append([key])
    return [tuple(keys) for keys in found]
