"""The texts of a day's active energy: numbers, course, meaning."""

from __future__ import annotations

from health_etl.clinical.active_calories_burned.usual_range import IMPLAUSIBLE, IMPLAUSIBLE_ABOVE_KCAL, USUAL_KCAL
from health_etl.clinical.activity.records import Quantity
from health_etl.clinical.activity.sentences import (
    against_own_range,
    amount,
    history,
    hours_of_day,
    incomplete_day,
    merged_sources,
    movement_only,
    week,
    weekly_pattern,
)
from health_etl.clinical.common.age import UNDER_ADULT
from health_etl.clinical.common.base import Captions, Facts, Level
from health_etl.clinical.common.text import paragraph, zone_caution

ACTIVE_ENERGY = Quantity("active_kcal", "kcal", decimals=1)


def narrate(facts: Facts) -> Captions:
    """Narrate the active energy of one local day on three levels."""
    if not facts.has("active_kcal_total"):
        nothing = f"No active energy of {facts['local_date']} was recorded before the export."
        return {
            Level.STATISTICAL: paragraph(nothing, history(facts, ACTIVE_ENERGY), zone_caution(facts)),
            Level.STRUCTURAL: paragraph(nothing, "So nothing is known of its course.", zone_caution(facts)),
            Level.SEMANTIC: paragraph(nothing, "That does not mean that there was none.", zone_caution(facts)),
        }
    return {
        Level.STATISTICAL: _statistical(facts),
        Level.STRUCTURAL: _structural(facts),
        Level.SEMANTIC: _semantic(facts),
    }


def _statistical(facts: Facts) -> str:
    return paragraph(
        _total(facts),
        merged_sources(facts),
        movement_only(facts),
        incomplete_day(facts),
        history(facts, ACTIVE_ENERGY),
        zone_caution(facts),
    )


def _structural(facts: Facts) -> str:
    return paragraph(
        f"On {facts['local_date']}, {facts['active_kcal_total']} kcal of active energy were recorded.",
        incomplete_day(facts),
        hours_of_day(facts, ACTIVE_ENERGY),
        movement_only(facts),
        week(facts, ACTIVE_ENERGY),
        weekly_pattern(facts, ACTIVE_ENERGY),
        zone_caution(facts),
    )


def _semantic(facts: Facts) -> str:
    return paragraph(
        _total(facts),
        incomplete_day(facts),
        _range(facts),
        against_own_range(facts),
        movement_only(facts),
        "Active energy is an estimate of the device or app by rules of its maker: it may be off by a large part and is "
        "best compared with the same device's other days.",
        "" if facts.has("age_band") else "No age is configured, so what holds for adults was used as default.",
        zone_caution(facts),
    )


def _total(facts: Facts) -> str:
    covered = f"{facts['coverage_rule']} cover {facts['coverage_percent']} % of the day"
    return facts.pick(
        "total",
        (
            f"On {facts['local_date']}, {facts['active_kcal_total']} kcal of active energy were recorded; {covered}.",
            f"For {facts['local_date']} the merged total of active energy is "
            f"{amount(facts, 'active_kcal_total', ACTIVE_ENERGY)}; {covered}.",
        ),
    )


def _range(facts: Facts) -> str:
    low, high = USUAL_KCAL
    if facts.has("age_band") and facts["age_band"] == UNDER_ADULT:
        return f"The person is {UNDER_ADULT}; the usual range of adults is not applied."
    if not facts.has("usual_range_place"):
        return "The total is not held against a usual range."
    if facts["usual_range_place"] == IMPLAUSIBLE:
        return (
            f"More than {IMPLAUSIBLE_ABOVE_KCAL} kcal a day are {IMPLAUSIBLE}: without one, an error of the device or "
            "of an entry is likelier than the figure."
        )
    return (
        f"This lies {facts['usual_range_place']} of adults of about {low}–{high} kcal a day, which is an assumption "
        "and no guideline: body weight, fitness and the device's rules shift it."
    )
