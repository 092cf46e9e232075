"""The sleeps of a local night: alternates separated, split sleep joined, one main sleep, the rest naps.

What is measured of each sleep is in stages.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from health_etl.clinical.common.sources import sourced
from health_etl.clinical.sleep_session.limits import MS_PER_MINUTE
from health_etl.clinical.sleep_session.stages import (
    BETWEEN_SESSIONS,
    SESSION_COLUMNS,
    SESSION_KEYS,
    UNSTAGED,
    ms_between,
)
from health_etl.days.listed import united
from health_etl.days.merge_sources import app_rank

NIGHT = ["user_id", "local_date"]
STAGE_COLUMNS = ["stage", "stage_start_utc", "stage_end_utc"]

MINIMUM_REPRESENTATIVE_SHARE = sourced(
    0.5,
    "share of the longest alternate",
    "everybody",
    "ASSUMPTION: a shorter session saw only a part of the sleep that another app saw whole",
)
JOINED_WITHIN_MINUTES = sourced(
    60,
    "min between two sessions, at most",
    "everybody",
    "ASSUMPTION after van Hees 2018, doi:10.1038/s41598-018-31266-z: shorter gaps belong to one sleep period",
)
MINIMUM_MAIN_SLEEP_MINUTES = sourced(
    120, "min in bed", "everybody", "ASSUMPTION: a shorter sleep is a nap, even where nothing else was recorded"
)


def rows_of_sleeps(rows: pd.DataFrame, app_priority: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the night's sleeps, one session each, with two counts of the sessions it represents.

    rows: one per stage, or one without a stage for a session that has none. Sessions that overlap, directly or
    through a third, are alternates of one sleep and are never added up. One represents it: among those that last at
    least MINIMUM_REPRESENTATIVE_SHARE of the longest, the app of highest priority, then a staged session, the one
    modified last, the longer, the greater record_id. Representatives at most JOINED_WITHIN_MINUTES apart are one
    sleep, and the time between them is wake (BETWEEN_SESSIONS).

    Adds alternate_session_count (sessions left out) and joined_session_count (sessions that make up the sleep). A
    sleep of several sessions carries the record_id of the first, and the names of all its apps.
    """
    sleeps = _joined(_representatives(_sessions(rows), app_priority))
    parts = sleeps.drop(columns=["gap_start_utc", "gap_end_utc"])
    shown = rows[[*SESSION_KEYS, *STAGE_COLUMNS]].merge(parts, on=SESSION_KEYS)
    gaps = sleeps[sleeps["gap_end_utc"] > sleeps["gap_start_utc"]]
    if len(gaps):
        gaps = gaps.rename(columns={"gap_start_utc": "stage_start_utc", "gap_end_utc": "stage_end_utc"})
        shown = pd.concat([shown, gaps.assign(stage=BETWEEN_SESSIONS)[shown.columns]], ignore_index=True)
    return shown.drop(columns=["record_id"]).rename(columns={"sleep_id": "record_id"})


