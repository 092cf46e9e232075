"""Sentences about a heart-rate day that several texts share."""

from __future__ import annotations

from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.text import pluralise
from health_etl.clinical.heart_rate.events import SUSTAINED_MINUTES
from health_etl.clinical.heart_rate.series import MAX_GAP_MINUTES
from health_etl.clinical.heart_rate.trends import BASELINE_MINIMUM_DAYS


def one_sample(facts: Facts) -> str:
    """Describe a day with a single sample."""
    return (
        f"On {facts['local_date']}, {facts['sample_count']} heart-rate sample was recorded, at "
        f"{facts['first_sample_local']} local time: {facts['lowest_bpm']} bpm."
    )


def stretches(facts: Facts, name: str) -> str:
    """Write count and minutes of one kind of stretch: "2 stretches (45 min in all)"."""
    number = pluralise(facts[f"{name}_count"], "stretch", "stretches")
    return f"{number} ({facts[f'{name}_minutes']} min in all)"


def some(facts: Facts, name: str) -> bool:
    """Return whether a count is known and above zero."""
    return facts.has(name) and facts[name] != "0"


def too_sparse(facts: Facts) -> str:
    """State that samples are too sparse to show sustained rates; empty otherwise."""
    if facts.has("high_at_rest_count"):
        return ""
    return (
        f"Nowhere were {SUSTAINED_MINUTES} min recorded without a pause of more than {MAX_GAP_MINUTES} min, so "
        "sustained rates of that length could not be seen: that none is told does not mean that there was none."
    )


def no_baseline(facts: Facts) -> str:
    """Explain why the day is not compared with earlier days; empty where it is."""
    if facts.has("resting_against_baseline"):
        return ""
    if not facts.has("resting_bpm"):
        return "Without a resting heart rate the day is not compared with the person's earlier days."
    days = pluralise(facts["baseline_days"], "earlier day has", "earlier days have")
    return f"There is no own baseline yet: {days} a resting heart rate, {BASELINE_MINIMUM_DAYS} are needed."
