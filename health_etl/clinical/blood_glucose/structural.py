"""The structural text of a local day of glucose: its course, and its place among the days before."""

from __future__ import annotations

from health_etl.clinical.blood_glucose import thresholds as t
from health_etl.clinical.blood_glucose.phrases import recorded, too_little, urgent
from health_etl.clinical.blood_glucose.time_of_day import MARKED, NIGHT, QUARTER_HOURS, QUARTERS, WAKING
from health_etl.clinical.blood_glucose.trend_columns import BASELINE_DAYS
from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.text import clock_time, paragraph, pluralise, zone_caution


def structural(facts: Facts) -> str:
    """Write the pattern of the day and its place among the days before."""
    return paragraph(
        recorded(facts),
        _pause(facts),
        too_little(facts, "event counts"),
        _quarters(facts),
        _extremes(facts),
        _events(facts, "hypo", "Hypoglycaemia", "below", t.RANGE_LOW_MG_DL, t.VERY_LOW_BELOW_MG_DL),
        _events(facts, "hyper", "Hyperglycaemia", "above", t.RANGE_HIGH_MG_DL, t.VERY_HIGH_ABOVE_MG_DL),
        _night(facts),
        _dawn(facts),
        _meals(facts),
        _usual(facts),
        _trend(facts),
        _report_gap(facts),
        urgent(facts),
        zone_caution(facts),
    )


def _pause(facts: Facts) -> str:
    if not facts.has("longest_gap_minutes"):
        return ""
    if facts.number("longest_gap_minutes") <= t.MAX_SPACING_MINUTES:
        return f"No stretch without a reading was longer than {t.MAX_SPACING_MINUTES} min."
    return (
        f"The longest stretch of the day without a reading lasted {facts['longest_gap_minutes']} min; what glucose did "
        "in it is unknown."
    )


def _quarters(facts: Facts) -> str:
    parts = [
        f"{facts[f'{name}_mean_mg_dl']} mg/dL from {clock_time(code * QUARTER_HOURS)} to "
        f"{clock_time((code + 1) * QUARTER_HOURS)}"
        for code, name in enumerate(QUARTERS)
        if facts.has(f"{name}_mean_mg_dl")
    ]
    if not parts:
        return ""
    missing = "" if len(parts) == len(QUARTERS) else "; the other parts of the day hold too few readings"
    start = facts.pick("quarters", ("By time of day, glucose averaged", "Mean glucose by the local clock was"))
    return f"{start} {', '.join(parts)}{missing}."


def _extremes(facts: Facts) -> str:
    if facts.number("reading_count") == 1:
        return f"That reading was {facts['lowest_mg_dl']} mg/dL ({facts['lowest_range']})."
    lowest = f"{facts['lowest_mg_dl']} mg/dL ({facts['lowest_range']}) at {facts['lowest_local']}"
    highest = f"{facts['highest_mg_dl']} mg/dL ({facts['highest_range']}) at {facts['highest_local']}"
    return facts.pick(
        "extremes",
        (
            f"The lowest reading was {lowest}, the highest {highest}.",
            f"Readings ran between {lowest} and {highest}.",
        ),
    )


def _events(facts: Facts, kind: str, name: str, side: str, level_1: int, level_2: int) -> str:
    longest = ""
    if facts.has(f"longest_{kind}_minutes"):
        longest = (
            f"the longest one recorded lasted {facts[f'longest_{kind}_minutes']} min from "
            f"{facts[f'longest_{kind}_start_local']}"
        )
    if not facts.has(f"{kind}_level1_count"):
        return f"{name} was recorded ({side} {level_1} mg/dL): {longest}." if longest else ""
    if not longest:
        none = f"No {name.lower()} event of at least {t.EVENT_MINUTES} min"
        return f"{none} ({side} {level_1} mg/dL) was found in the readings."
    counts = (
        f"{name} events of at least {t.EVENT_MINUTES} min: {facts[f'{kind}_level1_count']} {side} {level_1} mg/dL, and "
        f"within them {facts[f'{kind}_level2_count']} {side} {level_2} mg/dL"
    )
    return f"{counts}, extended events: {facts[f'extended_{kind}_count']}; {longest}."


