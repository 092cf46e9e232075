"""Days of counters (steps, active energy) for tests: rows, days asked for, and facts as the pipeline writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd

from health_etl.clinical.active_calories_burned.processor import PROCESSOR as ACTIVE_ENERGY
from health_etl.clinical.common.base import ClinicalOptions, Facts, Processor
from health_etl.clinical.steps.processor import PROCESSOR as STEPS
from health_etl_tests.clinical import facts

SAMSUNG, OURA = "com.sec.android.app.shealth", "com.ouraring.oura"
DAY = "2025-09-20"  # a Saturday
MIDNIGHT, NEXT_MIDNIGHT = "2025-09-20T05:00Z", "2025-09-21T05:00Z"  # local, at -05:00
NO_PRIORITY = ClinicalOptions()
COLUMN = {STEPS.record_type: "steps", ACTIVE_ENERGY.record_type: "active_kcal"}


def instant(text: str) -> pd.Timestamp:
    """Read a local time of the day ("HH:MM[:SS]", at -05:00) or a whole UTC time."""
    if text == "24:00":
        text = NEXT_MIDNIGHT
    return pd.Timestamp(text if "Z" in text else f"{DAY}T{text}-05:00").tz_convert("UTC").as_unit("ms")


def row(start: str, end: str, value: float, app: str = SAMSUNG, column: str = "steps", **other: Any) -> dict[str, Any]:
    """Return a record of a counter; times as `instant` reads them."""
    made: dict[str, Any] = {
        "user_id": "ada",
        "local_date": DAY,
        "record_id": f"{app}-{start}",
        "source_app": app,
        "start_utc": start,
        "end_utc": end,
        "last_modified_utc": "12:00",
        "fetched_utc": "2025-09-21T06:00Z",
        "utc_offset_minutes": -300,
        "end_utc_offset_minutes": -300,
        column: value,
    } | other
    return {name: instant(at) if name.endswith("_utc") else at for name, at in made.items()}


def tiles(
    first: str, last: str, minutes: int, value: Mapping[str, int] | None = None, **other: Any
) -> list[dict[str, Any]]:
    """Return records without a gap from `first` to `last`; `value` by local start "HH:MM", else zero."""
    starts = pd.date_range(instant(first), instant(last), freq=f"{minutes}min", inclusive="left")
    made = []
    for start in starts:
        begins, ends = (at.strftime("%Y-%m-%dT%H:%MZ") for at in (start, start + pd.Timedelta(minutes=minutes)))
        local = (start - pd.Timedelta(hours=5)).strftime("%H:%M")
        made.append(row(begins, ends, (value or {}).get(local, 0), **other))
    return made


def frame(*rows: dict[str, Any], column: str = "steps") -> pd.DataFrame:
    empty = pd.DataFrame([row("00:00", "00:01", 0 if column == "steps" else 0.0, column=column)])[:0]
    return pd.DataFrame(list(rows)).astype(empty.dtypes.to_dict()) if rows else empty


def day(
    user_id: str = "ada",
    local_date: str = DAY,
    start: str = MIDNIGHT,
    end: str = NEXT_MIDNIGHT,
    age_years: int | None = None,
) -> pd.DataFrame:
    made = pd.DataFrame([{"user_id": user_id, "local_date": local_date, "utc_offset_minutes": -300}])
    return made.assign(
        day_start_utc=instant(start),
        day_end_utc=instant(end),
        age_years=pd.array([age_years], dtype="Int64"),
        sex=pd.Series([None], dtype="str"),
        hrmax_bpm=pd.array([None], dtype="Int64"),
        pregnant=pd.array([False], dtype="boolean"),
        high_risk_diabetes=pd.array([False], dtype="boolean"),
    )


def only(insights: pd.DataFrame) -> dict[str, Any]:
    assert len(insights) == 1
    found = insights.astype(object).iloc[0]
    return {str(name): value if isinstance(value, list) or pd.notna(value) else None for name, value in found.items()}


def earlier(processor: Processor, totals: Mapping[int, float]) -> pd.DataFrame:
    """Return the look-back of one day: complete totals by days before."""
    name = f"complete_day_{COLUMN[processor.record_type]}"
    rows = [{"day": 0, "days_before": before, name: value} for before, value in sorted(totals.items())]
    return pd.DataFrame(rows, columns=["day", "days_before", name]).astype(
        {"day": "int64", "days_before": "int64", name: "float64"}
    )


def with_trends(
    processor: Processor,
    analysed: pd.DataFrame,
    totals: Mapping[int, float] | None = None,
    age_years: int | None = None,
) -> pd.DataFrame:
    assert processor.look_back is not None
    days = analysed.assign(age_years=pd.array([age_years] * len(analysed), dtype="Int64"))
    trends = processor.look_back(days, earlier(processor, totals or {}), NO_PRIORITY)
    assert list(trends.columns) == [metric.name for metric in processor.trends]
    return pd.concat([analysed, trends], axis=1)


def facts_of(
    processor: Processor,
    analysed: pd.DataFrame,
    totals: Mapping[int, float] | None = None,
    age_years: int | None = None,
    **context: Any,
) -> Facts:
    """Return the facts of one analysed day with its trends."""
    (insight,) = with_trends(processor, analysed, totals, age_years).astype(object).iloc
    return facts.facts_of(processor, insight, age_years=age_years, **context)


def narrated(processor: Processor, given: Facts) -> dict[str, str]:
    """Return the three texts by level, each checked: complete, and every number in it given or derived."""
    texts = {str(level): text for level, text in processor.narrate(given).items()}
    assert list(texts) == ["statistical", "structural", "semantic"]
    assert facts.ungrounded(processor, given) == {}
    for text in texts.values():
        assert given["local_date"] in text
        assert not re.search(r"None|\bnan\b|<NA>|  |\.\.", text), text
        assert text.endswith(".")
    return texts


def real_rows(shared: Path, avro_name: str, field: str, column: str, exported: int = 1758407139312) -> pd.DataFrame:
    """Return the rows of a real export."""
    with (shared / "samples" / f"{avro_name}_{exported}.avro").open("rb") as file:
        records: list[dict[str, Any]] = list(fastavro.reader(file))  # type: ignore[arg-type]

    def at(epoch_ms: int) -> str:
        return pd.Timestamp(epoch_ms, unit="ms", tz="UTC").isoformat().replace("+00:00", "Z")

    made = [
        row(
            at(record["startTimeEpochMillis"]),
            at(record["endTimeEpochMillis"]),
            record[field],
            record["metadata"]["dataOriginPackageName"],
            column,
            record_id=record["metadata"]["id"],
            last_modified_utc=at(record["metadata"]["lastModifiedTimeEpochMillis"]),
            fetched_utc=at(record["appRecordFetchTimeEpochMillis"]),
        )
        for record in records
    ]
    return frame(*made, column=column)
