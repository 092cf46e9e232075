"""The glucose functions held against published CGM data of three people (R iglu 4.3.0, py_agata)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical.blood_glucose.events import GlucoseEvents, extended_hypo, find_events
from health_etl.clinical.blood_glucose.metrics import (
    cadence_minutes,
    cv_percent,
    ea1c_percent,
    gmi_percent,
    j_index,
    longest_gap_minutes,
    range_percents,
    recorded_minutes,
)
from health_etl.clinical.blood_glucose.risk import adrr, gri, gri_zones, hbgi, lbgi, risks
from health_etl.clinical.blood_glucose.summary import pool, summarise
from health_etl.clinical.blood_glucose.swings import mage, modd, slot_means
from health_etl.clinical.blood_glucose.time_of_day import where
from health_etl.clinical.common.samples import Samples
from health_etl_tests.clinical.blood_glucose.glucose_days import insights_with_trends

SUBJECTS = ("Subject 1", "Subject 2", "Subject 3")
EXACT = {"rtol": 1e-6, "atol": 1e-12}
OFFSET_MINUTES = -300

RANGES = [
    ("in_range", "in_range_70_180"),
    ("in_tight_range", "in_range_70_140"),
    ("in_pregnancy_range", "in_range_63_140"),
    ("above_pregnancy_range", "above_140"),
    ("below_range", "below_70"),
    ("very_low", "below_54"),
    ("above_range", "above_180"),
    ("very_high", "above_250"),
]
COUNTS = [
    ("very_low", "count_below_54"),
    ("low", "count_54_69"),
    ("in_range", "count_70_180"),
    ("high", "count_181_250"),
    ("very_high", "count_above_250"),
]


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((shared / "reference/cgm/expected.json").read_text())
    return content


@pytest.fixture(scope="module")
def table(shared: Path) -> pd.DataFrame:
    files = [pd.read_csv(shared / f"reference/cgm/{name.replace(' ', '_')}.csv") for name in SUBJECTS]
    return pd.concat(files, ignore_index=True)


@pytest.fixture(scope="module")
def readings(table: pd.DataFrame) -> Samples:
    """All readings of the three people, one group a person."""
    return samples(table, table["id"].map(SUBJECTS.index), len(SUBJECTS))


@pytest.fixture(scope="module")
def person_days(table: pd.DataFrame) -> tuple[Samples, np.ndarray]:
    """The same readings, one group a person and local day, and the person of each group."""
    keys = table["id"] + " " + table["time_local"].str[:10]
    codes, names = pd.factorize(keys, sort=True)
    people = np.array([SUBJECTS.index(name[:9]) for name in names])
    return samples(table, pd.Series(codes), len(names)), people


@pytest.fixture(scope="module")
def insights(table: pd.DataFrame) -> pd.DataFrame:
    """The last day of each person as the processor sees it: analysed, and looked back upon."""
    time = pd.to_datetime(table["epoch_s"], unit="s", utc=True)
    rows = pd.DataFrame(
        {
            "user_id": table["id"],
            "local_date": table["time_local"].str[:10],
            "record_id": table.index.astype("str"),
            "source_app": "cgm",
            "last_modified_utc": time,
            "utc_offset_minutes": OFFSET_MINUTES,
            "time_utc": time.dt.as_unit("ms"),
            "glucose_mg_dl": table["gl_mgdl"].astype("float64"),
            "relation_to_meal": "UNKNOWN",
            "meal_type": "UNKNOWN",
        }
    )
    return insights_with_trends(rows).groupby("user_id").tail(1).set_index("user_id")


def samples(table: pd.DataFrame, group: pd.Series, n_groups: int) -> Samples:
    order = np.lexsort((table["epoch_s"], group))
    return Samples(
        group=group.to_numpy(dtype=np.int64)[order],
        time_ms=table["epoch_s"].to_numpy(dtype=np.int64)[order] * 1000,
        utc_offset_minutes=np.full(len(table), OFFSET_MINUTES, dtype=np.int64),
        value=table["gl_mgdl"].to_numpy(dtype=np.float64)[order],
        n_groups=n_groups,
    )


def published(expected: dict[str, Any], name: str) -> list[Any]:
    return [expected[subject][name] for subject in SUBJECTS]


def published_hypo_events(expected: dict[str, Any], level: str) -> list[int]:
    return [
        episode["total_episodes"]
        for subject in SUBJECTS
        for episode in expected[subject]["episodes"]
        if (episode["type"], episode["level"]) == ("hypo", level)
    ]


def assert_published(summary: pd.DataFrame, expected: dict[str, Any]) -> None:
    """Hold every metric that a summary gives against the published ones."""
    percents = range_percents(summary)
    ours = {
        "n_readings": summary["reading_count"],
        "mean": summary["mean_mg_dl"],
        "SD": summary["sd_mg_dl"],
        "CV": cv_percent(summary),
        "GMI": gmi_percent(summary),
        "eA1C": ea1c_percent(summary),
        "LBGI": lbgi(summary),
        "HBGI": hbgi(summary),
        "GRI": gri(percents),
        "J_index": j_index(summary),
        **{theirs: percents[name] for name, theirs in RANGES},
        **{theirs: summary[f"{name}_count"] for name, theirs in COUNTS},
    }
    for name, values in ours.items():
        np.testing.assert_allclose(values, published(expected, name), err_msg=name, **EXACT)
    assert gri_zones(gri(percents)).tolist() == published(expected, "GRI_zone_derived")


def test_all_readings_of_a_person_give_the_published_metrics(readings, expected):
    assert_published(summarise(readings), expected)


def test_days_pooled_give_the_published_metrics_too(person_days, expected):
    days, people = person_days
    assert_published(pool(summarise(days), people, len(SUBJECTS)), expected)


def test_adrr_over_local_days_is_the_published_one(person_days, expected):
    days, people = person_days
    low, high = risks(days.value)
    lows, highs = np.zeros(days.n_groups), np.zeros(days.n_groups)
    np.maximum.at(lows, days.group, low)
    np.maximum.at(highs, days.group, high)
    np.testing.assert_allclose(adrr(lows, highs, people, len(SUBJECTS)), published(expected, "ADRR"), **EXACT)


def test_extremes_cadence_and_clock_times_are_the_published_ones(readings, expected):
    assert readings.lowest().tolist() == published(expected, "min")
    assert readings.highest().tolist() == published(expected, "max")
    assert readings.first_clock().tolist() == [time[11:16] for time in published(expected, "first_time_local")]
    assert readings.last_clock().tolist() == [time[11:16] for time in published(expected, "last_time_local")]
    np.testing.assert_allclose(cadence_minutes(readings), published(expected, "median_interval_min"), atol=0.01)


def hypo_events(readings: Samples, threshold: float) -> GlucoseEvents:
    return find_events(readings, readings.value < threshold, cadence_minutes(readings))


@pytest.mark.parametrize(("level", "threshold"), [("lv1", 70), ("lv2", 54)])
def test_hypoglycaemia_events_are_the_published_number(readings, expected, level, threshold):
    assert hypo_events(readings, threshold).count().tolist() == published_hypo_events(expected, level)


def test_extended_hypoglycaemia_events_are_the_published_number(readings, expected):
    extended = extended_hypo(hypo_events(readings, 70))
    assert extended.count().tolist() == published_hypo_events(expected, "extended")


@pytest.mark.parametrize(("level", "threshold"), [("lv1", 100), ("lv2", 80), ("extended", 100)])
def test_events_at_raised_thresholds_are_the_published_number_but_for_one_that_a_bridged_gap_makes(
    readings, expected, level, threshold
):
    found = hypo_events(readings, threshold)
    found = extended_hypo(found) if level == "extended" else found
    theirs = [
        episode["total_episodes"]
        for subject in SUBJECTS
        for episode in expected[subject]["episodes_alt_thresholds_hypo100_80_hyper140_180"]
        if (episode["type"], episode["level"]) == ("hypo", level)
    ]
    assert np.abs(found.count() - theirs).max() <= 1


def test_the_one_event_that_another_package_times_lasts_as_long_and_starts_then(readings, expected):
    theirs = expected["Subject 1"]["other_software"]["py_agata_0.0.8"]["events_hypo"]["l1"]
    found = hypo_events(readings, 70)
    first = found.group == 0
    assert found.duration_minutes[first].round(1).tolist() == [theirs["mean_duration_min"]]
    start = pd.Timestamp(readings.time_ms[found.start[first][0]] + OFFSET_MINUTES * 60_000, unit="ms")
    assert abs(start - pd.Timestamp(theirs["starts"][0])) < pd.Timedelta(minutes=2.5)


def test_modd_by_slots_is_within_two_percent_of_the_published_one(person_days, expected):
    days, people = person_days
    slots = slot_means(days)[::-1]
    start = np.full(days.n_groups, np.iinfo(np.int64).max)
    np.minimum.at(start, days.group, (days.time_ms + OFFSET_MINUTES * 60_000) // 86_400_000)
    newest_first, person = start[::-1], people[::-1]
    pairs = np.flatnonzero((np.diff(person) == 0) & (np.diff(newest_first) == -1))
    np.testing.assert_allclose(modd(slots, pairs, person[pairs], len(SUBJECTS)), published(expected, "MODD"), rtol=0.02)


def test_mage_by_turning_points_lies_among_those_of_other_packages(readings, expected):
    ours = mage(readings, readings.sd())
    for value, subject in zip(ours, SUBJECTS, strict=True):
        software = expected[subject]["other_software"].values()
        theirs = [expected[subject]["MAGE_avg"], *(package["MAGE"] for package in software if "MAGE" in package)]
        assert min(theirs) < value < max(theirs)


def test_subject_2_has_a_gap_of_160_hours_and_too_few_readings(readings):
    assert longest_gap_minutes(readings)[1] / 60 == pytest.approx(160, abs=0.5)
    span = np.ptp(readings.time_ms[readings.group == 1]) / 60_000
    assert recorded_minutes(readings, cadence_minutes(readings))[1] / span < 0.70


def test_the_processor_s_report_of_subject_1_is_the_published_one(insights, expected):
    day, theirs = insights.loc["Subject 1"], expected["Subject 1"]
    assert (day["window_days"], pd.isna(day["window_reason"])) == (14, True)
    pairs = {
        "window_mean_mg_dl": "mean",
        "window_sd_mg_dl": "SD",
        "window_cv_percent": "CV",
        "window_gmi_percent": "GMI",
        "window_ea1c_percent": "eA1C",
        "window_lbgi": "LBGI",
        "window_hbgi": "HBGI",
        "window_gri": "GRI",
        "window_j_index": "J_index",
        "adrr": "ADRR",
        **{f"window_time_{ours}_percent": name for ours, name in RANGES if "pregnancy" not in ours},
    }
    for ours, name in pairs.items():
        assert day[ours] == pytest.approx(theirs[name], rel=1e-6, abs=1e-12), ours
    assert day["window_gri_zone"] == theirs["GRI_zone_derived"]


def test_the_processor_flags_the_gap_of_subject_2_and_gives_no_gmi(insights):
    day = insights.loc["Subject 2"]
    assert day["window_longest_gap_hours"] == pytest.approx(160, abs=0.5)
    assert day["window_reason"].startswith("14 of 14 days since the first known reading, 47 % of the readings")
    assert day[["window_gmi_percent", "window_ea1c_percent", "window_gri", "modd_mg_dl"]].isna().all()


def test_the_processor_gives_no_report_over_the_six_days_of_subject_3(insights):
    day = insights.loc["Subject 3"]
    assert day["window_days"] == 7
    assert day["window_reason"].startswith("7 of 14 days since the first known reading")
    assert pd.isna(day["window_gmi_percent"])


def test_a_person_alone_gives_the_same_numbers_as_among_others(readings):
    alone = where(readings, readings.group == 2)
    single = Samples(np.zeros_like(alone.group), alone.time_ms, alone.utc_offset_minutes, alone.value, 1)
    assert summarise(single).loc[0].tolist() == summarise(readings).loc[2].tolist()
