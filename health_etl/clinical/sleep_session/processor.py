"""The processor of `sleep_session`: wires measures, look-back and texts together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Integers
from health_etl.clinical.common.base import ClinicalOptions, Processor
from health_etl.clinical.common.samples import insights_of_days
from health_etl.clinical.common.text import local_clock_times
from health_etl.clinical.sleep_session.columns import DAY_METRICS, TREND_METRICS
from health_etl.clinical.sleep_session.intervals import asleep_lists, hypnogram_lists
from health_etl.clinical.sleep_session.limits import (
    GOOD_SE_PERCENT,
    GOOD_SOL_MINUTES,
    MINIMUM_STAGED_SHARE,
    limit_of,
    reference_ages,
)
from health_etl.clinical.sleep_session.narrative import GUIDELINES, INSTRUCTIONS, narrate
from health_etl.clinical.sleep_session.periods import NIGHT, main_sleeps, minutes_from_date, naps, rows_of_sleeps
from health_etl.clinical.sleep_session.stages import DEPTHS, in_order, measure_sessions, stages_of, wake_runs
from health_etl.clinical.sleep_session.trends import CARRIED, look_back

ASSESSED = (
    "se_percent",
    "sol_minutes",
    "waso_minutes",
    "awakening_count",
    "awakening_over_5_min_count",
    "longest_awakening_minutes",
    "longest_awakening_local",
    *(f"{depth.lower()}_{unit}" for depth in DEPTHS for unit in ("minutes", "percent")),
    "rem_latency_minutes",
    "deep_first_half_percent",
    "sleep_onset_local",
    "sleep_end_local",
    "sleep_with_naps_minutes",
)
DESCRIBED = (
    "bed_time_local",
    "wake_time_local",
    "mid_sleep_local",
    "mid_sleep_minutes",
    "tib_minutes",
    "tst_minutes",
    "sleep_period_minutes",
    "nap_minutes",
    "nap_times_local",
    "recorded_utc_minutes",
    "asleep_utc_minutes",
    "stage_start_minutes",
    "stage_end_minutes",
    "stage_codes",
)
COUNTS = ("alternate_session_count", "joined_session_count", "nap_count")


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the sleep metrics of each local night (18:00 to 18:00, labelled by the date it ends on).

    `rows_of_sleeps` decides which sessions make up the night's sleeps; of those that last long enough, the one with
    the longest TST is the main sleep (`main_sleeps`), and all others are naps, however short.

    Coverage is the share of the main sleep that carries stages, 0 without stages or without a main sleep. Below the
    minimum, only its bounds and its length are reported: TST is then its length less the recorded wake time.

    Bedtime is in the offset of the record's start and wake time in that of its end; all times in between, mid-sleep
    included, are in the offset of its end.
    """
    sleep_rows = in_order(rows_of_sleeps(rows, options.app_priority))
    stages = stages_of(sleep_rows)
    runs = wake_runs(stages)
    sleeps = _with_clock_times(measure_sessions(sleep_rows, stages, runs)).assign(**_counts(sleep_rows))
    sleeps = sleeps.assign(**hypnogram_lists(stages, len(sleeps)))
    main = main_sleeps(sleeps)
    nights = days[[*NIGHT, "day_start_utc", "day_end_utc"]].merge(naps(sleeps, main), how="left", on=NIGHT)
    nights = nights.merge(main, how="left", on=NIGHT, validate="one_to_one")
    nights = nights.merge(asleep_lists(sleeps, runs).rename("asleep_utc_minutes"), how="left", on=NIGHT)
    nights = nights.assign(
        recorded_utc_minutes=_recorded(nights),
        sleep_with_naps_minutes=nights["tst_minutes"] + nights["nap_minutes"].fillna(0),
    )
    ages = reference_ages(days["age_years"]).reset_index(drop=True)
    described = {name: nights[name] for name in DESCRIBED} | {"main_sleep_source_app": nights["source_app"]}
    return insights_of_days(
        days,
        described=described | {name: nights[name].astype("Int64") for name in COUNTS} | {"reference_ages": ages},
        assessed={name: nights[name] for name in ASSESSED} | _marks(nights, ages),
        coverage=nights["staged_share"].fillna(0.0).to_numpy(dtype=np.float64),
        minimum_coverage=MINIMUM_STAGED_SHARE,
        recorded="of the main sleep session staged",
    )


