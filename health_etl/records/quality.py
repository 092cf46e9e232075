"""Quality score of a file, from 0 to 1. What happens to a file with a low score is decided in read_files.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from health_etl.lake.manifest import Quality
from health_etl.record_types.base import RecordType
from health_etl.records.validate import RowReason, temporal_reasons

if TYPE_CHECKING:
    from health_etl.settings import Settings

SCHEMA_WITH_DRIFT = 0.9  # ASSUMPTION: readable, but written by another version of the exporting app


@dataclass(frozen=True)
class QualityRules:
    """Weights of the four parts, which add up to 1, and the minimum score of a file.

    The defaults come from the predecessor's specification.
    """

    schema: float = 0.3
    completeness: float = 0.3
    physiological: float = 0.2
    temporal: float = 0.2
    threshold: float = 0.7

    @classmethod
    def of(cls, settings: Settings) -> QualityRules:
        """Return the rules from the settings."""
        return cls(
            settings.quality_weight_schema,
            settings.quality_weight_completeness,
            settings.quality_weight_physiological,
            settings.quality_weight_temporal,
            settings.quality_threshold,
        )

    @property
    def version(self) -> str:
        """The rules as text. When it changes, every file is scored again."""
        return "/".join(f"{value:g}" for value in astuple(self))

    def score(self, schema: float, completeness: float, physiological: float, temporal: float) -> Quality:
        """Return the weighted score of the four parts, each from 0 to 1."""
        score = (
            self.schema * schema
            + self.completeness * completeness
            + self.physiological * physiological
            + self.temporal * temporal
        )
        return Quality(*(round(part, 6) for part in (schema, completeness, physiological, temporal, score)))


def file_qualities(
    rows: pd.DataFrame,
    faults: pd.Series[str],
    record_type: RecordType,
    drifted: Collection[str],
    rules: QualityRules,
) -> dict[str, Quality]:
    """Score every file in these measurement rows from the faults found in them; returns scores by source key.

    schema: 1, or 0.9 for a file in `drifted`, whose schema differs from ours. completeness: share of non-null cells in
    the columns that exports are expected to fill. physiological, temporal: share of rows without a fault of that kind.
    """
    files, keys = pd.factorize(rows["source_key"])
    counts = np.bincount(files)
    expected = [column.name for column in record_type.columns if column.expected]
    filled = sum(rows[name].notna().to_numpy(dtype=np.int64) for name in expected)
    completeness = np.bincount(files, filled) / (counts * len(expected))
    out_of_range = _has_fault(faults, {RowReason.OUT_OF_RANGE, RowReason.UNIT_SUSPECT})
    physiological = 1.0 - np.bincount(files, out_of_range) / counts
    temporal = 1.0 - np.bincount(files, _has_fault(faults, temporal_reasons(record_type))) / counts
    parts = zip(keys, completeness.tolist(), physiological.tolist(), temporal.tolist(), strict=True)
    return {str(key): rules.score(SCHEMA_WITH_DRIFT if key in drifted else 1.0, *values) for key, *values in parts}


def _has_fault(faults: pd.Series[str], reasons: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if not faults.notna().any():
        return np.zeros(len(faults))
    return faults.str.contains("|".join(sorted(reasons)), na=False).to_numpy().astype(np.float64)
