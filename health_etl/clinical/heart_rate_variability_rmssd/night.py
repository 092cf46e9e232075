"""The RMSSD value of a night: which app's values count, by which rule, and how much of the night they cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.columns import UNKNOWN, named_where
from health_etl.clinical.common.samples import Measurements, Samples
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
    measured = Measurements.of_days(rows, days, "rmssd_ms")
    app, names = pd.factorize(rows["source_app"], sort=True)
    apps = _by_app(measured, app[measured.row])
    best = _best_of_day(apps, names, app_priority)
    day = apps.day[best]
    source = np.full(len(days), UNKNOWN, dtype=np.int64)
    source[day] = apps.app[best]
    stated = np.zeros(len(days), dtype=np.bool_)
    stated[day] = apps.count[best] == 1
    own = np.zeros(len(rows), dtype=np.bool_)
    own[measured.row] = source[measured.group] == app[measured.row]
    return Nights(
        measured.samples(app_priority, SAME_INSTANT_MS, own),
        pd.Series(names.array.take(source, allow_fill=True), dtype="str"),
        named_where(stated.astype(np.int64), (FROM_SAMPLES, FROM_APP), source >= 0),
        stated,
    )


@dataclass(frozen=True)
class _Apps:
    """The apps of each night: arrays of one length, sorted by day and app."""

    day: Integers
    app: Integers  # code, in the order of the names
    count: Integers
    coverage: Floats


def _by_app(measured: Measurements, app: Integers) -> _Apps:
    """Count the samples of each app of each night. app: the code of the app of each measurement."""
    stride = int(app.max(initial=0)) + 1
    pairs, pair = np.unique(measured.group * stride + app, return_inverse=True)
    order = np.argsort(pair, kind="stable")
    samples = replace(
        measured,
        row=measured.row[order],
        group=pair[order],
        time_ms=measured.time_ms[order],
        utc_offset_minutes=measured.utc_offset_minutes[order],
        value=measured.value[order],
        n_groups=len(pairs),
    ).samples((), SAME_INSTANT_MS)
    return _Apps(pairs // stride, pairs % stride, samples.count(), recorded_share(samples))


def _best_of_day(apps: _Apps, names: pd.Index, app_priority: Sequence[str]) -> Integers:
    """Return the index of the app that counts on each day that has any."""
    listed = pd.Index(list(dict.fromkeys(app_priority)))
    place = listed.get_indexer(names)
    rank = np.where(place < 0, len(listed), place)[apps.app]
    ranked = np.lexsort(
        (apps.app, -apps.count, rank, apps.coverage < MINIMUM_COVERAGE, apps.count == 1, apps.day),
    )
    _, first = np.unique(apps.day[ranked], return_index=True)
    return ranked[first]


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
