"""Whose targets apply, and whether shares of readings meet them. The figures are in thresholds.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from health_etl.clinical.blood_glucose import thresholds as limits
from health_etl.clinical.common.age import ADULT_FROM_YEARS, OLDER_FROM_YEARS
from health_etl.clinical.common.arrays import Booleans, Floats, Integers
from health_etl.clinical.common.columns import named, named_where

ADULTS_BY_DEFAULT = "adults, by default"
ADULTS = "adults"
OLDER = "older or high-risk adults"
PREGNANCY = "pregnancy"
GROUPS = (ADULTS_BY_DEFAULT, ADULTS, OLDER, PREGNANCY)

MET = "met"
MISSED = "missed"


@dataclass(frozen=True)
class Target:
    """A share of readings that should lie above or below a limit, per group of people; None: no target."""

    side: str
    adults: float | None = None
    older: float | None = None
    pregnancy: float | None = None

    def limit(self, group: str) -> float | None:
        """Return the limit in % for a target group."""
        return {OLDER: self.older, PREGNANCY: self.pregnancy}.get(group, self.adults)


TARGETS: Mapping[str, Target] = {
    "in_range": Target("above", limits.IN_RANGE_TARGET_PERCENT, limits.OLDER_IN_RANGE_TARGET_PERCENT),
    "below_range": Target("below", limits.BELOW_RANGE_TARGET_PERCENT, limits.OLDER_BELOW_RANGE_TARGET_PERCENT),
    "very_low": Target("below", limits.VERY_LOW_TARGET_PERCENT, pregnancy=limits.PREGNANCY_VERY_LOW_TARGET_PERCENT),
    "above_range": Target("below", limits.ABOVE_RANGE_TARGET_PERCENT),
    "very_high": Target("below", limits.VERY_HIGH_TARGET_PERCENT, limits.OLDER_VERY_HIGH_TARGET_PERCENT),
    "in_pregnancy_range": Target("above", pregnancy=limits.PREGNANCY_IN_RANGE_TARGET_PERCENT),
    "below_pregnancy_range": Target("below", pregnancy=limits.PREGNANCY_BELOW_RANGE_TARGET_PERCENT),
    "above_pregnancy_range": Target("below", pregnancy=limits.PREGNANCY_ABOVE_RANGE_TARGET_PERCENT),
}
PREGNANCY_RANGES = ("in_pregnancy_range", "below_pregnancy_range", "above_pregnancy_range")


def target_groups(days: pd.DataFrame) -> pd.Series:
    """Return whose targets apply on each day: pregnancy first, then older or high-risk adults, then adults.

    days: age_years (null where not configured), pregnant, high_risk_diabetes. Adults by default are people without a
    configured age, and those under 18 years, who are shown the targets of adults with a caution.
    """
    ages = days["age_years"].fillna(-1).to_numpy(dtype="int64")
    older = flags(days["high_risk_diabetes"]) | (ages >= OLDER_FROM_YEARS)
    code = np.where(older, GROUPS.index(OLDER), ages >= ADULT_FROM_YEARS)
    return named(np.where(flags(days["pregnant"]), GROUPS.index(PREGNANCY), code), GROUPS)


def target_words(percents: pd.DataFrame, groups: pd.Series) -> dict[str, pd.Series]:
    """Return for each of TARGETS whether the share (%) meets it: met or missed; null without a share or a target.

    percents: one column per range; groups: as returned by target_groups, one per row. Source: Battelino 2019,
    doi:10.2337/dci19-0028. Coverage: 14 days with 70 % of readings; for one day an orientation.
    """
    code = pd.Index(GROUPS).get_indexer(pd.Index(groups))
    return {name: _words(percents[name].to_numpy(), target, code) for name, target in TARGETS.items()}


def pregnancy_only(percents: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Blank the shares in the pregnancy ranges for everyone who is not pregnant."""
    pregnant = groups.eq(PREGNANCY).to_numpy()
    return percents.assign(**{name: percents[name].where(pregnant) for name in PREGNANCY_RANGES})


def flags(column: pd.Series) -> Booleans:
    """Return a column of flags as an array; unknown counts as no."""
    return column.fillna(False).to_numpy(dtype=np.bool_)


def _words(share: Floats, target: Target, group: Integers) -> pd.Series:
    limit = np.array([target.limit(name) for name in GROUPS], dtype=np.float64)[group]
    met = share > limit if target.side == "above" else share < limit
    return named_where(met.astype(np.int64), (MISSED, MET), ~np.isnan(share) & ~np.isnan(limit))
