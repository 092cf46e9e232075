"""The measures of a single sleep: time in bed, time asleep, latency, wake time and stages.

Which sleep is the night's main one is decided in periods.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_etl.clinical.common.arrays import Floats, Integers
from health_etl.clinical.common.samples import divide
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import PERCENT
from health_etl.clinical.sleep_session.limits import LONG_AWAKENING_MINUTES, MINIMUM_STAGED_SHARE, MS_PER_MINUTE
from health_etl.days.merge_sources import epoch_ms

BETWEEN_SESSIONS = "BETWEEN_SESSIONS"  # not Health Connect's: the time between two sessions of one sleep
# Health Connect's SLEEP_DURATION_TOTAL subtracts its three wake stages from the session; all else counts as sleep.
WAKE_STAGES = ("AWAKE", "OUT_OF_BED", "AWAKE_IN_BED", BETWEEN_SESSIONS)
UNSTAGED = "UNKNOWN"
DEPTHS = ("LIGHT", "DEEP", "REM")

CLOCK_ROUNDING_MS = sourced(
    1_000, "ms", "everybody", "ASSUMPTION: a shorter gap between two stages comes from rounded clock times"
)

SESSION_KEYS = ["user_id", "local_date", "record_id"]
SESSION_COLUMNS = [
    *SESSION_KEYS,
    "source_app",
    "start_utc",
    "end_utc",
    "utc_offset_minutes",
    "end_utc_offset_minutes",
    "last_modified_utc",
]


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows sorted by SESSION_KEYS and stage, with `session`: 0 and up, in the order of SESSION_KEYS."""
    session = rows.groupby(SESSION_KEYS, sort=True).ngroup().to_numpy()
    stage, _ = pd.factorize(rows["stage"], sort=True)
    order = np.lexsort((stage, epoch_ms(rows["stage_end_utc"]), epoch_ms(rows["stage_start_utc"]), session))
    return rows.iloc[order].reset_index(drop=True).assign(session=session[order])


