"""The semantic text of a local day of glucose: what it means, by which guideline, and how certain that is."""

from __future__ import annotations

from health_etl.clinical.blood_glucose import thresholds as t
from health_etl.clinical.blood_glucose.phrases import against_targets, recorded, too_little, urgent
from health_etl.clinical.blood_glucose.targets import ADULTS, ADULTS_BY_DEFAULT, OLDER, PREGNANCY
from health_etl.clinical.blood_glucose.time_of_day import DAWN_RISE_MG_DL, MARKED, WAKING
from health_etl.clinical.blood_glucose.trend_columns import NEEDED
from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.text import above, paragraph, zone_caution

_WHOSE = {
    ADULTS: "those for adults with diabetes, by the configured age",
    OLDER: "those for older or high-risk adults with diabetes, by the configured profile",
    PREGNANCY: "those for pregnancy with type one diabetes, by the configured profile",
}


def semantic(facts: Facts) -> str:
    """Write what the day means and what it does not show."""
    return paragraph(
        recorded(facts),
        urgent(facts),
        too_little(facts, "time in ranges, variability, risks and event counts"),
        _known_part(facts),
        _day(facts),
        _risks(facts, "", "By the risk indices of this day alone"),
        _report(facts),
        _adrr(facts),
        _gap(facts),
        _dawn(facts),
        _whose_targets(facts),
        _limits(facts),
        zone_caution(facts),
    )


def _known_part(facts: Facts) -> str:
    """State only which ranges the readings lie in, for a day that is not assessed."""
    if not facts.has("coverage_reason") or facts.number("reading_count") == 1:
        return f"It was {facts['mean_mg_dl']} mg/dL ({facts['lowest_range']})." if facts.has("coverage_reason") else ""
    return (
        f"What was recorded runs from {facts['lowest_mg_dl']} mg/dL ({facts['lowest_range']}) to "
        f"{facts['highest_mg_dl']} mg/dL ({facts['highest_range']}); that says nothing about the rest of the day."
    )


def _day(facts: Facts) -> str:
    targets = against_targets(facts)
    if not targets:
        return ""
    start = facts.pick(
        "day",
        (
            f"Against the targets of {t.BATTELINO_2019_SOURCE}, the readings of this day were",
            f"Held against {t.BATTELINO_2019_SOURCE}, the readings of this day were",
        ),
    )
    return paragraph(f"{start} {targets}.", _stability(facts, "", "of this day"), _one_day(facts))


def _stability(facts: Facts, prefix: str, span: str) -> str:
    if not facts.has(f"{prefix}cv_percent"):
        return ""
    word = facts[f"{prefix}variability"]
    side = "up to" if word == "stable" else above(facts.number(f"{prefix}cv_percent"), t.STABLE_CV_PERCENT)
    return (
        f"The coefficient of variation {span}, {facts[f'{prefix}cv_percent']} %, counts as {word} ({side} "
        f"{t.STABLE_CV_PERCENT} %)."
    )


def _one_day(facts: Facts) -> str:
    return facts.pick(
        "one day",
        (
            f"The targets are meant for {NEEDED}, so a single day is an orientation only.",
            f"A single day can meet or miss these targets by chance: they are meant for {NEEDED}.",
        ),
    )


def _risks(facts: Facts, prefix: str, start: str) -> str:
    if not facts.has(f"{prefix}lbgi"):
        return ""
    return (
        f"{start}, the risk of low glucose is {facts[f'{prefix}lbgi_risk']} (LBGI {facts[f'{prefix}lbgi']}) and of "
        f"high glucose {facts[f'{prefix}hbgi_risk']} (HBGI {facts[f'{prefix}hbgi']}; {t.KOVATCHEV_SOURCE}); the GRI of "
        f"{facts[f'{prefix}gri']} lies in zone {facts[f'{prefix}gri_zone']} ({t.KLONOFF_2022_SOURCE}). These indices "
        "have no unit."
    )


def _report(facts: Facts) -> str:
    if facts.has("window_reason"):
        return (
            f"GMI and eA1C are not given: they need {NEEDED}, and a single day cannot stand for them "
            f"({facts['window_reason']})."
        )
    if not facts.has("window_gmi_percent"):
        return ""
    return paragraph(
        f"Over the last {t.REPORT_DAYS} days, of which {facts['window_coverage_percent']} % are recorded, the "
        f"readings were {against_targets(facts, 'window_')}.",
        _stability(facts, "window_", "of those days"),
        f"Mean glucose corresponds to a GMI of {facts['window_gmi_percent']} % ({t.BERGENSTAL_2018_SOURCE}) and an "
        f"eA1C of {facts['window_ea1c_percent']} % ({t.NATHAN_2008_SOURCE}); both are estimates that can differ from a "
        "laboratory A1C and do not replace it.",
        "Neither estimate is established in pregnancy." if facts["target_group"] == PREGNANCY else "",
        _risks(facts, "window_", f"By the risk indices of those {t.REPORT_DAYS} days"),
    )


def _adrr(facts: Facts) -> str:
    if not facts.has("adrr"):
        return ""
    return f"The average daily risk range, {facts['adrr']}, is {facts['adrr_risk']} ({t.KOVATCHEV_SOURCE}; no unit)."


def _gap(facts: Facts) -> str:
    name = "window_longest_gap_hours"
    if not facts.has(name) or facts.number(name) < t.LONG_GAP_HOURS:
        return ""
    return (
        f"The last {t.REPORT_DAYS} days hold a stretch of {facts[name]} h without a reading, for which nothing is "
        "known; any figure over the period leaves it out."
    )


def _dawn(facts: Facts) -> str:
    if not facts.has("dawn_phenomenon"):
        return ""
    if not facts.has("dawn_rise_mg_dl"):
        return (
            f"A dawn phenomenon is not assessed, since glucose fell below {t.RANGE_LOW_MG_DL} mg/dL in the night and a "
            "rise after that may be a rebound."
        )
    assumed = "" if facts["before_breakfast_basis"] == MARKED else f", {WAKING} being assumed to lie before breakfast"
    rule = f"at least {DAWN_RISE_MG_DL} mg/dL, {t.MONNIER_2013_SOURCE}, described in type two diabetes"
    if facts["dawn_phenomenon"] == "present":
        return (
            f"The rise of {facts['dawn_rise_mg_dl']} mg/dL from the lowest value of the night fits a dawn phenomenon "
            f"({rule}){assumed}; one morning does not establish it."
        )
    return f"The morning does not show a dawn phenomenon ({rule}){assumed}."


def _whose_targets(facts: Facts) -> str:
    group = facts["target_group"]
    if group != ADULTS_BY_DEFAULT:
        return f"The ranges and targets used are {_WHOSE[group]}."
    if facts.has("age_band"):
        return (
            f"Adult defaults were used although the configured age is {facts['age_band']}; other goals may hold for "
            "young people."
        )
    return (
        "No age or condition is configured for this person, so the defaults for adults with diabetes were used; for "
        "older or high-risk people and in pregnancy other targets hold."
    )


def _limits(facts: Facts) -> str:
    return facts.pick(
        "limits",
        (
            "The records do not say whether the person has diabetes, what was eaten or which medicines were taken, so "
            "no cause is named.",
            "Diagnosis, treatment and what was eaten are not in these records; the figures describe glucose and "
            "explain nothing.",
            "Whether the person has diabetes and how it is treated is not known from these records, and the figures "
            "alone make no diagnosis.",
        ),
    )
