"""Unit conversions shared by all processors: numbers that hold by definition."""

from __future__ import annotations

from health_etl.clinical.common.sources import definition

PERCENT = definition(100, "percent in a whole")
SECONDS_PER_MINUTE = definition(60, "seconds per minute")
MINUTES_PER_HOUR = definition(60, "minutes per hour")
HOURS_PER_DAY = definition(24, "hours of the clock")
