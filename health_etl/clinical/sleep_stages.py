"""What one sleep session says: time in bed, time asleep, latency, wake time and stages.

Which session is the night's main sleep is decided in sleep_session.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_etl.clinical.samples import divide

# Health Connect's SLEEP_DURATION_TOTAL takes these off the session; all else counts as sleep.
WAKE_STAGES = ("AWAKE", "OUT_OF_BED", "AWAKE_IN_BED")
UNSTAGED = "UNKNOWN"
DEPTHS = ("LIGHT", "DEEP", "REM")

MINIMUM_STAGED_SHARE = 0.70  # share of the time; ASSUMPTION: no source sets one, 70 % as for CGM reports
LONG_AWAKENING_MINUTES = 5  # min, adults, Ohayon 2017, doi:10.1016/j.sleh.2016.11.006
CLOCK_ROUNDING_MS = 1_000  # ms; ASSUMPTION: a shorter gap between stages comes from rounded clock times
MS_PER_MINUTE = 60_000

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

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def measure_sessions(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per sleep session, sorted by person, local date and record.

    rows: one per stage, or one without a stage for a session that has none. Adds to SESSION_COLUMNS:

    - tib_minutes: time in bed, the session from start to end.
    - tst_minutes: total sleep time, TIB less the wake stages; UNKNOWN stages and gaps count as sleep (Health
      Connect). Of a session without stages it is the session's length.
    - se_percent: sleep efficiency, 100·TST/TIB.
    - sol_minutes: sleep onset latency, the wake stages from the session's start to the first sleep; 0 by
      definition where the session starts asleep. Wearables seldom record lights out, so it is a lower bound.
    - waso_minutes: wake stages between the first and the last sleep.
    - awakening_count, awakening_over_5_min_count: unbroken runs of wake stages between the first and the last
      sleep, and those longer than 5 min (Ohayon 2017).
    - light_minutes, deep_minutes, rem_minutes and light_percent, deep_percent, rem_percent of TST (AASM);
      null where they tell less than MINIMUM_STAGED_SHARE of the sleep apart.
    - staged_share: share of the session (0 to 1) that carries a stage other than UNKNOWN.
    - sleep_onset_utc, sleep_end_utc: first and last moment asleep.

    Latency, WASO, awakenings and the last two are null without any sleep. Time that stages wrongly claim
    twice belongs to the earlier one.
    """
    rows = rows.sort_values([*SESSION_KEYS, "stage_start_utc", "stage_end_utc", "stage"], ignore_index=True)
    sessions = rows[SESSION_COLUMNS].drop_duplicates(SESSION_KEYS, ignore_index=True)
    stages = _stages(rows)
    in_bed = _ms_between(sessions["start_utc"], sessions["end_utc"])
    asleep = in_bed - _total(stages[stages["stage"].isin(WAKE_STAGES)], len(sessions))
    staged = _total(stages[stages["stage"] != UNSTAGED], len(sessions))
    return sessions.assign(
        tib_minutes=in_bed / MS_PER_MINUTE,
        tst_minutes=asleep / MS_PER_MINUTE,
        se_percent=divide(100.0 * asleep, in_bed),
        staged_share=divide(staged, in_bed),
        **_continuity(sessions, stages),
        **_architecture(stages, asleep),
    )


def _ms_between(start_utc: pd.Series, end_utc: pd.Series) -> Ints:
    elapsed = end_utc.to_numpy(dtype="datetime64[ms]") - start_utc.to_numpy(dtype="datetime64[ms]")
    ms: Ints = elapsed.astype(np.int64)
    return ms


def _total(stages: pd.DataFrame, n_sessions: int) -> Floats:
    """Return the milliseconds that the stages of each session last together."""
    weights = stages["ms"].to_numpy(dtype=np.float64)
    return np.bincount(stages["session"], weights=weights, minlength=n_sessions).astype(np.float64)


