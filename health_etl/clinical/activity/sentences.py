"""Sentences that the texts on steps and on active energy share, with numbers exactly as in the input."""

from __future__ import annotations

from health_etl.clinical.activity.hours import FINE_MINUTES, PARTS
from health_etl.clinical.activity.records import MOVEMENT_PAUSE_HOURS, Quantity
from health_etl.clinical.activity.totals import MINIMUM_COVERAGE, MOVEMENT_MINIMUM_HOURS
from health_etl.clinical.activity.trends import (
    BASELINE_MINIMUM_DAYS,
    USUAL_SD,
    WEEK_DAYS,
    WEEK_MINIMUM_DAYS,
    WEEKEND_MINIMUM,
    WORKDAYS_MINIMUM,
)
from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.text import clock_time, paragraph, pluralise
from health_etl.clinical.common.units import PERCENT

TROIANO_SOURCE = "Troiano 2008"
OTHER_RECORDS = "The day's total rests on all of its records and not on these alone."

GUIDELINES = (
    f"A day is judged when at least {MINIMUM_COVERAGE * PERCENT:.0f} % of it is recorded and the export came after it.",
    f"An app that records movement only covers little of a day: there the time between its records counts as well "
    f"(pauses of up to {MOVEMENT_PAUSE_HOURS} h), and {MOVEMENT_MINIMUM_HOURS} h are needed ({TROIANO_SOURCE}: a valid "
    "day of wear).",
    f"Hours and pauses are read from records of at most {FINE_MINUTES} min that follow at least "
    f"{MOVEMENT_MINIMUM_HOURS} h of the day.",
    f"Baseline: complete days of the {LOOK_BACK_DAYS} days before, at least {BASELINE_MINIMUM_DAYS}; usual is the mean "
    f"± {USUAL_SD} SD. Week: the last {WEEK_DAYS} days, at least {WEEK_MINIMUM_DAYS} complete. Workdays against "
    f"weekends: at least {WORKDAYS_MINIMUM} and {WEEKEND_MINIMUM} complete days. These minima are assumptions.",
)


def amount(facts: Facts, name: str, quantity: Quantity) -> str:
    """Write a metric with its unit: "1 step", "20 steps", "12.3 kcal"."""
    return f"{facts[name]} {unit_of(facts[name], quantity)}"


def unit_of(number: str, quantity: Quantity) -> str:
    """Return the unit as it is written after this number: one step, two steps."""
    return quantity.unit.removesuffix("s") if number == "1" else quantity.unit


def incomplete_day(facts: Facts) -> str:
    """Explain why a total is not that of a whole day; empty for a complete day."""
    running = (
        f"The day was still running at the export: the data reach up to {facts['data_until_local']} local time, so "
        "this is the total of a partial day."
        if facts.has("data_until_local")
        else ""
    )
    thin = (
        f"This is too little to judge the day ({facts['coverage_reason']}); what happened in the unrecorded time is "
        "unknown, not zero."
        if facts.has("coverage_reason")
        else ""
    )
    return paragraph(running, thin)


def is_complete(facts: Facts) -> bool:
    """Return whether the day is complete enough to be assessed."""
    return not facts.has("coverage_reason") and not facts.has("data_until_local")


def merged_sources(facts: Facts) -> str:
    """Explain how the counts of several apps became one total; empty for a single app."""
    if "; " not in facts["source_totals"]:
        return ""
    origin = (
        f" and rests on {facts['counted_source_apps'].replace(', ', ' and ')}"
        if facts.has("counted_source_apps")
        else ""
    )
    return (
        f"Several apps counted the same day ({facts['source_totals']}); the total is merged by time, not "
        f"added up{origin}."
    )


def movement_only(facts: Facts) -> str:
    """Explain how the pauses of a movement-only app are read; empty without such an app."""
    if not facts.has("movement_only_apps"):
        return ""
    apps = facts["movement_only_apps"].replace(", ", " and ")
    return (
        f"Only movement was recorded by {apps}: pauses of up to {MOVEMENT_PAUSE_HOURS} h between such records are "
        "taken as time without movement; whether the device was worn or records were lost in them is not known."
    )


def hours_of_day(facts: Facts, quantity: Quantity) -> str:
    """Describe the busiest hour and the parts of the day, or why there is no such pattern."""
    name = quantity.column
    if facts.has("pattern_missing_reason"):
        return f"How it spread over the hours is not told: {facts['pattern_missing_reason']}."
    if not facts.has("known_hours"):
        return ""
    known = pluralise(facts["known_hours"], "hour of the local clock is", "hours of the local clock are")
    held = amount(facts, f"{name}_in_known_hours", quantity)
    return paragraph(
        f"By records of at most {FINE_MINUTES} min {known} known; they hold {held}.",
        "" if facts[f"{name}_in_known_hours"] == facts[quantity.total] else OTHER_RECORDS,
        _busiest(facts, quantity),
        _parts(facts, quantity),
    )


