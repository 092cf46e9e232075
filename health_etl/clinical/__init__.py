"""Clinical processors, one file a record type of the same name; pure functions over frames."""

from __future__ import annotations

import importlib
from functools import cache

from health_etl.clinical.base import Processor
from health_etl.record_types import record_types


@cache
def processors() -> dict[str, Processor]:
    """Return the processor of every record type, by the type's name."""
    return {name: importlib.import_module(f"{__name__}.{name}").PROCESSOR for name in record_types()}
