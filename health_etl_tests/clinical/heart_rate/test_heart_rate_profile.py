"""Hours of the day, night against day, and time in zones. Expected numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.heart_rate.processor import PROCESSOR
from health_etl.clinical.heart_rate.zones import max_heart_rate
from health_etl_tests.clinical.heart_rate.heart_days import (
    OPTIONS,
    analysed,
    day_of,
    days_of,
    every_minute,
    every_ten_minutes,
)


def test_the_hourly_profile_has_24_means_and_nan_where_nothing_was_measured():
    profile = analysed({0: 60, 30: 70, 61: 80, 1439: 90})["bpm_by_hour"]
    assert len(profile) == 24
    assert (profile[0], profile[1], profile[23]) == (65.0, 80.0, 90.0)
    assert np.isnan(profile[2:23]).all()


def test_the_hours_are_those_of_the_local_clock():
    rows = day_of({0: 60}, offset_minutes=-270)  # half an hour east of the day's own offset
    profile = PROCESSOR.analyse(rows, days_of("u1"), OPTIONS)["bpm_by_hour"].iloc[0]
    assert profile[0] == 60.0
    rows = day_of({30: 60}, offset_minutes=-270)
    assert PROCESSOR.analyse(rows, days_of("u1"), OPTIONS)["bpm_by_hour"].iloc[0][1] == 60.0


def test_night_ends_and_day_begins_at_six():
    bpm = dict.fromkeys(range(0, 360, 10), 60) | dict.fromkeys(range(360, 1440, 10), 80)
    day = analysed(bpm)
    assert (day["night_mean_bpm"], day["day_mean_bpm"], day["nocturnal_dip_bpm"]) == (60.0, 80.0, 20.0)


def test_an_hour_measured_every_minute_weighs_no_more_than_an_hour_measured_twice():
    bpm = dict.fromkeys(range(360, 1440, 30), 80) | every_minute(600, 60, 134)
    assert analysed(bpm)["day_mean_bpm"] == 83.0  # (17 × 80 + 134) / 18


@pytest.mark.parametrize(("hours", "given"), [(3, False), (4, True)])
def test_the_mean_of_the_night_needs_four_of_its_six_hours(hours, given):
    bpm = {60 * hour: 60 for hour in [*range(hours), *range(6, 24)]}
    assert pd.notna(analysed(bpm)["night_mean_bpm"]) is given


@pytest.mark.parametrize(("hours", "given"), [(8, False), (9, True)])
def test_the_mean_of_the_day_needs_nine_of_its_eighteen_hours(hours, given):
    bpm = {60 * hour: 60 for hour in [*range(6), *range(6, 6 + hours)]}
    assert pd.notna(analysed(bpm)["day_mean_bpm"]) is given


def test_the_hours_of_lowest_and_highest_mean_are_named_the_earlier_of_equals():
    day = analysed({60: 50, 120: 50, 600: 90, 660: 90})
    assert (day["calmest_hour_local"], day["busiest_hour_local"]) == ("01:00", "10:00")


def test_a_single_hour_is_neither_the_calmest_nor_the_busiest():
    assert pd.isna(analysed({60: 50, 70: 80})["calmest_hour_local"])


@pytest.mark.parametrize(
    ("profile", "bpm", "source"),
    [
        ({"age_years": 40}, 180.0, "208 − 0.7 × age, Tanaka 2001"),
        ({"age_years": 40, "hrmax_bpm": 190}, 190.0, "as configured"),
        ({"hrmax_bpm": 190}, 190.0, "as configured"),
    ],
)
def test_the_maximal_heart_rate_is_the_configured_one_or_follows_from_the_age(profile, bpm, source):
    found, where = max_heart_rate(days_of("u1", **profile))
    assert found.tolist() == pytest.approx([bpm])
    assert where.tolist() == [source]


@pytest.mark.parametrize("profile", [{}, {"age_years": 17}])
def test_without_an_adult_s_age_or_a_maximal_heart_rate_there_are_no_zones(profile):
    day = analysed(every_ten_minutes(150), **profile)
    zones = ["below_zones_minutes", *(f"zone_{n}_minutes" for n in range(1, 6))]
    assert day[["hrmax_used_bpm", "hrmax_source", *zones]].isna().all()


@pytest.mark.parametrize(
    ("bpm", "zone"),
    [
        (99, "below_zones_minutes"),
        (100, "zone_1_minutes"),
        (119, "zone_1_minutes"),
        (120, "zone_2_minutes"),
        (140, "zone_3_minutes"),
        (160, "zone_4_minutes"),
        (180, "zone_5_minutes"),
        (210, "zone_5_minutes"),
    ],
)
def test_zones_begin_at_50_60_70_80_and_90_percent_of_the_maximum(bpm, zone):
    day = analysed(every_ten_minutes(bpm), hrmax_bpm=200)
    zones = ["below_zones_minutes", *(f"zone_{n}_minutes" for n in range(1, 6))]
    found = day[zones]
    assert found[zone] == found.sum() == day["recorded_minutes"] == 1431.0  # 143 × 10 and the last minute


def test_a_pause_of_more_than_fifteen_minutes_is_no_recorded_time():
    assert analysed({0: 60, 15: 60, 31: 60})["recorded_minutes"] == 17.0  # 15 + 1, then 1 alone


def test_zones_need_half_of_the_hours():
    assert pd.isna(analysed(every_ten_minutes(70, hours=11), hrmax_bpm=200)["below_zones_minutes"])
