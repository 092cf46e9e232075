"""Glucose metrics over grouped samples (mg/dL): ranges, variability, GMI, recorded share. Pure functions.

Every reading has equal weight and nothing is interpolated. Low and high events live in glucose_events.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from health_etl.clinical.samples import Booleans, Floats, Samples, divide

# Bounds of the ranges: adults with diabetes, CGM; Battelino 2023, doi:10.1016/S2213-8587(22)00319-9
VERY_LOW_BELOW_MG_DL = 54.0  # mg/dL, level 2 hypoglycaemia is below
RANGE_LOW_MG_DL = 70.0  # mg/dL, lowest value in range; level 1 hypoglycaemia is below
TIGHT_RANGE_HIGH_MG_DL = 140.0  # mg/dL, highest value in tight range
RANGE_HIGH_MG_DL = 180.0  # mg/dL, highest value in range; level 1 hyperglycaemia is above
VERY_HIGH_ABOVE_MG_DL = 250.0  # mg/dL, level 2 hyperglycaemia is above

GMI_INTERCEPT = 3.31  # %, adults with diabetes on CGM, Bergenstal 2018, doi:10.2337/dc18-1581
GMI_SLOPE = 0.02392  # % per mg/dL, adults with diabetes on CGM, Bergenstal 2018, doi:10.2337/dc18-1581

LONGEST_SPACING_MINUTES = 45.0  # min, a longer pause between readings is a gap, Battelino 2023 (as above)

NOISE_DECIMALS = 6  # mg/dL: mmol/L × 18 turns 180 into 180.00000000000003; no meter resolves a millionth


def without_conversion_noise(glucose_mg_dl: Floats) -> Floats:
    """Return glucose in mg/dL without the rounding error of its conversion from mmol/L.

    Without this a reading of 180 mg/dL would now and then stand outside 70 to 180.
    """
    return np.round(glucose_mg_dl, NOISE_DECIMALS)


def range_masks(glucose_mg_dl: Floats) -> Mapping[str, Booleans]:
    """Say for each reading (mg/dL) in which ranges it lies; Battelino 2019 (doi:10.2337/dci19-0028) and 2023.

    in_range holds 70 and 180, tight_range 70 and 140. below_range (<70) includes very_low (<54); low is what
    lies between; above_range (>180), high and very_high (>250) likewise.
    """
    below = glucose_mg_dl < RANGE_LOW_MG_DL
    very_low = glucose_mg_dl < VERY_LOW_BELOW_MG_DL
    above = glucose_mg_dl > RANGE_HIGH_MG_DL
    very_high = glucose_mg_dl > VERY_HIGH_ABOVE_MG_DL
    return {
        "very_low": very_low,
        "low": below & ~very_low,
        "below_range": below,
        "in_range": ~below & ~above,
        "in_tight_range": ~below & (glucose_mg_dl <= TIGHT_RANGE_HIGH_MG_DL),
        "above_range": above,
        "high": above & ~very_high,
        "very_high": very_high,
    }


def range_names(glucose_mg_dl: Floats) -> npt.NDArray[np.object_]:
    """Name the range of each value (mg/dL): very low, low, in range, high or very high; None for NaN."""
    masks = range_masks(glucose_mg_dl)
    names = np.full(len(glucose_mg_dl), None, dtype=np.object_)
    names[~np.isnan(glucose_mg_dl)] = "in range"
    for name in ("very_low", "low", "high", "very_high"):
        names[masks[name]] = name.replace("_", " ")
    return names


def range_percents(readings: Samples) -> Mapping[str, Floats]:
    """Return the percentage of readings in each range of `range_masks`, one number per group."""
    return {name: readings.percent_where(mask) for name, mask in range_masks(readings.value).items()}


def cv_percent(readings: Samples) -> Floats:
    """Return the coefficient of variation, 100 · SD / mean in %, with the sample SD (n - 1)."""
    return divide(100.0 * readings.sd(), readings.mean())


def gmi_percent(mean_mg_dl: Floats) -> Floats:
    """Return the glucose management indicator, 3.31 + 0.02392 · mean, in %.

    Mean glucose in mg/dL, of adults with diabetes on CGM; meant for 10 to 14 days of readings. Bergenstal
    2018, doi:10.2337/dc18-1581.
    """
    return GMI_INTERCEPT + GMI_SLOPE * mean_mg_dl


def cadence_minutes(readings: Samples) -> Floats:
    """Return the sensor's cadence, found as the median spacing of its readings in minutes.

    Spacings above 45 min are gaps and play no part. NaN where no two readings are neighbours.
    """
    return readings.median_spacing_minutes(LONGEST_SPACING_MINUTES)


def recorded_share(readings: Samples, cadence: Floats, expected_minutes: Floats) -> Floats:
    """Return readings × cadence as a share of the expected minutes, at most 1.

    Each reading stands for one cadence, so a gap adds nothing. 0 where single readings far apart (or none)
    have no cadence: they do not record a day.
    """
    share = divide(readings.count() * np.nan_to_num(cadence), expected_minutes)
    return np.minimum(np.nan_to_num(share), 1.0)
