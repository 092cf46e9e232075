"""The times asleep and the hypnogram of a night, as lists stored beside the metrics for look-back and pictures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Floats, Integers
from health_etl.clinical.sleep_session.limits import MS_PER_MINUTE
from health_etl.clinical.sleep_session.periods import NIGHT
from health_etl.clinical.sleep_session.stages import (
    BETWEEN_SESSIONS,
    CLOCK_ROUNDING_MS,
    ms_between,
)
from health_etl.days.merge_sources import epoch_ms
from health_etl.record_types.sleep_session import STAGES

AWAKE = "AWAKE"


def asleep_lists(sleeps: pd.DataFrame, runs: pd.DataFrame) -> pd.Series:
    """Return each night's times asleep, indexed by person and date, as one flat list: start, end, start, end …

    sleeps: as measured, main sleep and naps, in the order of SESSION_KEYS; runs: their wake_runs.
    Each pair is a half-open interval in minutes from 00:00 UTC of the local date; pairs are in order of time.
    """
    session, start_ms, end_ms = _asleep(sleeps, runs)
    midnight = pd.to_datetime(sleeps["local_date"], format="%Y-%m-%d")
    since_midnight_ms = epoch_ms(sleeps["start_utc"]) - epoch_ms(midnight)
    minute = (np.concatenate([start_ms, end_ms]) + np.tile(since_midnight_ms[session], 2)) / MS_PER_MINUTE
    begins = ~sleeps.duplicated(NIGHT).to_numpy()
    night = np.tile((np.cumsum(begins) - 1)[session], 2)
    order = np.lexsort((minute, night))
    lists = _lists(night[order], minute[order], int(begins.sum()))
    return pd.Series(lists, index=pd.MultiIndex.from_frame(sleeps.loc[begins, NIGHT]), dtype="object")


def _asleep(sleeps: pd.DataFrame, runs: pd.DataFrame) -> tuple[Integers, Integers, Integers]:
    """Return the times asleep: session (position in `sleeps`), and start and end in ms from its start."""
    place = np.arange(len(sleeps))
    session = np.concatenate([place, runs["session"]])
    start_ms = np.concatenate([np.zeros(len(place), dtype=np.int64), runs["end_ms"]])
    end_ms = np.concatenate([ms_between(sleeps["start_utc"], sleeps["end_utc"]), runs["start_ms"]])
    start_ms, end_ms = start_ms[np.lexsort((start_ms, session))], end_ms[np.lexsort((end_ms, session))]
    kept = end_ms - start_ms > CLOCK_ROUNDING_MS
    return np.sort(session)[kept], start_ms[kept], end_ms[kept]


def hypnogram_lists(stages: pd.DataFrame, n_sessions: int) -> dict[str, pd.Series]:
    """Return the stages of each sleep, by session: three lists of one length, null for a sleep without a stage.

    stage_start_minutes, stage_end_minutes: from bedtime; stage_codes: Health Connect's, an index into STAGES; the
    time between two sessions of one sleep is AWAKE.
    """
    named = stages["stage"].where(stages["stage"] != BETWEEN_SESSIONS, AWAKE)
    columns = {
        "stage_start_minutes": stages["start_ms"].to_numpy() / MS_PER_MINUTE,
        "stage_end_minutes": stages["end_ms"].to_numpy() / MS_PER_MINUTE,
        "stage_codes": pd.Index(STAGES).get_indexer(pd.Index(named)).astype(np.float64),
    }
    session = stages["session"].to_numpy()
    return {name: pd.Series(_lists(session, values, n_sessions), dtype="object") for name, values in columns.items()}


def _lists(group: Integers, values: Floats, n_groups: int) -> list[list[float] | float]:
    """Return the values of each group, sorted by group, as a list; NaN for a group without any."""
    bounds = np.searchsorted(group, np.arange(n_groups + 1)).tolist()
    return [values[start:end].tolist() if end > start else np.nan for start, end in pairwise(bounds)]
