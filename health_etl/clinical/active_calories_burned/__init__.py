"""Active energy: totals, plausible range, and texts."""

from health_etl.clinical.active_calories_burned.processor import PROCESSOR

__all__ = ["PROCESSOR"]
