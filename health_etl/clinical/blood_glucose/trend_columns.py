"""The metrics of glucose over the look-back: the 14-day report, the baseline, the trend."""

from __future__ import annotations

from health_etl.clinical.blood_glucose import thresholds as limits
from health_etl.clinical.blood_glucose.columns import (
    ADRR_GRADES,
    IN_RANGE,
    count,
    index,
    mg_dl,
    percent,
    ranges,
    risk_indices,
    variability,
    word,
)
from health_etl.clinical.blood_glucose.risk import ADRR_DAYS, ADRR_READINGS
from health_etl.clinical.blood_glucose.swings import SLOT_MINUTES
from health_etl.clinical.common.base import Metric
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.sources import sourced

BASELINE_DAYS = sourced(
    7, "days", "everybody", "ASSUMPTION: fewer assessed days do not show what is usual for the person"
)
TREND_PERCENT_POINTS = sourced(
    5,
    "percentage points of time in range, at least",
    "people with diabetes on CGM",
    "Battelino 2019, doi:10.2337/dci19-0028; ASSUMPTION: from knowledge of the consensus, not re-read",
)

SPAN = f" over {limits.REPORT_DAYS} days"
NEEDED = f"{limits.REPORT_DAYS} days with {limits.MINIMUM_COVERAGE_PERCENT} % of their readings"

_REPORT = (
    count("window_days", f"Days with readings among the last {limits.REPORT_DAYS}", "This day included."),
    percent(
        "window_coverage_percent",
        f"Recorded share of the last {limits.REPORT_DAYS} days",
        f"Readings × cadence over {limits.REPORT_DAYS} days, this day included.",
    ),
    Metric(
        "window_longest_gap_hours",
        f"Longest stretch without a reading in the last {limits.REPORT_DAYS} days",
        "From the first day with readings among them to the end of this day; whole days without readings included.",
        unit="h",
        decimals=1,
    ),
    word("window_reason", f"Why there is no report of {limits.REPORT_DAYS} days", f"Null where there is: {NEEDED}."),
    mg_dl("window_mean_mg_dl", f"Mean glucose{SPAN}", "Mean of the readings, weighted equally.", 1),
    mg_dl("window_sd_mg_dl", f"Standard deviation of glucose{SPAN}", "Sample standard deviation.", 1),
    percent(
        "window_gmi_percent",
        f"Glucose management indicator (GMI){SPAN}",
        f"{limits.BERGENSTAL_2018_SOURCE}; needs {NEEDED}.",
    ),
    percent("window_ea1c_percent", f"Estimated A1C (eA1C){SPAN}", f"{limits.NATHAN_2008_SOURCE}; needs {NEEDED}."),
    *ranges("window_", SPAN),
    *variability("window_", SPAN),
    *risk_indices("window_", SPAN),
    mg_dl(
        "modd_mg_dl",
        f"Mean of daily differences (MODD){SPAN}",
        f"Between slots of {SLOT_MINUTES} min of a day and the day before.",
        1,
    ),
    count("window_judged_days", f"Days whose events were counted{SPAN}", "Days of sufficient coverage."),
    count(
        "window_hypo_level1_count",
        f"Hypoglycaemia events below {limits.RANGE_LOW_MG_DL} mg/dL{SPAN}",
        "Sum over the assessed days; an event across midnight counts on both.",
    ),
    count(
        "window_hypo_level2_count",
        f"Hypoglycaemia events below {limits.VERY_LOW_BELOW_MG_DL} mg/dL{SPAN}",
        "Sum over the assessed days; an event across midnight counts on both.",
    ),
    count(
        "window_hyper_level2_count",
        f"Hyperglycaemia events above {limits.VERY_HIGH_ABOVE_MG_DL} mg/dL{SPAN}",
        "Sum over the assessed days; an event across midnight counts on both.",
    ),
)

_ADRR = (
    count(
        "adrr_days",
        f"Days with at least {ADRR_READINGS} readings among the last {LOOK_BACK_DAYS}",
        "The days that ADRR is based on, this day included.",
    ),
    index("adrr", f"Average daily risk range (ADRR) over {LOOK_BACK_DAYS} days", f"No unit; needs {ADRR_DAYS} days."),
    word("adrr_risk", "Risk by ADRR", f"{ADRR_GRADES}."),
)

_TREND = (
    count(
        "baseline_days",
        f"Judged days among the {LOOK_BACK_DAYS} before",
        f"Earlier days of sufficient coverage; a baseline needs {BASELINE_DAYS}.",
    ),
    mg_dl("baseline_mean_mg_dl", "Usual daily mean glucose", "Mean of the means of those days.", 1),
    mg_dl("baseline_sd_mg_dl", "Spread of the daily means", "Sample standard deviation of the means of those days.", 1),
    percent("baseline_in_range_percent", f"Usual time in range {IN_RANGE}", "Mean over those days."),
    word(
        "mean_against_baseline",
        "Mean glucose of this day against the usual",
        "within one standard deviation of the usual daily mean, above or below it; null for a day not assessed.",
    ),
    percent(
        "previous_time_in_range_percent",
        f"Time in range {IN_RANGE} over the {limits.REPORT_DAYS} days before those",
        f"Needs {limits.MINIMUM_COVERAGE_PERCENT} % of their readings.",
    ),
    word(
        "time_in_range_trend",
        f"Time in range{SPAN} against the {limits.REPORT_DAYS} days before",
        f"higher or lower from {TREND_PERCENT_POINTS} percentage points on, else similar.",
    ),
)

TRENDS = (*_REPORT, *_ADRR, *_TREND)
