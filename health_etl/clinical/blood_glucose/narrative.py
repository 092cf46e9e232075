"""The three texts about a local day of glucose readings, one per level, each complete in itself."""

from __future__ import annotations

from health_etl.clinical.blood_glucose.semantic import semantic
from health_etl.clinical.blood_glucose.statistical import statistical
from health_etl.clinical.blood_glucose.structural import structural
from health_etl.clinical.common.base import Captions, Facts, Level


def narrate(facts: Facts) -> Captions:
    """Narrate one local day of glucose readings."""
    return {
        Level.STATISTICAL: statistical(facts),
        Level.STRUCTURAL: structural(facts),
        Level.SEMANTIC: semantic(facts),
    }
