"""The metrics of sleep: names, labels and units. The modules beside this one compute them."""

from __future__ import annotations

import pyarrow as pa

from health_etl.clinical.common.base import Metric
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.sleep_session.limits import (
    DURATION_SHORT_SOURCE,
    GOOD_SE_PERCENT,
    GOOD_SOL_MINUTES,
    LONG_AWAKENING_MINUTES,
    QUALITY_SHORT_SOURCE,
)
from health_etl.clinical.sleep_session.trends import DEBT_NIGHTS


def _minutes(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="min", decimals=1)


def _percent(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="%", decimals=1)


def _number(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, dtype=pa.int64())


def _word(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, dtype=pa.string())


def _list(name: str, label: str, description: str, unit: str | None = "min") -> Metric:
    return Metric(name, label, description, unit=unit, dtype=pa.list_(pa.float64()), reported=False)


_LONG = f"over {LONG_AWAKENING_MINUTES} min"
_MARK = f"Mark of good sleep ({QUALITY_SHORT_SOURCE})"

DAY_METRICS = (
    _word("main_sleep_source_app", "Main sleep recorded by", "Apps whose sessions represent the main sleep"),
    _word("bed_time_local", "Bedtime (local)", "Local clock time at which the main sleep's record starts"),
    _word("wake_time_local", "Wake time (local)", "Local clock time at which the main sleep's record ends"),
    _word("sleep_onset_local", "First asleep (local)", "Local clock time of the first moment asleep"),
    _word("sleep_end_local", "Last asleep (local)", "Local clock time of the last moment asleep"),
    _word("mid_sleep_local", "Mid-sleep (local)", "Local clock time midway between first and last sleep"),
    _minutes("tib_minutes", "Time in bed", "Length of the main sleep's record (TIB)"),
    _minutes("tst_minutes", "Total sleep time", "Main sleep less its wake stages (TST)"),
    _minutes("sleep_period_minutes", "Sleep period", "From the first to the last moment asleep (SPT)"),
    _percent("se_percent", "Sleep efficiency", "TST as a share of TIB (SE)"),
    _minutes("sol_minutes", "Sleep onset latency", "Start of the record to first sleep (SOL)"),
    _minutes("waso_minutes", "Wake after sleep onset", "Wake between first and last sleep (WASO)"),
    _number("awakening_count", "Awakenings", "Runs of wake between first and last sleep"),
    _number("awakening_over_5_min_count", f"Awakenings {_LONG}", f"Awakenings {_LONG}"),
    _minutes("longest_awakening_minutes", "Longest awakening", "Longest run of wake between first and last sleep"),
    _word("longest_awakening_local", "Longest awakening began (local)", "Local clock time at which it began"),
    _minutes("light_minutes", "Light sleep", "Stage LIGHT"),
    _percent("light_percent", "Light sleep share", "Stage LIGHT as a share of TST"),
    _minutes("deep_minutes", "Deep sleep", "Stage DEEP"),
    _percent("deep_percent", "Deep sleep share", "Stage DEEP as a share of TST"),
    _minutes("rem_minutes", "REM sleep", "Stage REM"),
    _percent("rem_percent", "REM sleep share", "Stage REM as a share of TST"),
    _minutes("rem_latency_minutes", "REM latency", "First moment asleep to the first REM stage"),
    _percent(
        "deep_first_half_percent",
        "Deep sleep in the first half",
        "Share of deep sleep in the sleep period's first half",
    ),
    _word("reference_ages", "Judged by the limits for", "Age band whose limits apply; null where none do"),
    _word("se_mark", "Sleep efficiency mark", f"{_MARK}: SE of at least {GOOD_SE_PERCENT} %"),
    _word("sol_mark", "Sleep onset latency mark", f"{_MARK}: SOL of at most {GOOD_SOL_MINUTES} min"),
    _word("waso_mark", "Wake after sleep onset mark", f"{_MARK}: WASO, the limit following the age"),
    _word("awakening_mark", "Awakenings mark", f"{_MARK}: awakenings {_LONG}, the limit following the age"),
    _word("duration_class", "Sleep duration class", f"Main sleep's TST against the ranges of {DURATION_SHORT_SOURCE}"),
    _number("alternate_session_count", "Further sessions of the main sleep", "Alternates, not added"),
    _number("joined_session_count", "Sessions joined to the main sleep", "Sessions that make up the main sleep"),
    _number("nap_count", "Naps", "Sleeps of the night besides the main one"),
    _minutes("nap_minutes", "Nap sleep", "TST of the naps together; null without naps"),
    _word("nap_times_local", "Nap times (local)", "Local clock times from start to end of each nap"),
    _minutes("sleep_with_naps_minutes", "Sleep with naps", "TST of the main sleep and the naps together"),
    Metric(
        "mid_sleep_minutes",
        "Mid-sleep",
        "Mid-sleep as minutes after local midnight, for the look-back",
        unit="min",
        decimals=1,
        reported=False,
    ),
    _list(
        "recorded_utc_minutes",
        "Time recorded",
        "Start and end of the local night, in minutes from 00:00 UTC of the local date, where a main sleep is recorded",
    ),
    _list(
        "asleep_utc_minutes",
        "Times asleep",
        "Start, end, start, end … of all times asleep, naps included, in minutes from 00:00 UTC of the local date",
    ),
    _list("stage_start_minutes", "Stage starts", "Start of each stage of the main sleep, in minutes from bedtime"),
    _list("stage_end_minutes", "Stage ends", "End of each stage of the main sleep, in minutes from bedtime"),
    _list("stage_codes", "Stage codes", "Health Connect's code of each stage of the main sleep", unit=None),
)

