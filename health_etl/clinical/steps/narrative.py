"""The texts of a day's steps: numbers, course, meaning. The modules beside this one compute the figures."""

from __future__ import annotations

from health_etl.clinical.activity.records import Quantity
from health_etl.clinical.activity.sentences import (
    against_own_range,
    amount,
    history,
    hours_of_day,
    incomplete_day,
    is_complete,
    merged_sources,
    movement_only,
    week,
    weekly_pattern,
)
from health_etl.clinical.activity.trends import WEEK_DAYS
from health_etl.clinical.common.age import UNDER_ADULT
from health_etl.clinical.common.base import Captions, Facts, Level
from health_etl.clinical.common.text import paragraph, pluralise, zone_caution
from health_etl.clinical.steps.cadence import CADENCE_SOURCE, MODERATE_STEPS_PER_MIN, VIGOROUS_STEPS_PER_MIN
from health_etl.clinical.steps.category import (
    CATEGORY_SOURCE,
    MORTALITY_SOURCE,
    PLATEAU_AGE_YEARS,
    PLATEAU_OLDER_STEPS,
    PLATEAU_YOUNGER_STEPS,
)
from health_etl.clinical.steps.still import ACTIVE_HOUR_STEPS, DAYTIME, STILL_MINUTES

STEPS = Quantity("steps", "steps", decimals=0)


def narrate(facts: Facts) -> Captions:
    """Narrate the steps of one local day on three levels."""
    if not facts.has("steps_total"):
        nothing = _nothing(facts)
        return {
            Level.STATISTICAL: paragraph(nothing, history(facts, STEPS), zone_caution(facts)),
            Level.STRUCTURAL: paragraph(nothing, "So nothing is known of their course.", zone_caution(facts)),
            Level.SEMANTIC: paragraph(nothing, "That does not mean that there were none.", zone_caution(facts)),
        }
    return {
        Level.STATISTICAL: _statistical(facts),
        Level.STRUCTURAL: _structural(facts),
        Level.SEMANTIC: _semantic(facts),
    }


def _nothing(facts: Facts) -> str:
    return f"No steps of {facts['local_date']} were recorded before the export."


def _statistical(facts: Facts) -> str:
    return paragraph(
        _total(facts),
        merged_sources(facts),
        movement_only(facts),
        incomplete_day(facts),
        _cadence(facts),
        history(facts, STEPS),
        zone_caution(facts),
    )


def _structural(facts: Facts) -> str:
    return paragraph(
        f"On {facts['local_date']}, {_were(facts)} recorded.",
        incomplete_day(facts),
        _span(facts),
        hours_of_day(facts, STEPS),
        _still(facts),
        movement_only(facts),
        week(facts, STEPS),
        weekly_pattern(facts, STEPS),
        zone_caution(facts),
    )


def _semantic(facts: Facts) -> str:
    return paragraph(
        _total(facts),
        incomplete_day(facts),
        _category(facts),
        _habit(facts),
        against_own_range(facts),
        _intensity(facts),
        _mortality(facts),
        movement_only(facts),
        _limits(facts),
        zone_caution(facts),
    )


def _were(facts: Facts) -> str:
    return pluralise(facts["steps_total"], "step was", "steps were")


def _total(facts: Facts) -> str:
    covered = f"{facts['coverage_rule']} cover {facts['coverage_percent']} % of the day"
    return facts.pick(
        "total",
        (
            f"On {facts['local_date']}, {_were(facts)} recorded; {covered}.",
            f"For {facts['local_date']} the merged total is {amount(facts, 'steps_total', STEPS)}; {covered}.",
        ),
    )


