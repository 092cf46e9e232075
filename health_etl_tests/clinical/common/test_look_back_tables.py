"""The look-back as a table: one row a day, one column for each of the days before it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.look_back import LOOK_BACK_DAYS, by_days_before, mean_of_known, sd_of_known


def test_the_day_stands_in_front_of_the_days_before_it():
    earlier = pd.DataFrame({"day": [0, 0, 1], "days_before": [1, 28, 3], "bpm": [61.0, 62.0, 63.0]})
    table = by_days_before(pd.Series([60.0, None]), earlier, "bpm")
    assert table.shape == (2, LOOK_BACK_DAYS + 1)
    assert table[0, [0, 1, 28]].tolist() == [60.0, 61.0, 62.0]
    assert table[1, 3] == 63.0
    assert np.isnan(table).sum() == 2 * (LOOK_BACK_DAYS + 1) - 4


def test_missing_integers_of_the_look_back_are_nan():
    earlier = pd.DataFrame({"day": [0], "days_before": [1], "count": pd.array([None], dtype="Int64")})
    assert np.isnan(by_days_before(pd.Series([None], dtype="Int64"), earlier, "count")).all()


def test_mean_and_sample_sd_leave_out_what_is_not_known():
    table = np.array([[1.0, np.nan, 3.0, 5.0], [7.0, np.nan, np.nan, np.nan], [np.nan] * 4])
    np.testing.assert_array_equal(mean_of_known(table, 1), [3.0, 7.0, np.nan])
    np.testing.assert_array_equal(sd_of_known(table, 1), [2.0, np.nan, np.nan])


def test_too_few_known_values_give_nothing():
    table = np.array([[1.0, 3.0, np.nan]])
    assert mean_of_known(table, 2).tolist() == [2.0]
    assert np.isnan(mean_of_known(table, 3)).all()
    assert np.isnan(sd_of_known(table, 3)).all()
