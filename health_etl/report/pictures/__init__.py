"""Pictures: one module per record type, of the same name. A type without a module has no picture."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache

from health_etl.record_types import record_types
from health_etl.report.pictures.base import Picture


@cache
def pictures() -> dict[str, Picture]:
    """Return the picture of every record type that has one, by the type's name."""
    modules = {name: f"{__name__}.{name}" for name in record_types()}
    return {
        name: importlib.import_module(module).PICTURE
        for name, module in modules.items()
        if importlib.util.find_spec(module) is not None
    }
