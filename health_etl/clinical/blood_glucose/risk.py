"""Risk of low and high glucose: LBGI, HBGI, ADRR, GRI and their grades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Floats, Integers
from health_etl.clinical.common.columns import named_where
from health_etl.clinical.common.samples import divide
from health_etl.clinical.common.sources import definition, sourced

_PEOPLE = "people with diabetes"
_KOVATCHEV_SOURCE = "Kovatchev 2006, doi:10.2337/dc06-1085"
_KLONOFF_SOURCE = "Klonoff 2022, doi:10.1177/19322968221085273"

RISK_EXPONENT = sourced(1.084, "exponent of ln(mg/dL)", _PEOPLE, _KOVATCHEV_SOURCE)
RISK_SHIFT = sourced(5.381, "subtrahend", _PEOPLE, _KOVATCHEV_SOURCE)
RISK_SCALE = sourced(22.77, "factor", _PEOPLE, _KOVATCHEV_SOURCE)
LBGI_GRADES = sourced((1.1, 2.5, 5.0), "LBGI, up to", _PEOPLE, _KOVATCHEV_SOURCE)
HBGI_GRADES = sourced((4.5, 9.0), "HBGI, up to", _PEOPLE, _KOVATCHEV_SOURCE)
ADRR_LOW_BELOW = sourced(20, "ADRR, below", _PEOPLE, _KOVATCHEV_SOURCE)
ADRR_MODERATE_UP_TO = sourced(40, "ADRR, up to", _PEOPLE, _KOVATCHEV_SOURCE)
ADRR_DAYS = sourced(
    14, "days", _PEOPLE, "Kovatchev 2006, as above; ASSUMPTION: from knowledge of the paper, not re-read"
)
ADRR_READINGS = sourced(
    3, "readings a day", _PEOPLE, "Kovatchev 2006, as above; ASSUMPTION: from knowledge of the paper, not re-read"
)

_GRI = "people with diabetes on CGM"
GRI_VERY_LOW_WEIGHT = sourced(3.0, "per % of readings <54 mg/dL", _GRI, _KLONOFF_SOURCE)
GRI_LOW_WEIGHT = sourced(2.4, "per % of readings 54-69 mg/dL", _GRI, _KLONOFF_SOURCE)
GRI_VERY_HIGH_WEIGHT = sourced(1.6, "per % of readings >250 mg/dL", _GRI, _KLONOFF_SOURCE)
GRI_HIGH_WEIGHT = sourced(0.8, "per % of readings 181-250 mg/dL", _GRI, _KLONOFF_SOURCE)
GRI_HIGHEST = sourced(100, "GRI, cap", _GRI, _KLONOFF_SOURCE)
GRI_ZONE_BOUNDS = sourced((20, 40, 60, 80), "GRI, zones A to D up to", _GRI, _KLONOFF_SOURCE)
GRI_ZONES = ("A", "B", "C", "D", "E")

LBGI_WORDS = ("minimal", "low", "moderate", "high")
HBGI_WORDS = ("low", "moderate", "high")

LOWEST_GLUCOSE_MG_DL = definition(1, "mg/dL: the risk function is undefined below, and no meter shows less than 20")


def risks(glucose_mg_dl: Floats) -> tuple[Floats, Floats]:
    """Return each reading's risk of low and of high glucose (from mg/dL); index values without a unit, 0 and up.

    f = (ln g)^1.084 - 5.381, r = 22.77·f²; low risk is r where f < 0, high risk r where f > 0, else 0.
    Population: people with diabetes. Source: Kovatchev 2006, doi:10.2337/dc06-1085. Coverage: one reading.
    """
    logarithm = np.log(np.maximum(glucose_mg_dl, LOWEST_GLUCOSE_MG_DL))
    f = logarithm**RISK_EXPONENT - RISK_SHIFT
    risk = RISK_SCALE * f**2
    return np.where(f < 0, risk, 0.0), np.where(f > 0, risk, 0.0)


def lbgi(summary: pd.DataFrame) -> Floats:
    """Return the low blood glucose index, the mean of the low risks over all readings; no unit.

    Population: people with diabetes. Source: Kovatchev 2006. Coverage: 70 % of readings.
    """
    return summary["low_risk_mean"].to_numpy()


def hbgi(summary: pd.DataFrame) -> Floats:
    """Return the high blood glucose index, the mean of the high risks over all readings; no unit.

    Population: people with diabetes. Source: Kovatchev 2006. Coverage: 70 % of readings.
    """
    return summary["high_risk_mean"].to_numpy()


def lbgi_risks(index: Floats) -> pd.Series:
    """Grade LBGI: up to 1.1 minimal, up to 2.5 low, up to 5 moderate, above high. Source: Kovatchev 2006."""
    return _graded(index, LBGI_GRADES, LBGI_WORDS)


def hbgi_risks(index: Floats) -> pd.Series:
    """Grade HBGI: up to 4.5 low, up to 9 moderate, above high. Source: Kovatchev 2006."""
    return _graded(index, HBGI_GRADES, HBGI_WORDS)


def gri(percents: pd.DataFrame) -> Floats:
    """Return the glycaemia risk index, 3.0·VLow% + 2.4·Low% + 1.6·VHigh% + 0.8·High%, at most 100; no unit.

    percents: very_low, low, high, very_high in % of readings. Population: people with diabetes on CGM, over 14
    days. Source: Klonoff 2022, doi:10.1177/19322968221085273. Coverage: 70 % of readings.
    """
    index = (
        GRI_VERY_LOW_WEIGHT * percents["very_low"]
        + GRI_LOW_WEIGHT * percents["low"]
        + GRI_VERY_HIGH_WEIGHT * percents["very_high"]
        + GRI_HIGH_WEIGHT * percents["high"]
    )
    return np.asarray(np.minimum(index.to_numpy(), GRI_HIGHEST), dtype=np.float64)


def gri_zones(index: Floats) -> pd.Series:
    """Return the zone of a GRI: A up to 20, B up to 40, C up to 60, D up to 80, E above. Source: Klonoff 2022."""
    return _graded(index, GRI_ZONE_BOUNDS, GRI_ZONES)


def adrr(low_risk_highest: Floats, high_risk_highest: Floats, group: Integers, n_groups: int) -> Floats:
    """Return the average daily risk range of each group: mean over its days of (highest low + highest high risk).

    low_risk_highest, high_risk_highest: of each local day; group: code of each day's group. No unit. Population:
    people with diabetes. Source: Kovatchev 2006. Coverage: 14 days of at least 3 readings, selected by the caller.
    """
    ranges = np.bincount(group, weights=low_risk_highest + high_risk_highest, minlength=n_groups)
    return divide(ranges, np.bincount(group, minlength=n_groups))


def adrr_risks(index: Floats) -> pd.Series:
    """Grade ADRR: below 20 low, 20 to 40 moderate, above 40 high. Source: Kovatchev 2006."""
    code = np.where(index < ADRR_LOW_BELOW, 0, np.where(index <= ADRR_MODERATE_UP_TO, 1, 2))
    return named_where(code, ("low", "moderate", "high"), ~np.isnan(index))


def _graded(index: Floats, up_to: Sequence[float], words: Sequence[str]) -> pd.Series:
    place = np.searchsorted(up_to, np.nan_to_num(index), side="left")
    return named_where(place, words, ~np.isnan(index))
