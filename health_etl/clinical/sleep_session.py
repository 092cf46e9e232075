"""What the sleep of a local night says: the processor of `sleep_session`.

The measures of a single session stand in sleep_stages.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.clinical.base import ClinicalOptions, Facts, Metric, Processor
from health_etl.clinical.samples import insights_of_days
from health_etl.clinical.sleep_stages import DEPTHS, MINIMUM_STAGED_SHARE, measure_sessions
from health_etl.clinical.text import counted, local_clock_times, paragraph, zone_caution
from health_etl.core.merge_sources import app_rank

# Good sleep, adults of 26-64 years (the default: no age is recorded), National Sleep Foundation,
# Ohayon 2017, doi:10.1016/j.sleh.2016.11.006.
GOOD_SE_PERCENT = 85.0  # % of time in bed, at least
GOOD_SOL_MINUTES = 30.0  # min, at most
GOOD_WASO_MINUTES = 20.0  # min, at most
GOOD_LONG_AWAKENINGS = 1  # awakenings over 5 min, at most

# Sleep duration, adults of 26-64 years (the default), National Sleep Foundation,
# Hirshkowitz 2015, doi:10.1016/j.sleh.2014.12.010.
RECOMMENDED_MINUTES = (420.0, 540.0)  # min asleep, both ends included
MAY_BE_APPROPRIATE_MINUTES = (360.0, 600.0)  # min asleep, both ends included

NIGHT = ["user_id", "local_date"]


def analyse(rows: pd.DataFrame, days: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compute the sleep metrics of each local night (18:00 to 18:00, labelled by the date it ends on).

    Sessions that overlap are alternates of one sleep and are never added up: the app of highest priority
    speaks for it, then a staged session, the one modified last, the longer, the greater record_id. The sleep
    with the longest TST is the night's main sleep, the others are naps.

    Coverage is the share of the main session that carries stages, 0 for a session without. Below the minimum
    only its bounds and its length stand: TST is then the session's length less the recorded wake time.

    The clock times of bedtime and of rising are those of the session's own start and end offset; mid-sleep,
    the middle between the first and the last moment asleep, is told in the end's.
    """
    sleeps = _one_session_per_sleep(measure_sessions(rows), options.app_priority)
    nights = _main_sleep_per_night(sleeps)
    main = days[NIGHT].merge(nights, how="left", on=NIGHT, validate="one_to_one")
    stage_columns = [f"{depth.lower()}_{unit}" for depth in DEPTHS for unit in ("minutes", "percent")]
    judged = ["se_percent", "sol_minutes", "waso_minutes", "awakening_count", "awakening_over_5_min_count"]
    return insights_of_days(
        days,
        described=_described(main),
        judged={name: main[name] for name in [*judged, *stage_columns]} | _marks(main),
        coverage=main["staged_share"].fillna(0.0).to_numpy(),
        minimum_coverage=MINIMUM_STAGED_SHARE,
        recorded="of the main sleep session staged",
    )


def _one_session_per_sleep(sessions: pd.DataFrame, app_priority: Sequence[str]) -> pd.DataFrame:
    """Return the session that speaks for each sleep, with `alternate_session_count`, its further sessions."""
    ordered = sessions.sort_values([*NIGHT, "start_utc", "end_utc", "record_id"], ignore_index=True)
    night = ordered.groupby(NIGHT, sort=True).ngroup()
    end_ms = ordered["end_utc"].astype("int64")
    latest_end = end_ms.groupby(night).cummax().groupby(night).shift(fill_value=0)
    begins = (night.diff() != 0) | (ordered["start_utc"].astype("int64") >= latest_end)
    ordered = ordered.assign(
        sleep=begins.cumsum(),
        app_rank=app_rank(ordered["source_app"], app_priority),
        is_staged=ordered["staged_share"] > 0,
    )
    ordered["alternate_session_count"] = ordered.groupby("sleep")["record_id"].transform("size") - 1
    by_rank = ["sleep", "app_rank", "is_staged", "last_modified_utc", "tib_minutes", "record_id"]
    return ordered.sort_values(by_rank).drop_duplicates("sleep", keep="last", ignore_index=True)


def _main_sleep_per_night(sleeps: pd.DataFrame) -> pd.DataFrame:
    """Return the longest sleep of each night, with `nap_count` and `nap_minutes` (TST) of the others."""
    ordered = sleeps.sort_values([*NIGHT, "tst_minutes", "start_utc", "record_id"], ignore_index=True)
    is_main = ~ordered.duplicated(NIGHT, keep="last")
    naps = ordered[~is_main].groupby(NIGHT, sort=True)["tst_minutes"].agg(["size", "sum"]).reset_index()
    nights = ordered[is_main].merge(naps, how="left", on=NIGHT)
    return nights.assign(nap_count=nights["size"].fillna(0).astype("int64"), nap_minutes=nights["sum"])


