"""The metrics of RMSSD, and the reference lines of every RMSSD example."""

from __future__ import annotations

import pyarrow as pa

from health_etl.clinical.common.base import Metric
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.units import PERCENT
from health_etl.clinical.heart_rate_variability_rmssd.baseline import (
    BAND_MINIMUM_NIGHTS,
    BAND_SD,
    PLEWS_SOURCE,
    WEEK_MINIMUM_NIGHTS,
    WEEK_NIGHTS,
)
from health_etl.clinical.heart_rate_variability_rmssd.night import MINIMUM_COVERAGE, NIGHT_HOURS, PLATFORM_CAP_MS

LN_UNIT = "ln ms"


def _ms(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="ms", decimals=1)


def _ln(name: str, label: str, description: str, *, reported: bool = True) -> Metric:
    return Metric(name, label, description, unit=LN_UNIT, decimals=2, reported=reported)


def _nights(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, unit="nights", dtype=pa.int64())


def _words(name: str, label: str, description: str) -> Metric:
    return Metric(name, label, description, dtype=pa.string())


METRICS = (
    _words("night_source", "App whose values make the night", "One app per night; others are left out."),
    _words("night_rule", "Rule of the night's value", "Mean of the samples, or the single value that the app states."),
    Metric("sample_count", "RMSSD samples", "Samples of that app in the night.", dtype=pa.int64()),
    _words("first_sample_local", "First sample, local time", "Local clock time of the first sample, HH:MM."),
    _words("last_sample_local", "Last sample, local time", "Local clock time of the last sample, HH:MM."),
    _ms("mean_rmssd_ms", "Mean RMSSD of the night", "Mean of these samples, weighted equally."),
    _ms("lowest_rmssd_ms", "Lowest RMSSD", "Lowest of these samples."),
    _ms("highest_rmssd_ms", "Highest RMSSD", "Highest of these samples."),
    Metric(
        "capped_count",
        f"Samples at the cap of {PLATFORM_CAP_MS} ms",
        "Samples at the largest value that Health Connect stores: the true value may be higher.",
        dtype=pa.int64(),
    ),
    _ln(
        "ln_rmssd", "ln RMSSD", "Natural logarithm of the night's RMSSD in ms; null for a night of too little coverage."
    ),
)

TRENDS = (
    _nights(
        "week_nights",
        f"Valid nights of the last {WEEK_NIGHTS}, this one included",
        "Nights of the same app and rule that have ln RMSSD.",
    ),
    _ln(
        "week_ln_rmssd", f"{WEEK_NIGHTS}-night mean of ln RMSSD", f"Null with fewer than {WEEK_MINIMUM_NIGHTS} nights."
    ),
    _words("week_against_band", f"{WEEK_NIGHTS}-night mean against the own band", "Below, inside or above it."),
    _nights(
        "baseline_nights",
        f"Earlier valid nights of the last {LOOK_BACK_DAYS} days",
        "Nights of the same app and rule that have ln RMSSD.",
    ),
    _nights(
        "other_nights",
        "Earlier valid nights of another app or rule (not compared)",
        "RMSSD depends on the method, so these nights are left out of the baseline.",
    ),
    _nights(
        "sampled_nights",
        "Earlier nights in which the same app wrote several samples",
        "Only for a night of a single value, which is then probably a fragment of the night.",
    ),
    _ln("baseline_ln_rmssd", "Own mean of ln RMSSD", f"Null with fewer than {BAND_MINIMUM_NIGHTS} nights."),
    _ln("band_low_ln_rmssd", "Own band of ln RMSSD: lower end", f"Own mean minus {BAND_SD} SD."),
    _ln("band_high_ln_rmssd", "Own band of ln RMSSD: upper end", f"Own mean plus {BAND_SD} SD."),
    _ms("band_low_rmssd_ms", "Own band as RMSSD: lower end", "The band's lower end on the scale of RMSSD."),
    _ms("band_high_rmssd_ms", "Own band as RMSSD: upper end", "The band's upper end on the scale of RMSSD."),
    _ln("deviation_ln_rmssd", "Deviation of the night from the own mean", "ln RMSSD minus own mean.", reported=False),
    _words("against_band", "Night against the own band", "Below, inside (ends included) or above the band."),
    _nights(
        "run_nights",
        "Consecutive nights outside the band on this side",
        "This night included, all compared with this night's band; a night without a value ends the run.",
    ),
)

CARRIED = ("ln_rmssd", "night_rule", "night_source")

GUIDELINES = (
    "RMSSD is compared with the person's own nights only, and only with nights of the same app and rule.",
    f"Baseline ({PLEWS_SOURCE}): {WEEK_NIGHTS}-night mean of ln RMSSD, {WEEK_MINIMUM_NIGHTS} valid nights or more; "
    f"band: mean ± {BAND_SD} SD of the earlier nights of the last {LOOK_BACK_DAYS} days, {BAND_MINIMUM_NIGHTS} nights "
    "or more.",
    f"A night's mean needs samples over at least {MINIMUM_COVERAGE * PERCENT:.0f} % of a {NIGHT_HOURS}-hour night; a "
    "single value is taken as the app's own value for the night (assumption).",
    f"Health Connect stores RMSSD up to {PLATFORM_CAP_MS} ms.",
)