def _counts(sleep_rows: pd.DataFrame) -> dict[str, Integers]:
    """Return the counts of each session."""
    first = np.unique(sleep_rows["session"].to_numpy(), return_index=True)[1]
    names = ("alternate_session_count", "joined_session_count")
    return {name: sleep_rows[name].to_numpy()[first] for name in names}


def _with_clock_times(sleeps: pd.DataFrame) -> pd.DataFrame:
    """Add the clock times of each sleep, "HH:MM", and mid_sleep_minutes after local midnight."""
    middle_utc = sleeps["sleep_onset_utc"] + (sleeps["sleep_end_utc"] - sleeps["sleep_onset_utc"]) / 2
    end_offset = sleeps["end_utc_offset_minutes"]
    wall = middle_utc + pd.to_timedelta(end_offset, unit="min")
    return sleeps.assign(
        bed_time_local=local_clock_times(sleeps["start_utc"], sleeps["utc_offset_minutes"]),
        wake_time_local=local_clock_times(sleeps["end_utc"], end_offset),
        sleep_onset_local=local_clock_times(sleeps["sleep_onset_utc"], end_offset),
        sleep_end_local=local_clock_times(sleeps["sleep_end_utc"], end_offset),
        longest_awakening_local=local_clock_times(sleeps["longest_awakening_utc"], end_offset),
        mid_sleep_local=local_clock_times(middle_utc, end_offset),
        mid_sleep_minutes=(wall - wall.dt.normalize()) / pd.Timedelta(minutes=1),
    )


def _recorded(nights: pd.DataFrame) -> pd.Series:
    """Return start and end of each night's main sleep, in minutes from 00:00 UTC of its date; null without one."""
    starts = minutes_from_date(nights["day_start_utc"], nights["local_date"])
    ends = minutes_from_date(nights["day_end_utc"], nights["local_date"])
    bounds = pd.Series([list(pair) for pair in zip(starts, ends, strict=True)], index=nights.index, dtype=object)
    return bounds.where(nights["tst_minutes"].notna(), None)


def _marks(nights: pd.DataFrame, ages: pd.Series) -> dict[str, pd.Series]:
    """Return the marks of good sleep and its duration, from unrounded values; null where values or limits are."""
    long_awakenings = nights["awakening_over_5_min_count"].astype("Float64").astype("float64")
    adult = ages.notna()
    good = {
        "se_mark": (nights["se_percent"], nights["se_percent"] >= GOOD_SE_PERCENT),
        "sol_mark": (nights["sol_minutes"], nights["sol_minutes"] <= GOOD_SOL_MINUTES),
        "waso_mark": (
            nights["waso_minutes"],
            nights["waso_minutes"] <= limit_of(ages, lambda limits: limits.waso_minutes),
        ),
        "awakening_mark": (
            long_awakenings,
            long_awakenings <= limit_of(ages, lambda limits: limits.long_awakenings),
        ),
    }
    marks = {
        name: pd.Series(np.where(met, "met", "missed"), dtype="str").where(value.notna() & adult)
        for name, (value, met) in good.items()
    }
    return marks | {"duration_class": _duration_class(nights["tst_minutes"], ages)}


def _duration_class(tst_minutes: pd.Series, ages: pd.Series) -> pd.Series:
    low = limit_of(ages, lambda limits: limits.recommended_minutes[0])
    high = limit_of(ages, lambda limits: limits.recommended_minutes[1])
    shortest = limit_of(ages, lambda limits: limits.may_be_appropriate_minutes[0])
    longest = limit_of(ages, lambda limits: limits.may_be_appropriate_minutes[1])
    named = np.select(
        [tst_minutes < shortest, tst_minutes < low, tst_minutes <= high, tst_minutes <= longest],
        ["not recommended (short)", "may be appropriate (short)", "recommended", "may be appropriate (long)"],
        default="not recommended (long)",
    )
    return pd.Series(named, dtype="str").where(tst_minutes.notna() & ages.notna())


PROCESSOR = Processor(
    record_type="sleep_session",
    version="2",
    metrics=DAY_METRICS,
    guidelines=GUIDELINES,
    instructions=INSTRUCTIONS,
    analyse=analyse,
    narrate=narrate,
    trends=TREND_METRICS,
    carried=CARRIED,
    look_back=look_back,
)
