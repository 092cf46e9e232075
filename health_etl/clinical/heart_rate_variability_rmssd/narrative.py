"""The texts of a night of RMSSD, on three levels."""

from __future__ import annotations

from health_etl.clinical.common.base import Captions, Facts, Level
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.text import above, below, paragraph, pluralise, zone_caution
from health_etl.clinical.heart_rate_variability_rmssd.baseline import (
    ABOVE,
    BAND_MINIMUM_NIGHTS,
    BAND_SD,
    BELOW,
    INSIDE,
    PLEWS_SOURCE,
    WEEK_MINIMUM_NIGHTS,
    WEEK_NIGHTS,
)
from health_etl.clinical.heart_rate_variability_rmssd.columns import LN_UNIT
from health_etl.clinical.heart_rate_variability_rmssd.night import FROM_APP, NIGHT_HOURS, PLATFORM_CAP_MS


def narrate(facts: Facts) -> Captions:
    """Narrate one night of RMSSD on three levels."""
    return {
        Level.STATISTICAL: paragraph(
            _recorded(facts), _level(facts), _capped(facts), _too_little(facts), _figures(facts), zone_caution(facts)
        ),
        Level.STRUCTURAL: paragraph(
            _span(facts), _too_little(facts), _side(facts), _run(facts), _week(facts), zone_caution(facts)
        ),
        Level.SEMANTIC: paragraph(
            _night_value(facts),
            _fragment(facts),
            _too_little(facts),
            _meaning(facts),
            _week_meaning(facts),
            _capped(facts),
            _not_graded(facts),
            _unknown(facts),
            zone_caution(facts),
        ),
    }


def _is_stated(facts: Facts) -> bool:
    return facts["night_rule"] == FROM_APP


def _stated(facts: Facts) -> str:
    return (
        f"For the night that ended on {facts['local_date']}, {facts['night_source']} wrote one RMSSD value, "
        f"{facts['mean_rmssd_ms']} ms, stamped {facts['first_sample_local']} local time. It is taken as the app's own "
        "value for the night; how much of the night lies behind it is not stated."
    )


def _recorded(facts: Facts) -> str:
    if _is_stated(facts):
        return _stated(facts)
    return facts.pick(
        "recorded",
        (
            f"For the night that ended on {facts['local_date']}, {facts['sample_count']} RMSSD samples of "
            f"{facts['night_source']} were recorded, {facts['coverage_percent']} % of a {NIGHT_HOURS}-hour night.",
            f"The night that ended on {facts['local_date']} holds {facts['sample_count']} RMSSD samples of "
            f"{facts['night_source']}; they cover {facts['coverage_percent']} % of a {NIGHT_HOURS}-hour night.",
        ),
    )


def _level(facts: Facts) -> str:
    if _is_stated(facts):
        return ""
    mean, lowest, highest = (facts[f"{name}_rmssd_ms"] for name in ("mean", "lowest", "highest"))
    return facts.pick(
        "level",
        (
            f"RMSSD averaged {mean} ms, between {lowest} and {highest} ms.",
            f"Their mean was {mean} ms; the samples lay between {lowest} and {highest} ms.",
        ),
    )


def _capped(facts: Facts) -> str:
    if facts["capped_count"] == "0":
        return ""
    samples = pluralise(facts["capped_count"], "sample stands", "samples stand")
    return (
        f"Of the values, {samples} at the platform's cap of {PLATFORM_CAP_MS} ms; larger values cannot be stored, so "
        "the night's value may be too small."
    )


def _too_little(facts: Facts) -> str:
    if not facts.has("coverage_reason"):
        return ""
    return (
        f"This is too little for a night's value ({facts['coverage_reason']}), so ln RMSSD is not given, the night is "
        "not compared with the person's own baseline and does not enter it."
    )


def _figures(facts: Facts) -> str:
    """State ln RMSSD, the 7-night mean and the band, or for each why it is missing."""
    ln = f"The night's ln RMSSD is {facts['ln_rmssd']} {LN_UNIT}." if facts.has("ln_rmssd") else ""
    return paragraph(ln, _week(facts), _band(facts), _deviation(facts))


def _week(facts: Facts) -> str:
    nights = pluralise(facts["week_nights"], "valid night", "valid nights")
    if not facts.has("week_ln_rmssd"):
        return f"A {WEEK_NIGHTS}-night mean is not given: {nights} of {WEEK_NIGHTS}, {WEEK_MINIMUM_NIGHTS} needed."
    return f"The mean of ln RMSSD over the last {WEEK_NIGHTS} nights ({nights}) is {facts['week_ln_rmssd']} {LN_UNIT}."


def _band(facts: Facts) -> str:
    if not facts.has("band_low_ln_rmssd"):
        return _no_band(facts)
    return (
        f"The person's own band, mean ± {BAND_SD} SD of {facts['baseline_nights']} earlier nights, of the last "
        f"{LOOK_BACK_DAYS} days, reaches from {facts['band_low_ln_rmssd']} to {facts['band_high_ln_rmssd']} {LN_UNIT} "
        f"({facts['band_low_rmssd_ms']} to {facts['band_high_rmssd_ms']} ms) around {facts['baseline_ln_rmssd']} "
        f"{LN_UNIT}."
    )


