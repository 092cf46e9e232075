"""Sentences about glucose that the texts of several levels share."""

from __future__ import annotations

from health_etl.clinical.blood_glucose import thresholds as t
from health_etl.clinical.blood_glucose.columns import BOUNDS
from health_etl.clinical.blood_glucose.targets import TARGETS
from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.text import above, below


def recorded(facts: Facts) -> str:
    """State what was recorded and how much of the day it covers."""
    day, first, last = facts["local_date"], facts["first_reading_local"], facts["last_reading_local"]
    if facts.number("reading_count") == 1:
        return f"On {day}, {facts['reading_count']} glucose reading was recorded, at {first} local time."
    number = facts["reading_count"]
    if not facts.has("cadence_minutes"):
        return (
            f"On {day}, {number} single glucose readings were recorded between {first} and {last} local time, more "
            f"than {t.MAX_SPACING_MINUTES} min apart, so no part of the day counts as recorded throughout."
        )
    cadence, share = facts["cadence_minutes"], facts["coverage_percent"]
    return facts.pick(
        "recorded",
        (
            f"On {day}, {number} glucose readings were recorded from {first} to {last} local time, about one every "
            f"{cadence} min; they cover {share} % of the day.",
            f"The record of {day} holds {number} glucose readings between {first} and {last} local time, typically "
            f"{cadence} min apart, which cover {share} % of the day.",
            f"{number} glucose readings cover {share} % of {day}: the first at {first}, the last at {last} local time, "
            f"about one every {cadence} min.",
        ),
    )


def too_little(facts: Facts, left_out: str) -> str:
    """State that the day is not assessed and what is left out; empty for a day of sufficient coverage."""
    if not facts.has("coverage_reason"):
        return ""
    reason = facts["coverage_reason"]
    return facts.pick(
        "too little",
        (
            f"This is too little to judge the day ({reason}): {left_out} are left out, and what happened in the "
            "missing time is unknown.",
            f"The day is not judged, since too little of it is known ({reason}); {left_out} are left out, and nothing "
            "can be said about the time without readings.",
        ),
    )


def urgent(facts: Facts) -> str:
    """Advise seeking care after very low or very high readings; empty otherwise."""
    return " ".join(sentence for sentence in (_very_low(facts), _very_high(facts)) if sentence)


def _very_low(facts: Facts) -> str:
    if facts["lowest_range"] != "very low":
        return ""
    lowest, limit = facts["lowest_mg_dl"], t.VERY_LOW_BELOW_MG_DL
    side = below(facts.number("lowest_mg_dl"), limit)
    return (
        f"The lowest reading, {lowest} mg/dL at {facts['lowest_local']}, is {side} {limit} mg/dL, the level of "
        "clinically significant hypoglycaemia that calls for prompt action: a device can read falsely low, so such a "
        "reading should be checked at once with a finger-prick, and medical care should be sought without delay if it "
        "is confirmed, comes back or comes with symptoms."
    )


def _very_high(facts: Facts) -> str:
    if facts["highest_range"] != "very high":
        return ""
    highest, limit = facts["highest_mg_dl"], t.VERY_HIGH_ABOVE_MG_DL
    side = above(facts.number("highest_mg_dl"), limit)
    if facts["very_high_pattern"] == "sustained":
        return (
            f"Glucose was above {limit} mg/dL for at least {t.EXTENDED_HYPER_MINUTES} min in all within "
            f"{t.EXTENDED_HYPER_WITHIN_MINUTES} min (extended hyperglycaemia), with a highest reading of {highest} "
            f"mg/dL at {facts['highest_local']}: medical care should be sought, and without delay if such values go on "
            "or come with feeling unwell."
        )
    return (
        f"The highest reading, {highest} mg/dL at {facts['highest_local']}, is {side} {limit} mg/dL (very high), "
        "though the readings do not show extended hyperglycaemia: if such values last or come with feeling unwell, "
        "medical care should be sought."
    )


def against_targets(facts: Facts, prefix: str = "") -> str:
    """List the shares that have a target, with the target and whether it is met."""
    parts = [
        f"{facts[f'{prefix}time_{name}_percent']} % {BOUNDS[name]} (target {target.side} "
        f"{target.limit(facts['target_group'])} %: {facts[f'{prefix}time_{name}_target']})"
        for name, target in TARGETS.items()
        if facts.has(f"{prefix}time_{name}_target")
    ]
    return "; ".join(parts)
