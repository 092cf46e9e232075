"""Nights of sleep for tests: rows of sessions, the days asked for, and facts as the pipeline writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastavro
import pandas as pd

from health_etl.clinical.common.base import ClinicalOptions, Facts
from health_etl.clinical.sleep_session.processor import PROCESSOR, analyse, look_back, narrate
from health_etl_tests.clinical import facts

SAMSUNG, OURA = "com.sec.android.app.shealth", "com.ouraring.oura"
NIGHT = "2025-09-20"  # a Saturday
NO_PRIORITY = ClinicalOptions()
Stages = list[tuple[str, float]]

FULL_NIGHT: Stages = [
    ("AWAKE", 20),
    ("LIGHT", 200),
    ("AWAKE_IN_BED", 10),
    ("DEEP", 100),
    ("REM", 120),
    ("AWAKE", 30),
]


def instant(text: str) -> pd.Timestamp:
    """Read a local time ("20T01:30" of September 2025, at -05:00) as UTC."""
    return pd.Timestamp(f"2025-09-{text}-05:00").tz_convert("UTC").as_unit("ms")


def session(start: str, end: str, stages: Stages | None = None, **other: Any) -> list[dict[str, Any]]:
    """Return the rows of a session; stages are (name, minutes), one after the other; "" is a gap."""
    start_utc = instant(start)
    row = {
        "user_id": "ada",
        "local_date": NIGHT,
        "record_id": f"{start}-{end}",
        "source_app": OURA,
        "start_utc": start_utc,
        "end_utc": instant(end),
        "utc_offset_minutes": -300,
        "end_utc_offset_minutes": -300,
        "last_modified_utc": instant("20T12:00"),
        "stage": None,
        "stage_start_utc": pd.NaT,
        "stage_end_utc": pd.NaT,
    } | other
    if not stages:
        return [row]
    rows, at = [], start_utc
    for name, minutes in stages:
        end_of_stage = at + pd.Timedelta(minutes=minutes)
        if name:
            rows.append(row | {"stage": name, "stage_start_utc": at, "stage_end_utc": end_of_stage})
        at = end_of_stage
    return rows


def frame(*sessions: list[dict[str, Any]]) -> pd.DataFrame:
    rows = pd.DataFrame([row for rows in sessions for row in rows] or session("20T00:00", "20T01:00"))
    times = [str(name) for name in rows.columns if str(name).endswith("_utc")]
    rows = rows.assign(**{name: pd.to_datetime(rows[name], utc=True).dt.as_unit("ms") for name in times})
    rows = rows.astype({"stage": "str"})
    return rows if sessions else rows[:0]


def nights(*user_ids: str, age_years: int | None = None) -> pd.DataFrame:
    users = user_ids or ("ada",)
    return pd.DataFrame(
        {
            "user_id": users,
            "local_date": NIGHT,
            "day_start_utc": instant("19T18:00"),
            "day_end_utc": instant("20T18:00"),
            "age_years": pd.array([age_years] * len(users), dtype="Int64"),
        }
    )


def only(insights: pd.DataFrame) -> dict[str, Any]:
    assert len(insights) == 1
    row = insights.astype(object).iloc[0]
    return {str(name): value if isinstance(value, list) or pd.notna(value) else None for name, value in row.items()}


def analysed(*sessions: list[dict[str, Any]], age_years: int | None = None, priority: tuple[str, ...] = ()) -> Any:
    return analyse(frame(*sessions), nights(age_years=age_years), ClinicalOptions(priority))


def night_of(
    *sessions: list[dict[str, Any]], age_years: int | None = None, priority: tuple[str, ...] = ()
) -> dict[str, Any]:
    return only(analysed(*sessions, age_years=age_years, priority=priority))


def no_history() -> pd.DataFrame:
    return pd.DataFrame(columns=["day", "days_before", *PROCESSOR.carried])


def history_of(*earlier: tuple[int, pd.DataFrame]) -> pd.DataFrame:
    """Return analysed nights as those that lie so many days before the first one asked for."""
    if not earlier:
        return no_history()
    frames = [night[list(PROCESSOR.carried)].assign(day=0, days_before=before) for before, night in earlier]
    return pd.concat(frames, ignore_index=True)[["day", "days_before", *PROCESSOR.carried]]


def facts_of(
    insights: pd.DataFrame, earlier: pd.DataFrame | None = None, age_years: int | None = None, **context: Any
) -> Facts:
    """Return the facts of one analysed night with its trends."""
    trends = look_back(insights, no_history() if earlier is None else earlier, NO_PRIORITY)
    (insight,) = pd.concat([insights, trends], axis=1).astype(object).iloc
    return facts.facts_of(PROCESSOR, insight, age_years=age_years, **context)


def narrated(given: Facts) -> dict[str, str]:
    """Return the three texts by level, each checked: complete, and every number in it given or derived."""
    texts = {str(level): text for level, text in narrate(given).items()}
    assert list(texts) == ["statistical", "structural", "semantic"]
    assert facts.ungrounded(PROCESSOR, given) == {}
    for text in texts.values():
        assert given["local_date"] in text
        assert "None" not in text
        assert "nan" not in text.lower().split()
        assert "  " not in text
        assert text.endswith(".")
    return texts


def real_rows_of(shared: Path) -> pd.DataFrame:
    """Return the rows of a real export: one night, recorded by two apps."""
    with (shared / "samples" / "SleepSessionRecord_1758407139312.avro").open("rb") as file:
        records: list[dict[str, Any]] = list(fastavro.reader(file))  # type: ignore[arg-type]

    def at(epoch_ms: int) -> pd.Timestamp:
        return pd.Timestamp(epoch_ms, unit="ms", tz="UTC")

    sessions = [
        session(
            "20T00:00",
            "20T00:00",
            record_id=record["metadata"]["id"],
            source_app=record["metadata"]["dataOriginPackageName"],
            start_utc=at(record["startTimeEpochMillis"]),
            end_utc=at(record["endTimeEpochMillis"]),
            last_modified_utc=at(record["metadata"]["lastModifiedTimeEpochMillis"]),
            stage=stage["stage"],
            stage_start_utc=at(stage["startTimeEpochMillis"]),
            stage_end_utc=at(stage["endTimeEpochMillis"]),
        )
        for record in records
        for stage in record["stages"]
    ]
    return frame(*sessions)
