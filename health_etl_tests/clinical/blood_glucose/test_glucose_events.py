"""Low and high glucose events: the 15-minute rule, recovery, gaps, groups. All by hand."""

from __future__ import annotations

import numpy as np
import pytest

from health_etl.clinical.blood_glucose.events import GlucoseEvents, extended_hyper, extended_hypo, find_events
from health_etl.clinical.common.samples import Samples


def readings_of(*groups: dict[float, float]) -> Samples:
    """Groups of {minute: mg/dL}."""
    flat = [(code, minute, glucose) for code, group in enumerate(groups) for minute, glucose in group.items()]
    return Samples(
        group=np.array([code for code, _, _ in flat], dtype=np.int64),
        time_ms=np.array([round(minute * 60_000) for _, minute, _ in flat], dtype=np.int64),
        utc_offset_minutes=np.zeros(len(flat), dtype=np.int64),
        value=np.array([glucose for _, _, glucose in flat], dtype=np.float64),
        n_groups=len(groups),
    )


def events(*groups: dict[float, float], cadence: float = 5, below: float = 70) -> GlucoseEvents:
    """Events below a threshold in groups of {minute: mg/dL}."""
    readings = readings_of(*groups)
    return find_events(readings, readings.value < below, np.full(len(groups), float(cadence)))


def sustained(*groups: dict[float, float], cadence: float = 5) -> GlucoseEvents:
    """Extended hyperglycaemia in groups of {minute: mg/dL}."""
    readings = readings_of(*groups)
    return extended_hyper(readings, readings.value > 180, readings.value > 250, np.full(len(groups), float(cadence)))


def every(step: float, *glucose: float, start: float = 0) -> dict[float, float]:
    """Readings at an even spacing in minutes."""
    return {start + step * index: value for index, value in enumerate(glucose)}


def test_two_readings_of_five_minutes_are_no_event():
    assert events(every(5, 100, 60, 60, 100, 100, 100)).count().tolist() == [0]


def test_three_readings_of_five_minutes_are_an_event_that_lasts_fifteen():
    found = events(every(5, 100, 60, 60, 60, 100, 100, 100))
    assert found.count().tolist() == [1]
    assert found.start.tolist() == [1]
    assert found.duration_minutes.tolist() == [15.0]


def test_at_fifteen_minutes_one_reading_is_an_event():
    found = events(every(15, 100, 60, 100), cadence=15)
    assert found.duration_minutes.tolist() == [15.0]


def test_at_ten_minutes_one_reading_is_too_short_and_two_are_an_event():
    assert events(every(10, 100, 60, 100), cadence=10).count().tolist() == [0]
    assert events(every(10, 100, 60, 60, 100), cadence=10).count().tolist() == [1]


def test_at_one_minute_fifteen_readings_are_needed():
    assert events(every(1, 100, *[60] * 14, 100), cadence=1).count().tolist() == [0]
    assert events(every(1, 100, *[60] * 15, 100), cadence=1).count().tolist() == [1]


def test_a_sensor_clock_that_jitters_by_seconds_makes_no_difference():
    assert events({0: 100, 5: 60, 9.9: 60, 14.8: 60, 20: 100}).count().tolist() == [1]


def test_the_threshold_itself_is_not_beyond():
    assert events(every(5, 70, 70, 70, 70)).count().tolist() == [0]


def test_ten_minutes_of_recovery_do_not_end_an_event():
    found = events(every(5, 60, 60, 60, 80, 80, 60, 80, 80, 80))
    assert found.count().tolist() == [1]
    assert found.duration_minutes.tolist() == [30.0]


def test_fifteen_minutes_of_recovery_end_an_event_and_stay_out_of_its_duration():
    found = events(every(5, 60, 60, 60, 80, 80, 80, 60, 60, 60, 60))
    assert found.count().tolist() == [2]
    assert found.duration_minutes.tolist() == [15.0, 20.0]


def test_after_a_recovery_a_short_low_neither_starts_nor_lengthens_an_event():
    found = events(every(5, 60, 60, 60, 80, 80, 80, 60, 80, 80, 80))
    assert found.duration_minutes.tolist() == [15.0]


def test_a_short_low_before_the_event_is_not_part_of_it():
    found = events(every(5, 60, 80, 60, 60, 60, 80))
    assert found.start.tolist() == [2]


def test_a_gap_of_more_than_45_minutes_ends_an_event():
    cut = every(5, 60, 60, 60) | every(5, 60, 60, 60, start=56)
    assert events(cut).duration_minutes.tolist() == [15.0, 15.0]


