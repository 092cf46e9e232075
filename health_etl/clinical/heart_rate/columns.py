"""The metrics of heart rate, and the reference lines of every heart-rate example."""

from __future__ import annotations

import pyarrow as pa

from health_etl.clinical.common.base import Metric
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.units import HOURS_PER_DAY, PERCENT
from health_etl.clinical.heart_rate.events import (
    BOUT_DEFAULT_FLOOR_BPM,
    BOUT_FLOOR_PERCENT,
    BOUT_MINUTES,
    MAX_BOUT_MINUTES,
    SUSTAINED_MINUTES,
    URGENT_ABOVE_BPM,
    URGENT_MINUTES,
)
from health_etl.clinical.heart_rate.profile import DAY_MINIMUM_HOURS, NIGHT_MINIMUM_HOURS, NIGHT_SPAN
from health_etl.clinical.heart_rate.recovery import (
    COLE_AT_MOST_BPM,
    COLE_SOURCE,
    FIRST_RECOVERY_MINUTES,
    SECOND_RECOVERY_MINUTES,
    SHETLER_BELOW_BPM,
    SHETLER_SOURCE,
)
from health_etl.clinical.heart_rate.resting import (
    BRADYCARDIA_BELOW_BPM,
    MINIMUM_COVERAGE,
    RESTING_HIGH_BPM,
    RESTING_LOW_BPM,
    RESTING_MINIMUM_SAMPLES,
    RESTING_WINDOW_MINUTES,
)
from health_etl.clinical.heart_rate.series import MAX_GAP_MINUTES, NIGHT_END_HOUR
from health_etl.clinical.heart_rate.trends import (
    BASELINE_MINIMUM_DAYS,
    OUTLIER_MINIMUM_BPM,
    OUTLIER_SD,
    WEEK_DAYS,
    WEEK_MINIMUM_DAYS,
)
from health_etl.clinical.heart_rate.zones import BELOW_ZONES, FROM_AGE, ZONE_FLOORS_PERCENT, ZONE_NAMES, zone_span


def _bpm(name: str, label: str, description: str, decimals: int = 0, *, reported: bool = True) -> Metric:
    return Metric(name, label, description, unit="bpm", decimals=decimals, reported=reported)


def _minutes(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="min")


def _count(name: str, label: str, description: str, unit: str | None = None) -> Metric:
    return Metric(name, label, description, unit=unit, dtype=pa.int64())


def _words(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, dtype=pa.string())


def _stretch(name: str, label: str, description: str) -> tuple[Metric, ...]:
    """Return the metrics of one kind of sustained rate: count, minutes and when the longest began."""
    return (
        _count(
            f"{name}_count", f"{label}: stretches", f"{description} Null where too little was recorded to show one."
        ),
        _minutes(f"{name}_minutes", f"{label}: time in all", "Minutes of all these stretches."),
        _words(f"{name}_start_local", f"{label}: start of the longest, local time", "Local clock time, HH:MM."),
    )


HIGH = f"Above {RESTING_HIGH_BPM} bpm for {SUSTAINED_MINUTES} min or more"
URGENT = f"Above {URGENT_ABOVE_BPM} bpm for {URGENT_MINUTES} min or more"
LOW = f"Below {BRADYCARDIA_BELOW_BPM} bpm for {SUSTAINED_MINUTES} min or more"

RECORDED = (
    _count("sample_count", "Heart-rate samples", "Samples; one reported by two apps for the same instant counts once."),
    _words("first_sample_local", "First sample, local time", "Local clock time of the first sample, HH:MM."),
    _words("last_sample_local", "Last sample, local time", "Local clock time of the last sample, HH:MM."),
    _count(
        "hours_with_samples",
        "Hours with samples",
        "Hours of the day, counted from local midnight, that hold at least one sample.",
        "h",
    ),
    _minutes(
        "recorded_minutes",
        f"Time recorded (pauses of more than {MAX_GAP_MINUTES} min left out)",
        "Minutes that the samples represent: each until the next one, none for a pause.",
    ),
    _bpm("lowest_bpm", "Lowest heart rate", "Lowest sample of the day."),
    _bpm("mean_bpm", "Mean of the heart-rate samples", "Mean of the samples, weighted equally.", 1),
    _bpm("highest_bpm", "Highest heart rate", "Highest sample of the day."),
)

