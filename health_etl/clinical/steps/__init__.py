"""Steps: totals, cadence, sedentary bouts, activity category, and texts."""

from health_etl.clinical.steps.processor import PROCESSOR

__all__ = ["PROCESSOR"]