_TIMED = f"last {LOOK_BACK_DAYS} nights, this one included"
_EARLIER = f"{LOOK_BACK_DAYS} earlier nights"

TREND_METRICS = (
    _number("baseline_night_count", "Earlier nights judged", f"Of the {_EARLIER}, those whose sleep could be assessed"),
    _minutes("mean_tst_minutes", "Usual sleep time, mean", f"Mean TST of those of the {_EARLIER}"),
    _minutes("sd_tst_minutes", "Usual sleep time, SD", f"Sample SD of the TST of those of the {_EARLIER}"),
    _number("timed_night_count", "Nights with a timed main sleep", f"Of the {_TIMED}"),
    _word("mean_mid_sleep_local", "Mean mid-sleep (local)", f"Circular mean of mid-sleep over the {_TIMED}"),
    _minutes("mid_sleep_sd_minutes", "Mid-sleep, SD", f"Spread about that mean over the {_TIMED}"),
    _number("workday_night_count", "Timed nights before workdays", "Nights that end on Monday to Friday"),
    _number("free_day_night_count", "Timed nights before free days", "Nights that end on Saturday or Sunday"),
    _word("msw_local", "Mid-sleep on workdays (local)", "Circular mean over the nights before workdays (MSW)"),
    _word("msf_local", "Mid-sleep on free days (local)", "Circular mean over the nights before free days (MSF)"),
    _minutes("social_jetlag_minutes", "Social jetlag", "MSF against MSW along the shorter arc of the clock"),
    _word("msf_sc_local", "Mid-sleep on free days, sleep-corrected (local)", "MSF without catch-up sleep (MSFsc)"),
    Metric("sri_pair_days", "Days compared for regularity", "Pairs of valid epochs, in days", "days", decimals=1),
    Metric("sri_points", "Sleep regularity index", f"SRI over the {_TIMED}", unit="points", decimals=1),
    _number("debt_night_count", "Nights counted for sleep debt", f"Assessed nights of the last {DEBT_NIGHTS}"),
    _minutes(
        "sleep_debt_minutes",
        "Sleep debt",
        f"Sleep below the recommended range, added up over the last {DEBT_NIGHTS} nights",
    ),
)
