"""Blood glucose: CGM metrics of a day and of a report period, events, and texts."""

from health_etl.clinical.blood_glucose.processor import PROCESSOR

__all__ = ["PROCESSOR"]
