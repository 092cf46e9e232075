"""The metrics of one day of glucose, and how each is written. Those of the look-back are in trend_columns.py."""

from __future__ import annotations

import pyarrow as pa

from health_etl.clinical.blood_glucose import thresholds as limits
from health_etl.clinical.blood_glucose.risk import (
    ADRR_LOW_BELOW,
    ADRR_MODERATE_UP_TO,
    GRI_ZONE_BOUNDS,
    HBGI_GRADES,
    LBGI_GRADES,
)
from health_etl.clinical.blood_glucose.summary import COUNTS
from health_etl.clinical.blood_glucose.swings import SLOT_MINUTES, SLOTS
from health_etl.clinical.blood_glucose.targets import PREGNANCY_RANGES, TARGETS
from health_etl.clinical.blood_glucose.time_of_day import DAWN_RISE_MG_DL, NIGHT, QUARTER_HOURS, QUARTERS, WAKING
from health_etl.clinical.common.base import Metric
from health_etl.clinical.common.text import clock_time

IN_RANGE = f"{limits.RANGE_LOW_MG_DL}–{limits.RANGE_HIGH_MG_DL} mg/dL"
TIGHT_RANGE = f"{limits.RANGE_LOW_MG_DL}–{limits.TIGHT_RANGE_HIGH_MG_DL} mg/dL"
LOW = f"{limits.VERY_LOW_BELOW_MG_DL}–{limits.HIGHEST_LOW_MG_DL} mg/dL"
HIGH = f"{limits.LOWEST_HIGH_MG_DL}–{limits.VERY_HIGH_ABOVE_MG_DL} mg/dL"
PREGNANCY_RANGE = f"{limits.PREGNANCY_LOW_MG_DL}–{limits.PREGNANCY_HIGH_MG_DL} mg/dL"

BOUNDS = {
    "in_range": f"in range {IN_RANGE}",
    "in_tight_range": f"in tight range {TIGHT_RANGE}",
    "below_range": f"below {limits.RANGE_LOW_MG_DL} mg/dL",
    "low": f"at {LOW}",
    "very_low": f"below {limits.VERY_LOW_BELOW_MG_DL} mg/dL",
    "above_range": f"above {limits.RANGE_HIGH_MG_DL} mg/dL",
    "high": f"at {HIGH}",
    "very_high": f"above {limits.VERY_HIGH_ABOVE_MG_DL} mg/dL",
    "in_pregnancy_range": f"in the range of pregnancy {PREGNANCY_RANGE}",
    "below_pregnancy_range": f"below {limits.PREGNANCY_LOW_MG_DL} mg/dL",
    "above_pregnancy_range": f"above {limits.PREGNANCY_HIGH_MG_DL} mg/dL",
}
REPORTED_RANGES = tuple(BOUNDS)

EVENT = (
    f"at least {limits.EVENT_MINUTES} consecutive minutes beyond, ended by {limits.EVENT_MINUTES} minutes back or a "
    f"gap of more than {limits.MAX_SPACING_MINUTES} minutes"
)


def percent(name: str, label: str, description: str) -> Metric:
    """Return a metric in %."""
    return Metric(name, label, description, unit="%", decimals=1)


def mg_dl(name: str, label: str, description: str, decimals: int = 0) -> Metric:
    """Return a metric in mg/dL."""
    return Metric(name, label, description, unit="mg/dL", decimals=decimals)


def count(name: str, label: str, description: str) -> Metric:
    """Return a metric that is a count."""
    return Metric(name, label, description, dtype=pa.int64())


def minutes(name: str, label: str, description: str) -> Metric:
    """Return a metric in minutes."""
    return Metric(name, label, description, unit="min")


def word(name: str, label: str, description: str) -> Metric:
    """Return a metric that is a word or a clock time."""
    return Metric(name, label, description, dtype=pa.string())


def index(name: str, label: str, description: str) -> Metric:
    """Return a metric without a unit."""
    return Metric(name, label, description, decimals=2)


def kept(name: str, description: str, unit: str | None = None) -> Metric:
    """Return a metric that is kept for the look-back and appears in no text."""
    return Metric(name, name, description, unit=unit, reported=False)


def ranges(prefix: str, span: str) -> tuple[Metric, ...]:
    """Return the shares of readings in ranges and whether they meet their targets; `span` names the period."""
    metrics: list[Metric] = []
    for name in REPORTED_RANGES:
        who = " Only in pregnancy." if name in PREGNANCY_RANGES else ""
        shares = f"Share of readings {BOUNDS[name]}, both ends of a range included.{who}"
        metrics.append(percent(f"{prefix}time_{name}_percent", f"Time {BOUNDS[name]}{span}", shares))
        if name in TARGETS:
            label = f"Time {BOUNDS[name]} against the target{span}"
            target = f"met or missed, by the target group ({limits.BATTELINO_2019_SOURCE}).{who}"
            metrics.append(word(f"{prefix}time_{name}_target", label, target))
    return tuple(metrics)