def _sessions(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each session once, with `is_staged`, `tib_ms`, sorted by person, local date and start."""
    staged = rows["stage"].notna() & (rows["stage"] != UNSTAGED) & (rows["stage_end_utc"] > rows["stage_start_utc"])
    staged_ids = rows.loc[staged, SESSION_KEYS].drop_duplicates().assign(is_staged=True)
    sessions = rows.sort_values([*SESSION_KEYS, "start_utc", "end_utc"])[SESSION_COLUMNS]
    sessions = sessions.drop_duplicates(SESSION_KEYS).merge(staged_ids, how="left", on=SESSION_KEYS)
    sessions = sessions.assign(
        is_staged=sessions["is_staged"].eq(True).to_numpy(dtype=np.bool_),
        tib_ms=ms_between(sessions["start_utc"], sessions["end_utc"]),
    )
    return sessions.sort_values([*NIGHT, "start_utc", "end_utc", "record_id"], ignore_index=True)


def _representatives(sessions: pd.DataFrame, app_priority: Sequence[str]) -> pd.DataFrame:
    """Return the session that represents each sleep, with `alternate_session_count`, its other sessions."""
    night = sessions.groupby(NIGHT, sort=True).ngroup()
    latest_end = sessions["end_utc"].astype("int64").groupby(night).cummax().groupby(night).shift(fill_value=0)
    begins = (night.diff() != 0) | (sessions["start_utc"].astype("int64") >= latest_end)
    sessions = sessions.assign(sleep=begins.cumsum(), app_rank=app_rank(sessions["source_app"], app_priority))
    by_sleep = sessions.groupby("sleep")
    sessions["alternate_session_count"] = by_sleep["record_id"].transform("size") - 1
    sessions["is_long"] = sessions["tib_ms"] >= MINIMUM_REPRESENTATIVE_SHARE * by_sleep["tib_ms"].transform("max")
    by_rank = ["sleep", "is_long", "app_rank", "is_staged", "last_modified_utc", "tib_ms", "record_id"]
    return sessions.sort_values(by_rank).drop_duplicates("sleep", keep="last", ignore_index=True)


def _joined(representatives: pd.DataFrame) -> pd.DataFrame:
    """Return the representatives with the bounds, apps and counts of the sleep (`sleep_id`) that each is part of.

    gap_start_utc and gap_end_utc bound the time between the previous part and this one, null for a first part.
    """
    night = representatives.groupby(NIGHT, sort=True).ngroup()
    end_before = representatives["end_utc"].groupby(night).shift()
    apart = representatives["start_utc"] - end_before
    joins = (apart <= pd.Timedelta(minutes=JOINED_WITHIN_MINUTES)).to_numpy(dtype=np.bool_)
    sleep = pd.Series(np.cumsum(~joins), name="sleep")
    parts = representatives.groupby(sleep)
    joined = representatives[SESSION_KEYS].assign(
        sleep_id=parts["record_id"].transform("first"),
        source_app=representatives["source_app"],
        start_utc=parts["start_utc"].transform("first"),
        end_utc=parts["end_utc"].transform("last"),
        utc_offset_minutes=parts["utc_offset_minutes"].transform("first"),
        end_utc_offset_minutes=parts["end_utc_offset_minutes"].transform("last"),
        last_modified_utc=parts["last_modified_utc"].transform("max"),
        alternate_session_count=parts["alternate_session_count"].transform("sum"),
        joined_session_count=parts["record_id"].transform("size"),
        gap_start_utc=end_before.where(joins),
        gap_end_utc=representatives["start_utc"].where(joins),
    )
    several = joined["joined_session_count"] > 1
    apps = representatives["source_app"][several].groupby(sleep[several]).agg(united)
    joined.loc[several, "source_app"] = sleep[several].map(apps)
    return joined


def main_sleeps(sleeps: pd.DataFrame) -> pd.DataFrame:
    """Return the main sleep of each night: the one with the longest TST that lasts MINIMUM_MAIN_SLEEP_MINUTES.

    sleeps: as measured, one row each. The later of equal ones is the main sleep.
    """
    long_enough = sleeps[sleeps["tib_minutes"] >= MINIMUM_MAIN_SLEEP_MINUTES]
    ordered = long_enough.sort_values([*NIGHT, "tst_minutes", "start_utc", "record_id"])
    return ordered.drop_duplicates(NIGHT, keep="last")


def naps(sleeps: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
    """Return nap_count, nap_minutes (TST, null without a nap) and nap_times_local of each night with a record.

    A record that is wake from start to end is not a nap.

    sleeps: as measured, with bed_time_local and wake_time_local; main: the main ones, under the same index.
    """
    others = sleeps[~sleeps.index.isin(main.index) & (sleeps["tst_minutes"] > 0)]
    others = others.sort_values([*NIGHT, "start_utc", "record_id"])
    others = others.assign(times=others["bed_time_local"] + "–" + others["wake_time_local"])
    found = others.groupby(NIGHT).agg(
        nap_count=("record_id", "size"), nap_minutes=("tst_minutes", "sum"), nap_times_local=("times", ", ".join)
    )
    nights = sleeps[NIGHT].drop_duplicates().merge(found.reset_index(), how="left", on=NIGHT)
    return nights.assign(nap_count=nights["nap_count"].fillna(0).astype("Int64"))


def minutes_from_date(time_utc: pd.Series, local_date: pd.Series) -> pd.Series:
    """Return instants as minutes from 00:00 UTC of the local date, negative before it.

    The same minute on two dates is a whole multiple of 24 hours apart, whatever the local clocks did.
    """
    midnight = pd.to_datetime(local_date, format="%Y-%m-%d").dt.tz_localize("UTC")
    minutes: pd.Series = (time_utc - midnight) / pd.Timedelta(milliseconds=MS_PER_MINUTE)
    return minutes
