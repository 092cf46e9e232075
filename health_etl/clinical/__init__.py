"""Clinical processors: one package per record type, and one for the day across types.

Pure functions over data frames. Reading and writing the lake belongs to insights/.
"""

from __future__ import annotations

import importlib
from functools import cache

from health_etl.clinical.common.base import DayProcessor, Narrator, Processor
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.record_types import record_types


@cache
def processors() -> dict[str, Processor]:
    """Return the processor of every record type, by the type's name."""
    return {name: importlib.import_module(f"{__name__}.{name}").PROCESSOR for name in record_types()}


@cache
def day_processor() -> DayProcessor:
    """Return the processor of the day across types."""
    found: DayProcessor = importlib.import_module(f"{__name__}.{DAILY_JOURNAL}").PROCESSOR
    return found


def all_processors() -> dict[str, Narrator]:
    """Return every processor by the name of its insights: the record types first, then the day across types."""
    return {**processors(), DAILY_JOURNAL: day_processor()}
