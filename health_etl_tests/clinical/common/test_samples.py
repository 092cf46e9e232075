"""Sorted samples of many person-days, and their plain statistics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.common.samples import Samples, samples_of_days

DAYS = pd.DataFrame({"user_id": ["u1", "u1"], "local_date": ["2025-09-20", "2025-09-21"]})


def samples(*groups: list[tuple[float, float]]) -> Samples:
    """Samples from one list of (minute, value) a group."""
    flat = [(code, minute, value) for code, group in enumerate(groups) for minute, value in group]
    return Samples(
        group=np.array([code for code, _, _ in flat], dtype=np.int64),
        time_ms=np.array([round(minute * 60_000) for _, minute, _ in flat], dtype=np.int64),
        utc_offset_minutes=np.zeros(len(flat), dtype=np.int64),
        value=np.array([value for _, _, value in flat], dtype=np.float64),
        n_groups=len(groups),
    )


def row(time: str, value: float, app: str = "app.a", modified: str = "2025-09-22", date: str = "2025-09-20"):
    return {
        "user_id": "u1",
        "local_date": date,
        "record_id": f"{app}/{time}/{value}",
        "source_app": app,
        "last_modified_utc": pd.Timestamp(modified, tz="UTC"),
        "utc_offset_minutes": 0,
        "time_utc": pd.Timestamp(f"2025-09-20T{time}", tz="UTC"),
        "x": value,
    }


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows)


def test_the_sd_is_that_of_a_sample_not_of_a_population():
    assert samples([(0, 100), (5, 110), (10, 120)]).sd().tolist() == [10.0]


def test_statistics_of_one_sample_have_a_mean_but_no_sd():
    one = samples([(0, 100)])
    assert one.mean().tolist() == [100.0]
    assert np.isnan(one.sd()).all()


def test_a_group_without_samples_has_no_statistics_and_does_not_shift_the_others():
    gap = samples([(0, 1), (5, 3)], [], [(0, 7)])
    assert gap.count().tolist() == [2, 0, 1]
    np.testing.assert_array_equal(gap.mean(), [2.0, np.nan, 7.0])
    np.testing.assert_array_equal(gap.lowest(), [1.0, np.nan, 7.0])
    np.testing.assert_array_equal(gap.highest(), [3.0, np.nan, 7.0])
    np.testing.assert_array_equal(gap.percent_where(gap.value > 2), [50.0, np.nan, 100.0])
    assert gap.first_clock().isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("minutes", "median"),
    [
        ([0, 5, 10, 25], 5.0),
        ([0, 5, 20], 10.0),
        ([0, 5, 100, 105], 5.0),
        ([0, 100], np.nan),
        ([0], np.nan),
    ],
)
def test_the_median_spacing_leaves_out_gaps_and_halves_between_two_middles(minutes, median):
    spacing = samples([(minute, 1) for minute in minutes]).median_spacing_minutes(45)
    np.testing.assert_array_equal(spacing, [median])


def test_spacing_never_reaches_from_one_group_into_the_next():
    two = samples([(0, 1), (5, 1)], [(6, 1), (16, 1)])
    assert two.median_spacing_minutes(45).tolist() == [5.0, 10.0]


def test_an_instant_that_two_apps_report_counts_once():
    rows = frame(row("08:00:00", 90, "app.b"), row("08:00:20", 91, "app.a"), row("08:05", 95, "app.b"))
    merged = samples_of_days(rows, DAYS, "x", ("app.b",), 30_000)
    assert merged.value.tolist() == [90.0, 95.0]


def test_among_apps_without_priority_the_last_modified_speaks():
    rows = frame(row("08:00", 90, "app.a", modified="2025-09-21"), row("08:00", 91, "app.b", modified="2025-09-22"))
    assert samples_of_days(rows, DAYS, "x", (), 0).value.tolist() == [91.0]


def test_equal_claims_are_settled_whatever_the_row_order():
    rows = frame(row("08:00", 90, "app.b"), row("08:00", 91, "app.a"), row("08:00", 92, "app.a"))
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        assert samples_of_days(rows.iloc[order], DAYS, "x", (), 0).value.tolist() == [91.0]


def test_with_no_tolerance_only_equal_instants_are_one():
    rows = frame(row("08:00:00", 90), row("08:00:01", 91, "app.b"))
    assert samples_of_days(rows, DAYS, "x", (), 0).value.tolist() == [90.0, 91.0]


def test_samples_are_sorted_by_day_and_time_and_rows_of_other_days_left_out():
    rows = frame(
        row("09:00", 3, date="2025-09-21"),
        row("10:00", 2),
        row("08:00", 1),
        row("11:00", 4, date="2025-09-25"),
    )
    sorted_samples = samples_of_days(rows, DAYS, "x", (), 0)
    assert sorted_samples.value.tolist() == [1.0, 2.0, 3.0]
    assert sorted_samples.group.tolist() == [0, 0, 1]