def variability(prefix: str, span: str) -> tuple[Metric, ...]:
    """Return the coefficient of variation and its classification."""
    stable = f"stable: coefficient of variation up to {limits.STABLE_CV_PERCENT} %; else unstable."
    cv = "Sample standard deviation as a percentage of the mean."
    return (
        percent(f"{prefix}cv_percent", f"Coefficient of variation{span}", cv),
        word(f"{prefix}variability", f"Glucose variability{span}", stable),
    )


def risk_indices(prefix: str, span: str) -> tuple[Metric, ...]:
    """Return LBGI, HBGI, GRI and J-index with their grades."""
    lows, highs = "/".join(map(str, LBGI_GRADES)), "/".join(map(str, HBGI_GRADES))
    zones = "/".join(map(str, GRI_ZONE_BOUNDS))
    return (
        index(f"{prefix}lbgi", f"Low blood glucose index (LBGI){span}", "Mean risk of low glucose; no unit."),
        word(f"{prefix}lbgi_risk", f"Risk by LBGI{span}", f"minimal, low, moderate or high: up to {lows}, or more."),
        index(f"{prefix}hbgi", f"High blood glucose index (HBGI){span}", "Mean risk of high glucose; no unit."),
        word(f"{prefix}hbgi_risk", f"Risk by HBGI{span}", f"low, moderate or high: up to {highs}, or more."),
        index(f"{prefix}gri", f"Glycaemia risk index (GRI){span}", f"{limits.KLONOFF_2022_SOURCE}; no unit."),
        word(f"{prefix}gri_zone", f"Zone of the GRI{span}", f"A to D up to {zones}, E above."),
        index(f"{prefix}j_index", f"J-index{span}", "Square of mean plus standard deviation, scaled; no unit."),
    )


ADRR_GRADES = f"low below {ADRR_LOW_BELOW}, moderate to {ADRR_MODERATE_UP_TO}, high above"

_DESCRIBED = (
    word("target_group", "Targets used", "Whose targets apply, by the person's profile; those of adults by default."),
    count("reading_count", "Glucose readings", "Readings of the day; a reading reported by two apps counts once."),
    word("first_reading_local", "First reading, local time", "Local clock time of the first reading, HH:MM."),
    word("last_reading_local", "Last reading, local time", "Local clock time of the last reading, HH:MM."),
    minutes(
        "cadence_minutes",
        "Time between readings",
        f"Median spacing of readings, gaps above {limits.MAX_SPACING_MINUTES} min left out.",
    ),
    minutes(
        "longest_gap_minutes",
        "Longest stretch without a reading",
        "Between two readings, or between a reading and the start or end of the day.",
    ),
    mg_dl("mean_mg_dl", "Mean glucose", "Mean of the readings, weighted equally.", 1),
    mg_dl("sd_mg_dl", "Standard deviation of glucose", "Sample standard deviation of the readings.", 1),
    mg_dl("lowest_mg_dl", "Lowest glucose", "Lowest reading of the day."),
    word("lowest_range", "Range of the lowest reading", "very low, low, in range, high or very high."),
    word("lowest_local", "Time of the lowest reading, local time", "HH:MM; the first where several are equal."),
    mg_dl("highest_mg_dl", "Highest glucose", "Highest reading of the day."),
    word("highest_range", "Range of the highest reading", "very low, low, in range, high or very high."),
    word("highest_local", "Time of the highest reading, local time", "HH:MM; the first where several are equal."),
)

_EVENTS = (
    count(
        "hypo_level1_count",
        f"Hypoglycaemia events below {limits.RANGE_LOW_MG_DL} mg/dL",
        f"Events below {limits.RANGE_LOW_MG_DL} mg/dL, those of the deeper level included: {EVENT}.",
    ),
    count(
        "hypo_level2_count",
        f"Hypoglycaemia events below {limits.VERY_LOW_BELOW_MG_DL} mg/dL",
        f"Events below {limits.VERY_LOW_BELOW_MG_DL} mg/dL: {EVENT}.",
    ),
    count(
        "extended_hypo_count",
        "Extended hypoglycaemia events",
        f"Events below {limits.RANGE_LOW_MG_DL} mg/dL of more than {limits.EXTENDED_HYPO_MINUTES} min.",
    ),
    minutes(
        "longest_hypo_minutes", "Longest recorded hypoglycaemia event", "The part within the day; null without one."
    ),
    word("longest_hypo_start_local", "Start of the longest hypoglycaemia event, local time", "HH:MM."),
    count(
        "hyper_level1_count",
        f"Hyperglycaemia events above {limits.RANGE_HIGH_MG_DL} mg/dL",
        f"Events above {limits.RANGE_HIGH_MG_DL} mg/dL, those of the higher level included: {EVENT}.",
    ),
    count(
        "hyper_level2_count",
        f"Hyperglycaemia events above {limits.VERY_HIGH_ABOVE_MG_DL} mg/dL",
        f"Events above {limits.VERY_HIGH_ABOVE_MG_DL} mg/dL: {EVENT}.",
    ),
    count(
        "extended_hyper_count",
        "Extended hyperglycaemia events",
        f"Above {limits.VERY_HIGH_ABOVE_MG_DL} mg/dL for at least {limits.EXTENDED_HYPER_MINUTES} min in all within "
        f"{limits.EXTENDED_HYPER_WITHIN_MINUTES} min, until {limits.EVENT_MINUTES} min of "
        f"{limits.RANGE_HIGH_MG_DL} mg/dL or less.",
    ),
    minutes(
        "longest_hyper_minutes", "Longest recorded hyperglycaemia event", "The part within the day; null without one."
    ),
    word("longest_hyper_start_local", "Start of the longest hyperglycaemia event, local time", "HH:MM."),
    word(
        "very_high_pattern",
        "Very high readings",
        "sustained where the rule of extended hyperglycaemia is met by what was recorded, else passing; null "
        f"without a reading above {limits.VERY_HIGH_ABOVE_MG_DL} mg/dL.",
    ),
)


