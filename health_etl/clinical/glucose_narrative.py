"""The three texts about a local day of glucose readings, one a level. Each stands on its own."""

from __future__ import annotations

from health_etl.clinical.common.base import Captions, Facts, Level
from health_etl.clinical.glucose_semantic import semantic
from health_etl.clinical.glucose_statistical import statistical
from health_etl.clinical.glucose_structural import structural


def narrate(facts: Facts) -> Captions:
    """Write one local day of glucose readings as text."""
    return {
        Level.STATISTICAL: statistical(facts),
        Level.STRUCTURAL: structural(facts),
        Level.SEMANTIC: semantic(facts),
    }
