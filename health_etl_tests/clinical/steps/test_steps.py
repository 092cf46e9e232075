"""Steps of a local day: merged totals, honest coverage, category only for complete days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.steps.processor import PROCESSOR, analyse
from health_etl_tests.clinical.activity.activity_days import NO_PRIORITY, OURA, SAMSUNG, day, frame, only
from health_etl_tests.clinical.activity.activity_days import real_rows as rows_of_export
from health_etl_tests.clinical.activity.activity_days import row as step_row


@pytest.fixture(scope="module")
def real_rows(shared: Path) -> pd.DataFrame:
    return rows_of_export(shared, "StepsRecord", "count", "steps")


def test_a_real_day_of_two_apps_is_the_later_modified_total_and_never_their_sum(
    real_rows: pd.DataFrame,
) -> None:
    found = only(analyse(real_rows, day(), NO_PRIORITY))

    assert found["steps_total"] == 3933
    assert found["source_totals"] == f"{SAMSUNG}: 3933 steps; {OURA}: 2517 steps"
    assert found["counted_source_apps"] == SAMSUNG


def test_a_real_day_exported_before_its_end_is_partial_and_gets_no_category(real_rows: pd.DataFrame) -> None:
    found = only(analyse(real_rows, day(), NO_PRIORITY))

    assert found["partial_day"] is True
    assert found["data_until_local"] == "17:25"
    assert found["coverage"] == pytest.approx((17 * 3600 + 25 * 60 + 39.312) / 86_400)
    assert found["coverage_reason"] is None
    assert found["activity_category"] is None


def test_the_app_of_highest_priority_counts_and_others_fill_its_gap_pro_rata(real_rows: pd.DataFrame) -> None:
    found = only(analyse(real_rows, day(), ClinicalOptions(app_priority=(OURA,))))

    # Oura starts at 04:00: 2517 + 3933 * 4 h / 23.999... h = 3172.5
    assert found["steps_total"] == 3173
    assert found["counted_source_apps"] == f"{OURA}, {SAMSUNG}"


def test_a_fraction_of_a_step_is_rounded_half_to_even_only_at_the_end() -> None:
    half_on_each_side = {"start_utc": "2025-09-20T04:00Z", "end_utc": "2025-09-20T06:00Z"}
    night = step_row("00:00", "01:00", 1, **half_on_each_side)

    one_half = only(analyse(frame(night), day(), NO_PRIORITY))
    two_halves = only(
        analyse(
            frame(night, step_row("23:00", "2025-09-21T06:00Z", 1, record_id="late")),
            day(),
            NO_PRIORITY,
        )
    )

    assert one_half["steps_total"] == 0
    assert two_halves["steps_total"] == 1


@pytest.mark.parametrize(
    ("steps", "category"),
    [
        (0, "sedentary"),
        (4999, "sedentary"),
        (5000, "low active"),
        (7499, "low active"),
        (7500, "somewhat active"),
        (9999, "somewhat active"),
        (10_000, "active"),
        (12_499, "active"),
        (12_500, "highly active"),
        (60_000, "highly active"),
    ],
)
def test_a_complete_day_falls_into_its_category(steps: int, category: str) -> None:
    rows = frame(step_row("00:00", "2025-09-21T05:00Z", steps))

    assert only(analyse(rows, day(), NO_PRIORITY))["activity_category"] == category


def test_overlapping_records_of_one_app_are_not_counted_twice() -> None:
    rows = frame(
        step_row("08:00", "10:00", 1000, last_modified_utc="10:01"),
        step_row("09:00", "11:00", 800, last_modified_utc="11:01"),
    )

    found = only(analyse(rows, day(), NO_PRIORITY))

    assert found["steps_total"] == 500 + 800
    assert found["source_totals"] == f"{SAMSUNG}: 1300 steps"


def test_too_little_coverage_leaves_the_total_but_no_category_and_says_why() -> None:
    found = only(analyse(frame(step_row("06:00", "12:00", 9000)), day(), NO_PRIORITY))

    assert found["steps_total"] == 9000
    assert found["coverage"] == 0.25
    assert found["coverage_reason"] == "25 % of the day recorded, 70 % needed"
    assert found["activity_category"] is None
    assert found["partial_day"] is False
    assert found["data_until_local"] is None


def test_overlapping_records_cover_their_time_once() -> None:
    rows = frame(step_row("00:00", "12:00", 10), step_row("06:00", "18:00", 10, OURA))

    assert only(analyse(rows, day(), NO_PRIORITY))["coverage"] == 0.75


def test_time_after_the_export_is_not_recorded() -> None:
    rows = frame(step_row("00:00", "2025-09-21T05:00Z", 100, fetched_utc="06:00"))

    found = only(analyse(rows, day(), NO_PRIORITY))

    assert found["coverage"] == 0.25
    assert found["data_until_local"] == "06:00"


def test_a_day_is_partial_only_by_records_that_count_in_its_total() -> None:
    stale = step_row("00:00", "2025-09-21T05:00Z", 100, OURA, fetched_utc="06:00", last_modified_utc="05:00")
    complete = step_row("00:00", "2025-09-21T05:00Z", 8000)

    found = only(analyse(frame(stale, complete), day(), NO_PRIORITY))

    assert found["partial_day"] is False
    assert found["activity_category"] == "somewhat active"


def test_a_day_is_partial_where_its_last_export_came_before_its_end_though_every_record_had_ended() -> None:
    morning = step_row("00:00", "11:30", 6000, fetched_utc="12:00")
    evening = step_row("11:30", "20:00", 4000, fetched_utc="20:01")

    found = only(analyse(frame(morning, evening), day(), NO_PRIORITY))

    assert found["steps_total"] == 10_000
    assert found["coverage"] == pytest.approx(20 / 24)
    assert found["partial_day"] is True
    assert found["data_until_local"] == "20:01"
    assert found["activity_category"] is None


def test_a_day_is_partial_where_a_counted_record_was_still_growing_though_others_came_later() -> None:
    growing = step_row("00:00", "2025-09-21T05:00Z", 100, OURA, fetched_utc="06:00")
    evening = step_row("20:00", "21:00", 900)

    found = only(analyse(frame(growing, evening), day(), ClinicalOptions((OURA,))))

    assert found["partial_day"] is True
    assert found["data_until_local"] == "06:00"


def test_a_record_that_grows_on_after_midnight_leaves_the_day_before_whole() -> None:
    shift = step_row("00:00", "2025-09-21T09:00Z", 9000, fetched_utc="2025-09-21T06:00Z", last_modified_utc="23:00")

    found = only(analyse(frame(shift), day(), NO_PRIORITY))

    assert found["partial_day"] is False


def test_an_app_that_fills_only_the_last_millisecond_is_not_named_as_counted() -> None:
    rows = frame(
        step_row("00:00", "23:59:59.999", 8000, last_modified_utc="23:00"),
        step_row("00:00", "2025-09-21T05:00Z", 7000, OURA),
    )

    found = only(analyse(rows, day(), NO_PRIORITY))

    assert found["counted_source_apps"] == SAMSUNG
    assert found["source_totals"] == f"{SAMSUNG}: 8000 steps; {OURA}: 7000 steps"


def test_a_record_exported_before_the_day_began_says_nothing_about_it() -> None:
    rows = frame(
        step_row("2025-09-20T03:00Z", "2025-09-20T07:00Z", 400, fetched_utc="2025-09-20T04:00Z"),
    )

    found = only(analyse(rows, day(), NO_PRIORITY))
    assert found["steps_total"] is None
    assert found["coverage"] == 0
    assert found["source_totals"] is None
    assert found["partial_day"] is None


def test_a_record_over_midnight_gives_each_day_its_share() -> None:
    span = {"record_id": "span", "start_utc": "2025-09-21T04:00Z", "end_utc": "2025-09-21T06:00Z"}
    rows = frame(
        step_row("00:00", "00:00", 200, **span, fetched_utc="2025-09-22T06:00Z"),
        step_row("00:00", "00:00", 200, **span, local_date="2025-09-21", fetched_utc="2025-09-22T06:00Z"),
    )
    days = pd.concat([day(), day("ada", "2025-09-21", "2025-09-21T05:00Z", "2025-09-22T05:00Z")], ignore_index=True)

    assert analyse(rows, days, NO_PRIORITY)["steps_total"].tolist() == [100, 100]


def test_a_day_of_23_hours_is_wholly_covered_by_23_hours() -> None:
    start, end = "2025-03-09T06:00Z", "2025-03-10T05:00Z"  # clocks go forward
    rows = frame(
        step_row(start, end, 8000, local_date="2025-03-09", fetched_utc="2025-03-10T12:00Z"),
    )

    found = only(analyse(rows, day("ada", "2025-03-09", start, end), NO_PRIORITY))

    assert found["coverage"] == 1
    assert found["activity_category"] == "somewhat active"


def test_persons_and_days_come_back_in_the_order_asked_and_row_order_never_matters() -> None:
    days = pd.concat([day("bob"), day("ada"), day("eve")], ignore_index=True)
    rows = frame(
        step_row("00:00", "20:00", 5000),
        step_row("00:00", "20:00", 700, OURA),
        step_row("00:00", "10:00", 33, OURA, user_id="bob"),
        step_row("01:00", "10:00", 33, SAMSUNG, user_id="bob"),
        step_row("00:00", "10:00", 9, user_id="nobody asked"),
    )

    found = analyse(rows, days, NO_PRIORITY)
    again = analyse(rows.iloc[[4, 2, 0, 3, 1]], days, NO_PRIORITY)

    hours = [np.array(insights.pop("steps_by_hour").tolist()) for insights in (found, again)]
    np.testing.assert_array_equal(*hours)
    pd.testing.assert_frame_equal(found, again, check_exact=True)
    assert found["user_id"].tolist() == ["bob", "ada", "eve"]
    assert found["steps_total"].isna().tolist() == [False, False, True]
    assert found["coverage"].tolist() == [10 / 24, 20 / 24, 0]


def test_nothing_in_gives_no_rows_of_the_promised_columns() -> None:
    found = analyse(frame(), day()[:0], NO_PRIORITY)

    assert found.empty
    expected = ["user_id", "local_date", *(m.name for m in PROCESSOR.metrics), "coverage", "coverage_reason"]
    assert sorted(found.columns) == sorted(expected)


def test_the_category_of_adults_is_not_given_to_a_child_and_is_the_default_without_an_age() -> None:
    rows = frame(step_row("00:00", "24:00", 8000))

    assert only(analyse(rows, day(age_years=17), NO_PRIORITY))["activity_category"] is None
    assert only(analyse(rows, day(age_years=18), NO_PRIORITY))["activity_category"] == "somewhat active"
    assert only(analyse(rows, day(), NO_PRIORITY))["activity_category"] == "somewhat active"


def test_only_complete_days_are_kept_for_the_look_back() -> None:
    half = step_row("00:00", "12:00", 8000)
    running = step_row("00:00", "24:00", 8000, fetched_utc="22:00")
    whole = step_row("00:00", "24:00", 8000)

    kept = [only(analyse(frame(record), day(), NO_PRIORITY))["complete_day_steps"] for record in (half, running, whole)]

    assert kept == [None, None, 8000]


def test_an_app_of_movement_only_completes_its_day_by_its_pauses() -> None:
    walks = [step_row(f"{hour:02d}:00", f"{hour:02d}:10", 1000) for hour in (7, 10, 14, 17)]

    found = only(analyse(frame(*walks), day(), NO_PRIORITY))

    assert found["movement_only_apps"] == SAMSUNG
    assert found["coverage_rule"] == "records of movement with the pauses between them"
    assert found["coverage"] == pytest.approx((10 * 60 + 10) / 1440)
    assert found["coverage_reason"] is None
    assert found["activity_category"] == "sedentary"


@pytest.mark.parametrize(
    ("last_end", "reason"),
    [("17:00", None), ("16:59", "not quite 42 % of the day followed by records of movement, 42 % needed")],
)
def test_ten_hours_from_first_to_last_movement_are_needed(last_end: str, reason: str | None) -> None:
    walks = [step_row(f"{hour:02d}:00", f"{hour:02d}:10", 500) for hour in (7, 10, 13)]

    found = only(analyse(frame(*walks, step_row("16:30", last_end, 500)), day(), NO_PRIORITY))

    assert found["coverage_reason"] == reason
    assert (found["activity_category"] is None) == (reason is not None)


def test_a_pause_of_more_than_four_hours_is_not_taken_for_stillness() -> None:
    four = frame(step_row("07:00", "07:10", 500), step_row("11:10", "11:20", 500))
    more = frame(step_row("07:00", "07:10", 500), step_row("11:11", "11:21", 500))

    assert only(analyse(four, day(), NO_PRIORITY))["coverage"] == pytest.approx(260 / 1440)
    assert only(analyse(more, day(), NO_PRIORITY))["coverage"] == pytest.approx(20 / 1440)


def test_the_gaps_of_an_app_that_also_writes_zeros_are_missing_data() -> None:
    walks = [step_row(f"{hour:02d}:00", f"{hour:02d}:10", 1000) for hour in (7, 10, 14, 17)]

    found = only(analyse(frame(*walks, step_row("20:00", "20:10", 0)), day(), NO_PRIORITY))

    assert found["movement_only_apps"] is None
    assert found["coverage_rule"] == "the records"
    assert found["coverage_reason"] == "3 % of the day recorded, 70 % needed"
    assert found["activity_category"] is None


def test_a_day_of_movement_exported_before_its_end_is_partial() -> None:
    walks = [step_row(f"{hour:02d}:00", f"{hour:02d}:10", 1000, fetched_utc="21:00") for hour in (7, 10, 14, 17, 20)]

    found = only(analyse(frame(*walks), day(), NO_PRIORITY))

    assert found["partial_day"] is True
    assert found["coverage_reason"] is None
    assert found["activity_category"] is None


def test_with_half_of_its_records_removed_a_day_says_so_and_judges_nothing() -> None:
    records = [
        step_row(f"{at // 4:02d}:{at % 4 * 15:02d}", f"{at // 4:02d}:{at % 4 * 15 + 14:02d}:59", 70 * (at > 30))
        for at in range(96)
    ]

    whole = only(analyse(frame(*records), day(), NO_PRIORITY))
    half = only(analyse(frame(*records[::2]), day(), NO_PRIORITY))

    assert whole["coverage_reason"] is None
    assert whole["activity_category"] == "sedentary"
    assert half["coverage_reason"] == "50 % of the day recorded, 70 % needed"
    assert half["activity_category"] is None
    assert half["complete_day_steps"] is None