def test_a_pause_of_45_minutes_is_no_gap():
    bridged = every(5, 60, 60, 60) | every(5, 60, 60, 60, start=55)
    assert events(bridged).duration_minutes.tolist() == [70.0]


def test_the_readings_after_a_gap_must_last_fifteen_minutes_of_their_own():
    cut = every(5, 60, 60, 60) | every(5, 60, 60, 100, start=100)
    assert events(cut).count().tolist() == [1]


def test_an_event_never_reaches_from_one_group_into_the_next():
    first, second = every(5, 100, 60, 60), every(5, 60, 60, 100, start=15)
    assert events(first, second).count().tolist() == [0, 0]
    assert events(first | second).count().tolist() == [1]


def test_counts_and_longest_belong_to_their_group():
    one = every(5, 60, 60, 60, 80, 80, 80, 60, 60, 60, 60)
    found = events(one, every(5, 100, 100), every(5, 60, 60, 60))
    assert found.count().tolist() == [2, 0, 1]
    np.testing.assert_array_equal(found.longest_minutes(), [20.0, np.nan, 15.0])


def test_the_deeper_level_is_counted_within_the_shallower():
    low = every(5, 65, 50, 50, 50, 65, 100, 100, 100)
    assert events(low, below=70).duration_minutes.tolist() == [25.0]
    assert events(low, below=54).duration_minutes.tolist() == [15.0]


@pytest.mark.parametrize("readings", [{}, {0: 50.0}])
def test_readings_without_a_cadence_have_no_events(readings):
    assert events(readings, cadence=np.nan).count().tolist() == [0]


def test_the_longest_event_of_each_group_starts_at_its_own_reading():
    one = every(5, 60, 60, 60, 80, 80, 80, 60, 60, 60, 60)
    found = events(one, every(5, 100, 100), every(5, 100, 60, 60, 60))
    assert found.longest_start().tolist() == [6, -1, 13]


def test_of_two_longest_events_the_first_is_reported():
    twice = every(5, 60, 60, 60, 80, 80, 80, 60, 60, 60)
    assert events(twice).longest_start().tolist() == [0]


@pytest.mark.parametrize(("count", "extended"), [(24, 0), (25, 1)])
def test_extended_hypoglycaemia_lasts_more_than_120_minutes(count, extended):
    assert extended_hypo(events(every(5, *[60] * count))).count().tolist() == [extended]


@pytest.mark.parametrize(("count", "extended"), [(17, 0), (18, 1)])
def test_extended_hyperglycaemia_needs_90_minutes_above_250(count, extended):
    assert sustained(every(5, 100, *[260] * count, 100)).count().tolist() == [extended]


def test_the_90_minutes_may_be_broken_up_within_120():
    broken = every(5, *[260] * 9, *[200] * 6, *[260] * 9)
    assert sustained(broken).duration_minutes.tolist() == [120.0]


def test_90_minutes_spread_over_more_than_120_are_not_extended():
    assert sustained(every(5, *[260] * 9, *[200] * 7, *[260] * 9)).count().tolist() == [0]


def test_250_itself_does_not_count_towards_the_90_minutes():
    assert sustained(every(5, *[250] * 40)).count().tolist() == [0]


def test_an_extended_hyperglycaemia_goes_on_until_fifteen_minutes_of_180_or_less():
    brief = every(5, *[260] * 18, 180, 180, *[260] * 18)
    assert sustained(brief).count().tolist() == [1]
    recovered = every(5, *[260] * 18, 180, 180, 180, *[260] * 18)
    assert sustained(recovered).count().tolist() == [2]


def test_a_recovery_parts_the_minutes_before_it_from_those_after():
    assert sustained(every(5, *[260] * 10, 150, 150, 150, *[260] * 10)).count().tolist() == [0]


def test_a_gap_parts_the_minutes_before_it_from_those_after():
    assert sustained(every(5, *[260] * 9) | every(5, *[260] * 9, start=91)).count().tolist() == [0]


def test_extended_hyperglycaemia_never_reaches_from_one_group_into_the_next():
    first, second = every(5, *[260] * 9), every(5, *[260] * 9, start=45)
    assert sustained(first, second).count().tolist() == [0, 0]
    assert sustained(first | second).count().tolist() == [1]


def test_readings_without_a_cadence_have_no_extended_hyperglycaemia():
    assert sustained(every(5, *[260] * 30), cadence=np.nan).count().tolist() == [0]
