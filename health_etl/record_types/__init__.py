"""The record types, one per module: adding a module adds a type. This file names none of them."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from health_etl.record_types.base import RecordType

_SHARED_MODULES = {"base", "common"}


@cache
def record_types() -> dict[str, RecordType]:
    """Return every record type by name, in alphabetical order."""
    modules = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _SHARED_MODULES)
    found = [importlib.import_module(f"{__name__}.{module}").RECORD_TYPE for module in modules]
    return {record_type.name: record_type for record_type in found}


@cache
def by_avro_name() -> dict[str, RecordType]:
    """Return every record type by the lower-cased name that raw keys and Avro schemas use."""
    return {record_type.avro_name.lower(): record_type for record_type in record_types().values()}
