"""What each picture shows of a person and of people: the right values at the right place, and nothing missing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from health_etl.clinical import processors
from health_etl.report.pictures import active_calories_burned, blood_glucose, heart_rate, pictures, sleep_session, steps
from health_etl.report.pictures import heart_rate_variability_rmssd as hrv
from health_etl.report.pictures.base import Drawn, lists, one_row_per_person
from health_etl.report.style import png, svg
from health_etl_tests.report.person import dates, insights, person_days

NIGHT = {
    "stage_start_minutes": [0.0, 20.0, 60.0, 90.0],
    "stage_end_minutes": [20.0, 60.0, 90.0, 120.0],
    "stage_codes": [1.0, 4.0, 5.0, 6.0],  # awake, light, deep, REM
    "bed_time_local": "23:30",
    "asleep_utc_minutes": [290.0, 390.0],
}
NO_NIGHT = dict.fromkeys(NIGHT)


def drawn(picture: Drawn | None) -> Drawn:
    assert picture is not None
    assert png(picture.figure).startswith(b"\x89PNG")
    assert b"<svg" in svg(picture.figure, picture.title, "x")
    return picture


def heights(picture: Drawn) -> list[float]:
    return [round(bar.get_height(), 6) for bar in picture.figure.axes[0].patches if bar.get_width() < 0.9]


def hours(**at: float) -> list[float]:
    return [at.get(f"h{hour}", 0.0) for hour in range(24)]


def test_every_picture_belongs_to_a_type_and_has_a_headline_that_is_reported() -> None:
    assert pictures()
    assert set(pictures()) <= set(processors())
    for name, picture in pictures().items():
        reported = {metric.name for metric in processors()[name].all_metrics if metric.reported}
        assert set(picture.headline) <= reported, name


def test_every_axis_has_a_label_with_its_unit() -> None:
    figures = {
        "glucose (mg/dL)": blood_glucose.profile(np.full((3, 96), 120.0)),
        "heart rate (beats/min)": heart_rate.hours(np.full((3, 24), 70.0)),
        "RMSSD (ms)": hrv.spread([date(2025, 9, 15)], np.full((3, 1), 40.0)),
        "nights asleep (%)": sleep_session.asleep_by_clock(np.full(96, 50.0)),
    }
    for label, figure in figures.items():
        assert figure.axes[0].get_ylabel() == label
        assert figure.axes[0].get_xlabel()


class TestGlucose:
    def test_one_day_is_drawn_as_its_readings_cut_at_gaps(self) -> None:
        rows = insights(dates(1), glucose_by_slot_mg_dl=[[100.0] * 96])
        minute = [0, 5, 10, 120, 125]
        picture = drawn(
            blood_glucose.of_person(person_days(rows, minute=minute, glucose_mg_dl=[100.0, 60.0, 110.0, 190.0, 120.0]))
        )
        lines = picture.figure.axes[0].get_lines()
        solid = [line for line in lines if line.get_linestyle() == "-" and len(line.get_xdata()) not in (0, 2)]
        assert [list(line.get_xdata()) for line in solid] == [[0, 5, 10]]
        marked = [list(line.get_ydata()) for line in lines if line.get_markersize() == 3]
        assert marked == [[60.0, 190.0]]

    def test_seventy_and_a_hundred_and_eighty_are_not_marked(self) -> None:
        rows = insights(dates(1), glucose_by_slot_mg_dl=[[100.0] * 96])
        picture = drawn(blood_glucose.of_person(person_days(rows, minute=[0, 5], glucose_mg_dl=[70.0, 180.0])))
        marked = [line for line in picture.figure.axes[0].get_lines() if line.get_markersize() == 3]
        assert [len(line.get_ydata()) for line in marked] == [0]

    def test_five_days_become_a_profile_that_says_how_many_days_it_should_have(self) -> None:
        slots = [[100.0 + day] * 48 + [np.nan] * 48 for day in range(5)]
        picture = drawn(blood_glucose.of_person(person_days(insights(dates(5), glucose_by_slot_mg_dl=slots))))
        assert picture.title == "Ambulatory glucose profile of 5 days"
        assert "should have 14 days" in picture.note
        median = max(picture.figure.axes[0].get_lines(), key=lambda line: len(line.get_xdata()))
        values = np.asarray(median.get_ydata(), dtype=np.float64)
        assert values[:48].tolist() == [102.0] * 48
        assert np.isnan(values[48:]).all()

    def test_readings_below_the_axis_lower_it(self) -> None:
        figure = blood_glucose.traces([(np.array([0.0, 5.0]), np.array([25.0, 480.0]))])
        low, high = figure.axes[0].get_ylim()
        assert low < 25
        assert high > 480

    def test_a_day_without_readings_has_no_picture(self) -> None:
        rows = insights(dates(1), glucose_by_slot_mg_dl=[None])
        assert blood_glucose.of_person(person_days(rows, glucose_mg_dl=[])) is None


class TestHeartRate:
    def test_a_day_shows_each_hour_range_median_and_the_resting_rate(self) -> None:
        rows = insights(dates(1), bpm_by_hour=[[70.0] * 24], resting_bpm=58.4)
        picture = drawn(heart_rate.of_person(person_days(rows, minute=[61, 70, 119], bpm=[60, 70, 95])))
        axes = picture.figure.axes[0]
        bar = axes.patches[0]
        assert (bar.get_x(), bar.get_y(), bar.get_height()) == (60, 60, 35)
        assert "resting 58" in [text.get_text() for text in axes.texts]

    def test_without_a_resting_rate_none_is_drawn(self) -> None:
        rows = insights(dates(1), bpm_by_hour=[[70.0] * 24], resting_bpm=np.nan)
        picture = drawn(heart_rate.of_person(person_days(rows, minute=[61, 70], bpm=[60, 70])))
        assert list(picture.figure.axes[0].texts) == []

    def test_several_days_become_the_median_of_their_hours(self) -> None:
        by_hour = [[60.0] * 24, [64.0] * 24, [80.0] * 24]
        rows = insights(dates(3), bpm_by_hour=by_hour, resting_bpm=58.0)
        picture = drawn(heart_rate.of_person(person_days(rows)))
        bar = picture.figure.axes[0].patches[0]
        assert (bar.get_y(), bar.get_y() + bar.get_height()) == (62.0, 72.0)


class TestVariability:
    def test_nights_before_are_shown_and_those_outside_the_band_marked(self) -> None:
        band = {hrv.BASELINE: 40.0, hrv.LOW: 37.0, hrv.HIGH: 43.0}
        earlier = insights(dates(2), mean_rmssd_ms=[40.0, 50.0], ln_rmssd=3.7, **band)
        rows = insights(dates(1, date(2025, 9, 17)), mean_rmssd_ms=30.0, ln_rmssd=3.4, **band)
        picture = drawn(hrv.of_person(person_days(rows, earlier)))
        marked = [
            line
            for line in picture.figure.axes[0].get_lines()
            if line.get_markersize() == 6 and line.get_marker() == "o"
        ]
        assert [list(line.get_ydata()) for line in marked if line.get_linestyle() == "None"] == [[50.0, 30.0]]

    def test_without_a_baseline_the_caption_says_so(self) -> None:
        none = dict.fromkeys((hrv.BASELINE, hrv.LOW, hrv.HIGH), np.nan)
        picture = drawn(hrv.of_person(person_days(insights(dates(2), mean_rmssd_ms=40.0, ln_rmssd=3.7, **none))))
        assert "too few nights" in picture.note

    def test_one_night_alone_is_no_picture(self) -> None:
        none = dict.fromkeys((hrv.BASELINE, hrv.LOW, hrv.HIGH), np.nan)
        assert hrv.of_person(person_days(insights(dates(1), mean_rmssd_ms=40.0, ln_rmssd=3.7, **none))) is None


class TestSleep:
    def test_a_night_begins_at_bedtime_of_the_evening_before(self) -> None:
        picture = drawn(sleep_session.of_person(person_days(insights(dates(1), **_each(NIGHT)))))
        assert picture.title == "Hypnogram of the main sleep"
        axes = picture.figure.axes[0]
        assert axes.get_xlim() == (-30, 90)
        assert [label.get_text() for label in axes.get_yticklabels()] == ["Awake", "REM", "Light", "Deep"]

    def test_a_bedtime_after_midnight_lies_on_the_day_itself(self) -> None:
        late = {**NIGHT, "bed_time_local": "01:00"}
        picture = drawn(sleep_session.of_person(person_days(insights(dates(1), **_each(late)))))
        assert picture.figure.axes[0].get_xlim() == (60, 180)

    def test_a_range_keeps_an_empty_row_for_a_night_that_was_not_recorded(self) -> None:
        nights = {name: [NIGHT[name], NO_NIGHT[name], NIGHT[name]] for name in NIGHT}
        picture = drawn(sleep_session.of_person(person_days(insights(dates(3), **nights))))
        labels = [label.get_text() for label in picture.figure.axes[0].get_yticklabels()]
        assert labels == ["Mon 15 Sep", "Tue 16 Sep", "Wed 17 Sep"]

    def test_a_night_without_stages_has_no_picture(self) -> None:
        assert sleep_session.of_person(person_days(insights(dates(1), **_each(NO_NIGHT)))) is None

    def test_people_asleep_are_placed_by_their_own_clock(self) -> None:
        rows = pd.concat([insights(dates(1), user, **_each(NIGHT)) for user in ("a", "b")], ignore_index=True)
        rows.loc[1, "utc_offset_minutes"] = 0  # 290 to 390 min from 00:00 UTC, so 04:50 to 06:30; the other's is 23:50
        picture = drawn(sleep_session.of_people(rows, 2))
        share = np.asarray(picture.figure.axes[0].patches[0].get_data().values, dtype=np.float64)
        assert share[(6 * 60 + 10) // 15] == 50.0  # from 00:00 to 00:15 one of two
        assert share[(11 * 60 + 10) // 15] == 50.0  # from 05:00 to 05:15 the other
        assert share[(9 * 60) // 15] == 0.0


class TestHourly:
    def test_steps_of_a_day_stand_over_their_hours_and_unrecorded_hours_are_grey(self) -> None:
        by_hour = hours(h9=800.0, h17=1200.0)
        by_hour[23] = np.nan
        rows = insights(dates(1), steps_by_hour=[by_hour], steps_total=2000, partial_day=False)
        picture = drawn(steps.of_person(person_days(rows)))
        bars = [bar for bar in picture.figure.axes[0].patches if bar.get_width() < 1]
        assert {int(bar.get_x()): bar.get_height() for bar in bars if bar.get_height()} == {9: 800.0, 17: 1200.0}
        grey = [bar.get_x() for bar in picture.figure.axes[0].patches if bar.get_width() == 1]
        assert grey == [23]

    def test_a_range_shows_totals_and_draws_a_partial_day_open(self) -> None:
        rows = insights(dates(2), steps_by_hour=[None, None], steps_total=[4000, 2500], partial_day=[False, True])
        picture = drawn(steps.of_person(person_days(rows)))
        bars = picture.figure.axes[0].patches
        assert [bar.get_height() for bar in bars] == [4000, 2500]
        assert [bar.get_facecolor()[3] for bar in bars] == [1.0, 0.0]
        assert "hollow bar" in picture.note

    def test_records_too_coarse_for_hours_have_no_picture(self) -> None:
        rows = insights(dates(1), steps_by_hour=[None], steps_total=2000, partial_day=False)
        assert steps.of_person(person_days(rows)) is None

    def test_active_energy_has_its_own_unit(self) -> None:
        rows = insights(dates(1), active_kcal_by_hour=[hours(h9=80.0)], active_kcal_total=80.0, partial_day=False)
        picture = drawn(active_calories_burned.of_person(person_days(rows)))
        assert picture.figure.axes[0].get_ylabel() == "active energy (kcal/h)"


class TestPeople:
    @pytest.mark.parametrize(
        ("picture", "columns"),
        [
            (blood_glucose, {"glucose_by_slot_mg_dl": [120.0] * 96}),
            (heart_rate, {"bpm_by_hour": [70.0] * 24}),
            (steps, {"steps_by_hour": [100.0] * 24}),
            (active_calories_burned, {"active_kcal_by_hour": [10.0] * 24}),
            (sleep_session, NIGHT),
            (hrv, {"mean_rmssd_ms": 40.0}),
        ],
    )
    def test_too_few_people_have_no_picture(self, picture, columns) -> None:  # type: ignore[no-untyped-def]
        rows = pd.concat([insights(dates(1), user, **_each(columns)) for user in "abcde"], ignore_index=True)
        drawn(picture.of_people(rows, 5))
        assert picture.of_people(rows, 6) is None

    def test_a_person_with_many_days_counts_once(self) -> None:
        rows = pd.concat([insights(dates(9), "a"), insights(dates(1), "b")], ignore_index=True)
        values = np.array([[60.0]] * 9 + [[80.0]])
        found = one_row_per_person(rows, values, 2)
        assert found is not None
        assert found.tolist() == [[60.0], [80.0]]

    def test_an_hour_that_too_few_people_recorded_is_left_out(self) -> None:
        rows = pd.concat([insights(dates(1), "a"), insights(dates(1), "b")], ignore_index=True)
        found = one_row_per_person(rows, np.array([[60.0, 61.0], [np.nan, 81.0]]), 2)
        assert found is not None
        assert np.isnan(found[:, 0]).all()
        assert found[:, 1].tolist() == [61.0, 81.0]


def test_a_list_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"inhomogeneous|reshape"):
        lists(pd.Series([[1.0] * 23, [1.0] * 24]), 24)


def _each(columns: dict[str, object]) -> dict[str, list[object]]:
    return {name: [value] for name, value in columns.items()}
