"""The day across record types: what stands out, and texts."""

from health_etl.clinical.daily_journal.processor import PROCESSOR

__all__ = ["PROCESSOR"]
