"""The options --from, --to and --type: which uploads a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from health_etl.errors import PermanentError
from health_etl.planning.staleness import Scope
from health_etl.record_types import record_types


def scope_of(first: date | None, last: date | None, types: Sequence[str] | None) -> Scope:
    """Return the scope; types go by either of their names.

    Raises PermanentError when one is unknown, or the dates are reversed.
    """
    if first is not None and last is not None and first > last:
        raise PermanentError(f"--from {first} lies after --to {last}; swap them.")
    return Scope(first, last, _known_types(types) if types else None)


def _known_types(types: Sequence[str]) -> frozenset[str]:
    by_any_name = {name: name for name in record_types()} | {
        record_type.avro_name.lower(): name for name, record_type in record_types().items()
    }
    unknown = [name for name in types if name.lower() not in by_any_name]
    if unknown:
        raise PermanentError(f"{unknown[0]} is not a record type; choose from {', '.join(record_types())}.")
    return frozenset(by_any_name[name.lower()] for name in types)