def measure_sessions(rows: pd.DataFrame, stages: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per sleep, sorted by person, local date and record.

    rows: in_order, one per stage, or one without a stage for a sleep that has none; stages: stages_of them; runs:
    wake_runs of those. Formulas follow the AASM manual as implemented by YASA, except where noted; they apply to
    everybody. Adds to SESSION_COLUMNS:

    - tib_minutes: time in bed, from the start of the sleep to its end.
    - tst_minutes: total sleep time, TIB less the wake stages; UNKNOWN stages and gaps count as sleep (Health
      Connect). For a sleep without stages, its length.
    - se_percent: sleep efficiency, 100·TST/TIB.
    - sol_minutes: sleep onset latency, the wake stages from the start to the first sleep; 0 by definition where
      the record starts asleep. Wearables seldom record lights out, so this is a lower bound.
    - waso_minutes: wake stages between the first and the last moment asleep.
    - sleep_period_minutes: from the first to the last moment asleep (SPT).
    - awakening_count, awakening_over_5_min_count: unbroken runs of wake stages between the first and the last
      moment asleep, and those longer than 5 min (Ohayon 2017).
    - longest_awakening_minutes, longest_awakening_utc: the longest of them (the first of equals) and its start;
      null without one.
    - light_minutes, deep_minutes, rem_minutes and light_percent, deep_percent, rem_percent of TST (AASM);
      null where they distinguish less than MINIMUM_STAGED_SHARE of the sleep.
    - rem_latency_minutes: from the first moment asleep to the first REM stage; null without REM, or where the
      depths are null.
    - deep_first_half_percent: share of the deep sleep in the first half of the sleep period; null where the depths
      are.
    - staged_share: share of the time (0 to 1) that carries a stage other than UNKNOWN, without the time between
      sessions.
    - sleep_onset_utc, sleep_end_utc: first and last moment asleep.

    Latency, WASO, awakenings, the period and its ends are null without any sleep. Time wrongly claimed by two stages
    belongs to the earlier one.
    """
    first = np.unique(rows["session"].to_numpy(), return_index=True)[1]
    sessions = rows[SESSION_COLUMNS].iloc[first].reset_index(drop=True)
    in_bed = ms_between(sessions["start_utc"], sessions["end_utc"])
    asleep = in_bed - _total(stages[stages["stage"].isin(WAKE_STAGES)], len(sessions))
    between = _total(stages[stages["stage"] == BETWEEN_SESSIONS], len(sessions))
    staged = _total(stages[stages["stage"] != UNSTAGED], len(sessions))
    continuity = _continuity(sessions, runs)
    return sessions.assign(
        tib_minutes=in_bed / MS_PER_MINUTE,
        tst_minutes=asleep / MS_PER_MINUTE,
        se_percent=divide(PERCENT * asleep, in_bed),
        staged_share=divide(staged - between, in_bed - between),
        **continuity,
        **_architecture(stages, asleep, continuity),
    )


def ms_between(start_utc: pd.Series, end_utc: pd.Series) -> Integers:
    """Return the milliseconds from one column of instants to the other."""
    elapsed = end_utc.to_numpy(dtype="datetime64[ms]") - start_utc.to_numpy(dtype="datetime64[ms]")
    ms: Integers = elapsed.astype(np.int64)
    return ms


def _total(stages: pd.DataFrame, n_sessions: int) -> Floats:
    """Return the total milliseconds of each session's stages."""
    weights = stages["ms"].to_numpy(dtype=np.float64)
    return np.bincount(stages["session"], weights=weights, minlength=n_sessions).astype(np.float64)


def stages_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the stages of rows in_order: session, stage, and start_ms, end_ms from its start.

    They are sorted, lie inside their session, have a positive length and do not overlap.
    """
    rows = rows.iloc[np.flatnonzero(rows["stage"].notna())]
    session, whole_ms = rows["session"].to_numpy(), ms_between(rows["start_utc"], rows["end_utc"])
    start_ms = np.clip(ms_between(rows["start_utc"], rows["stage_start_utc"]), 0, whole_ms)
    end_ms = np.clip(ms_between(rows["start_utc"], rows["stage_end_utc"]), 0, whole_ms)
    shift = session * (int(end_ms.max(initial=0)) + 1)  # one axis for all sessions
    taken_ms = np.maximum(np.concatenate(([0], np.maximum.accumulate(end_ms + shift)[:-1])) - shift, 0)
    start_ms = np.maximum(start_ms, taken_ms[: len(start_ms)])
    kept = np.flatnonzero(end_ms > start_ms)
    columns = {"session": session, "stage": rows["stage"].array, "start_ms": start_ms, "end_ms": end_ms}
    stages = {name: values[kept] for name, values in columns.items()}
    return pd.DataFrame(stages | {"ms": (end_ms - start_ms)[kept]})


def _continuity(sessions: pd.DataFrame, runs: pd.DataFrame) -> dict[str, pd.Series | Floats]:
    """Return latency, WASO, awakenings and the bounds of sleep, from the runs of wake stages."""
    in_bed = ms_between(sessions["start_utc"], sessions["end_utc"])
    leading = runs["start_ms"] <= CLOCK_ROUNDING_MS
    trailing = runs["end_ms"] >= in_bed[runs["session"]] - CLOCK_ROUNDING_MS
    broken = runs[~leading & ~trailing]
    long_ones = broken[broken["ms"] > LONG_AWAKENING_MINUTES * MS_PER_MINUTE]
    slept = in_bed > 0
    slept[runs["session"][leading & trailing]] = False
    latency = _total(runs[leading], len(sessions))
    final_wake = _total(runs[trailing], len(sessions))
    return {
        "sol_minutes": np.where(slept, latency / MS_PER_MINUTE, np.nan),
        "waso_minutes": np.where(slept, _total(broken, len(sessions)) / MS_PER_MINUTE, np.nan),
        "sleep_period_minutes": np.where(slept, (in_bed - latency - final_wake) / MS_PER_MINUTE, np.nan),
        "awakening_count": _count(broken, slept),
        "awakening_over_5_min_count": _count(long_ones, slept),
        "sleep_onset_utc": (sessions["start_utc"] + _milliseconds(latency)).where(slept),
        "sleep_end_utc": (sessions["end_utc"] - _milliseconds(final_wake)).where(slept),
        **_longest(sessions, broken),
    }


def wake_runs(stages: pd.DataFrame) -> pd.DataFrame:
    """Return the unbroken runs of wake stages: session, start_ms, end_ms, and ms awake."""
    wake = stages[stages["stage"].isin(WAKE_STAGES)]
    session, start_ms, end_ms, ms = (wake[name].to_numpy() for name in ("session", "start_ms", "end_ms", "ms"))
    fresh = np.ones(len(wake), dtype=np.bool_)
    fresh[1:] = (np.diff(session) != 0) | (start_ms[1:] - end_ms[:-1] > CLOCK_ROUNDING_MS)
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(wake))[: len(first)] - 1
    total_ms = np.add.reduceat(ms, first) if len(first) else ms
    return pd.DataFrame(
        {"session": session[first], "start_ms": start_ms[first], "end_ms": end_ms[last], "ms": total_ms}
    )


def _longest(sessions: pd.DataFrame, awakenings: pd.DataFrame) -> dict[str, pd.Series]:
    ranked = awakenings.sort_values(["session", "ms", "start_ms"], ascending=[True, False, True])
    longest = ranked.drop_duplicates("session").set_index("session").reindex(range(len(sessions)))
    start = pd.to_timedelta(longest["start_ms"], unit="ms").dt.as_unit("ms")
    return {
        "longest_awakening_minutes": longest["ms"] / MS_PER_MINUTE,
        "longest_awakening_utc": sessions["start_utc"] + start,
    }


def _count(runs: pd.DataFrame, slept: npt.NDArray[np.bool_]) -> pd.Series:
    count = np.bincount(runs["session"], minlength=len(slept))
    return pd.Series(count, dtype="Int64").where(slept)


def _milliseconds(ms: Floats) -> npt.NDArray[np.timedelta64]:
    return ms.astype(np.int64).astype("timedelta64[ms]")


def _architecture(
    stages: pd.DataFrame, asleep: Floats, continuity: dict[str, pd.Series | Floats]
) -> dict[str, Floats | pd.Series]:
    """Return minutes and percentages of TST for light, deep and REM sleep, and where deep sleep and REM lie."""
    depth_ms = {depth: _total(stages[stages["stage"] == depth], len(asleep)) for depth in DEPTHS}
    distinguished = divide(sum(depth_ms.values(), np.zeros(len(asleep))), asleep) >= MINIMUM_STAGED_SHARE
    columns: dict[str, Floats | pd.Series] = {}
    for depth, ms in depth_ms.items():
        columns[f"{depth.lower()}_minutes"] = np.where(distinguished, ms / MS_PER_MINUTE, np.nan)
        columns[f"{depth.lower()}_percent"] = np.where(distinguished, divide(PERCENT * ms, asleep), np.nan)
    onset = np.asarray(continuity["sol_minutes"], dtype=np.float64) * MS_PER_MINUTE
    middle = onset + np.asarray(continuity["sleep_period_minutes"], dtype=np.float64) * MS_PER_MINUTE / 2
    first_rem = np.full(len(asleep), np.nan)
    rem = stages[stages["stage"] == "REM"].drop_duplicates("session")
    first_rem[rem["session"]] = rem["start_ms"]
    columns["rem_latency_minutes"] = np.where(distinguished, (first_rem - onset) / MS_PER_MINUTE, np.nan)
    deep = stages[stages["stage"] == "DEEP"]
    before_middle = np.minimum(deep["end_ms"], middle[deep["session"]]) - deep["start_ms"]
    early_ms = _total(deep.assign(ms=np.maximum(before_middle, 0)), len(asleep))
    columns["deep_first_half_percent"] = np.where(distinguished, divide(PERCENT * early_ms, depth_ms["DEEP"]), np.nan)
    return columns