PROFILE = (
    _bpm(
        "resting_bpm",
        f"Resting heart rate (lowest mean of {RESTING_WINDOW_MINUTES} min)",
        f"Lowest mean over {RESTING_WINDOW_MINUTES} min with at least {RESTING_MINIMUM_SAMPLES} measured minutes and "
        f"no pause of more than {MAX_GAP_MINUTES} min.",
        1,
    ),
    _words("resting_start_local", "Its window: start, local time", "Local clock time of the window's start, HH:MM."),
    Metric(
        "resting_measured_minutes",
        "Its window: minutes with a sample",
        f"Measured minutes among the {RESTING_WINDOW_MINUTES} min of the window.",
        unit="min",
        dtype=pa.int64(),
    ),
    _words(
        "resting_grade",
        f"Resting heart rate against {RESTING_LOW_BPM}–{RESTING_HIGH_BPM} bpm",
        f"In, below, well below (<{BRADYCARDIA_BELOW_BPM} bpm) or above the conventional range of adults.",
    ),
    _words(
        "resting_missing_reason",
        "Resting heart rate not given",
        "Why there is no resting heart rate although coverage suffices.",
    ),
    _words("reference_group", "Limits used", "Whose limits are used; adult defaults where no age is configured."),
    _bpm("night_mean_bpm", f"Mean of the night ({NIGHT_SPAN} local)", "Mean of the hourly means of the night.", 1),
    _bpm("day_mean_bpm", "Mean of the day (the other hours)", "Mean of the hourly means of the day.", 1),
    _bpm("nocturnal_dip_bpm", "Day mean minus night mean", "Day mean minus night mean.", 1, reported=False),
    _words("calmest_hour_local", "Hour with the lowest mean, local time", "Start of the hour, by the local clock."),
    _words("busiest_hour_local", "Hour with the highest mean, local time", "Start of the hour, by the local clock."),
    Metric(
        "bpm_by_hour",
        "Mean by hour",
        f"Mean of the measured minutes of each of the {HOURS_PER_DAY} hours on the local clock; NaN without samples.",
        unit="bpm",
        dtype=pa.list_(pa.float64()),
        reported=False,
    ),
)

ZONES = (
    _bpm("hrmax_used_bpm", "Maximal heart rate (HRmax)", "Configured, or from the age; null without either.", 1),
    _words("hrmax_source", "HRmax", "Where HRmax comes from."),
    _minutes(BELOW_ZONES, f"Time below {ZONE_FLOORS_PERCENT[0]} % of HRmax", "Minutes of the recorded time."),
    *(
        _minutes(name, f"Time at {zone_span(place)} of HRmax", "Minutes of the recorded time; the floor belongs to it.")
        for place, name in enumerate(ZONE_NAMES)
    ),
)

EVENTS = (
    _bpm(
        "bout_floor_bpm",
        "Exercise bouts: from this rate on",
        "The rate from which a sustained elevation counts as a bout.",
    ),
    _words("bout_floor_source", "Exercise bouts: the rate is", "Where that rate comes from."),
    _count("bout_count", "Exercise bouts", f"At or above that rate for {BOUT_MINUTES} min or more, not at rest."),
    _minutes("bout_minutes", "Exercise bouts: time in all", "Minutes of all bouts, short pauses included."),
    _words("longest_bout_start_local", "Longest bout: start, local time", "Local clock time, HH:MM."),
    _minutes("longest_bout_minutes", "Longest bout", "Minutes of the longest bout."),
    _bpm("longest_bout_peak_bpm", "Longest bout: highest minute", "Highest minute mean of the longest bout."),
    _bpm(
        "recovery_one_minute_bpm",
        f"Fall of the heart rate {FIRST_RECOVERY_MINUTES} min after the hardest effort",
        "Null where no sample is close enough.",
    ),
    _bpm(
        "recovery_two_minutes_bpm",
        f"Fall of the heart rate {SECOND_RECOVERY_MINUTES} min after the hardest effort",
        "Null where no sample is close enough.",
    ),
    *_stretch("high_at_rest", f"{HIGH}, rest inferred", "Sustained high rates at inferred rest."),
    *_stretch("high_open", f"{HIGH}, outside bouts, rest not known", "Sustained high rates that may be activity."),
    *_stretch("urgent_at_rest", f"{URGENT}, rest inferred", "Sustained very high rates at inferred rest."),
    _bpm("urgent_at_rest_peak_bpm", f"{URGENT}, rest inferred: highest minute", "Highest minute mean of the longest."),
    *_stretch("urgent_open", f"{URGENT}, exercise or not is not known", "Sustained very high rates by day."),
    _bpm("urgent_open_peak_bpm", f"{URGENT}, exercise or not: highest minute", "Highest minute mean of the longest."),
    *_stretch("low_at_rest", LOW, "Sustained low rates, which imply rest."),
    _minutes("low_at_rest_day_minutes", f"{LOW}: time outside the night", f"Minutes outside {NIGHT_SPAN} local."),
)

