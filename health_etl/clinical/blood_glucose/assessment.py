"""The assessment of a summary, of one day or of a report period: shares in ranges, variability, risk indices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.blood_glucose.columns import REPORTED_RANGES
from health_etl.clinical.blood_glucose.metrics import cv_percent, j_index, range_percents
from health_etl.clinical.blood_glucose.risk import gri, gri_zones, hbgi, hbgi_risks, lbgi, lbgi_risks
from health_etl.clinical.blood_glucose.targets import pregnancy_only, target_words
from health_etl.clinical.blood_glucose.thresholds import STABLE_CV_PERCENT
from health_etl.clinical.common.columns import named_where


def assess(summary: pd.DataFrame, groups: pd.Series) -> dict[str, pd.Series]:
    """Return the assessed metrics of each row of a summary. groups: whose targets apply, one per row."""
    percents = pregnancy_only(range_percents(summary), groups)
    shares = {f"time_{name}_percent": percents[name] for name in REPORTED_RANGES}
    targets = {f"time_{name}_target": words for name, words in target_words(percents, groups).items()}
    cv = cv_percent(summary)
    is_stable = (cv <= STABLE_CV_PERCENT).astype(np.int64)
    lows, highs, index = lbgi(summary), hbgi(summary), gri(percents)
    return {
        **shares,
        **targets,
        "cv_percent": pd.Series(cv),
        "variability": named_where(is_stable, ("unstable", "stable"), ~np.isnan(cv)),
        "lbgi": pd.Series(lows),
        "lbgi_risk": lbgi_risks(lows),
        "hbgi": pd.Series(highs),
        "hbgi_risk": hbgi_risks(highs),
        "gri": pd.Series(index),
        "gri_zone": gri_zones(index),
        "j_index": pd.Series(j_index(summary)),
    }
