"""Selected measurements to insights: analyse (numbers), then narrate (text). Pure; frames in, frames out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from health_etl.clinical.base import ClinicalOptions, Facts, Metric, Processor
from health_etl.core.keys import masked
from health_etl.core.pseudonym import subjects
from health_etl.core.select import PERSON_DAY, Selection
from health_etl.core.tables import empty_frame
from health_etl.insights.table import schema
from health_etl.record_types import record_types

ZONE_SOURCES = {
    "record": "as the records state",
    "other_sources": "as the person's other sources state",
    "default": "assumed, no record states it",
}


def analyse(
    selection: Selection,
    processor: Processor,
    options: ClinicalOptions,
    qualities: Mapping[str, float],
    pseudonym_key: str,
) -> pd.DataFrame:
    """Return one row a person-day: context and metrics, withdrawn days at their place; no text yet.

    `qualities` has the quality score of every source file by its key.
    """
    names = [name for name in schema(processor).names if name not in ("instruction", "input", "output")]
    frames = []
    if len(selection.days):
        days = selection.days.merge(_sources(selection.rows, qualities, pseudonym_key), on=PERSON_DAY)
        metrics = processor.analyse(selection.rows, selection.days, options)
        frames.append(days.merge(metrics, on=PERSON_DAY).assign(withdrawn=False))
    if len(selection.withdrawn):
        frames.append(selection.withdrawn.assign(withdrawn=True))
    if not frames:
        return empty_frame(schema(processor))[names]
    rows = pd.concat(frames, ignore_index=True).reindex(columns=names)
    rows["subject"] = subjects(rows["user_id"], pseudonym_key)
    rows["example_id"] = [
        example_id(subject, processor.record_type, day)
        for subject, day in zip(rows["subject"], rows["local_date"], strict=True)
    ]
    return rows.sort_values(["subject", "local_date"], ignore_index=True)


def narrate(rows: pd.DataFrame, processor: Processor) -> pd.DataFrame:
    """Add instruction, input and output to analysed rows; a withdrawn day gets none."""
    texts = [
        _text(facts, example, processor) if not withdrawn else (None, None, None)
        for facts, example, withdrawn in zip(
            all_facts(rows, processor), rows["example_id"], rows["withdrawn"], strict=True
        )
    ]
    return rows.assign(
        **{
            name: pd.Series([text[position] for text in texts], index=rows.index, dtype="str")
            for position, name in enumerate(("instruction", "input", "output"))
        }
    )


def example_id(subject: str, record_type: str, local_date: str) -> str:
    """Return the id of a training example: the same for the same subject, type and day, for ever."""
    return hashlib.sha256(f"{subject}|{record_type}|{local_date}".encode()).hexdigest()[:32]


def all_facts(rows: pd.DataFrame, processor: Processor) -> list[Facts]:
    """Return the facts of every row, each number written with its metric's decimals."""
    written = {metric.name: _written(rows[metric.name], metric) for metric in processor.metrics}
    offsets = rows["utc_offset_minutes"]
    written |= {
        "local_date": rows["local_date"].tolist(),
        "utc_offset": [_offset(value) if pd.notna(value) else None for value in offsets],
        "zone_source": _text_or_none(rows["zone_source"]),
        "source_apps": _text_or_none(rows["source_apps"]),
        "record_count": _number(rows["record_count"], 0),
        "measurement_count": _number(rows["measurement_count"], 0),
        "coverage_percent": _number(rows["coverage"] * 100, 0),
        "coverage_reason": _text_or_none(rows["coverage_reason"]),
    }
    values = {metric.name: rows[metric.name].tolist() for metric in processor.metrics}
    names, metric_names = list(written), list(values)
    return [
        Facts(
            values=dict(zip(metric_names, row_values, strict=True)),
            written={name: text for name, text in zip(names, row_texts, strict=True) if text is not None},
        )
        for row_values, row_texts in zip(
            zip(*values.values(), strict=True), zip(*written.values(), strict=True), strict=True
        )
    ]


def input_text(facts: Facts, processor: Processor) -> str:
    """Return the training input: context, every metric that has a value, and the reference lines."""
    title = record_types()[processor.record_type].title
    lines = [
        f"Record type: {title}",
        f"Local date: {facts['local_date']} ({facts['utc_offset']}, {ZONE_SOURCES[facts['zone_source']]})",
        f"Source apps: {facts['source_apps']}",
        f"Records: {facts['record_count']}",
        f"Measurements: {facts['measurement_count']}",
        f"Coverage: {facts['coverage_percent']} %",
    ]
    if facts.has("coverage_reason"):
        lines.append(f"Coverage note: {facts['coverage_reason']}")
    for metric in processor.metrics:
        if facts.has(metric.name):
            unit = f" {metric.unit}" if metric.unit else ""
            lines.append(f"{metric.label}: {facts[metric.name]}{unit}")
    lines += [f"Reference: {line}" for line in processor.guidelines]
    return "\n".join(lines)


def clinical_insights(row: Mapping[str, Any], processor: Processor) -> str:
    """Return the metrics of a row as JSON, each rounded as it is written; missing ones are left out."""
    found = {m.name: _rounded(row[m.name], m) for m in processor.metrics if pd.notna(row[m.name])}
    return json.dumps(found, ensure_ascii=False)


def _text(facts: Facts, example: str, processor: Processor) -> tuple[str, str, str]:
    instruction = processor.instructions[int(example[:8], 16) % len(processor.instructions)]
    return instruction, input_text(facts, processor), processor.narrate(facts)


def _sources(rows: pd.DataFrame, qualities: Mapping[str, float], pseudonym_key: str) -> pd.DataFrame:
    """Return source_keys (masked) and quality_score (mean over measurements) of every person-day."""
    rows = rows[[*PERSON_DAY, "source_key"]].assign(quality_score=rows["source_key"].map(qualities))
    scores = rows.groupby(PERSON_DAY)["quality_score"].mean().round(6)
    files = rows[[*PERSON_DAY, "source_key"]].drop_duplicates().sort_values([*PERSON_DAY, "source_key"])
    files["source_keys"] = [
        masked(key, subject)
        for key, subject in zip(files["source_key"], subjects(files["user_id"], pseudonym_key), strict=True)
    ]
    lists = files.groupby(PERSON_DAY)["source_keys"].agg(list)
    return pd.concat([scores, lists], axis=1).reset_index()


def _written(values: pd.Series[Any], metric: Metric) -> list[str | None]:
    if pa.types.is_boolean(metric.dtype):
        return [None if pd.isna(value) else "yes" if value else "no" for value in values]
    if pa.types.is_string(metric.dtype):
        return _text_or_none(values)
    return _number(values, metric.decimals)


def _number(values: pd.Series[Any], decimals: int) -> list[str | None]:
    # Adding zero turns -0.0 into 0.0.
    return [None if pd.isna(value) else f"{round(float(value), decimals) + 0.0:.{decimals}f}" for value in values]


def _text_or_none(values: pd.Series[Any]) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]


def _offset(minutes: float) -> str:
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(int(minutes)), 60)
    return f"UTC{sign}{hours:02d}:{rest:02d}"


def _rounded(value: Any, metric: Metric) -> bool | str | int | float:
    if pa.types.is_boolean(metric.dtype):
        return bool(value)
    if pa.types.is_string(metric.dtype):
        return str(value)
    return round(float(value)) if metric.decimals == 0 else round(float(value), metric.decimals) + 0.0