def _cadence(facts: Facts) -> str:
    if facts.has("cadence_missing_reason"):
        return f"No cadence is given: {facts['cadence_missing_reason']}."
    if not facts.has("moderate_cadence_minutes"):
        return ""
    peak = (
        f"; the highest cadence of a record was {facts['peak_cadence_steps_per_min']} steps/min"
        if facts.has("peak_cadence_steps_per_min")
        else ""
    )
    return (
        f"At {MODERATE_STEPS_PER_MIN}–{VIGOROUS_STEPS_PER_MIN - 1} steps/min {facts['moderate_cadence_minutes']} min "
        f"were recorded, at {VIGOROUS_STEPS_PER_MIN} steps/min and more {facts['vigorous_cadence_minutes']} min{peak}."
    )


def _span(facts: Facts) -> str:
    if not facts.has("first_step_local"):
        return ""
    return f"Steps were recorded between {facts['first_step_local']} and {facts['last_step_local']} local time."


def _still(facts: Facts) -> str:
    """Describe active hours and stretches without a step; without a pattern, the hours have already said why."""
    if not facts.has("still_stretch_count"):
        return ""
    hours = pluralise(facts["active_hours"], "hour", "hours")
    active = f"In {hours} at least {ACTIVE_HOUR_STEPS} steps were recorded."
    if facts["still_stretch_count"] == "0":
        return f"{active} Within {DAYTIME} no stretch of {STILL_MINUTES} min without a step was seen."
    count = pluralise(facts["still_stretch_count"], "stretch", "stretches")
    return (
        f"{active} Within {DAYTIME} there were {count} of at least {STILL_MINUTES} min without a recorded step, "
        f"{facts['still_stretch_minutes']} min in all; the longest began at {facts['longest_still_start_local']} and "
        f"lasted {facts['longest_still_minutes']} min. Whether the person sat, lay, stood, slept or had laid the "
        "device aside is not known."
    )


def _is_minor(facts: Facts) -> bool:
    return facts.has("age_band") and facts["age_band"] == UNDER_ADULT


def _category(facts: Facts) -> str:
    if _is_minor(facts):
        return f"The person is {UNDER_ADULT}; categories and cadences of adults are not applied."
    if not facts.has("activity_category"):
        return "The day is not put into an activity category."
    return facts.pick(
        "category",
        (
            f'A day with this count falls into the category "{facts["activity_category"]}" ({CATEGORY_SOURCE}); the '
            "categories describe habitual activity, of which a single day says little.",
            f'By {CATEGORY_SOURCE} this count is in the category "{facts["activity_category"]}", which is meant for '
            "what a person usually does and says little of a single day.",
        ),
    )


def _habit(facts: Facts) -> str:
    if not facts.has("week_category"):
        return ""
    return (
        f"The mean of the last {WEEK_DAYS} days, {amount(facts, 'week_steps', STEPS)} a day, falls into "
        f'"{facts["week_category"]}", which says more of the habit.'
    )


def _intensity(facts: Facts) -> str:
    if _is_minor(facts) or not facts.has("moderate_cadence_minutes"):
        return ""
    return (
        f"Cadence stands in for intensity: from about {MODERATE_STEPS_PER_MIN} steps/min walking is of moderate, from "
        f"about {VIGOROUS_STEPS_PER_MIN} steps/min of vigorous intensity in adults ({CADENCE_SOURCE}); it hangs on "
        "height and fitness, and records that average over minutes miss short bursts."
    )


def _mortality(facts: Facts) -> str:
    if _is_minor(facts) or not is_complete(facts):
        return ""
    younger, older = PLATEAU_YOUNGER_STEPS, PLATEAU_OLDER_STEPS
    return (
        f"In cohorts of adults ({MORTALITY_SOURCE}) more steps a day went with lower mortality, levelling off at about "
        f"{younger[0]}–{younger[1]} steps a day below {PLATEAU_AGE_YEARS} years and {older[0]}–{older[1]} steps a day "
        "from that age on. This is an association over years, in which poor health also lowers the steps; it gives no "
        "threshold and says nothing of one day."
    )


def _limits(facts: Facts) -> str:
    device = "Devices miscount, above all in slow walking or when they are not carried; other movement is not counted."
    defaults = "" if facts.has("age_band") else "No age is configured, so what holds for adults was used as default."
    return paragraph(device, defaults)
