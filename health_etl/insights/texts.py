"""From facts to text: the input that carries every figure, and one caption per level.

The captions' sentences belong to the processors in clinical/.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd

from health_etl.clinical.common.base import Facts, Level, Narrator
from health_etl.insights.facts import all_facts

ZONE_SOURCES = {
    "record": "as the records state",
    "other_sources": "as the person's other sources state",
    "default": "assumed, no record states it",
}


def narrate(rows: pd.DataFrame, processor: Narrator) -> pd.DataFrame:
    """Add `input` and `captions` to rows that hold metrics and trends; a withdrawn day gets none."""
    inputs: list[str | None] = [None] * len(rows)
    captions: list[list[dict[str, Any]] | None] = [None] * len(rows)
    narrated = (~rows["withdrawn"].astype(bool)).to_numpy().nonzero()[0]
    for place, facts in zip(narrated, all_facts(rows.iloc[narrated], processor), strict=True):
        inputs[place] = input_text(facts, processor)
        captions[place] = _captions(facts, processor)
    return rows.assign(
        input=pd.Series(inputs, index=rows.index, dtype="str"),
        captions=pd.Series(captions, index=rows.index, dtype="object"),
    )


def example_id(subject: str, name: str, local_date: str, level: Level | None = None) -> str:
    """Return the permanent id of a person's day in the insights `name`, or of its text on one level."""
    parts = [subject, name, local_date, *([level] if level else [])]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]


def input_text(facts: Facts, processor: Narrator) -> str:
    """Return the training input: context, every reported metric that has a value, and the reference lines."""
    lines = [
        f"Record type: {processor.title}",
        f"Local date: {facts['local_date']} ({facts['utc_offset']}, {ZONE_SOURCES[facts['zone_source']]})",
        f"Source apps: {facts['source_apps']}",
        f"Records: {facts['record_count']}",
        f"Measurements: {facts['measurement_count']}",
        f"Profile: {_profile(facts)}",
        f"Coverage: {facts['coverage_percent']} %",
    ]
    if facts.has("coverage_reason"):
        lines.append(f"Coverage note: {facts['coverage_reason']}")
    lines += [
        f"{metric.label}: {value} {metric.unit}" if metric.unit else f"{metric.label}: {value}"
        for metric in processor.reported
        if (value := facts.written.get(metric.name)) is not None
    ]
    lines += [f"Reference: {line}" for line in processor.guidelines]
    return "\n".join(lines)


def _profile(facts: Facts) -> str:
    known = [f"age {facts['age_band']}"] if facts.has("age_band") else []
    known += [facts["sex"]] if facts.has("sex") else []
    known += ["pregnant"] if facts.has("pregnant") else []
    known += ["diabetes of high risk"] if facts.has("high_risk_diabetes") else []
    return ", ".join(known) if known else "none, adult defaults apply"


def _captions(facts: Facts, processor: Narrator) -> list[dict[str, Any]]:
    outputs = processor.narrate(facts)
    return [
        {
            "level": level.value,
            "instruction": facts.pick(f"instruction {level}", processor.instructions[level]),
            "output": outputs[level],
            "derived": [
                {"value": one.value, "rule": one.rule, "of": list(one.of)}
                for one in dict.fromkeys(facts.derived)
                if one.value in outputs[level]
            ],
        }
        for level in Level
    ]