def _quarter(code: int, name: str) -> Metric:
    hours = f"{clock_time(code * QUARTER_HOURS)}–{clock_time((code + 1) * QUARTER_HOURS)}"
    needed = f"null below {limits.MINIMUM_COVERAGE_PERCENT} % of its readings"
    return mg_dl(f"{name}_mean_mg_dl", f"Mean glucose {hours} local time ({name})", f"By the local clock; {needed}.", 1)


_BY_CLOCK = (
    *(_quarter(code, name) for code, name in enumerate(QUARTERS)),
    percent(
        "night_coverage_percent",
        f"Recorded share of the night {NIGHT}",
        "Readings × cadence, divided by the length of the night.",
    ),
    mg_dl("night_lowest_mg_dl", f"Lowest glucose of the night {NIGHT}", "The nocturnal nadir."),
    word("night_lowest_local", "Time of the lowest glucose of the night, local time", "HH:MM."),
    percent(
        "night_in_range_percent", f"Time in range {IN_RANGE} in the night {NIGHT}", "Share of the night's readings."
    ),
    percent(
        "night_below_range_percent",
        f"Time below {limits.RANGE_LOW_MG_DL} mg/dL in the night {NIGHT}",
        "Share of the night's readings.",
    ),
    mg_dl(
        "before_breakfast_mg_dl",
        "Glucose before breakfast",
        f"First morning reading marked fasting or before breakfast; without a mark the mean of {WAKING}.",
        1,
    ),
    word("before_breakfast_basis", "Glucose before breakfast is", "marked by a record, or assumed."),
    mg_dl(
        "dawn_rise_mg_dl",
        "Rise from the lowest glucose of the night to before breakfast",
        f"Null after a night with glucose below {limits.RANGE_LOW_MG_DL} mg/dL.",
        1,
    ),
    word(
        "dawn_phenomenon",
        "Dawn phenomenon",
        f"present from a rise of {DAWN_RISE_MG_DL} mg/dL ({limits.MONNIER_2013_SOURCE}), else absent.",
    ),
)

_MEALS = (
    *(
        metric
        for name, label in (
            ("fasting", "marked fasting"),
            ("before_meal", "marked before a meal"),
            ("after_meal", "marked after a meal"),
        )
        for metric in (
            count(f"{name}_count", f"Readings {label}", "Null where no reading of the day is marked so."),
            mg_dl(f"{name}_mean_mg_dl", f"Mean of the readings {label}", "Null without such readings.", 1),
        )
    ),
    count("meal_rise_count", "Meals with readings before and after", "Breakfast, lunch, dinner; null without one."),
    mg_dl("meal_rise_mg_dl", "Rise over a meal", "Mean after less mean before, the mean over those meals.", 1),
)

CARRIED_COUNTS = tuple(
    kept(name, f"Readings {name.removesuffix('_count').replace('_', ' ')}.", "readings") for name in COUNTS
)
SLOT_LIST = Metric(
    "glucose_by_slot_mg_dl",
    "Glucose by slot",
    f"Mean glucose of each of {SLOTS} slots of {SLOT_MINUTES} min of the local day; NaN for an empty one.",
    unit="mg/dL",
    dtype=pa.list_(pa.float64()),
    reported=False,
)
_KEPT = (
    *CARRIED_COUNTS,
    kept("low_risk_mean", "Mean risk of low glucose over the day's readings, whatever its coverage."),
    kept("high_risk_mean", "Mean risk of high glucose over the day's readings, whatever its coverage."),
    kept("low_risk_highest", "Highest risk of low glucose of the day."),
    kept("high_risk_highest", "Highest risk of high glucose of the day."),
    kept("recorded_minutes", "Readings × cadence.", "min"),
    kept("leading_gap_minutes", "From the start of the day to its first reading.", "min"),
    kept("trailing_gap_minutes", "From the last reading of the day to its end.", "min"),
    SLOT_LIST,
)

METRICS = (
    *_DESCRIBED,
    *ranges("", ""),
    *variability("", ""),
    *risk_indices("", ""),
    mg_dl("mage_mg_dl", "Mean amplitude of glycaemic excursions (MAGE)", "By turning points; see `mage`.", 1),
    *_EVENTS,
    *_BY_CLOCK,
    *_MEALS,
    *_KEPT,
)
