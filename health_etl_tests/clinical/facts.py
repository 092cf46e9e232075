"""One computed day as the product writes it: its facts, and the numbers of its texts that its input does not hold."""

from __future__ import annotations

from typing import Any

import pandas as pd

from health_etl.clinical.common.base import Facts, Level, Processor
from health_etl.insights.facts import all_facts
from health_etl.insights.texts import input_text
from health_etl.training import grounding

# What the pipeline knows of a day besides its metrics, where a test does not say otherwise.
CONTEXT: dict[str, Any] = {
    "example_id": "",
    "utc_offset_minutes": -300,
    "zone_source": "record",
    "source_apps": "app.watch",
    "record_count": 1,
    "measurement_count": 1,
    "age_years": None,
    "sex": None,
    "pregnant": False,
    "high_risk_diabetes": False,
}


def facts_of(processor: Processor, insight: pd.Series, **context: Any) -> Facts:
    """Return the facts of one day with its metrics and trends; `context` overrules CONTEXT and what the day says."""
    row = CONTEXT | insight.to_dict() | context
    rows = pd.DataFrame({str(name): pd.Series([value], dtype="object") for name, value in row.items()})
    (facts,) = all_facts(rows.astype({"age_years": "Int64"}), processor)
    return facts


def ungrounded(processor: Processor, facts: Facts) -> dict[Level, set[str]]:
    """Narrate; return by level the numbers that neither stand in the input nor follow from it."""
    captions = processor.narrate(facts)
    given = input_text(facts, processor)
    derived = [{"value": one.value, "rule": one.rule, "of": one.of} for one in facts.derived]
    found = {level: grounding.ungrounded(text, given, derived) for level, text in captions.items()}
    return {level: numbers for level, numbers in found.items() if numbers}