def _night(facts: Facts) -> str:
    if not facts.has("night_lowest_mg_dl"):
        return f"The night ({NIGHT}) holds too few readings to describe it."
    return (
        f"In the night ({NIGHT}), {facts['night_in_range_percent']} % of the readings were in range and "
        f"{facts['night_below_range_percent']} % below {t.RANGE_LOW_MG_DL} mg/dL; the lowest was "
        f"{facts['night_lowest_mg_dl']} mg/dL at {facts['night_lowest_local']}."
    )


def _dawn(facts: Facts) -> str:
    if not facts.has("dawn_rise_mg_dl"):
        return ""
    basis = "as a record marks it"
    if facts["before_breakfast_basis"] != MARKED:
        basis = f"assumed to be {WAKING}, since no record marks it"
    rise = facts.number("dawn_rise_mg_dl")
    moved = "rose by" if rise >= 0 else "changed by"
    return (
        f"From that lowest value to before breakfast ({basis}), glucose {moved} {facts['dawn_rise_mg_dl']} mg/dL to "
        f"{facts['before_breakfast_mg_dl']} mg/dL."
    )


def _meals(facts: Facts) -> str:
    if not facts.has("meal_rise_mg_dl"):
        return ""
    meals = pluralise(facts["meal_rise_count"], "meal", "meals")
    return (
        f"Over {meals} with readings marked before and after, glucose changed by {facts['meal_rise_mg_dl']} mg/dL on "
        "average."
    )


def _usual(facts: Facts) -> str:
    if not facts.has("baseline_days"):
        return ""
    if not facts.has("baseline_mean_mg_dl"):
        found = pluralise(facts["baseline_days"], "judged day", "judged days")
        return f"There is no baseline yet: {found} among the {LOOK_BACK_DAYS} before, {BASELINE_DAYS} needed."
    usual = f"{facts['baseline_mean_mg_dl']} mg/dL (SD of the daily means {facts['baseline_sd_mg_dl']} mg/dL)"
    if not facts.has("mean_against_baseline"):
        return f"The usual daily mean is {usual}; this day is not compared with it, since it is not judged."
    return (
        f"The usual daily mean is {usual}, from {pluralise(facts['baseline_days'], 'judged day', 'judged days')}; the "
        f"mean of this day, {facts['mean_mg_dl']} mg/dL, lies {_beside(facts['mean_against_baseline'])}."
    )


def _beside(where: str) -> str:
    if where == "within":
        return "within one standard deviation of it"
    return f"more than one standard deviation {where} it"


def _trend(facts: Facts) -> str:
    if not facts.has("time_in_range_trend"):
        none = (
            f"Time in range of the last {t.REPORT_DAYS} days is not compared with the {t.REPORT_DAYS} days before those"
        )
        return f"{none}, which hold too few readings." if facts.has("window_time_in_range_percent") else ""
    return (
        f"Time in range of the last {t.REPORT_DAYS} days was {facts['window_time_in_range_percent']} %, "
        f"{_than(facts['time_in_range_trend'])} {facts['previous_time_in_range_percent']} % in the {t.REPORT_DAYS} "
        "days before those."
    )


def _than(trend: str) -> str:
    return "similar to" if trend == "similar" else f"{trend} than the"


def _report_gap(facts: Facts) -> str:
    """Mention a stretch of days without readings, which a mean over the period would hide."""
    name = "window_longest_gap_hours"
    if not facts.has(name) or facts.number(name) < t.LONG_GAP_HOURS:
        return ""
    return f"The last {t.REPORT_DAYS} days hold a stretch of {facts[name]} h without a reading."