METRICS = (*RECORDED, *PROFILE, *ZONES, *EVENTS)

TRENDS = (
    _count(
        "baseline_days",
        f"Earlier days with a resting heart rate, of the last {LOOK_BACK_DAYS} days",
        "Days of the look-back that have a resting heart rate.",
        "days",
    ),
    _bpm("resting_baseline_bpm", "Own mean of the resting heart rate", "Mean of these earlier days.", 1),
    _bpm("resting_baseline_sd_bpm", "Own SD of the resting heart rate", "Sample SD of these days.", 1),
    _bpm("resting_deviation_bpm", "Resting minus own mean", "Resting heart rate minus that mean.", 1, reported=False),
    _words(
        "resting_against_baseline",
        "Resting heart rate against the own history",
        f"Within, above or below the own mean ± {OUTLIER_SD} SD (and at least {OUTLIER_MINIMUM_BPM} bpm away).",
    ),
    _bpm("resting_week_bpm", f"Mean resting heart rate of the last {WEEK_DAYS} days", "This day included.", 1),
    _bpm("resting_before_week_bpm", "Mean resting heart rate of the look-back before them", "Days before these.", 1),
)

CARRIED = ("resting_bpm",)

GUIDELINES = (
    f"Resting heart rate of adults: conventional range {RESTING_LOW_BPM}–{RESTING_HIGH_BPM} bpm; clinically relevant "
    f"when below {BRADYCARDIA_BELOW_BPM} bpm.",
    f"Method of the resting heart rate: lowest mean of {RESTING_WINDOW_MINUTES} min, as Garmin, with at least "
    f"{RESTING_MINIMUM_SAMPLES} measured minutes and no pause of more than {MAX_GAP_MINUTES} min.",
    f"Resting heart rate, means of night and day, and zones are given when at least {MINIMUM_COVERAGE * PERCENT:.0f} % "
    f"of the day's hours hold a sample; the mean of the night ({NIGHT_SPAN} local) needs {NIGHT_MINIMUM_HOURS} of its "
    f"{NIGHT_END_HOUR} hours, that of the day {DAY_MINIMUM_HOURS} of {HOURS_PER_DAY - NIGHT_END_HOUR}.",
    f"HRmax as configured, or {FROM_AGE} for adults; zones start at "
    f"{', '.join(str(floor) for floor in ZONE_FLOORS_PERCENT)} % of HRmax.",
    f"Exercise bout (assumption): {BOUT_MINUTES} min or more at {BOUT_FLOOR_PERCENT} % of HRmax or above, without "
    f"HRmax at {BOUT_DEFAULT_FLOOR_BPM} bpm or above; movement is not in these records.",
    f"Rest is inferred (assumption) for a stretch that lies mostly in {NIGHT_SPAN} local or lasts more than "
    f"{MAX_BOUT_MINUTES} min. Sustained: above {RESTING_HIGH_BPM} or below {BRADYCARDIA_BELOW_BPM} bpm for "
    f"{SUSTAINED_MINUTES} min; urgent at rest: above {URGENT_ABOVE_BPM} bpm for {URGENT_MINUTES} min.",
    f"Recovery after a maximal exercise test: {COLE_AT_MOST_BPM} bpm or less after {FIRST_RECOVERY_MINUTES} min "
    f"({COLE_SOURCE}) or less than {SHETLER_BELOW_BPM} bpm after {SECOND_RECOVERY_MINUTES} min ({SHETLER_SOURCE}) "
    "is abnormal.",
    f"Own history: mean ± {OUTLIER_SD} SD of at least {BASELINE_MINIMUM_DAYS} earlier days, a difference of less than "
    f"{OUTLIER_MINIMUM_BPM} bpm is not told as one; the mean of the last {WEEK_DAYS} days needs {WEEK_MINIMUM_DAYS}.",
)
