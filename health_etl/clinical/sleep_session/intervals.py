"""The times asleep and the hypnogram of a night, as lists stored beside the metrics for look-back and pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.sleep_session.limits import MS_PER_MINUTE
from health_etl.clinical.sleep_session.periods import NIGHT, minutes_from_date
from health_etl.clinical.sleep_session.stages import (
    BETWEEN_SESSIONS,
    CLOCK_ROUNDING_MS,
    SESSION_KEYS,
    ms_between,
    stages_of,
    wake_runs,
)
from health_etl.record_types.sleep_session import STAGES

AWAKE = "AWAKE"


def asleep_lists(rows: pd.DataFrame, sleeps: pd.DataFrame) -> pd.Series:
    """Return each night's times asleep, indexed by person and date, as one flat list: start, end, start, end …

    rows: of the night's sleeps, main sleep and naps; sleeps: the same sleeps as measured, in the order of SESSION_KEYS.
    Each pair is a half-open interval in minutes from 00:00 UTC of the local date; pairs are in order of time.
    """
    asleep = _asleep(rows, sleeps)
    bounds = pd.concat(
        [
            asleep[["session", "start_ms"]].rename(columns={"start_ms": "ms"}),
            asleep[["session", "end_ms"]].rename(columns={"end_ms": "ms"}),
        ]
    )
    whole = sleeps[[*NIGHT, "start_utc"]].iloc[bounds["session"]].reset_index(drop=True)
    time_utc = whole["start_utc"] + pd.to_timedelta(bounds["ms"].to_numpy(), unit="ms")
    minutes = whole[NIGHT].assign(minute=minutes_from_date(time_utc, whole["local_date"]))
    return _lists(minutes.sort_values([*NIGHT, "minute"]), NIGHT, "minute")


def _asleep(rows: pd.DataFrame, sleeps: pd.DataFrame) -> pd.DataFrame:
    """Return the times asleep: session (index in `sleeps`), and start_ms, end_ms from its start."""
    runs = wake_runs(stages_of(rows))
    place = np.arange(len(sleeps))
    whole_ms = ms_between(sleeps["start_utc"], sleeps["end_utc"])
    starts = pd.DataFrame(
        {
            "session": np.concatenate([place, runs["session"]]),
            "ms": np.concatenate([np.zeros(len(place), dtype=np.int64), runs["end_ms"]]),
        }
    ).sort_values(["session", "ms"], ignore_index=True)
    ends = pd.DataFrame(
        {
            "session": np.concatenate([place, runs["session"]]),
            "ms": np.concatenate([whole_ms, runs["start_ms"]]),
        }
    ).sort_values(["session", "ms"], ignore_index=True)
    asleep = pd.DataFrame({"session": starts["session"], "start_ms": starts["ms"], "end_ms": ends["ms"]})
    return asleep[asleep["end_ms"] - asleep["start_ms"] > CLOCK_ROUNDING_MS].reset_index(drop=True)


def hypnogram_lists(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the stages of each sleep, indexed by SESSION_KEYS: three lists of one length, empty sleeps left out.

    stage_start_minutes, stage_end_minutes: from bedtime; stage_codes: Health Connect's, an index into STAGES; the
    time between two sessions of one sleep is AWAKE.
    """
    stages = stages_of(rows)
    keys = rows[SESSION_KEYS].drop_duplicates().sort_values(SESSION_KEYS, ignore_index=True)
    named = stages["stage"].where(stages["stage"] != BETWEEN_SESSIONS, AWAKE)
    shown = keys.iloc[stages["session"]].reset_index(drop=True)
    shown = shown.assign(
        stage_start_minutes=stages["start_ms"] / MS_PER_MINUTE,
        stage_end_minutes=stages["end_ms"] / MS_PER_MINUTE,
        stage_codes=pd.Index(STAGES).get_indexer(pd.Index(named)).astype(np.float64),
    )
    columns = ("stage_start_minutes", "stage_end_minutes", "stage_codes")
    return pd.DataFrame({name: _lists(shown, SESSION_KEYS, name) for name in columns})


def _lists(values: pd.DataFrame, keys: list[str], column: str) -> pd.Series:
    """Return the values of each group as a list, in the order of the rows."""
    lists: pd.Series = values.groupby(keys, sort=True)[column].agg(list)
    return lists.astype(object)
