"""The RMSSD value of a night: which app's values count, by which rule, and how much of the night they cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats
from health_etl.clinical.common.samples import Samples, samples_of_days
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.common.units import MINUTES_PER_HOUR

SAMPLE_MINUTES = sourced(
    5, "min", "everybody", "Task Force 1996, doi:10.1161/01.CIR.93.5.1043: short-term HRV is measured over 5 min"
)
MAX_SPACING_MINUTES = sourced(45, "min", "everybody", "ASSUMPTION: a longer pause between samples is a gap")
NIGHT_HOURS = sourced(
    7, "h", "adults", "least sleep recommended for adults, Hirshkowitz 2015, doi:10.1016/j.sleh.2014.12.010"
)
MINIMUM_COVERAGE = sourced(
    0.50,
    "share of a night of 7 hours",
    "everybody",
    "ASSUMPTION: RMSSD rises through the night, so half of it is needed",
)
PLATFORM_CAP_MS = sourced(
    200, "ms", "everybody", "Health Connect, HeartRateVariabilityRmssdRecord: the largest value stored"
)
SAME_INSTANT_MS = sourced(30_000, "ms", "everybody", "ASSUMPTION: closer samples are one sample written twice")

FROM_SAMPLES = "mean of the night's samples"
FROM_APP = "the one value that the app states for the night"


@dataclass(frozen=True)
class Nights:
    """The values that count for each night, and the rule that turns them into the night's value."""

    samples: Samples
    source: pd.Series  # app, null for a night without a sample
    rule: pd.Series  # FROM_SAMPLES or FROM_APP
    is_stated: Booleans  # the rule is FROM_APP


def nights_of(rows: pd.DataFrame, days: pd.DataFrame, app_priority: Sequence[str]) -> Nights:
    """Return the values of each night, all from one app, since RMSSD depends on the device's method.

    An app that wrote several samples ranks before one that wrote a single value; then one whose samples cover half of
    a 7-hour night; then by `app_priority`; then the app with more samples; then by name. A night whose apps all wrote
    a single value has the rule FROM_APP: the app computed the night's value itself (ASSUMPTION; a single sample from
    a device that measures all night looks the same, so such nights are only compared with each other).
    """
    apps = _samples_by_app(rows, days)
    best = _best_app(apps, app_priority)
    source = pd.Series(best["source_app"], dtype="str").reindex(range(len(days)))
    wanted = pd.MultiIndex.from_frame(days[["user_id", "local_date"]].reset_index(drop=True).assign(app=source))
    own = pd.MultiIndex.from_frame(rows[["user_id", "local_date", "source_app"]]).isin(wanted)
    stated = pd.Series(best["count"] == 1).reindex(range(len(days)), fill_value=False).to_numpy(dtype=np.bool_)
    rule = pd.Series(np.where(stated, FROM_APP, FROM_SAMPLES), dtype="str").where(source.notna())
    samples = samples_of_days(rows[own], days, "rmssd_ms", app_priority, SAME_INSTANT_MS)
    return Nights(samples, source, rule, stated)


def _samples_by_app(rows: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """Return day (position in `days`), source_app, count and coverage of each app of each night."""
    keys = ["user_id", "local_date"]
    place = pd.MultiIndex.from_frame(days[keys]).get_indexer(pd.MultiIndex.from_frame(rows[keys]))
    apps = pd.DataFrame({"day": place, "source_app": rows["source_app"].to_numpy()})
    apps = apps[apps["day"] >= 0].drop_duplicates().sort_values(["day", "source_app"], ignore_index=True)
    split = days[keys].iloc[apps["day"]].reset_index(drop=True).assign(local_date=apps["day"].astype("str"))
    split["user_id"] = apps["source_app"]
    split_rows = rows.assign(user_id=rows["source_app"], local_date=pd.Series(place, index=rows.index).astype("str"))
    samples = samples_of_days(split_rows, split, "rmssd_ms", (), SAME_INSTANT_MS)
    return apps.assign(count=samples.count(), coverage=recorded_share(samples))


def _best_app(apps: pd.DataFrame, app_priority: Sequence[str]) -> pd.DataFrame:
    """Return the app that counts, one row per day that has any, indexed by day."""
    listed = pd.Index(list(dict.fromkeys(app_priority)))
    rank = listed.get_indexer(pd.Index(apps["source_app"]))
    ranked = apps.assign(
        single=apps["count"] == 1,
        short=apps["coverage"] < MINIMUM_COVERAGE,
        rank=np.where(rank < 0, len(listed), rank),
        fewer=-apps["count"],
    ).sort_values(["day", "single", "short", "rank", "fewer", "source_app"])
    return ranked.drop_duplicates("day").set_index("day")


def ln_rmssd(mean_rmssd_ms: Floats) -> Floats:
    """Return the natural logarithm of a night's RMSSD: the scale on which baselines are kept.

    Formula: ln(RMSSD / ms) of the night's mean, not the mean of the logarithms. Unit: ln ms. Population: everybody.
    Source: Plews 2012, doi:10.1007/s00421-012-2354-4. Minimal coverage: that of the night, or the value that the app
    states.
    """
    return np.log(mean_rmssd_ms)


def recorded_share(samples: Samples) -> Floats:
    """Return the share of a 7-hour night that the samples cover, from 0 to 1.

    Formula: a sample represents its spacing (the night's median, gaps above 45 min left out), but at most the 5 min
    that it measured, as a lone sample does; so a pause adds nothing. Unit: share. Population:
    adults. Source: Task Force 1996 for the 5 min; the rest is an ASSUMPTION. Minimal coverage: none.
    """
    spacing = samples.median_spacing_minutes(MAX_SPACING_MINUTES)
    minutes = samples.count().astype(np.float64) * np.fmin(spacing, SAMPLE_MINUTES)
    share: Floats = np.minimum(minutes / (NIGHT_HOURS * MINUTES_PER_HOUR), 1.0)
    return share
