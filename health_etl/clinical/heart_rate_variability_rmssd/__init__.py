"""Heart rate variability (RMSSD): nightly values against the person's own baseline, and texts."""

from health_etl.clinical.heart_rate_variability_rmssd.processor import PROCESSOR

__all__ = ["PROCESSOR"]
