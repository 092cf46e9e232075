"""The text about a local day of glucose readings. The metrics that it writes come from blood_glucose.py.

Figures beside the metrics (70, 54, 14 days, ...) stand in the processor's guidelines too.
"""

from __future__ import annotations

from health_etl.clinical.base import Facts
from health_etl.clinical.glucose_metrics import VERY_HIGH_ABOVE_MG_DL, VERY_LOW_BELOW_MG_DL
from health_etl.clinical.text import above, below, paragraph, zone_caution


def narrate(facts: Facts) -> str:
    """Write one local day of glucose readings as text."""
    judged = (_time_in_ranges, _stability, _event_counts, _indicator, _whose_targets)
    return paragraph(
        _recorded(facts),
        _level(facts),
        _very_low(facts),
        _very_high(facts),
        _too_little(facts),
        *(sentence(facts) for sentence in judged if facts.has("time_in_range_percent")),
        zone_caution(facts),
    )


def _recorded(facts: Facts) -> str:
    if facts["reading_count"] == "1":
        return (
            f"On {facts['local_date']}, 1 glucose reading was recorded, at {facts['first_reading_local']} local time."
        )
    cadence = f", about one every {facts['cadence_minutes']} min" if facts.has("cadence_minutes") else ""
    return (
        f"On {facts['local_date']}, {facts['reading_count']} glucose readings were recorded from "
        f"{facts['first_reading_local']} to {facts['last_reading_local']} local time{cadence}; "
        f"they cover {facts['coverage_percent']} % of the day."
    )


def _level(facts: Facts) -> str:
    if not facts.has("sd_mg_dl"):
        return f"It was {facts['mean_mg_dl']} mg/dL ({facts['lowest_range']})."
    return (
        f"The recorded glucose averaged {facts['mean_mg_dl']} mg/dL (SD {facts['sd_mg_dl']} mg/dL), from "
        f"{facts['lowest_mg_dl']} mg/dL ({facts['lowest_range']}) to "
        f"{facts['highest_mg_dl']} mg/dL ({facts['highest_range']})."
    )


def _too_little(facts: Facts) -> str:
    if not facts.has("coverage_reason"):
        return ""
    return (
        f"This is too little to judge the day ({facts['coverage_reason']}): time in range, variability, "
        "GMI and events are left out, and what happened in the missing hours is unknown."
    )


def _time_in_ranges(facts: Facts) -> str:
    in_range = _against_target(facts, "in_range", "above 70 %")
    below_range = _against_target(facts, "below_range", "below 4 %")
    very_low = _against_target(facts, "very_low", "below 1 %")
    above_range = _against_target(facts, "above_range", "below 25 %")
    very_high = _against_target(facts, "very_high", "below 5 %")
    return (
        f"Time in range (70–180 mg/dL) was {in_range}, time in tight range (70–140 mg/dL) "
        f"{facts['time_in_tight_range_percent']} %. "
        f"Time below 70 mg/dL was {below_range}, below 54 mg/dL {very_low}. "
        f"Time above 180 mg/dL was {above_range}, above 250 mg/dL {very_high}."
    )


def _against_target(facts: Facts, name: str, target: str) -> str:
    return f"{facts[f'time_{name}_percent']} % (target {target}: {facts[f'time_{name}_target']})"


def _stability(facts: Facts) -> str:
    limit = "up to 36 %" if facts["variability"] == "stable" else "above 36 %"
    return (
        f"The coefficient of variation was {facts['cv_percent']} %, which counts as {facts['variability']} ({limit})."
    )


def _event_counts(facts: Facts) -> str:
    return paragraph(
        _events_of(facts, "hypo", "Hypoglycaemia", "below 70 mg/dL", "below 54 mg/dL"),
        _events_of(facts, "hyper", "Hyperglycaemia", "above 180 mg/dL", "above 250 mg/dL"),
    )


def _events_of(facts: Facts, kind: str, name: str, level_1: str, level_2: str) -> str:
    longest = f"longest_{kind}_minutes"
    duration = f", the longest {facts[longest]} min" if facts.has(longest) else ""
    return (
        f"{name} events of at least 15 min: {facts[f'{kind}_level1_count']} {level_1}{duration}; "
        f"{facts[f'{kind}_level2_count']} {level_2}."
    )


def _indicator(facts: Facts) -> str:
    return (
        f"The glucose management indicator (GMI) of this day alone is {facts['gmi_percent']} %; it is meant "
        "for 10–14 days of readings, so it is an orientation only and no substitute for a laboratory value."
    )


def _whose_targets(_: Facts) -> str:
    return (
        "The targets are those for most adults with diabetes over at least 14 days; for older or high-risk "
        "people others hold, and a single day is an orientation."
    )


def _very_low(facts: Facts) -> str:
    if facts["lowest_range"] != "very low":
        return ""
    side = below(facts.number("lowest_mg_dl"), VERY_LOW_BELOW_MG_DL)
    return (
        f"The lowest reading, {facts['lowest_mg_dl']} mg/dL, is {side} 54 mg/dL, the level of clinically "
        "significant hypoglycaemia that calls for prompt action: a sensor can read falsely low, so such a "
        "reading should be checked with a finger-prick, and medical care should be sought without delay if "
        "it is confirmed, comes back or comes with symptoms."
    )


def _very_high(facts: Facts) -> str:
    if facts["highest_range"] != "very high":
        return ""
    side = above(facts.number("highest_mg_dl"), VERY_HIGH_ABOVE_MG_DL)
    return (
        f"The highest reading, {facts['highest_mg_dl']} mg/dL, is {side} 250 mg/dL (very high): if such "
        "values persist or come with feeling unwell, medical care should be sought."
    )
