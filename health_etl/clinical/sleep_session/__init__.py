"""Sleep: periods, stages, timing, regularity, and texts."""

from health_etl.clinical.sleep_session.processor import PROCESSOR

__all__ = ["PROCESSOR"]
