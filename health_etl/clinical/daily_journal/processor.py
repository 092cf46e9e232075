"""The processor of the day across types: each measure against the person's usual range, and which differ together.

Nothing here claims a cause. What a measure means on its own belongs to its record type, the wording to narrative.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from health_etl.clinical.blood_glucose.thresholds import VERY_HIGH_ABOVE_MG_DL, VERY_LOW_BELOW_MG_DL
from health_etl.clinical.common.arrays import Floats
from health_etl.clinical.common.base import Borrowed, ClinicalOptions, DayProcessor, Level, Metric
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.samples import divide
from health_etl.clinical.common.sources import sourced
from health_etl.clinical.daily_journal.narrative import (
    ABOVE,
    BELOW,
    FAST_AT_REST,
    LOWEST_GLUCOSE,
    MEASURES,
    PAIRS,
    VERY_HIGH_GLUCOSE,
    WITHIN,
    Measure,
    Pair,
    narrate,
)
from health_etl.clinical.heart_rate.events import URGENT_ABOVE_BPM
from health_etl.lake.keys import DAILY_JOURNAL

MINIMUM_BASELINE_DAYS = sourced(
    7, "days", "everybody", "ASSUMPTION: a week contains every weekday once; fewer days show no spread"
)
USUAL_SD = sourced(
    1, "SD", "everybody", "ASSUMPTION: about two thirds of a person's days lie within one SD of the mean"
)


@dataclass(frozen=True)
class _Groups:
    """Earlier days of many days as arrays: `day` is the position of the day that looks back on them."""

    day: npt.NDArray[np.int64]
    n_days: int

    def count(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(self.day[mask], minlength=self.n_days).astype(np.int64)

    def mean_and_sd(self, values: Floats) -> tuple[Floats, Floats]:
        known = ~np.isnan(values)
        count = self.count(known)
        mean = divide(np.bincount(self.day[known], weights=values[known], minlength=self.n_days), count)
        deviation = values[known] - mean[self.day[known]]
        squares = np.bincount(self.day[known], weights=deviation * deviation, minlength=self.n_days)
        return mean, np.sqrt(divide(squares, count - 1))


def look_back(days: pd.DataFrame, earlier: pd.DataFrame, options: ClinicalOptions) -> pd.DataFrame:
    """Compare each measure with the person's usual range, and count the earlier days on which two differed alike.

    Usual range: mean ± USUAL_SD sample SD of the person's earlier days with the measure, within LOOK_BACK_DAYS; null
    below MINIMUM_BASELINE_DAYS of them. A day with a partial total is neither compared nor part of the usual range.
    """
    del options
    groups = _Groups(earlier["day"].to_numpy(dtype=np.int64), len(days))
    found: dict[str, pd.Series] = {}
    places, earlier_places = {}, {}
    for measure in MEASURES:
        before, today = _values(earlier, measure), _values(days, measure)
        low, high, count = usual(before, groups.day, len(days), measure.decimals)
        found |= {
            measure.days: pd.Series(count, dtype="Int64").mask(pd.Series(np.isnan(today))),
            measure.low: pd.Series(low),
            measure.high: pd.Series(high),
        }
        places[measure.name] = place(np.round(today, measure.decimals), low, high)
        earlier_places[measure.name] = place(np.round(before, measure.decimals), low[groups.day], high[groups.day])
        found[measure.place] = pd.Series(places[measure.name], dtype="str")
    for pair in PAIRS:
        found |= _pair(pair, places, earlier_places, groups)
    return pd.DataFrame(found)


def usual(
    values: Floats, day: npt.NDArray[np.int64], n_days: int, decimals: int
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Return each day's lower and upper bound of the usual range, as written, and the number of earlier days behind it.

    Formula: mean -/+ USUAL_SD x SD (n - 1), in the unit of the measure. Population: the person's own earlier days.
    Source: ASSUMPTION, see USUAL_SD. Minimal coverage: MINIMUM_BASELINE_DAYS earlier days, else NaN.
    """
    groups = _Groups(day, n_days)
    mean, sd = groups.mean_and_sd(values)
    count = groups.count(~np.isnan(values))
    enough = count >= MINIMUM_BASELINE_DAYS
    low = np.where(enough, np.maximum(mean - USUAL_SD * sd, 0), np.nan)
    high = np.where(enough, mean + USUAL_SD * sd, np.nan)
    low, high = (np.asarray(bound.round(decimals), dtype=np.float64) for bound in (low, high))
    return low, high, count


def place(values: Floats, low: Floats, high: Floats) -> npt.NDArray[np.object_]:
    """Return where values lie: within, above or below the usual range; None where either is unknown."""
    names = np.where(values < low, BELOW, np.where(values > high, ABOVE, WITHIN)).astype(np.object_)
    names[np.isnan(values) | np.isnan(low)] = None
    return names


