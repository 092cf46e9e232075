"""Partitions: upload dates and local months, how they depend on each other, and runs of consecutive dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import pandas as pd
import pytest

from health_etl.days.select import UPLOAD_WINDOW_DAYS
from health_etl.orchestration.partitions import local_months, look_back, month_of_uploads, upload_dates
from health_etl.planning.spans import month_key, month_of, ranges
from health_etl.record_types.base import DayAnchor
from health_etl.records.local_time import MAX_OFFSET_MINUTES, assign_days
from health_etl.records.validate import EARLIEST, UPLOAD_GRACE

# Mappings that reach outside the partitions are a feature that Dagster still calls beta.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

NOW = datetime(2025, 9, 21, 12, tzinfo=UTC)


def upstream(mapping: dg.PartitionMapping, downstream: dg.PartitionsDefinition[str], key: str) -> list[str]:
    """Keys of the upload dates that one downstream partition depends on."""
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        downstream.subset_with_partition_keys([key]), downstream, upload_dates(date(2023, 1, 1)), current_time=NOW
    )
    return sorted(found.partitions_subset.get_partition_keys())


def test_upload_dates_run_from_the_start_date_to_today() -> None:
    keys = upload_dates(date(2025, 9, 19)).get_partition_keys(current_time=NOW)
    assert keys == ["2025-09-19", "2025-09-20", "2025-09-21"]


def test_local_months_run_from_that_of_the_earliest_moment_west_of_utc_to_the_next_month() -> None:
    keys = local_months().get_partition_keys(current_time=datetime(2025, 9, 30, 23, tzinfo=UTC))
    assert (keys[0], keys[-1]) == ("1999-12-01", "2025-10-01")


@pytest.mark.parametrize("today", [date(2025, 1, 31), date(2025, 2, 28), date(2024, 2, 29), date(2025, 12, 31)])
@pytest.mark.parametrize("minutes", [-MAX_OFFSET_MINUTES, MAX_OFFSET_MINUTES])
@pytest.mark.parametrize("anchor", [DayAnchor.INSTANT, DayAnchor.NIGHT])
def test_every_moment_that_a_record_may_have_lies_in_a_month_wherever_the_person_is(
    today: date, minutes: int, anchor: DayAnchor
) -> None:
    midnight = datetime.combine(today, time(), UTC)
    keys = local_months().get_partition_keys(current_time=midnight)
    moments = pd.DataFrame({"time_utc": pd.to_datetime([EARLIEST, midnight + UPLOAD_GRACE])})
    placed = assign_days(moments.assign(utc_offset_minutes=minutes), anchor)
    assert {month_key(day[:7]) for day in placed["local_date"]} <= {*keys}


def test_insights_look_back_as_far_as_select_does() -> None:
    days = upload_dates(date(2023, 1, 1))
    keys = upstream(look_back(), days, "2025-09-21")
    assert keys == [(date(2025, 9, 14) + timedelta(days=n)).isoformat() for n in range(UPLOAD_WINDOW_DAYS + 1)]


def test_insights_of_the_first_dates_look_back_on_what_there_is() -> None:
    assert upstream(look_back(), upload_dates(date(2023, 1, 1)), "2023-01-02") == ["2023-01-01", "2023-01-02"]


def test_a_month_depends_on_uploads_of_its_own_and_the_next_month() -> None:
    keys = upstream(month_of_uploads(), local_months(), "2025-02-01")
    assert (keys[0], keys[-1], len(keys)) == ("2025-02-01", "2025-03-31", 28 + 31)


def test_a_month_and_its_partition_key_convert_both_ways() -> None:
    assert month_key("2025-09") == "2025-09-01"
    assert month_of("2025-09-01") == "2025-09"
    assert month_key("2025-09") in local_months().get_partition_keys(current_time=NOW)


def test_dates_are_joined_into_runs_without_gaps() -> None:
    dates = ["2025-09-03", "2025-09-01", "2025-08-31", "2025-09-05", "2025-09-04"]
    assert ranges(dates, 31) == [("2025-08-31", "2025-09-01"), ("2025-09-03", "2025-09-04", "2025-09-05")]


def test_no_run_is_longer_than_allowed() -> None:
    dates = [(date(2025, 1, 1) + timedelta(days=n)).isoformat() for n in range(70)]
    found = ranges(dates, 31)
    assert [len(keys) for keys in found] == [31, 31, 8]
    assert [key for keys in found for key in keys] == dates


def test_no_dates_make_no_run() -> None:
    assert ranges([], 31) == []