def _no_band(facts: Facts) -> str:
    nights = pluralise(facts["baseline_nights"], "earlier valid night", "earlier valid nights")
    other = ""
    if facts["other_nights"] != "0":
        left_out = pluralise(facts["other_nights"], "night", "nights")
        other = f"; {left_out} of another app or rule cannot be compared"
    return (
        f"There is no own band yet: {nights} of the same app and rule in the last {LOOK_BACK_DAYS} days, "
        f"{BAND_MINIMUM_NIGHTS} needed{other}."
    )


def _deviation(facts: Facts) -> str:
    if not facts.has("against_band"):
        return ""
    return (
        f"The night lies {facts['against_band']}, {facts.difference('ln_rmssd', 'baseline_ln_rmssd')} {LN_UNIT} from "
        f"the own mean; nights outside on this side in a row: {facts['run_nights']}."
    )


def _span(facts: Facts) -> str:
    if _is_stated(facts):
        return paragraph(_stated(facts), "A single value shows no course of the night.")
    first, last = facts["first_sample_local"], facts["last_sample_local"]
    return facts.pick(
        "span",
        (
            f"For the night that ended on {facts['local_date']}, RMSSD was recorded between {first} and {last} local "
            f"time in {facts['sample_count']} samples; they do not say when the person slept.",
            f"The RMSSD samples of the night that ended on {facts['local_date']} run from {first} to {last} local "
            f"time, {facts['sample_count']} in all; whether the person slept throughout is not in them.",
        ),
    )


def _side(facts: Facts) -> str:
    if facts.has("against_band"):
        return f"The night lies {facts['against_band']}."
    return _no_band(facts) if not facts.has("band_low_ln_rmssd") else ""


def _run(facts: Facts) -> str:
    if not facts.has("run_nights") or facts["run_nights"] == "0":
        return ""
    if facts["run_nights"] == "1":
        return "The night before was not outside on this side, or has no valid value."
    return f"It is the last of {facts['run_nights']} nights in a row outside on this side."


def _night_value(facts: Facts) -> str:
    if _is_stated(facts):
        return _stated(facts)
    return (
        f"For the night that ended on {facts['local_date']}, RMSSD averaged {facts['mean_rmssd_ms']} ms over "
        f"{facts['sample_count']} samples."
    )


def _fragment(facts: Facts) -> str:
    if not facts.has("sampled_nights") or facts["sampled_nights"] == "0":
        return ""
    nights = pluralise(facts["sampled_nights"], "earlier night", "earlier nights")
    return (
        f"The same app wrote several samples in {nights}, so this single value is probably a fragment of the night and "
        "should not be relied on as its value."
    )


def _meaning(facts: Facts) -> str:
    if not facts.has("ln_rmssd"):
        return ""
    if not facts.has("against_band"):
        return paragraph(_no_band(facts), "Until then whether this night is usual for the person cannot be said.")
    value = facts.number("ln_rmssd")
    side = {
        INSIDE: "inside",
        BELOW: below(value, facts.number("band_low_ln_rmssd")),
        ABOVE: above(value, facts.number("band_high_ln_rmssd")),
    }[facts["against_band"]]
    place = (
        f"Its ln RMSSD of {facts['ln_rmssd']} {LN_UNIT} lies {side} the person's own band of "
        f"{facts['band_low_ln_rmssd']} to {facts['band_high_ln_rmssd']} {LN_UNIT} over {facts['baseline_nights']} "
        "earlier nights."
    )
    return paragraph(place, _weight(facts))


def _weight(facts: Facts) -> str:
    """State how much weight a night outside the band carries."""
    if facts["run_nights"] == "0":
        return "That is usual for this person."
    narrow = f"The band is narrow (± {BAND_SD} SD): many single nights of a steady person lie outside it"
    if facts["run_nights"] == "1":
        return f"{narrow}, so one such night alone says little."
    return f"{narrow}; {facts['run_nights']} nights in a row on the same side say more than one, but give no cause."


def _week_meaning(facts: Facts) -> str:
    if not facts.has("week_against_band"):
        return ""
    place = (
        f"The {WEEK_NIGHTS}-night mean, {facts['week_ln_rmssd']} {LN_UNIT} over {facts['week_nights']} valid nights, "
        f"lies {facts['week_against_band']}"
    )
    if facts["week_against_band"] == INSIDE:
        return f"{place}: no shift of the person's level is seen."
    return f"{place}: after {PLEWS_SOURCE} such a shift is worth watching, whatever its cause."


def _not_graded(facts: Facts) -> str:
    return facts.pick(
        "not graded",
        (
            "RMSSD differs with age, person and method, so it is not graded against other people.",
            "No grade against other people is given, because RMSSD hangs on age, person and the device's method.",
        ),
    )


def _unknown(facts: Facts) -> str:
    return facts.pick(
        "unknown",
        (
            "Sleep, breathing, alcohol, illness and training change RMSSD and are not in these records.",
            "These records do not tell sleep, illness, alcohol or training apart, all of which change RMSSD.",
        ),
    )
