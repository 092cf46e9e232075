"""Summaries of glucose readings: one row per group, from which the metrics of a day or of a period follow.

The summary of a period is pooled without loss from those of its days, so that the same formulas (metrics.py, risk.py)
serve both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from health_etl.clinical.blood_glucose.risk import risks
from health_etl.clinical.blood_glucose.thresholds import (
    PREGNANCY_HIGH_MG_DL,
    PREGNANCY_LOW_MG_DL,
    RANGE_HIGH_MG_DL,
    RANGE_LOW_MG_DL,
    TIGHT_RANGE_HIGH_MG_DL,
    VERY_HIGH_ABOVE_MG_DL,
    VERY_LOW_BELOW_MG_DL,
)
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.columns import named_where
from health_etl.clinical.common.samples import Samples, divide
from health_etl.clinical.common.sources import definition

NOISE_DECIMALS = definition(6, "decimals of mg/dL: mmol/L × 18 turns 180 into 180.00000000000003; no meter shows more")

RANGES = (
    "very_low",
    "low",
    "below_range",
    "in_range",
    "in_tight_range",
    "above_range",
    "high",
    "very_high",
    "in_pregnancy_range",
    "below_pregnancy_range",
    "above_pregnancy_range",
)
COUNTS = tuple(f"{name}_count" for name in RANGES)
MEANS = ("mean_mg_dl", "low_risk_mean", "high_risk_mean")
COLUMNS = ("reading_count", "sd_mg_dl", *MEANS, *COUNTS)


def without_conversion_noise(glucose_mg_dl: Floats) -> Floats:
    """Return glucose in mg/dL without the rounding error of its conversion from mmol/L.

    Otherwise a reading of 180 mg/dL would sometimes fall outside 70 to 180.
    """
    return np.round(glucose_mg_dl, NOISE_DECIMALS)


def range_masks(glucose_mg_dl: Floats) -> Mapping[str, Booleans]:
    """Return which ranges each reading (mg/dL) lies in. Population: people with diabetes on CGM.

    in_range includes 70 and 180, tight_range 70 and 140, pregnancy_range 63 and 140. below_range (<70) includes
    very_low (<54); low is what lies between; above_range (>180), high and very_high (>250) likewise.
    Source: Battelino 2023, doi:10.1016/S2213-8587(22)00319-9; pregnancy Battelino 2019, doi:10.2337/dci19-0028.
    """
    below = glucose_mg_dl < RANGE_LOW_MG_DL
    very_low = glucose_mg_dl < VERY_LOW_BELOW_MG_DL
    above = glucose_mg_dl > RANGE_HIGH_MG_DL
    very_high = glucose_mg_dl > VERY_HIGH_ABOVE_MG_DL
    below_pregnancy = glucose_mg_dl < PREGNANCY_LOW_MG_DL
    above_pregnancy = glucose_mg_dl > PREGNANCY_HIGH_MG_DL
    return {
        "very_low": very_low,
        "low": below & ~very_low,
        "below_range": below,
        "in_range": ~below & ~above,
        "in_tight_range": ~below & (glucose_mg_dl <= TIGHT_RANGE_HIGH_MG_DL),
        "above_range": above,
        "high": above & ~very_high,
        "very_high": very_high,
        "in_pregnancy_range": ~below_pregnancy & ~above_pregnancy,
        "below_pregnancy_range": below_pregnancy,
        "above_pregnancy_range": above_pregnancy,
    }


def range_names(glucose_mg_dl: Floats) -> pd.Series:
    """Return the name of each value's range (mg/dL): very low, low, in range, high or very high; null for NaN."""
    masks = range_masks(glucose_mg_dl)
    names = ("very_low", "low", "high", "very_high", "in_range")
    code = np.select([masks[name] for name in names[:-1]], range(len(names) - 1), default=len(names) - 1)
    return named_where(code, [name.replace("_", " ") for name in names], ~np.isnan(glucose_mg_dl))


def summarise(readings: Samples) -> pd.DataFrame:
    """Return one row per group, with COLUMNS.

    reading_count; mean_mg_dl, readings weighted equally, nothing interpolated; sd_mg_dl, the sample SD (n - 1),
    NaN below two readings; readings in each range; mean risk of low and of high glucose over all readings.
    """
    low_risk, high_risk = risks(readings.value)
    counts = {f"{name}_count": readings.count_where(mask) for name, mask in range_masks(readings.value).items()}
    columns = {
        "reading_count": readings.count(),
        "sd_mg_dl": readings.sd(),
        "mean_mg_dl": readings.mean(),
        "low_risk_mean": _mean(readings, low_risk),
        "high_risk_mean": _mean(readings, high_risk),
    }
    found = columns | counts
    return pd.DataFrame({name: found[name].astype(np.float64) for name in COLUMNS})


def pool(summaries: pd.DataFrame, group: Integers, n_groups: int) -> pd.DataFrame:
    """Return the summary of all readings of each group, pooled from the summaries of its parts.

    summaries: COLUMNS, floats; group: code of each row's group. SD: √((Σ(nᵢ-1)·sdᵢ² + Σnᵢ(meanᵢ-mean)²)/(n-1)).
    """
    filled = summaries[list(COLUMNS)].fillna(0.0)
    counts = filled["reading_count"].to_numpy()
    total = _sums(group, counts, n_groups)
    pooled = {"reading_count": total}
    for name in MEANS:
        pooled[name] = divide(_sums(group, filled[name].to_numpy() * counts, n_groups), total)
    apart = filled["mean_mg_dl"].to_numpy() - pooled["mean_mg_dl"][group]
    inside = np.maximum(counts - 1, 0) * filled["sd_mg_dl"].to_numpy() ** 2
    squares = _sums(group, inside + np.where(counts > 0, counts * apart**2, 0.0), n_groups)
    pooled["sd_mg_dl"] = np.sqrt(divide(squares, total - 1))
    pooled |= {name: _sums(group, filled[name].to_numpy(), n_groups) for name in COUNTS}
    return pd.DataFrame({name: pooled[name] for name in COLUMNS})


def _mean(readings: Samples, weights: Floats) -> Floats:
    return divide(_sums(readings.group, weights, readings.n_groups), readings.count())


def _sums(group: Integers, weights: Floats, n_groups: int) -> Floats:
    return np.bincount(group, weights=weights, minlength=n_groups).astype(np.float64)
