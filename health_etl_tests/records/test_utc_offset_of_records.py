"""Which UTC offset a record states, and which applies; every expected value is worked out by hand."""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from health_etl.records.local_time import is_valid_offset, resolve_offsets, stated_offset_minutes, states_offset
from health_etl_tests.support.local_times import NO_EVIDENCE, evidence, times

CHICAGO = ZoneInfo("America/Chicago")  # clocks go forward on 2025-03-09 at 08:00 UTC, back on 2025-11-02 at 07:00 UTC


def resolved(
    time: str,
    zone: str | None,
    points: list[tuple[str, str, int]],
    default: ZoneInfo | int = 0,
) -> tuple[int, str]:
    found = resolve_offsets(
        pd.Series(["anna"], dtype="str"), times(time), pd.Series([zone], dtype="str"), evidence(points), default
    )
    return int(found["utc_offset_minutes"].iloc[0]), str(found["zone_source"].iloc[0])


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("-05:00", -300),
        ("+05:30", 330),
        ("+00:00", 0),
        ("+0200", 120),
        ("-18:00", -1080),
        ("+05:53:28", 353),
        ("+02", 120),
        ("-2", -120),
        ("UTC+2", 120),
        ("utc-03:30", -210),
        ("GMT+02:00", 120),
        ("UT+0530", 330),
        (" +02:00 ", 120),
        ("America/Chicago", -300),
        ("Asia/Kathmandu", 345),
        ("Etc/GMT+5", -300),
        ("Z", None),
        ("z", None),
        ("UTC", None),
        ("GMT", None),
        ("Etc/UTC", None),
        (None, None),
        ("", None),
        ("   ", None),
        ("America/Meier", None),
        ("EST", None),
        ("5", None),
        ("+200", None),
        ("+25:00", None),
        ("-99:99", None),
    ],
)
def test_an_offset_is_parsed_into_minutes_and_anything_else_is_invalid(zone: str | None, minutes: int | None) -> None:
    stated = stated_offset_minutes(pd.Series([zone], dtype="str"), times("2025-09-20 12:00"))
    assert stated.dropna().tolist() == [m for m in (minutes,) if m is not None]


def test_the_name_of_a_zone_states_the_offset_that_holds_at_each_time() -> None:
    moments = times("2025-10-26 00:59", "2025-10-26 01:00", "2025-10-26 01:00", "2025-10-26 01:00")
    zones = pd.Series(["Europe/Berlin", "Europe/Berlin", "+05:30", None], dtype="str")
    assert stated_offset_minutes(zones, moments).fillna(-1).tolist() == [120, 60, 330, -1]
    assert states_offset(zones).tolist() == [True, True, True, False]


def test_many_different_texts_are_told_apart_quickly() -> None:
    zones = pd.Series([f"Europe/{number}" for number in range(100_000)], dtype="str")
    started = time.process_time()
    assert not is_valid_offset(zones).any()
    assert time.process_time() - started < 2


def test_the_offset_that_a_record_states_takes_precedence() -> None:
    assert resolved("2025-09-20 12:00", "+02:00", [("anna", "2025-09-20 12:00", -300)], -300) == (120, "record")


@pytest.mark.parametrize("silent", ["Z", None])
def test_a_record_without_an_offset_takes_that_of_the_person_s_other_sources(silent: str | None) -> None:
    assert resolved("2025-09-20 12:00", silent, [("anna", "2025-09-20 20:00", -300)]) == (-300, "other_sources")


def test_the_other_source_nearest_in_time_decides() -> None:
    points = [("anna", "2025-09-20 06:00", -300), ("anna", "2025-09-20 14:00", 60)]
    assert resolved("2025-09-20 09:00", "Z", points) == (-300, "other_sources")
    assert resolved("2025-09-20 11:00", "Z", points) == (60, "other_sources")


@pytest.mark.parametrize(
    ("time", "found"),
    [
        ("2025-09-21 12:00", (-300, "other_sources")),
        ("2025-09-21 12:01", (0, "default")),
        ("2025-09-18 12:00", (-300, "other_sources")),
        ("2025-09-18 11:59", (0, "default")),
    ],
)
def test_other_sources_reach_36_hours(time: str, found: tuple[int, str]) -> None:
    assert resolved(time, "Z", [("anna", "2025-09-20 00:00", -300)]) == found


def test_another_person_s_sources_do_not_count() -> None:
    assert resolved("2025-09-20 12:00", "Z", [("ben", "2025-09-20 12:00", -300)]) == (0, "default")


def test_without_evidence_a_fixed_default_offset_applies() -> None:
    assert resolved("2025-09-20 12:00", "Z", NO_EVIDENCE, 345) == (345, "default")


@pytest.mark.parametrize(
    ("time", "minutes"),
    [
        ("2025-03-09 07:59", -360),
        ("2025-03-09 08:00", -300),
        ("2025-11-02 06:59", -300),
        ("2025-11-02 07:00", -360),
    ],
)
def test_without_evidence_the_default_zone_applies_with_daylight_saving_time(time: str, minutes: int) -> None:
    assert resolved(time, None, NO_EVIDENCE, CHICAGO) == (minutes, "default")


def test_people_and_rows_in_any_order_are_resolved_independently() -> None:
    found = resolve_offsets(
        pd.Series(["ben", "anna", "anna", "cleo"], dtype="str"),
        times("2025-09-20 12:00", "2025-09-20 13:00", "2025-09-20 01:00", "2025-09-20 12:00"),
        pd.Series(["Z", "Z", "+01:00", None], dtype="str"),
        evidence([("anna", "2025-09-20 12:00", -300), ("ben", "2025-09-20 12:00", 120)]),
        60,
    )
    assert found["utc_offset_minutes"].tolist() == [120, -300, 60, 60]
    assert found["zone_source"].tolist() == ["other_sources", "other_sources", "record", "default"]


def test_among_contradicting_sources_at_one_time_the_same_one_always_wins() -> None:
    points = [("anna", "2025-09-20 12:00", -300), ("anna", "2025-09-20 12:00", -360)]
    assert resolved("2025-09-20 12:00", "Z", points) == resolved("2025-09-20 12:00", "Z", points[::-1])
