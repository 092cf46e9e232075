"""Quality score of a file: how much of it can be believed, from 0 to 1."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from health_etl.core.manifest import Quality
from health_etl.core.validate import RowReason, temporal_reasons
from health_etl.record_types.base import RecordType

# Weights of the predecessor's specification.
WEIGHT_SCHEMA = 0.3
WEIGHT_COMPLETENESS = 0.3
WEIGHT_PHYSIOLOGICAL = 0.2
WEIGHT_TEMPORAL = 0.2

SCHEMA_WITH_ADDED_FIELDS = 0.9  # ASSUMPTION: readable, but the exporting app has moved on


def file_qualities(
    rows: pd.DataFrame,
    faults: pd.Series[str],
    record_type: RecordType,
    with_added_fields: Collection[str],
) -> dict[str, Quality]:
    """Score every file among these measurement rows, by its source key, from the faults found in them.

    schema: 1, or 0.9 with fields that we do not know. completeness: share of filled cells among those an export
    is expected to fill. physiological, temporal: share of rows without a fault of that kind.
    """
    expected = [column.name for column in record_type.columns if column.expected]
    parts = pd.DataFrame(
        {
            "completeness": rows[expected].notna().to_numpy().mean(axis=1),
            "physiological": 1.0 - _has_fault(faults, {RowReason.OUT_OF_RANGE}),
            "temporal": 1.0 - _has_fault(faults, temporal_reasons(record_type)),
        },
        index=rows.index,
    )
    means = parts.groupby(rows["source_key"]).mean()
    return {
        str(means.index[position]): _quality(
            SCHEMA_WITH_ADDED_FIELDS if means.index[position] in with_added_fields else 1.0, *values
        )
        for position, values in enumerate(means.to_numpy().tolist())
    }


def _quality(schema: float, completeness: float, physiological: float, temporal: float) -> Quality:
    score = (
        WEIGHT_SCHEMA * schema
        + WEIGHT_COMPLETENESS * completeness
        + WEIGHT_PHYSIOLOGICAL * physiological
        + WEIGHT_TEMPORAL * temporal
    )
    return Quality(*(round(part, 6) for part in (schema, completeness, physiological, temporal, score)))


def _has_fault(faults: pd.Series[str], reasons: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if not faults.notna().any():
        return np.zeros(len(faults))
    return faults.str.contains("|".join(sorted(reasons)), na=False).to_numpy().astype(np.float64)
