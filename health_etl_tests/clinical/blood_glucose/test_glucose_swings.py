"""MAGE by turning points, the day's profile in slots, MODD. All by hand."""

from __future__ import annotations

import numpy as np
import pytest

from health_etl.clinical.blood_glucose.swings import SLOTS, mage, modd, slot_lists, slot_means, slot_table
from health_etl.clinical.common.samples import Samples
from health_etl_tests.clinical.blood_glucose.glucose_days import analysed, day_of


def readings_of(*groups: list[float], minutes: list[float] | None = None, offset_minutes: int = 0) -> Samples:
    """Groups of readings 5 min apart, or at these minutes."""
    times = [minutes or [5.0 * place for place in range(len(group))] for group in groups]
    return Samples(
        group=np.repeat(np.arange(len(groups)), [len(group) for group in groups]),
        time_ms=(np.concatenate(times) * 60_000).astype(np.int64),
        utc_offset_minutes=np.full(sum(map(len, groups)), offset_minutes, dtype=np.int64),
        value=np.concatenate([np.array(group, dtype=np.float64) for group in groups]),
        n_groups=len(groups),
    )


def mage_of(glucose: list[float], sd: float, minutes: list[float] | None = None) -> float:
    return float(mage(readings_of(glucose, minutes=minutes), np.array([sd]))[0])


def test_rises_and_falls_above_one_sd_are_averaged():
    assert mage_of([100, 200, 120], 50) == (100 + 80) / 2


def test_a_small_swing_inside_a_rise_does_not_break_it():
    assert mage_of([100, 150, 140, 200], 50) == 100


def test_many_small_swings_are_taken_out_before_the_large_one_is_measured():
    assert mage_of([100, 110, 105, 130, 118, 160, 155, 200, 190, 195, 100], 50) == 100


def test_small_swings_at_the_edges_do_not_lengthen_the_large_one():
    assert mage_of([110, 100, 200, 190], 50) == 100


def test_a_swing_of_exactly_one_sd_does_not_count():
    assert np.isnan(mage_of([100, 150, 100], 50))
    assert mage_of([100, 151, 100], 50) == 51


def test_equal_neighbours_are_one_turning_point():
    assert mage_of([100, 100, 200, 200, 200, 100, 100], 50) == 100


@pytest.mark.parametrize("glucose", [[100], [100, 100, 100], [100, 101, 100]])
def test_glucose_that_does_not_swing_has_no_mage(glucose):
    assert np.isnan(mage_of(glucose, 50))


def test_no_swing_reaches_over_a_gap():
    assert np.isnan(mage_of([100, 110, 200, 210], 50, minutes=[0, 5, 51, 56]))
    assert mage_of([100, 110, 200, 210], 50, minutes=[0, 5, 50, 55]) == 110


def test_groups_do_not_touch_each_other():
    both = mage(readings_of([100, 200], [100, 300, 100]), np.array([50.0, 50.0]))
    assert both.tolist() == [100, 200]


def test_the_slots_are_those_of_the_local_clock():
    slots = slot_means(readings_of([100, 110, 120, 130], offset_minutes=-300))
    assert slots.shape == (1, SLOTS)
    assert slots[0, 19 * 4] == 110
    assert slots[0, 19 * 4 + 1] == 130
    assert np.isnan(slots[0]).sum() == 94


def test_a_day_carries_its_slots_as_a_list_with_nothing_where_nothing_was_read():
    slots = analysed(day_of([100, 200] * 72))["glucose_by_slot_mg_dl"]
    assert len(slots) == 96
    assert np.isnan(slots).tolist() == [False] * 48 + [True] * 48


def test_lists_of_slots_are_rows_again_and_a_missing_list_is_empty():
    slots = slot_means(readings_of([100, 110], [200]))
    lists = slot_lists(slots)
    lists[2] = None
    np.testing.assert_array_equal(slot_table(lists)[:2], slots)
    assert np.isnan(slot_table(lists)[2]).all()


def test_modd_compares_only_slots_that_both_days_hold():
    slots = np.full((3, SLOTS), np.nan)
    slots[0, :3], slots[1, 1:4], slots[2, 1] = [100, 120, 140], [100, 150, 90], 130
    assert modd(slots, np.array([0, 1]), np.array([0, 0]), 2)[0] == (20 + 10 + 30) / 3
    assert np.isnan(modd(slots, np.array([0, 1]), np.array([0, 0]), 2)[1])
