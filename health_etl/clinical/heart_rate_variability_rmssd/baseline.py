"""A night's ln RMSSD compared with the person's own earlier nights. It is never graded against a population."""

from __future__ import annotations

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Floats, Integers
from health_etl.clinical.common.base import ClinicalOptions
from health_etl.clinical.common.columns import named_where
from health_etl.clinical.common.look_back import by_days_before, mean_of_known, sd_of_known
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.heart_rate_variability_rmssd.night import FROM_APP, FROM_SAMPLES

PLEWS_SOURCE = "Plews 2012"
WEEK_NIGHTS = sourced(7, "nights", "people who train", "Plews 2012, doi:10.1007/s00421-012-2354-4: rolling mean")
WEEK_MINIMUM_NIGHTS = sourced(3, "nights", "people who train", "Plews 2014, doi:10.1123/ijspp.2013-0455")
BAND_SD = sourced(
    0.5,
    "SD",
    "people who train",
    "ASSUMPTION after Plews 2012, doi:10.1007/s00421-012-2354-4: smallest worthwhile change",
)
BAND_MINIMUM_NIGHTS = sourced(7, "nights", "everybody", "ASSUMPTION: an SD over fewer nights is down to chance")

INSIDE = "inside the person's own band"
ABOVE = "above the person's own band"
BELOW = "below the person's own band"


def look_back(days: pd.DataFrame, earlier: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compare each night with the earlier nights whose value follows the same rule and comes from the same app."""
    del options
    position = earlier["day"].to_numpy(dtype=np.int64)
    same = np.ones(len(earlier), dtype=np.bool_)
    for name in ("night_rule", "night_source"):
        same &= earlier[name].to_numpy() == days[name].to_numpy()[position]
    ln = by_days_before(days["ln_rmssd"], earlier.assign(ln_rmssd=earlier["ln_rmssd"].where(same)), "ln_rmssd")
    valid = earlier["ln_rmssd"].notna().to_numpy()
    return pd.DataFrame(
        {
            "other_nights": _count(position[valid & ~same], len(days)),
            "sampled_nights": sampled_nights(days, earlier),
            **week_mean(ln),
            **against_band(ln),
        }
    )


def sampled_nights(days: pd.DataFrame, earlier: pd.DataFrame) -> pd.Series:
    """Return, for a night with a single value, on how many earlier nights the same app wrote several samples.

    If it did, the single value is probably a fragment of the night and not the app's value for it. Null for a night
    with several samples.
    """
    position = earlier["day"].to_numpy(dtype=np.int64)
    same_app = earlier["night_source"].to_numpy() == days["night_source"].to_numpy()[position]
    sampled = same_app & (earlier["night_rule"] == FROM_SAMPLES).to_numpy(dtype=np.bool_)
    stated = (days["night_rule"] == FROM_APP).reset_index(drop=True)
    return _count(position[sampled], len(days)).where(stated)


def _count(position: Integers, length: int) -> pd.Series:
    return pd.Series(np.bincount(position, minlength=length), dtype="Int64")


def week_mean(ln: Floats) -> dict[str, pd.Series]:
    """Return the 7-day baseline: the rolling mean of ln RMSSD over the last 7 nights, this one included.

    ln: column n holds the value n nights before. Unit: ln ms. Population: this person only. Source: Plews 2012,
    doi:10.1007/s00421-012-2354-4; Plews 2014 for the 3 nights. Minimal coverage: 3 valid nights, else null.
    """
    week = ln[:, :WEEK_NIGHTS]
    return {
        "week_nights": pd.Series((~np.isnan(week)).sum(axis=1), dtype="Int64"),
        "week_ln_rmssd": pd.Series(mean_of_known(week, WEEK_MINIMUM_NIGHTS)),
    }


def band(ln: Floats) -> tuple[Floats, Floats, Floats]:
    """Return mean, lower and upper end of the person's own band of ln RMSSD.

    Formula: mean ± 0.5 SD (n - 1) of the earlier nights of the look-back; the night itself is left out, so that it
    cannot shift its own band. Unit: ln ms. Population: this person only. Source: Plews 2012,
    doi:10.1007/s00421-012-2354-4; the factor 0.5 is an ASSUMPTION. Minimal coverage: 7 valid earlier nights, else NaN.
    """
    mean = mean_of_known(ln[:, 1:], BAND_MINIMUM_NIGHTS)
    half = BAND_SD * sd_of_known(ln[:, 1:], BAND_MINIMUM_NIGHTS)
    return mean, mean - half, mean + half


def side_of_band(value: Floats, low: Floats, high: Floats) -> Floats:
    """Return 1 above the band, -1 below it, 0 inside (both ends included), NaN where either is unknown."""
    side = np.where(value > high, 1.0, np.where(value < low, -1.0, 0.0))
    return np.where(np.isnan(value) | np.isnan(low), np.nan, side)


def run_nights(ln: Floats, low: Floats, high: Floats) -> Integers:
    """Return for how many consecutive nights, this one included, ln RMSSD lies outside on the same side.

    0 for a night inside the band or not comparable. All nights are compared with this night's band; a night without
    a valid value ends the run. At most the look-back plus this night. Source: ASSUMPTION.
    """
    side = side_of_band(ln, low[:, None], high[:, None])
    alike = (side == side[:, :1]) & (side != 0)
    run: Integers = np.cumprod(alike, axis=1).sum(axis=1).astype(np.int64)
    return run


def against_band(ln: Floats) -> dict[str, pd.Series]:
    """Return the band, the night's deviation from its mean, its side, its run, and the side of the 7-day mean.

    Formula: band, ln RMSSD minus its mean, side_of_band, run_nights. Unit: ln ms, ms, nights. Population: this
    person only. Source: as for band. Minimal coverage: 7 valid earlier nights, else null.
    """
    mean, low, high = band(ln)
    side = side_of_band(ln[:, 0], low, high)
    week_side = side_of_band(mean_of_known(ln[:, :WEEK_NIGHTS], WEEK_MINIMUM_NIGHTS), low, high)
    return {
        "baseline_nights": pd.Series((~np.isnan(ln[:, 1:])).sum(axis=1), dtype="Int64"),
        "baseline_ln_rmssd": pd.Series(mean),
        "band_low_ln_rmssd": pd.Series(low),
        "band_high_ln_rmssd": pd.Series(high),
        "band_low_rmssd_ms": pd.Series(np.exp(low)),
        "band_high_rmssd_ms": pd.Series(np.exp(high)),
        "deviation_ln_rmssd": pd.Series(ln[:, 0] - mean),
        "against_band": _name_sides(side),
        "run_nights": pd.Series(run_nights(ln, low, high), dtype="Int64").where(~np.isnan(side)),
        "week_against_band": _name_sides(week_side),
    }


def _name_sides(side: Floats) -> pd.Series:
    code = np.select([side > 0, side < 0], [0, 1], default=2)
    return named_where(code, (ABOVE, BELOW, INSIDE), ~np.isnan(side))