def _pair(
    pair: Pair,
    places: dict[str, npt.NDArray[np.object_]],
    earlier_places: dict[str, npt.NDArray[np.object_]],
    groups: _Groups,
) -> dict[str, pd.Series]:
    """Count the earlier days on which `first` lay as it does today, and those on which `second` did too."""
    first, second = places[pair.first], places[pair.second]
    differs = np.array([one in (ABOVE, BELOW) and other is not None for one, other in zip(first, second, strict=True)])
    alike = (earlier_places[pair.first] == first[groups.day]) & np.array(
        [other is not None for other in earlier_places[pair.second]], dtype=np.bool_
    )
    both = alike & (earlier_places[pair.second] == second[groups.day])
    return {
        pair.days: pd.Series(groups.count(alike), dtype="Int64").where(pd.Series(differs, dtype="bool")),
        pair.both: pd.Series(groups.count(both), dtype="Int64").where(pd.Series(differs, dtype="bool")),
    }


def _values(rows: pd.DataFrame, measure: Measure) -> Floats:
    numbers = pd.to_numeric(rows[measure.name]).astype("Float64")
    values: Floats = np.array(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    if measure.partial is None:
        return values
    values[rows[measure.partial].astype("boolean").fillna(True).to_numpy(dtype=np.bool_)] = np.nan
    return values


def _borrowed() -> tuple[Borrowed, ...]:
    found = []
    for measure in MEASURES:
        metric = Metric(measure.name, measure.label, measure.description, measure.unit, measure.decimals)
        found.append(Borrowed(measure.record_type, measure.metric, metric))
        if measure.partial is not None:
            label = f"{measure.label}: partial day"
            description = "Whether the day was still in progress when its data were exported"
            metric = Metric(measure.partial, label, description, dtype=pa.bool_())
            found.append(Borrowed(measure.record_type, "partial_day", metric))
    return (*found, *_urgent())


def _urgent() -> tuple[Borrowed, ...]:
    """Return the metrics that may call for care, however usual the rest of the day was."""
    lowest = Metric(LOWEST_GLUCOSE, "Lowest glucose", "Lowest reading of the day", "mg/dL")
    very_high = Metric(VERY_HIGH_GLUCOSE, "Very high glucose", "Whether it was passing or sustained", dtype=pa.string())
    fast = Metric(
        FAST_AT_REST,
        "Sustained very high heart rates, rest inferred",
        "Stretches of the day; how rest is inferred is documented with heart rate",
        dtype=pa.int64(),
    )
    return (
        Borrowed("blood_glucose", "lowest_mg_dl", lowest),
        Borrowed("blood_glucose", "very_high_pattern", very_high),
        Borrowed("heart_rate", "urgent_at_rest_count", fast),
    )


def _trends() -> tuple[Metric, ...]:
    found = []
    for m in MEASURES:
        about = f"{m.label}: usual range of the person"
        found += [
            Metric(
                m.days,
                f"{m.label}: earlier days known",
                f"Days with the measure among the {LOOK_BACK_DAYS} before",
                unit="days",
                dtype=pa.int64(),
            ),
            Metric(m.low, f"{about}, from", "Mean of these days minus one SD", m.unit, m.decimals),
            Metric(m.high, f"{about}, to", "Mean of these days plus one SD", m.unit, m.decimals),
            Metric(m.place, f"{m.label} beside the usual", "Within, above or below it", dtype=pa.string()),
        ]
    for pair in PAIRS:
        about = f"{pair.first_label} as today"
        found += [
            Metric(pair.days, f"Earlier days with {about}", "Where both are known", "days", dtype=pa.int64()),
            Metric(
                pair.both,
                f"Earlier days with {about} and {pair.second_label} as today",
                "Days on which both measures differed from the usual in the same way; no cause is claimed",
                "days",
                dtype=pa.int64(),
            ),
        ]
    return tuple(found)


PROCESSOR = DayProcessor(
    name=DAILY_JOURNAL,
    title="Day across types",
    domain=DAILY_JOURNAL,
    version="1",
    borrowed=_borrowed(),
    guidelines=(
        f"Usual means: within {USUAL_SD} SD of the mean of the person's own earlier days, of the last "
        f"{LOOK_BACK_DAYS} days, at least {MINIMUM_BASELINE_DAYS} of them.",
        "Sleep and RMSSD are those of the night that ended on this day.",
        "Measures that differ on the same day need not have to do with each other.",
        f"Care is urgent for glucose below {VERY_LOW_BELOW_MG_DL} mg/dL, for glucose above "
        f"{VERY_HIGH_ABOVE_MG_DL} mg/dL that lasts, and for a heart rate above {URGENT_ABOVE_BPM} bpm at rest.",
    ),
    instructions={
        Level.STATISTICAL: (
            "List what was measured of this person on this day, across all sources.",
            "Give the figures of this day across sleep, heart, activity and glucose, with their units.",
            "Report this day's measures, one after the other, and say which are missing.",
        ),
        Level.STRUCTURAL: (
            "Compare each measure of this day with the person's own usual range.",
            "Go through this day from the night to the evening and say what was unlike the person's other days.",
            "Describe how the measures of this day relate to the days before it.",
        ),
        Level.SEMANTIC: (
            "Say what this day's measures, taken together, do and do not tell.",
            "Interpret the day as a whole for a clinician, without claiming causes.",
            "Sum up how unusual this day was for this person, and how certain that is.",
        ),
    },
    narrate=narrate,
    trends=_trends(),
    carried=tuple(name for m in MEASURES for name in (m.name, m.partial) if name),
    look_back=look_back,
)