def _stages(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the stages: session (position), stage, and start_ms, end_ms, ms counted from its start.

    They are sorted, lie inside their session, last longer than nothing and do not overlap.
    """
    stages = pd.DataFrame(
        {
            "session": rows.groupby(SESSION_KEYS, sort=True).ngroup(),
            "stage": rows["stage"],
            "start_utc": rows["start_utc"],
            "end_utc": rows["end_utc"],
            "stage_start_utc": rows["stage_start_utc"],
            "stage_end_utc": rows["stage_end_utc"],
        }
    )
    stages = stages[stages["stage"].notna()].reset_index(drop=True)
    session_ms = _ms_between(stages["start_utc"], stages["end_utc"])
    start_ms = np.clip(_ms_between(stages["start_utc"], stages["stage_start_utc"]), 0, session_ms)
    end_ms = np.clip(_ms_between(stages["start_utc"], stages["stage_end_utc"]), 0, session_ms)
    latest_end = pd.Series(end_ms).groupby(stages["session"]).cummax()
    taken_ms = latest_end.groupby(stages["session"]).shift(fill_value=0).to_numpy()
    start_ms = np.maximum(start_ms, taken_ms)
    stages = stages[["session", "stage"]].assign(start_ms=start_ms, end_ms=end_ms, ms=end_ms - start_ms)
    return stages[stages["ms"] > 0].reset_index(drop=True)


def _continuity(sessions: pd.DataFrame, stages: pd.DataFrame) -> dict[str, pd.Series | Floats]:
    """Return latency, WASO, awakenings and the bounds of sleep, from the runs of wake stages."""
    in_bed = _ms_between(sessions["start_utc"], sessions["end_utc"])
    runs = _wake_runs(stages)
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
        "awakening_count": _count(broken, slept),
        "awakening_over_5_min_count": _count(long_ones, slept),
        "sleep_onset_utc": (sessions["start_utc"] + _milliseconds(latency)).where(slept),
        "sleep_end_utc": (sessions["end_utc"] - _milliseconds(final_wake)).where(slept),
    }


def _wake_runs(stages: pd.DataFrame) -> pd.DataFrame:
    """Return the unbroken runs of wake stages: session, start_ms, end_ms, and ms awake."""
    wake = stages[stages["stage"].isin(WAKE_STAGES)]
    gap_ms = wake["start_ms"] - wake["end_ms"].shift(fill_value=0)
    run = ((wake["session"].diff() != 0) | (gap_ms > CLOCK_ROUNDING_MS)).cumsum()
    grouped = wake.groupby(run, sort=True)
    return grouped.agg(
        session=("session", "first"), start_ms=("start_ms", "min"), end_ms=("end_ms", "max"), ms=("ms", "sum")
    ).reset_index(drop=True)


def _count(runs: pd.DataFrame, slept: npt.NDArray[np.bool_]) -> pd.Series:
    count = np.bincount(runs["session"], minlength=len(slept))
    return pd.Series(count, dtype="Int64").where(slept)


def _milliseconds(ms: Floats) -> npt.NDArray[np.timedelta64]:
    return ms.astype(np.int64).astype("timedelta64[ms]")


def _architecture(stages: pd.DataFrame, asleep: Floats) -> dict[str, Floats]:
    """Return minutes and percentages of TST for light, deep and REM sleep."""
    depth_ms = {depth: _total(stages[stages["stage"] == depth], len(asleep)) for depth in DEPTHS}
    told_apart = divide(sum(depth_ms.values(), np.zeros(len(asleep))), asleep) >= MINIMUM_STAGED_SHARE
    columns = {}
    for depth, ms in depth_ms.items():
        columns[f"{depth.lower()}_minutes"] = np.where(told_apart, ms / MS_PER_MINUTE, np.nan)
        columns[f"{depth.lower()}_percent"] = np.where(told_apart, divide(100.0 * ms, asleep), np.nan)
    return columns
