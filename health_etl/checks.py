"""Asset checks: what must hold of a partition, said where the data engineer looks."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg


def checks() -> Sequence[dg.AssetChecksDefinition]:
    """Return every check."""
    return []
