"""The statistical text of a local day of glucose: the numbers of the day and of the report period."""

from __future__ import annotations

from health_etl.clinical.blood_glucose import thresholds as t
from health_etl.clinical.blood_glucose.columns import BOUNDS
from health_etl.clinical.blood_glucose.phrases import recorded, too_little, urgent
from health_etl.clinical.blood_glucose.risk import ADRR_DAYS, ADRR_READINGS
from health_etl.clinical.blood_glucose.targets import PREGNANCY_RANGES
from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.text import paragraph, pluralise, zone_caution

_SHARES = ("in_range", "in_tight_range", "low", "very_low", "high", "very_high")


def statistical(facts: Facts) -> str:
    """Write the numbers of the day."""
    return paragraph(
        recorded(facts),
        level(facts),
        too_little(facts, "time in ranges, variability and risk indices"),
        _shares(facts, "", "Of the readings,"),
        _variability(facts),
        _indices(facts, "", "of this day alone"),
        _marked(facts),
        _report(facts),
        _adrr(facts),
        urgent(facts),
        zone_caution(facts),
    )


def level(facts: Facts) -> str:
    """State mean, spread and range of glucose."""
    if not facts.has("sd_mg_dl"):
        return f"It was {facts['mean_mg_dl']} mg/dL ({facts['lowest_range']})."
    mean, sd = facts["mean_mg_dl"], facts["sd_mg_dl"]
    lowest = f"{facts['lowest_mg_dl']} mg/dL ({facts['lowest_range']})"
    highest = f"{facts['highest_mg_dl']} mg/dL ({facts['highest_range']})"
    return facts.pick(
        "level",
        (
            f"The recorded glucose averaged {mean} mg/dL (SD {sd} mg/dL), from {lowest} to {highest}.",
            f"Mean glucose of the readings was {mean} mg/dL with a standard deviation of {sd} mg/dL; the readings "
            f"range from {lowest} to {highest}.",
        ),
    )


def _shares(facts: Facts, prefix: str, start: str) -> str:
    names = [*_SHARES, *PREGNANCY_RANGES]
    parts = [
        f"{facts[f'{prefix}time_{name}_percent']} % were {BOUNDS[name]}"
        for name in names
        if facts.has(f"{prefix}time_{name}_percent")
    ]
    return f"{start} {', '.join(parts)}." if parts else ""


def _variability(facts: Facts) -> str:
    if not facts.has("cv_percent"):
        return ""
    mage = "No excursion exceeded one standard deviation, so there is no MAGE."
    if facts.has("mage_mg_dl"):
        mage = (
            f"The mean amplitude of glycaemic excursions (MAGE, by turning points beyond one standard deviation) was "
            f"{facts['mage_mg_dl']} mg/dL."
        )
    return f"The coefficient of variation was {facts['cv_percent']} %. {mage}"


def _indices(facts: Facts, prefix: str, span: str) -> str:
    if not facts.has(f"{prefix}lbgi"):
        return ""
    lows, highs = facts[f"{prefix}lbgi"], facts[f"{prefix}hbgi"]
    indices = f"low blood glucose index (LBGI) {lows}, high blood glucose index (HBGI) {highs}"
    indices += f", glycaemia risk index (GRI) {facts[f'{prefix}gri']}"
    if facts.has(f"{prefix}j_index"):
        indices += f", J-index {facts[f'{prefix}j_index']}"
    return f"The indices {span}, which have no unit: {indices}."


def _marked(facts: Facts) -> str:
    parts = [
        f"{pluralise(facts[f'{name}_count'], 'reading', 'readings')} marked {words} averaged "
        f"{facts[f'{name}_mean_mg_dl']} mg/dL"
        for name, words in (("fasting", "fasting"), ("before_meal", "before a meal"), ("after_meal", "after a meal"))
        if facts.has(f"{name}_count")
    ]
    return f"By the marks of the records, {', '.join(parts)}." if parts else ""


def _report(facts: Facts) -> str:
    if facts.has("window_reason"):
        return (
            f"There is no report of {t.REPORT_DAYS} days, and so no GMI and no eA1C, which a single day cannot give: "
            f"{facts['window_reason']}."
        )
    if not facts.has("window_gmi_percent"):
        return ""
    return paragraph(
        f"Over the last {t.REPORT_DAYS} days ({pluralise(facts['window_days'], 'day', 'days')} with readings, "
        f"{facts['window_coverage_percent']} % recorded), mean glucose was {facts['window_mean_mg_dl']} mg/dL (SD "
        f"{facts['window_sd_mg_dl']} mg/dL), the coefficient of variation {facts['window_cv_percent']} %, the glucose "
        f"management indicator (GMI) {facts['window_gmi_percent']} % and the estimated A1C (eA1C) "
        f"{facts['window_ea1c_percent']} %.",
        _shares(facts, "window_", "Of the readings of those days,"),
        _indices(facts, "window_", f"of those {t.REPORT_DAYS} days"),
        f"The mean of daily differences (MODD) was {facts['modd_mg_dl']} mg/dL." if facts.has("modd_mg_dl") else "",
    )


def _adrr(facts: Facts) -> str:
    if not facts.has("adrr_days"):
        return ""
    if not facts.has("adrr"):
        return (
            f"The average daily risk range (ADRR) needs {ADRR_DAYS} days of at least {ADRR_READINGS} readings; among "
            f"the last {LOOK_BACK_DAYS} there are {facts['adrr_days']}."
        )
    return (
        f"The average daily risk range (ADRR, no unit) of {pluralise(facts['adrr_days'], 'day', 'days')} among the "
        f"last {LOOK_BACK_DAYS} was {facts['adrr']}."
    )
