"""Steps of a local day: merged totals, honest coverage, category only for complete days."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pytest

from health_etl.clinical.base import ClinicalOptions, Facts
from health_etl.clinical.steps import PROCESSOR, analyse, narrate

SAMSUNG, OURA = "com.sec.android.app.shealth", "com.ouraring.oura"
DAY = "2025-09-20"
NO_PRIORITY = ClinicalOptions()


def instant(text: str) -> pd.Timestamp:
    """Read a local time of the day ("HH:MM[:SS]", at -05:00) or a whole UTC time."""
    return pd.Timestamp(text if "Z" in text else f"{DAY}T{text}-05:00").tz_convert("UTC").as_unit("ms")


def step_row(start: str, end: str, steps: int, app: str = SAMSUNG, **other: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "user_id": "ada",
        "local_date": DAY,
        "record_id": f"{app}-{start}",
        "source_app": app,
        "start_utc": start,
        "end_utc": end,
        "last_modified_utc": "12:00",
        "fetched_utc": "2025-09-21T06:00Z",
        "utc_offset_minutes": -300,
        "end_utc_offset_minutes": -300,
        "steps": steps,
    } | other
    return {name: instant(value) if name.endswith("_utc") else value for name, value in row.items()}


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    empty = pd.DataFrame([step_row("00:00", "00:01", 0)])[:0]
    return pd.DataFrame(list(rows)).astype(empty.dtypes.to_dict()) if rows else empty


def day(
    user_id: str = "ada",
    local_date: str = DAY,
    start: str = "2025-09-20T05:00Z",
    end: str = "2025-09-21T05:00Z",
) -> pd.DataFrame:
    row = {"user_id": user_id, "local_date": local_date, "utc_offset_minutes": -300}
    return pd.DataFrame([row | {"day_start_utc": instant(start), "day_end_utc": instant(end)}])


def only(insights: pd.DataFrame) -> dict[str, Any]:
    assert len(insights) == 1
    row = insights.astype(object).iloc[0]
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


def facts_of(insights: pd.DataFrame, **generic: str) -> Facts:
    row = only(insights)
    values = {metric.name: row[metric.name] for metric in PROCESSOR.metrics if row[metric.name] is not None}
    numbers = {metric.name: metric.decimals for metric in PROCESSOR.metrics}
    written = {
        name: value if isinstance(value, str) else f"{value:.{numbers[name]}f}" for name, value in values.items()
    }
    written |= {"local_date": row["local_date"], "coverage_percent": f"{row['coverage'] * 100:.0f}"}
    written |= {"coverage_reason": row["coverage_reason"]} if row["coverage_reason"] else {}
    return Facts(values, written | {"zone_source": "record"} | generic)


def assert_grounded(text: str, facts: Facts) -> None:
    known = " ".join([*facts.written.values(), *PROCESSOR.guidelines])
    figures = r"\d+(?:[.:-]\d+)*"
    assert set(re.findall(figures, text)) <= set(re.findall(figures, known)), text


@pytest.fixture(scope="module")
def real_rows(shared: Path) -> pd.DataFrame:
    with (shared / "samples" / "StepsRecord_1758407139312.avro").open("rb") as file:
        records: list[dict[str, Any]] = list(fastavro.reader(file))  # type: ignore[arg-type]

    def at(epoch_ms: int) -> str:
        return pd.Timestamp(epoch_ms, unit="ms", tz="UTC").isoformat().replace("+00:00", "Z")

    return frame(
        *(
            step_row(
                at(record["startTimeEpochMillis"]),
                at(record["endTimeEpochMillis"]),
                record["count"],
                record["metadata"]["dataOriginPackageName"],
                record_id=record["metadata"]["id"],
                last_modified_utc=at(record["metadata"]["lastModifiedTimeEpochMillis"]),
                fetched_utc=at(record["appRecordFetchTimeEpochMillis"]),
            )
            for record in records
        )
    )


def test_a_real_day_of_two_apps_is_the_later_modified_total_and_never_their_sum(
    real_rows: pd.DataFrame,
) -> None:
    found = only(analyse(real_rows, day(), NO_PRIORITY))

    assert found["steps_total"] == 3933
    assert found["source_totals"] == f"{SAMSUNG} 3933 steps; {OURA} 2517 steps"
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
    assert found["source_totals"] == f"{SAMSUNG} 1300 steps"


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
    assert found["source_totals"] == f"{SAMSUNG} 8000 steps; {OURA} 7000 steps"


def test_a_record_exported_before_the_day_began_says_nothing_about_it() -> None:
    rows = frame(
        step_row("2025-09-20T03:00Z", "2025-09-20T07:00Z", 400, fetched_utc="2025-09-20T04:00Z"),
    )

    insights = analyse(rows, day(), NO_PRIORITY)

    found = only(insights)
    assert found["steps_total"] is None
    assert found["coverage"] == 0
    assert found["source_totals"] is None
    assert found["partial_day"] is None
    assert narrate(facts_of(insights)) == f"No steps of {DAY} were recorded before the export."


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

    pd.testing.assert_frame_equal(found, again, check_exact=True)
    assert found["user_id"].tolist() == ["bob", "ada", "eve"]
    assert found["steps_total"].isna().tolist() == [False, False, True]
    assert found["coverage"].tolist() == [10 / 24, 20 / 24, 0]


def test_nothing_in_gives_no_rows_of_the_promised_columns() -> None:
    found = analyse(frame(), day()[:0], NO_PRIORITY)

    assert found.empty
    expected = ["user_id", "local_date", *(m.name for m in PROCESSOR.metrics), "coverage", "coverage_reason"]
    assert sorted(found.columns) == sorted(expected)


def test_the_text_of_a_real_partial_day_names_its_end_and_grades_nothing(real_rows: pd.DataFrame) -> None:
    facts = facts_of(analyse(real_rows, day(), NO_PRIORITY))

    text = narrate(facts)

    assert text == (
        "On 2025-09-20, 3933 steps were recorded; the records cover 73 % of the day. Several apps counted "
        f"the same day ({SAMSUNG} 3933 steps; {OURA} 2517 steps); the total is merged by time, not added up "
        f"and rests on {SAMSUNG}. The day was still running at the export: the data reach up to 17:25 local "
        "time, so this is the total of a partial day. The day is not put into an activity category."
    )
    assert_grounded(text, facts)


def test_the_text_of_a_complete_day_names_its_category_and_what_a_single_day_is_worth() -> None:
    facts = facts_of(analyse(frame(step_row("00:00", "2025-09-21T05:00Z", 8000)), day(), NO_PRIORITY))

    text = narrate(facts)

    assert text == (
        "On 2025-09-20, 8000 steps were recorded; the records cover 100 % of the day. A day with this count "
        'falls into the category "somewhat active" (Tudor-Locke 2004); the categories describe habitual '
        "activity, of which a single day says little."
    )
    assert_grounded(text, facts)


def test_the_text_of_a_hardly_covered_day_says_what_is_unknown_and_that_the_zone_is_a_guess() -> None:
    insights = analyse(frame(step_row("06:00", "12:00", 1)), day(), NO_PRIORITY)
    facts = facts_of(insights, zone_source="default")

    text = narrate(facts)

    assert "1 step was recorded" in text
    assert "(25 % of the day recorded, 70 % needed)" in text
    assert "unknown, not zero" in text
    assert "bounds of this local day" in text
    assert_grounded(text, facts)
