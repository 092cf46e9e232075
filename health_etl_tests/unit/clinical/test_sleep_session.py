"""Sleep of a local night: one main sleep, alternates and naps apart, nothing graded on too few stages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pytest

from health_etl.clinical.base import ClinicalOptions, Facts
from health_etl.clinical.sleep_session import PROCESSOR, analyse, narrate

SAMSUNG, OURA = "com.sec.android.app.shealth", "com.ouraring.oura"
NIGHT = "2025-09-20"
NO_PRIORITY = ClinicalOptions()
Stages = list[tuple[str, float]]


def instant(text: str) -> pd.Timestamp:
    """Read a local time ("20T01:30" of September 2025, at -05:00) as UTC."""
    return pd.Timestamp(f"2025-09-{text}-05:00").tz_convert("UTC").as_unit("ms")


def session(start: str, end: str, stages: Stages | None = None, **other: Any) -> list[dict[str, Any]]:
    """Return the rows of a session; stages are (name, minutes), one after the other; "" is a gap."""
    start_utc = instant(start)
    row = {
        "user_id": "ada",
        "local_date": NIGHT,
        "record_id": f"{start}-{end}",
        "source_app": OURA,
        "start_utc": start_utc,
        "end_utc": instant(end),
        "utc_offset_minutes": -300,
        "end_utc_offset_minutes": -300,
        "last_modified_utc": instant("20T12:00"),
        "stage": None,
        "stage_start_utc": pd.NaT,
        "stage_end_utc": pd.NaT,
    } | other
    if not stages:
        return [row]
    rows, at = [], start_utc
    for name, minutes in stages:
        end_of_stage = at + pd.Timedelta(minutes=minutes)
        if name:
            rows.append(row | {"stage": name, "stage_start_utc": at, "stage_end_utc": end_of_stage})
        at = end_of_stage
    return rows


def frame(*sessions: list[dict[str, Any]]) -> pd.DataFrame:
    rows = pd.DataFrame([row for rows in sessions for row in rows] or session("20T00:00", "20T01:00"))
    times = [str(name) for name in rows.columns if str(name).endswith("_utc")]
    rows = rows.assign(**{name: pd.to_datetime(rows[name], utc=True).dt.as_unit("ms") for name in times})
    rows = rows.astype({"stage": "str"})
    return rows if sessions else rows[:0]


def nights(*user_ids: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": user_ids or ("ada",),
            "local_date": NIGHT,
            "day_start_utc": instant("19T18:00"),
            "day_end_utc": instant("20T18:00"),
        }
    )


def only(insights: pd.DataFrame) -> dict[str, Any]:
    assert len(insights) == 1
    row = insights.astype(object).iloc[0]
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


def night_of(*sessions: list[dict[str, Any]], priority: tuple[str, ...] = ()) -> dict[str, Any]:
    return only(analyse(frame(*sessions), nights(), ClinicalOptions(priority)))


def facts_of(row: dict[str, Any], **generic: str) -> Facts:
    values = {metric.name: row[metric.name] for metric in PROCESSOR.metrics if row[metric.name] is not None}
    decimals = {metric.name: metric.decimals for metric in PROCESSOR.metrics}
    written = {
        name: value if isinstance(value, str) else f"{value:.{decimals[name]}f}" for name, value in values.items()
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
    with (shared / "samples" / "SleepSessionRecord_1758407139312.avro").open("rb") as file:
        records: list[dict[str, Any]] = list(fastavro.reader(file))  # type: ignore[arg-type]

    def at(epoch_ms: int) -> pd.Timestamp:
        return pd.Timestamp(epoch_ms, unit="ms", tz="UTC")

    sessions = [
        [
            *session(
                "20T00:00",
                "20T00:00",
                record_id=record["metadata"]["id"],
                source_app=record["metadata"]["dataOriginPackageName"],
                start_utc=at(record["startTimeEpochMillis"]),
                end_utc=at(record["endTimeEpochMillis"]),
                last_modified_utc=at(record["metadata"]["lastModifiedTimeEpochMillis"]),
                stage=stage["stage"],
                stage_start_utc=at(stage["startTimeEpochMillis"]),
                stage_end_utc=at(stage["endTimeEpochMillis"]),
            )
        ]
        for record in records
        for stage in record["stages"]
    ]
    return frame(*sessions)


def test_a_real_night_of_two_apps_is_one_main_sleep_and_one_alternate(real_rows: pd.DataFrame) -> None:
    found = only(analyse(real_rows, nights(), NO_PRIORITY))

    assert found["main_sleep_source_app"] == OURA  # modified later
    assert found["tib_minutes"] == 22_508 / 60
    assert found["alternate_session_count"] == 1
    assert found["nap_count"] == 0
    assert found["nap_minutes"] is None
    assert (found["bed_time_local"], found["wake_time_local"]) == ("02:39", "08:54")


def test_the_app_of_highest_priority_speaks_for_a_real_night(real_rows: pd.DataFrame) -> None:
    found = only(analyse(real_rows, nights(), ClinicalOptions((SAMSUNG,))))

    assert found["main_sleep_source_app"] == SAMSUNG
    assert found["tib_minutes"] == 26_580 / 60
    assert found["alternate_session_count"] == 1


FULL_NIGHT: Stages = [
    ("AWAKE", 20),
    ("LIGHT", 200),
    ("AWAKE_IN_BED", 10),
    ("DEEP", 100),
    ("REM", 120),
    ("AWAKE", 30),
]


def test_a_staged_night_gives_every_measure() -> None:
    found = night_of(session("19T23:40", "20T07:40", FULL_NIGHT))

    assert found["tib_minutes"] == 480
    assert found["tst_minutes"] == 480 - 20 - 10 - 30
    assert found["se_percent"] == pytest.approx(100 * 420 / 480)
    assert found["sol_minutes"] == 20
    assert found["waso_minutes"] == 10
    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 1)
    assert (found["light_minutes"], found["deep_minutes"], found["rem_minutes"]) == (200, 100, 120)
    assert found["rem_percent"] == pytest.approx(100 * 120 / 420)
    assert found["mid_sleep_local"] == "03:35"  # between 00:00 and 07:10
    assert found["coverage"] == 1
    assert found["coverage_reason"] is None


def test_unknown_stages_and_gaps_count_as_sleep_but_not_as_staged() -> None:
    stages: Stages = [("LIGHT", 200), ("UNKNOWN", 40), ("", 60), ("DEEP", 60), ("REM", 120)]

    found = night_of(session("19T23:00", "20T07:00", stages))

    assert found["tst_minutes"] == 480
    assert found["se_percent"] == 100
    assert found["coverage"] == pytest.approx(380 / 480)


def test_each_wake_stage_is_taken_off_and_neighbours_are_one_awakening() -> None:
    stages: Stages = [("LIGHT", 100), ("AWAKE", 2), ("OUT_OF_BED", 2), ("AWAKE_IN_BED", 2), ("REM", 314)]

    found = night_of(session("20T00:00", "20T07:00", stages))

    assert found["waso_minutes"] == 6
    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 1)


def test_a_gap_of_rounded_clock_times_does_not_split_a_run_of_wake() -> None:
    millisecond = 1 / 60_000
    stages: Stages = [
        *[("AWAKE", 10 - millisecond), ("", millisecond), ("AWAKE", 10), ("LIGHT", 100)],
        *[("AWAKE", 4 - millisecond), ("", millisecond), ("AWAKE", 4), ("LIGHT", 292)],
    ]

    found = night_of(session("20T00:00", "20T07:00", stages))

    assert found["sol_minutes"] == pytest.approx(20, abs=0.001)
    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 1)


def test_an_awakening_of_exactly_5_minutes_is_not_a_long_one() -> None:
    stages: Stages = [("LIGHT", 200), ("AWAKE", 5), ("LIGHT", 215)]

    found = night_of(session("20T00:00", "20T07:00", stages))

    assert (found["awakening_count"], found["awakening_over_5_min_count"]) == (1, 0)


def test_a_wake_stage_without_length_is_no_awakening() -> None:
    stages: Stages = [("LIGHT", 200), ("AWAKE", 0), ("REM", 220)]

    assert night_of(session("20T00:00", "20T07:00", stages))["awakening_count"] == 0


def test_time_that_overlapping_stages_claim_twice_is_counted_once() -> None:
    first = session("20T00:00", "20T07:00", [("LIGHT", 300)])
    second = session("20T00:00", "20T07:00", [("", 200), ("AWAKE", 220)])

    found = night_of(first, second)

    assert found["tst_minutes"] == 300
    assert found["coverage"] == 1


def test_a_session_without_stages_has_its_length_and_nothing_graded() -> None:
    found = night_of(session("19T23:00", "20T06:30"))

    assert (found["tib_minutes"], found["tst_minutes"]) == (450, 450)
    assert found["coverage"] == 0
    assert found["coverage_reason"] == "0 % of the main sleep session staged, 70 % needed"
    bounds = {"main_sleep_source_app", "bed_time_local", "wake_time_local", "mid_sleep_local"}
    counts = {"tib_minutes", "tst_minutes", "alternate_session_count", "nap_count"}
    assert {m.name for m in PROCESSOR.metrics if found[m.name] is not None} == bounds | counts


@pytest.mark.parametrize(("staged_minutes", "judged"), [(294, True), (293, False)])
def test_70_percent_of_the_session_must_be_staged(staged_minutes: float, judged: bool) -> None:
    found = night_of(session("20T00:00", "20T07:00", [("LIGHT", staged_minutes)]))

    assert (found["se_percent"] is not None) is judged
    assert (found["duration_class"] is not None) is judged
    assert (found["coverage_reason"] is None) is judged


def test_a_share_that_only_rounds_up_to_the_minimum_is_not_written_as_enough() -> None:
    found = night_of(session("20T00:00", "20T07:00", [("LIGHT", 293)]))

    assert found["coverage_reason"] == "not quite 70 % of the main sleep session staged, 70 % needed"


def test_an_app_that_tells_only_sleep_from_wake_has_no_depths() -> None:
    found = night_of(session("20T00:00", "20T08:00", [("AWAKE", 15), ("SLEEPING", 465)]))

    assert found["sol_minutes"] == 15
    assert found["coverage"] == 1
    assert found["deep_minutes"] is None
    assert found["light_percent"] is None
    assert "were not told apart" in narrate(facts_of(found))


def test_a_night_without_deep_sleep_has_zero_minutes_of_it() -> None:
    found = night_of(session("20T00:00", "20T08:00", [("LIGHT", 400), ("REM", 80)]))

    assert (found["deep_minutes"], found["deep_percent"]) == (0, 0)


def test_a_session_wholly_awake_has_no_latency_to_sleep() -> None:
    found = night_of(session("20T00:00", "20T02:00", [("AWAKE", 60), ("OUT_OF_BED", 60)]))

    assert (found["tst_minutes"], found["se_percent"]) == (0, 0)
    assert found["sol_minutes"] is None
    assert found["waso_minutes"] is None
    assert found["awakening_count"] is None
    assert found["mid_sleep_local"] is None
    assert "Sleep came after" not in narrate(facts_of(found))


def test_a_session_without_length_is_no_division_by_zero() -> None:
    found = night_of(session("20T00:00", "20T00:00"))

    assert (found["tib_minutes"], found["coverage"]) == (0, 0)
    assert found["se_percent"] is None


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        pytest.param(
            session("20T00:00", "20T07:00", [("LIGHT", 420)], source_app=SAMSUNG, record_id="z"),
            session("20T01:00", "20T06:00", source_app=OURA, record_id="a"),
            id="app priority",
        ),
        pytest.param(
            session("20T00:00", "20T07:00", last_modified_utc=instant("20T13:00"), record_id="z"),
            session("20T01:00", "20T06:00", [("LIGHT", 300)], record_id="a"),
            id="staged",
        ),
        pytest.param(
            session("20T00:00", "20T07:00", record_id="z"),
            session("20T01:00", "20T06:00", last_modified_utc=instant("20T13:00"), record_id="a"),
            id="last modified",
        ),
        pytest.param(
            session("20T01:00", "20T06:00", record_id="z"),
            session("20T00:00", "20T07:00", record_id="a"),
            id="longer",
        ),
        pytest.param(
            session("20T00:00", "20T06:00", record_id="a"),
            session("20T01:00", "20T07:00", record_id="z"),
            id="record_id",
        ),
    ],
)
def test_among_alternates_priority_then_stages_then_modification_then_length_then_id_decide(
    loser: list[dict[str, Any]], winner: list[dict[str, Any]]
) -> None:
    found = night_of(loser, winner, priority=(OURA,))

    expected = winner[0]["start_utc"].tz_convert("-05:00").strftime("%H:%M")
    assert found["bed_time_local"] == expected
    assert found["alternate_session_count"] == 1


def test_sessions_that_overlap_only_through_a_third_are_one_sleep_and_touching_ones_are_two() -> None:
    chained = night_of(
        session("20T00:00", "20T04:00"), session("20T03:00", "20T06:00"), session("20T05:00", "20T07:00")
    )
    around = night_of(session("20T00:00", "20T06:00"), session("20T01:00", "20T02:00"), session("20T05:00", "20T07:00"))
    touching = night_of(session("20T00:00", "20T04:00"), session("20T04:00", "20T06:00"))

    assert (chained["alternate_session_count"], chained["nap_count"]) == (2, 0)
    assert (around["alternate_session_count"], around["nap_count"]) == (2, 0)
    assert (touching["alternate_session_count"], touching["nap_count"]) == (0, 1)


def test_the_longest_sleep_is_the_main_one_and_the_others_are_naps_even_where_two_apps_saw_them() -> None:
    found = night_of(
        session("20T00:00", "20T06:00"),
        session("20T13:00", "20T13:30", [("SLEEPING", 20), ("AWAKE", 10)]),
        session("20T13:05", "20T13:40", source_app=SAMSUNG, record_id="other app's nap"),
        session("20T16:00", "20T16:15"),
    )

    assert found["bed_time_local"] == "00:00"
    assert found["alternate_session_count"] == 0
    assert found["nap_count"] == 2
    assert found["nap_minutes"] == 20 + 15


def test_the_longest_sleep_is_measured_asleep_not_in_bed() -> None:
    restless = session("20T00:00", "20T08:00", [("AWAKE", 420), ("LIGHT", 60)])
    calm = session("20T12:00", "20T15:00", [("LIGHT", 180)])

    assert night_of(restless, calm)["bed_time_local"] == "12:00"


@pytest.mark.parametrize(
    ("stages", "marks"),
    [
        ([("LIGHT", 408), ("AWAKE", 72)], {"se_mark": "met"}),  # 85 %
        ([("LIGHT", 407.9), ("AWAKE", 72.1)], {"se_mark": "missed"}),
        ([("AWAKE", 30), ("LIGHT", 450)], {"sol_mark": "met"}),
        ([("AWAKE", 30.01), ("LIGHT", 449.99)], {"sol_mark": "missed"}),
        ([("LIGHT", 60), ("AWAKE", 20), ("LIGHT", 400)], {"waso_mark": "met", "awakening_mark": "met"}),
        ([("LIGHT", 60), ("AWAKE", 20.01), ("LIGHT", 399.99)], {"waso_mark": "missed"}),
        (
            [("LIGHT", 60), ("AWAKE", 6), ("LIGHT", 60), ("AWAKE", 6), ("LIGHT", 348)],
            {"waso_mark": "met", "awakening_mark": "missed"},
        ),
    ],
)
def test_the_marks_of_good_sleep_hold_up_to_their_limits(stages: Stages, marks: dict[str, str]) -> None:
    found = night_of(session("20T00:00", "20T08:00", stages))

    assert {name: found[name] for name in marks} == marks


@pytest.mark.parametrize(
    ("minutes", "duration_class"),
    [
        (359.9, "not recommended (short)"),
        (360, "may be appropriate (short)"),
        (419.99, "may be appropriate (short)"),
        (420, "recommended"),
        (540, "recommended"),
        (540.01, "may be appropriate (long)"),
        (600, "may be appropriate (long)"),
        (600.1, "not recommended (long)"),
    ],
)
def test_the_duration_is_classed_by_the_unrounded_sleep_time(minutes: float, duration_class: str) -> None:
    stages: Stages = [("LIGHT", minutes), ("AWAKE", 605 - minutes)]

    assert night_of(session("20T00:00", "20T10:05", stages))["duration_class"] == duration_class


def test_a_night_in_which_the_offset_changes_is_as_long_as_it_was_lived() -> None:
    found = night_of(
        session("20T00:00", "20T07:00", [("LIGHT", 420)], utc_offset_minutes=-300, end_utc_offset_minutes=-240)
    )

    assert found["tst_minutes"] == 420
    assert (found["bed_time_local"], found["wake_time_local"]) == ("00:00", "08:00")
    assert found["mid_sleep_local"] == "04:30"


def test_persons_come_back_in_the_order_asked_and_row_order_never_matters() -> None:
    rows = frame(
        session("19T23:40", "20T07:40", FULL_NIGHT),
        session("19T23:50", "20T07:30", FULL_NIGHT, source_app=SAMSUNG),
        session("20T01:00", "20T05:00", user_id="bob"),
        session("20T14:00", "20T15:00", user_id="bob"),
        session("20T01:00", "20T05:00", user_id="nobody asked"),
    )

    found = analyse(rows, nights("bob", "ada", "eve"), NO_PRIORITY)
    again = analyse(rows.sample(frac=1, random_state=7), nights("bob", "ada", "eve"), NO_PRIORITY)

    pd.testing.assert_frame_equal(found, again, check_exact=True)
    assert found["user_id"].tolist() == ["bob", "ada", "eve"]
    assert found["tib_minutes"].isna().tolist() == [False, False, True]
    assert found["nap_count"].tolist()[:2] == [1, 0]
    assert found["coverage"].tolist() == [0, 1, 0]


def test_nothing_in_gives_no_rows_of_the_promised_columns() -> None:
    found = analyse(frame(), nights()[:0], NO_PRIORITY)

    assert found.empty
    expected = ["user_id", "local_date", *(m.name for m in PROCESSOR.metrics), "coverage", "coverage_reason"]
    assert sorted(found.columns) == sorted(expected)


def test_a_night_asked_for_without_sessions_is_null_and_its_text_says_so() -> None:
    found = only(analyse(frame(), nights(), NO_PRIORITY))

    assert found["tst_minutes"] is None
    assert found["coverage"] == 0
    assert narrate(facts_of(found)) == f"No sleep session of the night ending on {NIGHT} was recorded."


def test_the_text_of_a_staged_night_tells_measures_marks_and_what_is_assumed() -> None:
    facts = facts_of(night_of(session("19T23:40", "20T07:40", FULL_NIGHT)))

    text = narrate(facts)

    assert text == (
        "The main sleep of the night ending on 2025-09-20, as com.ouraring.oura recorded it, lasted from "
        "23:40 to 07:40 local time, mid-sleep at 03:35: 480.0 min in bed. Of these, 420.0 min were sleep, an "
        "efficiency of 87.5 %. Sleep came after 20.0 min, counted from the start of the session because "
        "wearables seldom record lights out; wake after sleep onset was 10.0 min in 1 awakening, 1 of them "
        "longer than 5 min. Light sleep took 200.0 min (47.6 % of the sleep), deep sleep 100.0 min (23.8 %) "
        "and REM sleep 120.0 min (28.6 %), as the device estimated them. Of the marks of good sleep (Ohayon "
        "2017), efficiency of at least 85 % is met, latency of at most 30 min met, wake after sleep onset of "
        "at most 20 min met and at most 1 awakening longer than 5 min met. The duration of the main sleep is "
        'classed "recommended" (Hirshkowitz 2015) for adults of 26–64 years, an assumed age as none is '
        "recorded; a single night says little about habitual sleep."
    )
    assert_grounded(text, facts)


def test_the_text_of_an_unstaged_night_calls_its_sleep_the_length_of_the_session_and_grades_nothing() -> None:
    row = night_of(session("19T23:00", "20T06:30"), session("20T13:00", "20T13:20"))
    facts = facts_of(row, zone_source="default")

    text = narrate(facts)

    assert "(0 % of the main sleep session staged, 70 % needed)" in text
    assert "the 450.0 min counted as sleep are the length of the session" in text
    assert "Apart from it, 1 nap came to 20.0 min of sleep." in text
    assert "bounds of this local day" in text
    assert "Ohayon" not in text
    assert "Hirshkowitz" not in text
    assert_grounded(text, facts)


def test_the_text_of_a_real_night_never_adds_up_the_apps(real_rows: pd.DataFrame) -> None:
    facts = facts_of(only(analyse(real_rows, nights(), NO_PRIORITY)))

    text = narrate(facts)

    assert "375.1 min in bed" in text
    assert "The same sleep stands in 1 further session, kept apart and not added." in text
    assert_grounded(text, facts)
