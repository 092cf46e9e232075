"""Heart rate: resting rate, zones, recovery, events, and texts."""

from health_etl.clinical.heart_rate.processor import PROCESSOR

__all__ = ["PROCESSOR"]