def _busiest(facts: Facts, quantity: Quantity) -> str:
    most, whole = f"busiest_hour_{quantity.column}", f"{quantity.column}_in_known_hours"
    if not facts.has("busiest_hour_local"):
        return "None of them holds any."
    share = f" ({facts.share(most, whole)} % of that)" if facts.number(whole) > 0 else ""
    return f"The busiest began at {facts['busiest_hour_local']} with {amount(facts, most, quantity)}{share}."


def _parts(facts: Facts, quantity: Quantity) -> str:
    parts = [
        f"the {part} ({clock_time(first)}–{clock_time(last)}) {amount(facts, f'{part}_{quantity.column}', quantity)}"
        for part, (first, last) in PARTS.items()
        if facts.has(f"{part}_{quantity.column}")
    ]
    if not parts:
        return "No part of the day is known in all of its hours."
    rest = "" if len(parts) == len(PARTS) else "; the other parts are not known in all of their hours"
    return f"By parts of the day, {', '.join(parts)}{rest}."


def history(facts: Facts, quantity: Quantity) -> str:
    """Report the figures of the look-back, or for each why it is missing."""
    return paragraph(baseline(facts, quantity), week(facts, quantity), weekly_pattern(facts, quantity))


def baseline(facts: Facts, quantity: Quantity) -> str:
    """Report the mean of the earlier days and the day's distance from it, or that there is none yet."""
    name = f"baseline_{quantity.column}"
    days = pluralise(facts["baseline_days"], "complete day", "complete days")
    if not facts.has(name):
        return (
            f"There is no baseline yet: {days} among the {LOOK_BACK_DAYS} days before, {BASELINE_MINIMUM_DAYS} needed."
        )
    mean = (
        f"Over {days} of the {LOOK_BACK_DAYS} days before, the mean was {amount(facts, name, quantity)} a day (SD "
        f"{amount(facts, f'baseline_sd_{quantity.column}', quantity)})"
    )
    if not facts.has("against_baseline"):
        return f"{mean}; this day is not complete and not compared with it."
    if facts.number(quantity.total) == facts.number(name):
        return f"{mean}; this day equals it."
    apart = facts.difference(quantity.total, name)
    side = "above" if facts.number(quantity.total) > facts.number(name) else "below"
    return f"{mean}; this day lay {apart} {unit_of(apart, quantity)} {side} it."


def week(facts: Facts, quantity: Quantity) -> str:
    """Report the mean of the last week against the weeks before, or that there is none."""
    days = pluralise(facts["week_days"], "complete day", "complete days")
    name, before = f"week_{quantity.column}", f"before_week_{quantity.column}"
    if not facts.has(name):
        return f"The last {WEEK_DAYS} days have no mean: {days} among them, {WEEK_MINIMUM_DAYS} needed."
    averaged = f"The last {WEEK_DAYS} days averaged {amount(facts, name, quantity)} a day ({days})"
    if not facts.has(before):
        return (
            f"{averaged}; before them fewer than {BASELINE_MINIMUM_DAYS} complete days are known, so no trend is told."
        )
    return f"{averaged}, the look-back before them {amount(facts, before, quantity)} a day."


def weekly_pattern(facts: Facts, quantity: Quantity) -> str:
    """Compare workdays with weekends, or say that there are too few days."""
    work = pluralise(facts["workday_count"], "complete workday", "complete workdays")
    free = pluralise(facts["weekend_day_count"], "complete day of a weekend", "complete days of weekends")
    name, other = f"workday_{quantity.column}", f"weekend_{quantity.column}"
    if not facts.has(name, other):
        return (
            f"Workdays and weekends are not compared: {work} and {free} in the look-back, {WORKDAYS_MINIMUM} and "
            f"{WEEKEND_MINIMUM} needed."
        )
    return (
        f"Workdays (Monday to Friday) averaged {amount(facts, name, quantity)} over {work}, weekends "
        f"{amount(facts, other, quantity)} over {free}."
    )


def against_own_range(facts: Facts) -> str:
    """Place the day in the person's own range and say what that is worth, or that there is none."""
    if facts.has("against_baseline"):
        return (
            f"Against the person's own days of the look-back the day lies {facts['against_baseline']} (mean ± "
            f"{USUAL_SD} SD, an assumption and no limit of health)."
        )
    if not is_complete(facts):
        return "A day that is not complete is not held against the person's own days."
    days = pluralise(facts["baseline_days"], "complete day", "complete days")
    return f"Whether the day is usual for this person is not known: {days} before it, {BASELINE_MINIMUM_DAYS} needed."