def _described(main: pd.DataFrame) -> dict[str, pd.Series]:
    middle_utc = main["sleep_onset_utc"] + (main["sleep_end_utc"] - main["sleep_onset_utc"]) / 2
    return {
        "main_sleep_source_app": main["source_app"],
        "bed_time_local": local_clock_times(main["start_utc"], main["utc_offset_minutes"]),
        "wake_time_local": local_clock_times(main["end_utc"], main["end_utc_offset_minutes"]),
        "mid_sleep_local": local_clock_times(middle_utc, main["end_utc_offset_minutes"]),
        "tib_minutes": main["tib_minutes"],
        "tst_minutes": main["tst_minutes"],
        "alternate_session_count": main["alternate_session_count"].astype("Int64"),
        "nap_count": main["nap_count"].astype("Int64"),
        "nap_minutes": main["nap_minutes"],
    }


def _marks(main: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the marks of good sleep and of its duration, from unrounded values; null where those are."""
    return {
        "se_mark": _met(main["se_percent"], main["se_percent"] >= GOOD_SE_PERCENT),
        "sol_mark": _met(main["sol_minutes"], main["sol_minutes"] <= GOOD_SOL_MINUTES),
        "waso_mark": _met(main["waso_minutes"], main["waso_minutes"] <= GOOD_WASO_MINUTES),
        "awakening_mark": _met(
            main["awakening_over_5_min_count"],
            (main["awakening_over_5_min_count"] <= GOOD_LONG_AWAKENINGS).fillna(False),
        ),
        "duration_class": _duration_class(main["tst_minutes"]),
    }


def _met(value: pd.Series, good: pd.Series) -> pd.Series:
    return pd.Series(np.where(good, "met", "missed"), dtype="str").where(value.notna())


def _duration_class(tst_minutes: pd.Series) -> pd.Series:
    (shortest, longest), (low, high) = MAY_BE_APPROPRIATE_MINUTES, RECOMMENDED_MINUTES
    named = np.select(
        [tst_minutes < shortest, tst_minutes < low, tst_minutes <= high, tst_minutes <= longest],
        ["not recommended (short)", "may be appropriate (short)", "recommended", "may be appropriate (long)"],
        default="not recommended (long)",
    )
    return pd.Series(named, dtype="str").where(tst_minutes.notna())


def narrate(facts: Facts) -> str:
    """Write the sleep of one local night as text."""
    if not facts.has("tst_minutes"):
        return paragraph(
            f"No sleep session of the night ending on {facts['local_date']} was recorded.",
            zone_caution(facts),
        )
    return paragraph(
        _bounds(facts),
        _too_little(facts) if facts.has("coverage_reason") else _measured(facts),
        _stages(facts),
        _good_sleep(facts),
        _duration(facts),
        _other_sessions(facts),
        zone_caution(facts),
    )


def _bounds(facts: Facts) -> str:
    middle = f", mid-sleep at {facts['mid_sleep_local']}" if facts.has("mid_sleep_local") else ""
    return (
        f"The main sleep of the night ending on {facts['local_date']}, as {facts['main_sleep_source_app']} "
        f"recorded it, lasted from {facts['bed_time_local']} to {facts['wake_time_local']} local "
        f"time{middle}: {facts['tib_minutes']} min in bed."
    )


def _too_little(facts: Facts) -> str:
    return (
        f"Its stages are missing or too few to judge ({facts['coverage_reason']}): the "
        f"{facts['tst_minutes']} min counted as sleep are the length of the session less any wake time "
        "recorded, and efficiency, latency, wake after sleep onset, awakenings and stages are left out."
    )


def _measured(facts: Facts) -> str:
    asleep = f"Of these, {facts['tst_minutes']} min were sleep, an efficiency of {facts['se_percent']} %."
    if not facts.has("sol_minutes"):
        return asleep
    awakenings = counted(facts["awakening_count"], "awakening", "awakenings")
    return (
        f"{asleep} Sleep came after {facts['sol_minutes']} min, counted from the start of the session "
        f"because wearables seldom record lights out; wake after sleep onset was {facts['waso_minutes']} min "
        f"in {awakenings}, {facts['awakening_over_5_min_count']} of them longer than 5 min."
    )


def _stages(facts: Facts) -> str:
    if facts.has("light_minutes", "deep_minutes", "rem_minutes"):
        return (
            f"Light sleep took {facts['light_minutes']} min ({facts['light_percent']} % of the sleep), deep "
            f"sleep {facts['deep_minutes']} min ({facts['deep_percent']} %) and REM sleep "
            f"{facts['rem_minutes']} min ({facts['rem_percent']} %), as the device estimated them."
        )
    if facts.has("coverage_reason"):
        return ""
    return "Light, deep and REM sleep were not told apart for enough of the night."


def _good_sleep(facts: Facts) -> str:
    if not facts.has("sol_mark"):
        return ""
    return (
        f"Of the marks of good sleep (Ohayon 2017), efficiency of at least 85 % is {facts['se_mark']}, "
        f"latency of at most 30 min {facts['sol_mark']}, wake after sleep onset of at most 20 min "
        f"{facts['waso_mark']} and at most 1 awakening longer than 5 min {facts['awakening_mark']}."
    )


def _duration(facts: Facts) -> str:
    if not facts.has("duration_class"):
        return ""
    return (
        f'The duration of the main sleep is classed "{facts["duration_class"]}" (Hirshkowitz 2015) for '
        "adults of 26–64 years, an assumed age as none is recorded; a single night says little about "
        "habitual sleep."
    )


def _other_sessions(facts: Facts) -> str:
    sentences = []
    if facts["alternate_session_count"] != "0":
        sessions = counted(facts["alternate_session_count"], "further session", "further sessions")
        sentences.append(f"The same sleep stands in {sessions}, kept apart and not added.")
    if facts["nap_count"] != "0":
        naps = counted(facts["nap_count"], "nap", "naps")
        sentences.append(f"Apart from it, {naps} came to {facts['nap_minutes']} min of sleep.")
    return paragraph(*sentences)


def _minutes(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="min", decimals=1)


def _percent(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="%", decimals=1)


def _number(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, dtype=pa.int64())


def _word(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, dtype=pa.string())


METRICS = (
    _word("main_sleep_source_app", "Main sleep recorded by", "App whose session speaks for the main sleep"),
    _word("bed_time_local", "Bedtime (local)", "Local clock time at which the main session starts"),
    _word("wake_time_local", "Wake time (local)", "Local clock time at which the main session ends"),
    _word("mid_sleep_local", "Mid-sleep (local)", "Local clock time midway between first and last sleep"),
    _minutes("tib_minutes", "Time in bed", "Length of the main session (TIB)"),
    _minutes("tst_minutes", "Total sleep time", "Main session less its wake stages (TST)"),
    _percent("se_percent", "Sleep efficiency", "TST as a share of TIB (SE)"),
    _minutes("sol_minutes", "Sleep onset latency", "Session start to first sleep (SOL)"),
    _minutes("waso_minutes", "Wake after sleep onset", "Wake between first and last sleep (WASO)"),
    _number("awakening_count", "Awakenings", "Runs of wake between first and last sleep"),
    _number("awakening_over_5_min_count", "Awakenings over 5 min", "Awakenings longer than 5 min"),
    _minutes("light_minutes", "Light sleep", "Stage LIGHT"),
    _percent("light_percent", "Light sleep share", "Stage LIGHT as a share of TST"),
    _minutes("deep_minutes", "Deep sleep", "Stage DEEP"),
    _percent("deep_percent", "Deep sleep share", "Stage DEEP as a share of TST"),
    _minutes("rem_minutes", "REM sleep", "Stage REM"),
    _percent("rem_percent", "REM sleep share", "Stage REM as a share of TST"),
    _word("se_mark", "Sleep efficiency mark", "Mark of good sleep: SE at least 85 %"),
    _word("sol_mark", "Sleep onset latency mark", "Mark of good sleep: SOL at most 30 min"),
    _word("waso_mark", "Wake after sleep onset mark", "Mark of good sleep: WASO at most 20 min"),
    _word("awakening_mark", "Awakenings mark", "Mark of good sleep: at most 1 awakening over 5 min"),
    _word("duration_class", "Sleep duration class", "Main sleep's TST against Hirshkowitz 2015, 26-64 years"),
    _number("alternate_session_count", "Further sessions of the main sleep", "Alternates, not added"),
    _number("nap_count", "Naps", "Sleeps of the night besides the main one"),
    _minutes("nap_minutes", "Nap sleep", "TST of the naps together; null without naps"),
)

PROCESSOR = Processor(
    record_type="sleep_session",
    version="1",
    metrics=METRICS,
    guidelines=(
        "Sleep duration of adults of 26–64 years (Hirshkowitz 2015): 7–9 h (420–540 min) recommended, 6–10 h "
        "(360–600 min) may be appropriate. The age is assumed: none is recorded.",
        "Marks of good sleep of adults (Ohayon 2017): efficiency at least 85 %, latency at most 30 min, "
        "wake after sleep onset at most 20 min, at most 1 awakening longer than 5 min.",
        "Sleep is judged only when at least 70 % of the main session carries stages.",
    ),
    instructions=(
        "Summarise the sleep of this night.",
        "Describe how this person slept in this night.",
        "Interpret the sleep of this night: duration, continuity and stages.",
    ),
    analyse=analyse,
    narrate=narrate,
)
